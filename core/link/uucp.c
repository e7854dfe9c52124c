/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A port becomes a lock file for programs that know nothing of flock(2), such
 * as minicom and pppd. It binds nobody, so what cannot be done is left.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/state.h"
#include "link/uucp.h"

/* The first is the second on systemd's systems; OpenWrt has the second. */
static const char *const folders[] = {"/run/lock", "/var/lock"};

/* A file without a number is just being written, if it is no older (seconds).
 */
#define JUST_MADE 5

/* "/dev/ttyUSB2" -> "ttyUSB2", "/dev/pts/3" -> "pts_3", as minicom has it. */
static int file_path(const char *folder, const char *start, const char *port,
		     char *out)
{
	char *name = out + strlen(folder) + 1;

	if (!strncmp(port, "/dev/", 5))
		port += 5;
	if (snprintf(out, UUCP_PATH_MAX, "%s/%s%s", folder, start, port) >=
	    UUCP_PATH_MAX)
		return -1;
	while ((name = strchr(name, '/')))
		*name = '_';
	return 0;
}

/* The number in the file: ten digits with blanks in front, or four bytes as
 * old programs write it. 0: there is none, -1: not yet. */
static pid_t read_holder(const char *path)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat status;
	char text[32] = "";
	ssize_t size = -1;
	pid_t pid = 0;

	if (fd < 0)
		return 0;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
		size = read(fd, text, sizeof(text) - 1);
	close(fd);
	/* The clock may have gone back since. */
	if (size == 0)
		return llabs(time(NULL) - status.st_mtime) <= JUST_MADE ? -1
									: 0;
	if (size == sizeof(pid) && (text[3] < '0' || text[3] > '9'))
		memcpy(&pid, text, sizeof(pid));
	else if (size > 0)
		pid = (pid_t)strtol(text, NULL, 10);
	return pid > 0 ? pid : 0;
}

/* Who has the file and lives; our own number in it is a dead one's. */
static pid_t living_holder(const char *path)
{
	pid_t pid = read_holder(path);

	if (pid == getpid() || (pid > 0 && state_process_is_gone(pid)))
		return 0;
	return pid;
}

/* With its content at once: link(2) fails where the name is taken. 0 or
 * errno. */
static int make(const char *path, const char *draft)
{
	int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	int number = 0;

	if (fd < 0)
		return errno;
	/* Whatever umask says: others must be able to read it. */
	fchmod(fd, 0644);
	if (dprintf(fd, "%10d\n", getpid()) != 11)
		number = EIO;
	if (close(fd) < 0 || (!number && link(draft, path) < 0))
		number = errno;
	unlink(draft);
	return number;
}

/*
 * Takes a dead process's file away. Between looking and removing another
 * program may have put its own there, so it is moved first and looked at
 * again. 0: it is gone, or cannot be removed.
 */
static pid_t remove_stale(const char *path, const char *draft)
{
	pid_t pid = living_holder(path);

	if (pid || rename(path, draft) < 0)
		return pid;
	pid = living_holder(draft);
	if (pid && link(draft, path) < 0)
		pid = 0;
	unlink(draft);
	return pid;
}

/* Drafts of this port whose process was killed before it was done. */
static void remove_drafts(const char *folder, const char *port)
{
	char path[UUCP_PATH_MAX], start[24];
	DIR *directory = opendir(folder);
	struct dirent *entry;
	int pid;

	while (directory && (entry = readdir(directory))) {
		if (sscanf(entry->d_name, "LTMP.%d.", &pid) != 1 ||
		    pid == getpid() || !state_process_is_gone(pid))
			continue;
		snprintf(start, sizeof(start), "LTMP.%d.", pid);
		if (file_path(folder, start, port, path) == 0)
			unlink(path);
	}
	if (directory)
		closedir(directory);
}

pid_t uucp_lock(const char *port, char out[UUCP_PATH_MAX])
{
	char draft[UUCP_PATH_MAX], start[24];
	int number = ENOENT;
	pid_t pid = 0;

	snprintf(start, sizeof(start), "LTMP.%d.", getpid());
	for (size_t i = 0; i < 2 && number == ENOENT; i++) {
		if (file_path(folders[i], "LCK..", port, out) < 0 ||
		    file_path(folders[i], start, port, draft) < 0)
			break;
		remove_drafts(folders[i], port);
		number = make(out, draft);
		/* Also where we may not write we look. */
		if (number && number != ENOENT)
			pid = remove_stale(out, draft);
		if (number == EEXIST && !pid)
			number = make(out, draft);
	}
	if (number)
		out[0] = '\0';
	return number ? pid : 0;
}

void uucp_unlock(char path[UUCP_PATH_MAX])
{
	if (*path && read_holder(path) == getpid())
		unlink(path);
	*path = '\0';
}
