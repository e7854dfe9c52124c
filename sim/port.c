// SPDX-License-Identifier: LGPL-2.1-or-later
/* Opens the modem's end of the line: standard streams or a pseudo-terminal. */
#include "port.h"

#include "problem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

/* How long an unplugged modem stays away. */
#define AWAY_MS 500

static const struct port unopened = {-1, -1, -1, -1, -1, NULL, ""};

void port_stdio(struct port *port)
{
	struct stat out;

	*port = unopened;
	port->in = STDIN_FILENO;
	port->out = STDOUT_FILENO;
	/* not for a terminal or a file: others use them at the same time */
	if (fstat(port->out, &out) < 0 ||
	    (!S_ISFIFO(out.st_mode) && !S_ISSOCK(out.st_mode)))
		return;
	port->out_flags = fcntl(port->out, F_GETFL);
	if (port->out_flags >= 0)
		fcntl(port->out, F_SETFL, port->out_flags | O_NONBLOCK);
}

static bool points_to(const char *link, const char *target)
{
	char found[64];
	ssize_t size = readlink(link, found, sizeof(found) - 1);

	if (size < 0)
		return false;
	found[size] = '\0';
	return strcmp(found, target) == 0;
}

/* Only a link that leads nowhere, or to this very terminal, may go. */
static bool may_replace(const char *link, const char *pts)
{
	struct stat there;

	if (lstat(link, &there) < 0)
		return errno == ENOENT;
	return S_ISLNK(there.st_mode) &&
	       (points_to(link, pts) || stat(link, &there) < 0);
}

static bool make_link(struct port *port, const char *link)
{
	if (!may_replace(link, port->pts))
		return problem("%s: in the way, and no dangling link", link);
	if (unlink(link) < 0 && errno != ENOENT)
		return problem("%s: %s", link, strerror(errno));
	if (symlink(port->pts, link) < 0)
		return problem("%s: %s", link, strerror(errno));
	port->link = link;
	return true;
}

static bool make_raw(int fd)
{
	struct termios settings;

	if (tcgetattr(fd, &settings) < 0)
		return false;
	cfmakeraw(&settings);
	return tcsetattr(fd, TCSANOW, &settings) == 0;
}

static bool watch(struct port *port)
{
	port->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	return port->watch >= 0 &&
	       inotify_add_watch(port->watch, port->pts, IN_CLOSE) >= 0;
}

static bool open_pair(struct port *port)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);

	if (master < 0)
		return false;
	port->in = master;
	port->out = master;
	if (fcntl(master, F_SETFD, FD_CLOEXEC) < 0 ||
	    fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK) < 0 ||
	    grantpt(master) < 0 || unlockpt(master) < 0 ||
	    ptsname_r(master, port->pts, sizeof(port->pts)) != 0)
		return false;
	port->slave = open(port->pts, O_RDWR | O_NOCTTY | O_CLOEXEC);
	return port->slave >= 0 && make_raw(port->slave) && watch(port);
}

void port_host_left(struct port *port)
{
	char events[512];

	while (read(port->watch, events, sizeof(events)) > 0)
		continue;
	ioctl(port->slave, TIOCNXCL);
}

bool port_pty(struct port *port, const char *link)
{
	*port = unopened;
	if (!open_pair(port)) {
		problem("pseudo-terminal: %s", strerror(errno));
		port_close(port);
		return false;
	}
	if (make_link(port, link))
		return true;
	port_close(port);
	return false;
}

void port_close(struct port *port)
{
	if (port->link != NULL && points_to(port->link, port->pts))
		unlink(port->link);
	if (port->out_flags >= 0)
		fcntl(port->out, F_SETFL, port->out_flags);
	if (port->watch >= 0)
		close(port->watch);
	if (port->slave >= 0)
		close(port->slave);
	if (port->in >= 0)
		close(port->in);
	if (port->out >= 0 && port->out != port->in)
		close(port->out);
	*port = unopened;
}

bool port_renew(struct port *port)
{
	const char *link = port->link;
	struct port fresh = unopened;

	if (link == NULL)
		return problem("unplug: only a terminal can be unplugged");
	/* before the old one is closed, or its number would come again */
	if (!open_pair(&fresh)) {
		problem("pseudo-terminal: %s", strerror(errno));
		port_close(&fresh);
		return false;
	}
	port_close(port);
	poll(NULL, 0, AWAY_MS);
	*port = fresh;
	return make_link(port, link);
}
