/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A port for this process alone, or in turns with others of ours. flock(2)
 * stops those who ask (pyserial, tio), a lock file those who look for one
 * (minicom); TIOCEXCL stops those who do not, root excepted.
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

/* Linux, devices.txt: 136 to 143 are Unix98 slaves. */
static bool is_pseudo_terminal(const struct stat *status)
{
	return major(status->st_rdev) >= 136 && major(status->st_rdev) <= 143;
}

/* A terminal that TIOCEXCL is for. On a pseudo-terminal it outlives a process
 * that was killed, as long as the other side stays open: nobody could open it
 * again. */
static bool takes_exclusive(int fd)
{
	struct stat status;

	return isatty(fd) && fstat(fd, &status) == 0 &&
	       !is_pseudo_terminal(&status);
}

/* A device may have nodes in many places; a pseudo-terminal has one, and its
 * number again in each container. */
static bool is_same(const struct stat *a, const struct stat *b)
{
	return S_ISCHR(b->st_mode) && a->st_rdev == b->st_rdev &&
	       (!is_pseudo_terminal(a) || a->st_dev == b->st_dev);
}

/* Process of the FLOCK line of /proc/locks that is for this node, 0 if none:
 * "1: FLOCK  ADVISORY  WRITE 708 00:17:5 0 EOF". */
static int find_locker(const struct stat *status)
{
	FILE *locks = fopen("/proc/locks", "re");
	unsigned major_number, minor_number;
	unsigned long inode;
	char line[256];
	int pid, found = 0;

	if (!locks)
		return 0;
	while (!found && fgets(line, sizeof(line), locks))
		if (sscanf(line, "%*s FLOCK %*s %*s %d %x:%x:%lu", &pid,
			   &major_number, &minor_number, &inode) == 4 &&
		    makedev(major_number, minor_number) == status->st_dev &&
		    inode == status->st_ino)
			found = pid;
	fclose(locks);
	return found;
}

/* True if the descriptor holds a lock (proc(5), fdinfo). */
static bool has_lock(const char *pid, const char *fd)
{
	char path[600], line[256];
	bool found = false;
	FILE *info;

	snprintf(path, sizeof(path), "/proc/%s/fdinfo/%s", pid, fd);
	info = fopen(path, "re");
	while (info && !found && fgets(line, sizeof(line), info))
		found = !strncmp(line, "lock:", 5);
	if (info)
		fclose(info);
	return found;
}

/* True if the process has this device open, with a lock on it if that is asked
 * for. Others' processes can be looked into by root only. */
static bool has_open(const char *pid, const struct stat *device, bool locked)
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
			is_same(device, &status) &&
			(!locked || has_lock(pid, entry->d_name));
	closedir(directory);
	return found;
}

/* Ourselves last: another card of this process may have it. */
static int find_opener(const struct stat *status, bool locked)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int pid, found = 0;

	if (!proc)
		return 0;
	while (!found && (entry = readdir(proc))) {
		pid = (int)strtol(entry->d_name, NULL, 10);
		if (pid > 0 && pid != getpid() &&
		    has_open(entry->d_name, status, locked))
			found = pid;
	}
	closedir(proc);
	if (!found && locked && has_open("self", status, locked))
		found = getpid();
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

static int find_holder(const char *path)
{
	struct stat status;
	int pid = 0;

	if (stat(path, &status) == 0) {
		pid = find_locker(&status);
		if (!pid)
			pid = find_opener(&status, true);
		if (!pid)
			pid = find_opener(&status, false);
	}
	return pid;
}

static int busy_with(const struct stream *stream, int pid)
{
	char name[64];

	if (pid <= 0)
		return error_set(IOTSAFE_ERR_BUSY,
				 "%s: port busy: another program has it for "
				 "itself (ModemManager does so)",
				 stream->name);
	read_name(pid, name, sizeof(name));
	return error_set(IOTSAFE_ERR_BUSY,
			 "%s: port busy: %s (process %d) has it", stream->name,
			 name, pid);
}

