/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A path becomes a stream by its descriptor alone: pseudo-terminals, wwan
 * ports (not ttys; libserialport knows neither), serial ports where the
 * build has no libserialport, Unix sockets.
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>
#include "base/error.h"
#include "link/stream.h"

int stream_fd_read(struct stream *stream, uint8_t *data, size_t room)
{
	ssize_t size;

	do
		size = read(stream->fd, data, room);
	while (size < 0 && errno == EINTR);
	if (size > 0)
		return (int)size;
	if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	/* 0 is a hang-up: VMIN is 1. EIO is how an unplugged port says it. */
	return stream_gone(stream);
}

/* A socket would raise SIGPIPE in the application. */
static ssize_t write_quietly(int fd, const uint8_t *data, size_t size)
{
	ssize_t done = send(fd, data, size, MSG_NOSIGNAL);

	return done < 0 && errno == ENOTSOCK ? write(fd, data, size) : done;
}

int stream_fd_write(struct stream *stream, const uint8_t *data, size_t size)
{
	ssize_t done;

	do
		done = write_quietly(stream->fd, data, size);
	while (done < 0 && errno == EINTR);
	if (done >= 0)
		return (int)done;
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return 0;
	return stream_gone(stream);
}

static void fd_close(struct stream *stream)
{
	/* The kernel would wait for a modem that takes no more bytes
	 * (closing_wait, 30 s). */
	tcflush(stream->fd, TCOFLUSH);
	stream_unlock(stream);
	close(stream->fd);
}

static const struct stream_kind fd_kind = {stream_fd_read, stream_fd_write,
					   fd_close};

static const struct {
	int baud;
	speed_t speed;
} speeds[] = {
	{1200, B1200},	     {2400, B2400},	  {4800, B4800},
	{9600, B9600},	     {19200, B19200},	  {38400, B38400},
	{57600, B57600},     {115200, B115200},	  {230400, B230400},
	{460800, B460800},   {500000, B500000},	  {576000, B576000},
	{921600, B921600},   {1000000, B1000000}, {1152000, B1152000},
	{1500000, B1500000}, {2000000, B2000000}, {2500000, B2500000},
	{3000000, B3000000}, {3500000, B3500000}, {4000000, B4000000},
};

static int set_speed(const struct stream *stream, struct termios *termios,
		     long baud)
{
	for (size_t i = 0; i < sizeof(speeds) / sizeof(speeds[0]); i++)
		if (speeds[i].baud == baud) {
			cfsetspeed(termios, speeds[i].speed);
			return IOTSAFE_OK;
		}
	return error_set(IOTSAFE_ERR_ARG,
			 "%s: baud=%ld is none of the usual rates",
			 stream->name, baud);
}

void stream_read_baud(struct stream *stream, int fd, long asked)
{
	struct termios termios;

	if (tcgetattr(fd, &termios) < 0)
		return;
	for (size_t i = 0; i < sizeof(speeds) / sizeof(speeds[0]); i++)
		if (speeds[i].speed == cfgetospeed(&termios) &&
		    speeds[i].baud != asked)
			stream->kept_baud = speeds[i].baud;
}

/* 8N1, raw. Without HUPCL, closing keeps DTR up: many modems take its fall
 * for a hang-up of their data call or for a reset. */
static int set_terminal(const struct stream *stream, int fd,
			const struct stream_settings *settings)
{
	struct termios termios;

	if (tcgetattr(fd, &termios) < 0)
		/* No terminal: nothing to set. */
		return errno == EIO ? stream_refused(stream, "", EIO)
				    : IOTSAFE_OK;
	cfmakeraw(&termios);
	termios.c_cflag &= (tcflag_t) ~(HUPCL | CRTSCTS | CSTOPB);
	termios.c_cflag |= CLOCAL | CREAD;
	termios.c_iflag &= (tcflag_t) ~(IXON | IXOFF | IXANY);
	if (settings->flow == STREAM_FLOW_RTS)
		termios.c_cflag |= CRTSCTS;
	if (settings->flow == STREAM_FLOW_XON)
		termios.c_iflag |= IXON | IXOFF;
	termios.c_cc[VMIN] = 1;
	termios.c_cc[VTIME] = 0;
	TRY(set_speed(stream, &termios, settings->baud));
	if (tcsetattr(fd, TCSANOW, &termios) < 0)
		return error_set_errno(IOTSAFE_ERR_IO, errno,
				       "%s: terminal settings", stream->name);
	return IOTSAFE_OK;
}

