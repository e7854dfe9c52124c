/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A device that was unplugged, or whose modem restarts, becomes an open link
 * again as soon as it has come back under its name, be it as another device
 * (/dev/serial/by-id). The kernel tells when; nothing is asked in intervals.
 */
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>
#include "base/error.h"
#include "base/trace.h"
#include "link/link.h"

/* Watches the folder of a path, or the nearest one above that is there: udev
 * takes folders away with the last name in them. */
static bool watch_folder(int fd, const char *path)
{
	const unsigned events = IN_CREATE | IN_MOVED_TO | IN_ATTRIB |
				IN_DELETE_SELF | IN_MOVE_SELF;
	char folder[PATH_MAX];
	char *slash;

	if (snprintf(folder, sizeof(folder), "%s", path) >= PATH_MAX)
		return false;
	while ((slash = strrchr(folder, '/'))) {
		slash[slash == folder] = '\0';
		if (inotify_add_watch(fd, folder, events | IN_ONLYDIR) >= 0)
			return true;
		if (slash == folder)
			return false;
	}
	return false;
}

static void drain(int fd)
{
	char events[4096];

	while (read(fd, events, sizeof(events)) > 0)
		;
}

/* The port is not there, or not yet ours to open. */
static bool is_away(int result)
{
	return result == IOTSAFE_ERR_IO || result == IOTSAFE_ERR_CLOSED;
}

/* The modem behind it is still starting: it was given time to answer. */
static bool is_starting(int result, const struct deadline *deadline)
{
	return result == IOTSAFE_ERR_TIMEOUT && !deadline_passed(deadline);
}

static int wait_and_open(struct link *link, const struct address *address,
			 int fd, const struct deadline *deadline)
{
	struct error why;
	int result;

	for (;;) {
		bool watched = watch_folder(fd, address->path);

		result = link_open(link, address, deadline);
		if (is_starting(result, deadline))
			continue;
		if (!is_away(result) || !watched)
			return result;
		error_save(&why);
		trace_line(IOTSAFE_TRACE_APDU, "link: waiting for %s",
			   address->path);
		result = deadline_wait(deadline, fd, POLLIN);
		if (result < 0) {
			error_restore(&why);
			return why.code;
		}
		drain(fd);
	}
}

int link_open_again(struct link *link, const struct address *address,
		    const struct deadline *deadline)
{
	bool device = !strncmp(address->path, "/", 1);
	int fd = device ? inotify_init1(IN_CLOEXEC | IN_NONBLOCK) : -1;
	int result;

	if (fd < 0)
		return link_open(link, address, deadline);
	result = wait_and_open(link, address, fd, deadline);
	close(fd);
	return result;
}
