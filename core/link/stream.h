/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes to and from a port or a child. The kinds never wait; waiting, with
 * deadline and cancel, is done in stream.c. */
#ifndef LINK_STREAM_H
#define LINK_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/address.h"
#include "base/deadline.h"
#include "base/module.h"
#include "link/queue.h"
#include "link/uucp.h"

#define STREAM_NAME_MAX 128

struct stream;

struct stream_kind {
	/* Bytes that are there now (1 or more), 0 for none yet, or
	 * IOTSAFE_ERR_CLOSED or _IO, recorded. */
	int (*read)(struct stream *stream, uint8_t *data, size_t room);
	/* Bytes taken, 0 for none yet, or the same codes. */
	int (*write)(struct stream *stream, const uint8_t *data, size_t size);
	void (*close)(struct stream *stream);
};

struct stream {
	const struct stream_kind *kind; /* NULL: not open */
	char name[STREAM_NAME_MAX];	/* as errors name it: "at:/dev/ttyS1" */
	int fd;				/* what poll(2) waits for */
	dev_t fd_device;		/* and what it was, when it was new */
	ino_t fd_inode;
	void *port; /* libserialport's */
	pid_t child;
	int child_fd; /* pidfd, or -1 */
	/* The port's rate where it did not take the one asked for, or 0. Ports
	 * on USB often have none, and serve all the same. */
	long kept_baud;
	bool hasty; /* the caller has no time left for the child's end */
	/* Of a device: */
	bool shared;		      /* in turns with other processes */
	char device[STREAM_NAME_MAX]; /* its real path, "" for others */
	char uucp[UUCP_PATH_MAX];     /* our lock file, or "" */
	struct queue queue;
};

enum stream_flow { STREAM_FLOW_NONE, STREAM_FLOW_RTS, STREAM_FLOW_XON };

struct stream_settings {
	long baud;
	enum stream_flow flow;
};

/* A port by its path: through libserialport where that takes it, else by
 * descriptor. `stream->name` is set by the caller, here and below. The port is
 * ours alone until it is closed. */
int stream_open_port(struct stream *stream, const char *path,
		     const struct stream_settings *settings);

/* A character device or a Unix socket. */
int stream_open_descriptor(struct stream *stream, const char *path,
			   const struct stream_settings *settings)
	FOR_MODULES(stream_open_descriptor);

/* A Unix socket by its path, or "@name" of the abstract ones. */
int stream_open_socket(struct stream *stream, const char *path);

/* A program's abstract Unix socket, "@name". 0 if it is open, 1 if nobody has
 * the name, or a code. Only root's and this user's programs are trusted. */
int stream_open_abstract(struct stream *stream, const char *name,
			 const struct deadline *deadline)
	FOR_MODULES(stream_open_abstract);

/* A serial port. 0 if it is open, 1 if libserialport does not know such
 * ports, or a code. */
int stream_open_serial(struct stream *stream, const char *path,
		       const struct stream_settings *settings);

/* A child's standard input and output. With `search` the program is looked
 * for in PATH; with `apart` the terminal's signals (Ctrl-C) are not its. */
int stream_open_child(struct stream *stream, char *const argv[], bool search,
		      bool apart) FOR_MODULES(stream_open_child);

/* Reads what is there, waits if nothing is: 1 to INT_MAX bytes. _TIMEOUT and
 * _CANCELLED are not recorded: the caller knows what was waited for. */
int stream_read(struct stream *stream, uint8_t *data, size_t room,
		const struct deadline *deadline) FOR_MODULES(stream_read);

/* Writes all, as one piece where the system takes it so. `done` tells how
 * much was written when it fails. */
int stream_write(struct stream *stream, const uint8_t *data, size_t size,
		 size_t *done, const struct deadline *deadline)
	FOR_MODULES(stream_write);

/* Reads what is there and never waits: 0 for nothing. */
int stream_read_now(struct stream *stream, uint8_t *data, size_t room)
	FOR_MODULES(stream_read_now);

/* Accepts a stream that is not open. */
void stream_close(struct stream *stream) FOR_MODULES(stream_close);

/* The kinds': the descriptor is there. */
void stream_begin(struct stream *stream, const struct stream_kind *kind);

/* Closes a child's copies of descriptors, for the locks end with the last. */
void stream_abandon(struct stream *stream) FOR_MODULES(stream_abandon);

/* Records why a port could not be opened. */
int stream_refused(const struct stream *stream, const char *path, int number)
	FOR_MODULES(stream_refused);

/* Finds out which rate the port took. */
void stream_read_baud(struct stream *stream, int fd, long asked);

/* Records that the far side has gone; and, of a child, how it ended. */
int stream_gone(struct stream *stream);
int stream_child_gone(struct stream *stream);

/* For kinds with a descriptor that never waits. */
int stream_fd_read(struct stream *stream, uint8_t *data, size_t room);
int stream_fd_write(struct stream *stream, const uint8_t *data, size_t size);

/* True where a program that does not ask with flock has the port for itself
 * (TIOCEXCL). Asked before anything of ours sets the same. */
bool stream_is_taken(int fd);

/* Takes a device for this process alone (flock, TIOCEXCL, lock file), or joins
 * those who share it; and gives it up. Its real path is in stream->device then.
 */
int stream_lock(struct stream *stream, const char *path, int fd);
void stream_unlock(struct stream *stream);

/* A turn on a shared port: the locks but TIOCEXCL. Waits for others' turns to
 * end; all its errors are recorded. */
int stream_turn_begin(struct stream *stream, const struct deadline *deadline);
void stream_turn_end(struct stream *stream);

/* Records that another program has the port, and which if that can be known.
 */
int stream_busy(const struct stream *stream, const char *path);

#endif