static int open_device(struct stream *stream, const char *path,
		       const struct stream_settings *settings, int *out)
{
	int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	int result;

	if (fd < 0)
		return stream_refused(stream, path, errno);
	result = stream_is_taken(fd) ? stream_busy(stream, path)
				     : stream_lock(stream, path, fd);
	if (result >= 0) {
		result = set_terminal(stream, fd, settings);
		stream_read_baud(stream, fd, settings->baud);
		if (result < 0)
			stream_unlock(stream);
	}
	if (result < 0)
		close(fd);
	*out = fd;
	return result;
}

/* An abstract name begins with a NUL and is all of the address's length. */
static int connect_to(int fd, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t size = strlen(path);

	memcpy(address.sun_path, path, size);
	if (*path == '@')
		address.sun_path[0] = '\0';
	return connect(fd, (struct sockaddr *)&address,
		       (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
				   size + (*path != '@')));
}

int stream_open_socket(struct stream *stream, const char *path)
{
	int fd, number;

	if (!*path || !strcmp(path, "@"))
		return error_set(IOTSAFE_ERR_ARG, "%s names no socket",
				 stream->name);
	if (strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		return stream_refused(stream, path, ENAMETOOLONG);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return stream_refused(stream, path, errno);
	if (connect_to(fd, path) < 0) {
		number = errno;
		close(fd);
		if (number == ECONNREFUSED)
			return error_set(IOTSAFE_ERR_IO,
					 "%s: nobody listens on the socket",
					 stream->name);
		return stream_refused(stream, path, number);
	}
	stream->fd = fd;
	stream_begin(stream, &fd_kind);
	return IOTSAFE_OK;
}

/* Anybody may take an abstract name; what goes through it may be a PIN. */
static int check_peer(const struct stream *stream, int fd, const char *name)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return stream_refused(stream, "", errno);
	if (peer.uid && peer.uid != geteuid())
		return error_set(
			IOTSAFE_ERR_IO,
			"%s: a program of another user (%u) listens as "
			"%s, and is not trusted",
			stream->name, (unsigned)peer.uid, name + 1);
	return IOTSAFE_OK;
}

/* Waits for room in the other's queue, for as long as there is. */
static int connect_abstract(const struct stream *stream, int fd,
			    const char *name, const struct deadline *deadline)
{
	struct timeval limit = {.tv_sec = 3600};
	int left = deadline_left(deadline);

	if (left >= 0)
		limit = (struct timeval){left / 1000, left % 1000 * 1000 + 1};
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect_to(fd, name) == 0)
		return check_peer(stream, fd, name);
	if (errno == ECONNREFUSED)
		return 1;
	if (errno == EAGAIN)
		return error_set(IOTSAFE_ERR_TIMEOUT,
				 "%s: %s does not answer in time", stream->name,
				 name + 1);
	return stream_refused(stream, "", errno);
}

int stream_open_abstract(struct stream *stream, const char *name,
			 const struct deadline *deadline)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int result;

	if (fd < 0)
		return stream_refused(stream, "", errno);
	result = connect_abstract(stream, fd, name, deadline);
	if (result || fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
		close(fd);
		return result;
	}
	stream->fd = fd;
	stream_begin(stream, &fd_kind);
	return IOTSAFE_OK;
}

int stream_open_descriptor(struct stream *stream, const char *path,
			   const struct stream_settings *settings)
{
	struct stat status;

	if (stat(path, &status) < 0)
		return stream_refused(stream, path, errno);
	if (S_ISSOCK(status.st_mode))
		return stream_open_socket(stream, path);
	if (S_ISCHR(status.st_mode))
		TRY(open_device(stream, path, settings, &stream->fd));
	else
		return error_set(IOTSAFE_ERR_IO, "%s: not a port",
				 stream->name);
	stream_begin(stream, &fd_kind);
	return IOTSAFE_OK;
}
