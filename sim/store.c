// SPDX-License-Identifier: LGPL-2.1-or-later
/* Keeps files in a directory so that a crash leaves the old or the new one. */
#include "store.h"

#include "problem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX 0x100000

static bool fail(struct store *store, const char *name, const char *what)
{
	return problem("%s/%s: %s: %s", store->path, name, what,
		       strerror(errno));
}

bool store_open(struct store *store, const char *path)
{
	*store = (struct store){.fd = -1, .lock_fd = -1};
	if (path == NULL)
		return true;
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return problem("%s: %s", path, strerror(errno));
	store->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (store->fd < 0)
		return problem("%s: %s", path, strerror(errno));
	store->path = strdup(path);
	if (store->path != NULL)
		return true;
	store_close(store);
	return problem("out of memory");
}

void store_close(struct store *store)
{
	store_unlock(store);
	if (store->fd >= 0)
		close(store->fd);
	free(store->path);
	*store = (struct store){.fd = -1, .lock_fd = -1};
}

bool store_lock(struct store *store)
{
	if (store->fd < 0)
		return true;
	store->lock_fd =
		openat(store->fd, ".lock",
		       O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (store->lock_fd < 0)
		return fail(store, ".lock", "cannot open");
	while (flock(store->lock_fd, LOCK_EX) < 0)
		if (errno != EINTR) {
			store_unlock(store);
			return fail(store, ".lock", "cannot lock");
		}
	return true;
}

void store_unlock(struct store *store)
{
	if (store->lock_fd >= 0)
		close(store->lock_fd);
	store->lock_fd = -1;
}

static bool read_all(int fd, uint8_t *data, size_t *size)
{
	size_t have = 0;

	while (have < FILE_MAX) {
		ssize_t n = read(fd, data + have, FILE_MAX - have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	*size = have;
	return true;
}

enum store_found store_read(struct store *store, const char *name,
			    uint8_t **data, size_t *size)
{
	int fd;

	if (store->fd < 0)
		return STORE_ABSENT;
	fd = openat(store->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		return STORE_ABSENT;
	if (fd < 0) {
		fail(store, name, "cannot open");
		return STORE_ERROR;
	}
	*data = malloc(FILE_MAX);
	if (*data == NULL || !read_all(fd, *data, size)) {
		fail(store, name, "cannot read");
		free(*data);
		close(fd);
		return STORE_ERROR;
	}
	close(fd);
	return STORE_FOUND;
}

/* Opens the folder that `name` stands in and moves `name` behind it. */
static int open_folder(struct store *store, const char **name)
{
	const char *slash = strchr(*name, '/');
	char folder[64];

	if (slash == NULL)
		return openat(store->fd, ".", O_RDONLY | O_CLOEXEC);
	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - *name), *name);
	if (mkdirat(store->fd, folder, 0700) < 0 && errno != EEXIST)
		return -1;
	*name = slash + 1;
	return openat(store->fd, folder,
		      O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

void store_cut(struct store *store, size_t bytes)
{
	store->is_cut = true;
	store->left = bytes;
}

/* The last bytes before the power goes; what they are part of stays as it is.
 */
static void go_dark(int fd, const uint8_t *data, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, data, size);

		if (n <= 0)
			break;
		data += n;
		size -= (size_t)n;
	}
	_exit(3);
}

static bool write_all(struct store *store, int fd, const uint8_t *data,
		      size_t size)
{
	if (store->is_cut && store->left <= size)
		go_dark(fd, data, store->left);
	store->left -= store->is_cut ? size : 0;
	while (size > 0) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		data += n;
		size -= (size_t)n;
	}
	return fsync(fd) == 0;
}

/* Writes beside the old file, then takes its place in one step. */
static bool replace(struct store *store, int folder, const char *name,
		    const void *data, size_t size, unsigned int mode)
{
	char beside[128];
	bool done;
	int fd;

	snprintf(beside, sizeof(beside), ".%s.new", name);
	if (unlinkat(folder, beside, 0) < 0 && errno != ENOENT)
		return false;
	fd = openat(folder, beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		    mode);
	if (fd < 0)
		return false;
	done = write_all(store, fd, data, size);
	if (close(fd) < 0)
		done = false;
	if (done && renameat(folder, beside, folder, name) == 0)
		return fsync(folder) == 0;
	unlinkat(folder, beside, 0);
	return false;
}

bool store_write(struct store *store, const char *name, const void *data,
		 size_t size, unsigned int mode)
{
	const char *file = name;
	bool done;
	int folder;

	if (store->fd < 0)
		return true;
	folder = open_folder(store, &file);
	if (folder < 0)
		return fail(store, name, "cannot make its folder");
	done = replace(store, folder, file, data, size, mode);
	if (!done)
		fail(store, name, "cannot write");
	close(folder);
	return done;
}
