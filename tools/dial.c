/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * HOST:PORT becomes a connected socket: every address of the host is tried,
 * each with its share of the time.
 */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "cli.h"
#include "clock.h"
#include "dial.h"
#include "watch.h"

static bool copy(char *out, size_t room, const char *text, size_t size)
{
	if (!size || size >= room)
		return false;
	memcpy(out, text, size);
	out[size] = '\0';
	return true;
}

/* RFC 3986 3.2.2: an IPv6 address stands in brackets. */
static const char *split(const char *text, struct peer *peer)
{
	const char *end, *host = text;

	if (*text == '[') {
		host++;
		end = strchr(host, ']');
		if (!end || end[1] != ':')
			return NULL;
	} else {
		end = strrchr(text, ':');
		if (!end || memchr(text, ':', (size_t)(end - text)))
			return NULL;
	}
	if (!copy(peer->host, sizeof(peer->host), host, (size_t)(end - host)))
		return NULL;
	return *text == '[' ? end + 2 : end + 1;
}

/* getaddrinfo() would take 65536 for 0. */
static bool is_port(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	return text[digits] || (digits <= 5 && atoi(text) <= UINT16_MAX);
}

int dial_parse(struct cli *cli, const char *text, struct peer *peer)
{
	const char *port = split(text, peer);

	peer->fd = -1;
	if (port && !is_port(port))
		return fail(cli, ERR_USAGE,
			    "\"%s\": a port is a number up to 65535, or a name",
			    text);
	if (!port ||
	    !copy(peer->port, sizeof(peer->port), port, strlen(port)) ||
	    !copy(peer->name, sizeof(peer->name), text, strlen(text)))
		return fail(cli, ERR_USAGE,
			    "\"%s\" is not HOST:PORT (an IPv6 address is "
			    "written in brackets)",
			    text);
	return 0;
}

/* Waits until the connection stands or has failed. Gives errno. */
static int wait_connected(int fd, int64_t deadline)
{
	struct pollfd waits[2] = {
		{.fd = fd, .events = POLLOUT},
		{.fd = watch_fd(), .events = POLLIN},
	};
	int error = 0;
	socklen_t size = sizeof(error);
	int ready;

	do {
		ready = poll(waits, 2, clock_left(deadline));
	} while (ready < 0 && errno == EINTR);
	if (ready < 0)
		return errno;
	if (waits[1].revents)
		return ECANCELED;
	if (!ready)
		return ETIMEDOUT;
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	return error;
}

static int connect_one(struct peer *peer, const struct addrinfo *info,
		       int64_t deadline)
{
	int error = 0;
	int fd = socket(info->ai_family,
			info->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
			info->ai_protocol);

	if (fd < 0)
		return errno;
	if (connect(fd, info->ai_addr, info->ai_addrlen) < 0)
		error = errno == EINPROGRESS ? wait_connected(fd, deadline)
					     : errno;
	if (error) {
		close(fd);
		return error;
	}
	peer->fd = fd;
	getnameinfo(info->ai_addr, info->ai_addrlen, peer->address,
		    sizeof(peer->address), NULL, 0, NI_NUMERICHOST);
	return 0;
}

static int connect_any(struct peer *peer, const struct addrinfo *list,
		       int64_t deadline)
{
	int addresses = 0, error = ETIMEDOUT;

	for (const struct addrinfo *i = list; i; i = i->ai_next)
		addresses++;
	for (const struct addrinfo *i = list; i; i = i->ai_next) {
		int share = clock_left(deadline) / addresses--;

		error = connect_one(peer, i, clock_after(share));
		if (!error || error == ECANCELED)
			break;
	}
	return error;
}

int dial(struct cli *cli, struct peer *peer, bool datagram, int64_t deadline)
{
	struct addrinfo hints = {
		.ai_socktype = datagram ? SOCK_DGRAM : SOCK_STREAM,
	};
	struct addrinfo *list;
	int error;

	watch_begin("connecting");
	error = getaddrinfo(peer->host, peer->port, &hints, &list);
	if (error)
		return fail(cli, ERR_HOST, "%s: %s", peer->name,
			    error == EAI_SYSTEM ? strerror(errno)
						: gai_strerror(error));
	error = connect_any(peer, list, deadline);
	freeaddrinfo(list);
	if (error == ECANCELED)
		return fail(cli, "ERR_CANCELLED", "ended by a signal");
	if (error)
		return fail(cli, ERR_HOST, "%s: %s", peer->name,
			    strerror(error));
	return 0;
}
