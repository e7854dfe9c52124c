/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A port for this process alone. flock(2) stops those who ask (pyserial, tio);
 * TIOCEXCL stops those who do not, root excepted.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "base/error.h"
#include "link/stream.h"

/* A terminal that TIOCEXCL is for. On a pseudo-terminal it outlives a process
 * that was killed, as long as the other side stays open: nobody could open it
 * again. */
static bool takes_exclusive(int fd)
{
	struct stat status;
	unsigned number;

	if (!isatty(fd) || fstat(fd, &status) < 0)
		return false;
	/* Linux, devices.txt: 136 to 143 are Unix98 slaves. */
	number = major(status.st_rdev);
	return number < 136 || number > 143;
}

/* Process of the FLOCK line of /proc/locks that is for this inode, 0 if none:
 * "1: FLOCK  ADVISORY  WRITE 708 00:17:5 0 EOF". */
static int find_locker(const struct stat *status)
{
	FILE *locks = fopen("/proc/locks", "re");
	unsigned long inode;
	char line[256];
	int pid, found = 0;

	if (!locks)
		return 0;
	while (!found && fgets(line, sizeof(line), locks))
		if (sscanf(line, "%*s FLOCK %*s %*s %d %*x:%*x:%lu", &pid,
			   &inode) == 2 &&
		    inode == status->st_ino)
			found = pid;
	fclose(locks);
	return found;
}

/* True if the process has this device open. Others' processes can be looked
 * into by root only. */
static bool has_open(const char *pid, dev_t device)
{
	char path[300];
	struct dirent *entry;
	struct stat status;
	bool found = false;
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	directory = opendir(path);
	if (!directory)
		return false;
	while (!found && (entry = readdir(directory)))
		found = !fstatat(dirfd(directory), entry->d_name, &status, 0) &&
			S_ISCHR(status.st_mode) && status.st_rdev == device;
	closedir(directory);
	return found;
}

static int find_opener(const struct stat *status)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int pid, found = 0;

	if (!proc)
		return 0;
	while (!found && (entry = readdir(proc))) {
		pid = atoi(entry->d_name);
		if (pid > 0 && pid != getpid() &&
		    has_open(entry->d_name, status->st_rdev))
			found = pid;
	}
	closedir(proc);
	return found;
}

static void read_name(int pid, char *name, size_t room)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	file = fopen(path, "re");
	if (!file || !fgets(name, (int)room, file))
		snprintf(name, room, "another program");
	name[strcspn(name, "\n")] = '\0';
	if (file)
		fclose(file);
}

int stream_busy(const struct stream *stream, const char *path)
{
	struct stat status;
	char name[64];
	int pid = 0;

	if (stat(path, &status) == 0) {
		pid = find_locker(&status);
		if (!pid)
			pid = find_opener(&status);
	}
	if (!pid)
		return error_set(IOTSAFE_ERR_BUSY,
				 "%s: port busy: another program has it for "
				 "itself (ModemManager does so)",
				 stream->name);
	read_name(pid, name, sizeof(name));
	return error_set(IOTSAFE_ERR_BUSY,
			 "%s: port busy: %s (process %d) has it", stream->name,
			 name, pid);
}

bool stream_is_taken(int fd)
{
	int exclusive = 0;

	/* The kernel lets root pass: look ourselves. */
	return takes_exclusive(fd) && ioctl(fd, TIOCGEXCL, &exclusive) == 0 &&
	       exclusive;
}

int stream_lock(const struct stream *stream, const char *path, int fd)
{
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return stream_busy(stream, path);
	if (!takes_exclusive(fd)) {
		/* libserialport 0.1.2 has set it on every port. */
		ioctl(fd, TIOCNXCL);
		return IOTSAFE_OK;
	}
	/* Not every port has it (wwan); flock() holds there. */
	ioctl(fd, TIOCEXCL);
	return IOTSAFE_OK;
}

void stream_unlock(int fd)
{
	if (takes_exclusive(fd))
		ioctl(fd, TIOCNXCL);
	/* Said aloud, for a child of the application may have inherited the
	 * descriptor, and the lock with it. */
	flock(fd, LOCK_UN);
}