int stream_busy(const struct stream *stream, const char *path)
{
	return busy_with(stream, find_holder(path));
}

bool stream_is_taken(int fd)
{
	int exclusive = 0;

	/* The kernel lets root pass: look ourselves. */
	return takes_exclusive(fd) && ioctl(fd, TIOCGEXCL, &exclusive) == 0 &&
	       exclusive;
}

/* ---- alone ---- */

/* Another process of ours has the port, alone or where we want that. */
static int not_together(const struct stream *stream, const char *path, int fd)
{
	if (errno != EAGAIN && errno != EACCES)
		return error_set_errno(IOTSAFE_ERR_SUPPORT, errno,
				       "%s: the port cannot be shared",
				       stream->name);
	stream_busy(stream, path);
	if (stream->shared)
		error_append(" for itself, without share=yes");
	else if (queue_has_sharers(fd))
		error_append(" in turns with others, by share=yes");
	return IOTSAFE_ERR_BUSY;
}

/* Looked for, and made, where serial programs would. */
static int take_file(struct stream *stream, int fd)
{
	pid_t pid = isatty(fd) ? uucp_lock(stream->device, stream->uucp) : 0;

	return pid ? busy_with(stream, pid) : IOTSAFE_OK;
}

static int take_alone(struct stream *stream, const char *path, int fd)
{
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return stream_busy(stream, path);
	TRY(take_file(stream, fd));
	/* Not every port has it (wwan); flock() holds there. And
	 * libserialport 0.1.2 has set it on every port. */
	ioctl(fd, takes_exclusive(fd) ? TIOCEXCL : TIOCNXCL);
	return IOTSAFE_OK;
}

int stream_lock(struct stream *stream, const char *path, int fd)
{
	if (snprintf(stream->device, sizeof(stream->device), "%s", path) >=
	    (int)sizeof(stream->device))
		return error_set(IOTSAFE_ERR_ARG, "%s: too long a name",
				 stream->name);
	if (!queue_join(&stream->queue, fd, !stream->shared))
		return not_together(stream, path, fd);
	return stream->shared ? IOTSAFE_OK : take_alone(stream, path, fd);
}

/* Said aloud, for a child of the application may have inherited the
 * descriptor, and the locks with it. */
void stream_unlock(struct stream *stream)
{
	int fd = stream->queue.fd;

	if (!*stream->device)
		return;
	if (!stream->shared && takes_exclusive(fd))
		ioctl(fd, TIOCNXCL);
	uucp_unlock(stream->uucp);
	flock(fd, LOCK_UN);
	queue_close(&stream->queue);
	*stream->device = '\0';
}

/* ---- in turns ---- */

static int not_our_turn(const struct stream *stream, int result)
{
	char name[64] = "another program";
	int pid;

	if (result == IOTSAFE_ERR_CANCELLED)
		return error_set(result,
				 "%s: waiting for other processes: cancelled",
				 stream->name);
	if (result == IOTSAFE_ERR_BUSY)
		return stream_busy(stream, stream->device);
	if (result != IOTSAFE_ERR_TIMEOUT)
		return result;
	pid = find_holder(stream->device);
	if (pid)
		read_name(pid, name, sizeof(name));
	return error_set(result,
			 "%s: other processes still had their turns when the "
			 "time was up, now %s (process %d)",
			 stream->name, name, pid);
}

int stream_turn_begin(struct stream *stream, const struct deadline *deadline)
{
	int result = queue_enter(&stream->queue, deadline);

	if (result < 0)
		return not_our_turn(stream, result);
	if (stream_is_taken(stream->fd))
		result = stream_busy(stream, stream->device);
	else
		result = take_file(stream, stream->fd);
	if (result < 0)
		queue_leave(&stream->queue);
	return result;
}

void stream_turn_end(struct stream *stream)
{
	uucp_unlock(stream->uucp);
	queue_leave(&stream->queue);
}
