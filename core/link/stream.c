/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Byte streams: waiting for a kind that never waits itself, and the choice of
 * the kind that serves a port.
 */
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/error.h"
#include "link/stream.h"

int stream_read_now(struct stream *stream, uint8_t *data, size_t room)
{
	return stream->kind->read(stream, data,
				  room < INT_MAX ? room : INT_MAX);
}

int stream_read(struct stream *stream, uint8_t *data, size_t room,
		const struct deadline *deadline)
{
	int result;

	for (;;) {
		TRY(deadline_wait(deadline, stream->fd, POLLIN));
		result = stream_read_now(stream, data, room);
		if (result)
			return result;
		if (deadline_passed(deadline))
			return IOTSAFE_ERR_TIMEOUT;
	}
}

int stream_write(struct stream *stream, const uint8_t *data, size_t size,
		 size_t *done, const struct deadline *deadline)
{
	int result;

	for (*done = 0; *done < size; *done += (size_t)result) {
		TRY(deadline_wait(deadline, stream->fd, POLLOUT));
		result =
			stream->kind->write(stream, data + *done, size - *done);
		if (result < 0)
			return result;
		if (!result && deadline_passed(deadline))
			return IOTSAFE_ERR_TIMEOUT;
	}
	return IOTSAFE_OK;
}

void stream_close(struct stream *stream)
{
	if (!stream->kind)
		return;
	stream->kind->close(stream);
	stream->kind = NULL;
	stream->fd = -1;
}

void stream_begin(struct stream *stream, const struct stream_kind *kind)
{
	struct stat status = {0};

	fstat(stream->fd, &status);
	stream->fd_device = status.st_dev;
	stream->fd_inode = status.st_ino;
	stream->kind = kind;
}

/* A daemon may have closed all that it did not know, and have something else
 * by that number. */
static void close_copy(const struct stream *stream, int fd)
{
	struct stat status;

	if (fd >= 0 && fstat(fd, &status) == 0 &&
	    status.st_dev == stream->fd_device &&
	    status.st_ino == stream->fd_inode)
		close(fd);
}

void stream_abandon(struct stream *stream)
{
	if (!stream->kind)
		return;
	close_copy(stream, stream->fd);
	close_copy(stream, queue_abandon(&stream->queue));
	stream->kind = NULL;
}

int stream_gone(struct stream *stream)
{
	if (stream->child)
		return stream_child_gone(stream);
	return error_set(IOTSAFE_ERR_CLOSED, "%s: the modem has gone",
			 stream->name);
}

/* Serial ports belong to a group on every distribution, mostly dialout. */
static int no_permission(const struct stream *stream, const char *path)
{
	char room[1024];
	struct group group, *found = NULL;
	struct stat status;

	if (stat(path, &status) == 0)
		getgrgid_r(status.st_gid, &group, room, sizeof(room), &found);
	if (found && status.st_mode & S_IWGRP && status.st_gid)
		return error_set(IOTSAFE_ERR_IO,
				 "%s: no permission: the port belongs to group "
				 "%s, which this user is not in",
				 stream->name, found->gr_name);
	return error_set(IOTSAFE_ERR_IO,
			 "%s: no permission to read and write the port",
			 stream->name);
}

int stream_refused(const struct stream *stream, const char *path, int number)
{
	switch (number) {
	case ENOENT:
	case ENOTDIR:
	case ENXIO:
	case ENODEV:
		return error_set(IOTSAFE_ERR_IO, "%s: no such port",
				 stream->name);
	case EIO: /* /dev/ttyS7 without the hardware */
		return error_set(IOTSAFE_ERR_IO,
				 "%s: no such port: there is no hardware "
				 "behind the name",
				 stream->name);
	case EACCES:
	case EPERM:
		return no_permission(stream, path);
	case EBUSY:
	case EWOULDBLOCK: /* flock() of libserialport 0.1.2 */
		return stream_busy(stream, path);
	default:
		return error_set_errno(IOTSAFE_ERR_IO, number,
				       "%s: cannot be opened", stream->name);
	}
}

#ifndef HAVE_LIBSERIALPORT
int stream_open_serial(struct stream *stream, const char *path,
		       const struct stream_settings *settings)
{
	(void)stream;
	(void)path;
	(void)settings;
	return 1;
}
#endif

/* libserialport looks a port up by its kernel name, so a link such as those
 * of /dev/serial/by-id is followed first. */
int stream_open_port(struct stream *stream, const char *path,
		     const struct stream_settings *settings)
{
	char *real;
	int result;

	if (!*path)
		return error_set(IOTSAFE_ERR_ARG, "%s names no port",
				 stream->name);
	real = realpath(path, NULL);
	if (!real)
		return stream_refused(stream, path, errno);
	/* libserialport keeps all others out, with TIOCEXCL. */
	result =
		stream->shared ? 1 : stream_open_serial(stream, real, settings);
	if (result == 1)
		result = stream_open_descriptor(stream, real, settings);
	free(real);
	return result;
}
