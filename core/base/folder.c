/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A path becomes a folder of ours, and a name in it the bytes of a file: what
 * others could have written is none.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/folder.h"
#include "base/read_all.h"

static bool is_ours_alone(int fd, mode_t kind)
{
	struct stat status;

	return fstat(fd, &status) == 0 && (status.st_mode & S_IFMT) == kind &&
	       status.st_uid == geteuid() && !(status.st_mode & 077);
}

int folder_open(const char *path, bool make)
{
	int fd;

	if (make)
		mkdir(path, 0700);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || is_ours_alone(fd, S_IFDIR))
		return fd;
	close(fd);
	return -1;
}

/* To open some devices does something already. */
static bool is_file(int folder, const char *name)
{
	struct stat status;

	return fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(status.st_mode);
}

static ssize_t read_ours(int folder, const char *name, uint8_t *out,
			 size_t room)
{
	int fd = openat(folder, name,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t size = -1;

	if (fd < 0)
		return -1;
	if (is_ours_alone(fd, S_IFREG))
		size = read_all(fd, out, room);
	close(fd);
	return size;
}

ssize_t folder_read(int folder, const char *name, uint8_t *out, size_t room)
{
	ssize_t size = -1;

	if (is_file(folder, name))
		size = read_ours(folder, name, out, room);
	if (size < 0)
		unlinkat(folder, name, 0);
	return size;
}

static bool write_all(int fd, const uint8_t *data, size_t size)
{
	while (size) {
		ssize_t written = write(fd, data, size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		data += written;
		size -= (size_t)written;
	}
	return true;
}

void folder_write(int folder, const char *name, const uint8_t *data,
		  size_t size)
{
	char fresh[128];
	bool done;
	int fd;

	/* Of this process alone. What one that was killed left is gone when
	 * its number comes round. */
	if (snprintf(fresh, sizeof(fresh), "%s.%ld", name, (long)getpid()) >=
	    (int)sizeof(fresh))
		return;
	unlinkat(folder, fresh, 0);
	fd = openat(folder, fresh,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	done = write_all(fd, data, size);
	if (close(fd) < 0 || !done || renameat(folder, fresh, folder, name) < 0)
		unlinkat(folder, fresh, 0);
}
