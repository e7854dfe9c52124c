/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * GnuTLS's reads and writes become calls on the caller's descriptor that
 * never wait: the waiting is done above, with the deadline of the call.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/error.h"
#include "tls/transport.h"

#define IPV4_UDP_HEADERS 28
#define IPV6_UDP_HEADERS 48
/* Where the path tells nothing: what GnuTLS takes at most. */
#define MTU_MAX 16384
/* Pieces of what a peer has sent for nothing; who floods us sends more. */
#define DRAIN_MAX 32

static short ready(int fd, short events)
{
	struct pollfd entry = {.fd = fd, .events = events};

	return poll(&entry, 1, 0) > 0 ? entry.revents : 0;
}

static ssize_t read_some(struct transport *transport, void *data, size_t size)
{
	if (transport->socket)
		return recv(transport->fd, data, size, MSG_DONTWAIT);
	if (ready(transport->fd, POLLIN))
		return read(transport->fd, data, size);
	errno = EAGAIN;
	return -1;
}

/* There is no MSG_NOSIGNAL for pipes: a SIGPIPE of our own making is taken
 * back before anybody sees it. */
static ssize_t write_quietly(int fd, const void *data, size_t size)
{
	const struct timespec now = {0, 0};
	sigset_t pipe_signal, before, pending;
	ssize_t count;
	int error;

	sigemptyset(&pipe_signal);
	sigaddset(&pipe_signal, SIGPIPE);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
	count = write(fd, data, size);
	error = errno;
	if (count < 0 && error == EPIPE && !sigismember(&pending, SIGPIPE))
		sigtimedwait(&pipe_signal, NULL, &now);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = error;
	return count;
}

/* A flight in one piece: sent in several, Nagle's algorithm and the peer's
 * delayed acknowledgement would keep all but the first back for 40 ms. */
static ssize_t write_some(struct transport *transport, giovec_t *parts,
			  size_t count)
{
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
	size_t size = parts[0].iov_len;

	if (transport->socket)
		return sendmsg(transport->fd, &message,
			       MSG_DONTWAIT | MSG_NOSIGNAL);
	/* POLLOUT of a pipe promises this much without blocking. */
	if (size > PIPE_BUF)
		size = PIPE_BUF;
	if (ready(transport->fd, POLLOUT))
		return write_quietly(transport->fd, parts[0].iov_base, size);
	errno = EAGAIN;
	return -1;
}

/* GnuTLS looks at errno next; the failure's own number is kept for us. */
static ssize_t settle(struct transport *transport, ssize_t count, bool writing)
{
	if (count >= 0)
		return count;
	if (errno == EAGAIN) {
		transport->dry = true;
		transport->full = writing;
	} else {
		transport->error = errno;
	}
	return -1;
}

/*
 * That nobody listens is told once, by the next call whatever that is: before
 * datagrams that came in time, and in the place of sending. What is there to
 * be read goes first, and what was to be sent is sent. It ends, since each
 * refusal answers a datagram of ours.
 */
static bool is_put_off(struct transport *transport, ssize_t count)
{
	if (count >= 0 || errno != ECONNREFUSED || !transport->datagram)
		return false;
	transport->refused = true;
	return true;
}

/*
 * Anybody can send an empty datagram: it is no end of file. A datagram socket
 * that was shut down has nothing to read, for ever, and poll(2) says ready.
 */
static ssize_t find_end(struct transport *transport, ssize_t count)
{
	if (!transport->datagram || count > 0 || (count < 0 && errno != EAGAIN))
		return count;
	if (ready(transport->fd, POLLRDHUP) & (POLLRDHUP | POLLHUP))
		return 0;
	errno = EAGAIN;
	return -1;
}

static ssize_t pull(gnutls_transport_ptr_t self, void *data, size_t size)
{
	struct transport *transport = self;
	ssize_t count;

	do
		count = read_some(transport, data, size);
	while (is_put_off(transport, count) || (count < 0 && errno == EINTR));
	count = find_end(transport, count);
	if (count < 0 && errno == EAGAIN && transport->refused)
		errno = ECONNREFUSED;
	transport->refused = false;
	transport->ended = !count;
	if (count > 0 && transport->datagram) {
		transport->fresh = true;
		transport->dry = false;
	}
	return settle(transport, count, false);
}

static size_t size_of(const giovec_t *parts, size_t count)
{
	size_t size = 0;

	for (size_t i = 0; i < count; i++)
		size += parts[i].iov_len;
	return size;
}

#define PARTS_MAX 64

static ssize_t push(gnutls_transport_ptr_t self, const giovec_t *given,
		    int given_count)
{
	size_t parts_count = (size_t)given_count;
	struct transport *transport = self;
	giovec_t parts[PARTS_MAX];
	ssize_t count;

	if (parts_count > PARTS_MAX)
		parts_count = PARTS_MAX;
	memcpy(parts, given, parts_count * sizeof(*parts));
	do
		count = write_some(transport, parts, parts_count);
	while (is_put_off(transport, count) || (count < 0 && errno == EINTR));
	/* A server that refuses our certificate hangs up while the card still
	 * signs. Its alert is there to be read, and GnuTLS reads when it has
	 * written. */
	if (count < 0 && transport->quiet &&
	    (errno == EPIPE || errno == ECONNRESET)) {
		transport->lost = true;
		return (ssize_t)size_of(parts, parts_count);
	}
	return settle(transport, count, true);
}

/*
 * Asked by DTLS, always with 0 since the session is GNUTLS_NONBLOCK.
 *
 * GnuTLS asks twice before it waits. A last message that comes in between is
 * read and put by, and GnuTLS (3.7.9, _dtls_wait_and_retransmit) asks for
 * another one, which the peer has no reason to send. Told once that there is
 * something, it looks where it put the message; where there is none, it reads
 * and finds nothing.
 */
static int pull_timeout(gnutls_transport_ptr_t self, unsigned milliseconds)
{
	struct transport *transport = self;
	bool fresh = transport->fresh;

	(void)milliseconds;
	transport->fresh = false;
	if (fresh || ready(transport->fd, POLLIN))
		return 1;
	transport->dry = true;
	transport->full = false;
	return 0;
}

static int check_socket(int fd, bool datagram)
{
	struct sockaddr_storage peer;
	socklen_t size = sizeof(peer);
	int type = 0;
	socklen_t type_size = sizeof(type);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_size) < 0)
		return error_set_errno(IOTSAFE_ERR_IO, errno, "descriptor %d",
				       fd);
	if (datagram && type == SOCK_STREAM)
		return error_set(IOTSAFE_ERR_ARG,
				 "DTLS wants a datagram socket, descriptor %d "
				 "is a stream",
				 fd);
	if (!datagram && type != SOCK_STREAM)
		return error_set(IOTSAFE_ERR_ARG,
				 "TLS wants a stream, descriptor %d is a "
				 "datagram socket",
				 fd);
	if (datagram && getpeername(fd, (struct sockaddr *)&peer, &size) < 0)
		return error_set(IOTSAFE_ERR_ARG,
				 "the datagram socket %d is not connected", fd);
	return IOTSAFE_OK;
}

int transport_open(struct transport *transport, int fd, bool datagram)
{
	struct stat stat;

	if (fd < 0 || fstat(fd, &stat) < 0)
		return error_set(IOTSAFE_ERR_ARG, "descriptor %d is not open",
				 fd);
	*transport =
		(struct transport){.given = fd, .fd = fd, .datagram = datagram};
	transport->socket = S_ISSOCK(stat.st_mode);
	if (transport->socket)
		return check_socket(fd, datagram);
	if (datagram)
		return error_set(IOTSAFE_ERR_ARG,
				 "DTLS wants a datagram socket, descriptor %d "
				 "is no socket",
				 fd);
	return IOTSAFE_OK;
}

int transport_lend(struct transport *transport)
{
	int own = fcntl(transport->given, F_DUPFD_CLOEXEC, 0);

	if (own < 0)
		return error_set_errno(IOTSAFE_ERR_IO, errno, "descriptor %d",
				       transport->given);
	transport->fd = own;
	return IOTSAFE_OK;
}

void transport_release(struct transport *transport)
{
	if (transport->fd >= 0 && transport->fd != transport->given)
		close(transport->fd);
	transport->fd = transport->given;
}

static bool is_still_given(const struct transport *transport)
{
	struct stat own, given;

	return fstat(transport->fd, &own) == 0 &&
	       fstat(transport->given, &given) == 0 &&
	       own.st_dev == given.st_dev && own.st_ino == given.st_ino;
}

int transport_take_back(struct transport *transport)
{
	const bool still = is_still_given(transport);

	transport_release(transport);
	if (still)
		return IOTSAFE_OK;
	transport->fd = -1;
	return error_set(IOTSAFE_ERR_IO,
			 "TLS: descriptor %d was closed while the card worked",
			 transport->given);
}

void transport_install(struct transport *transport, gnutls_session_t session)
{
	gnutls_transport_set_ptr(session, transport);
	gnutls_transport_set_pull_function(session, pull);
	gnutls_transport_set_vec_push_function(session, push);
	gnutls_transport_set_pull_timeout_function(session, pull_timeout);
}

void transport_drain(struct transport *transport)
{
	char rest[2048];
	int pieces = DRAIN_MAX;

	if (!transport->socket || transport->datagram)
		return;
	while (pieces--)
		if (recv(transport->fd, rest, sizeof(rest), MSG_DONTWAIT) <= 0)
			return;
}

unsigned transport_mtu(const struct transport *transport)
{
	int mtu;
	socklen_t size = sizeof(mtu);

	if (!getsockopt(transport->fd, IPPROTO_IPV6, IPV6_MTU, &mtu, &size) &&
	    mtu > IPV6_UDP_HEADERS)
		return (unsigned)mtu - IPV6_UDP_HEADERS;
	size = sizeof(mtu);
	if (!getsockopt(transport->fd, IPPROTO_IP, IP_MTU, &mtu, &size) &&
	    mtu > IPV4_UDP_HEADERS)
		return (unsigned)mtu - IPV4_UDP_HEADERS;
	return MTU_MAX;
}
