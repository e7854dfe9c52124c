/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * getaddrinfo() in a thread of its own, one question at a time. What it last
 * found serves for a while, and as long as nothing better is found.
 */
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include "clock.h"
#include "resolve.h"

/* Milliseconds. getaddrinfo() does not tell for how long an answer holds. */
#define FRESH 30000

static struct {
	const struct peer *host;
	struct addrinfo hints;
	pthread_t thread;
	int fd;
	bool asking, answered;
	int64_t good_until;
	struct addresses known;
	/* The thread's, until the descriptor tells. */
	struct addrinfo *found;
	int error;
} resolve = {.fd = -1};

static void *look_up(void *unused)
{
	resolve.error = getaddrinfo(resolve.host->host, resolve.host->port,
				    &resolve.hints, &resolve.found);
	eventfd_write(resolve.fd, 1);
	return unused;
}

static void keep_found(void)
{
	struct addresses *known = &resolve.known;

	known->count = 0;
	for (const struct addrinfo *i = resolve.found;
	     i && known->count < ADDRESSES_MAX; i = i->ai_next) {
		struct address *address = &known->list[known->count++];

		memcpy(&address->bytes, i->ai_addr, i->ai_addrlen);
		address->size = i->ai_addrlen;
	}
	freeaddrinfo(resolve.found);
	resolve.found = NULL;
}

static void keep(void)
{
	resolve.known.reason =
		resolve.error ? gai_strerror(resolve.error) : NULL;
	if (!resolve.error)
		keep_found();
	resolve.good_until = clock_after(FRESH);
	resolve.answered = true;
}

bool resolve_start(const struct peer *host, bool datagram)
{
	resolve.host = host;
	resolve.hints = (struct addrinfo){
		.ai_socktype = datagram ? SOCK_DGRAM : SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST,
	};
	resolve.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (resolve.fd < 0)
		return false;
	resolve.error = getaddrinfo(host->host, host->port, &resolve.hints,
				    &resolve.found);
	resolve.hints.ai_flags = AI_ADDRCONFIG;
	if (!resolve.error) {
		keep();
		resolve.good_until = INT64_MAX;
	}
	return true;
}

bool resolve_ask(struct addresses *addresses)
{
	if (resolve.answered && clock_left(resolve.good_until)) {
		*addresses = resolve.known;
		return true;
	}
	if (resolve.asking)
		return false;
	resolve.error = pthread_create(&resolve.thread, NULL, look_up, NULL);
	if (resolve.error) {
		*addresses =
			(struct addresses){.reason = strerror(resolve.error)};
		return true;
	}
	resolve.asking = true;
	return false;
}

int resolve_fd(void)
{
	return resolve.fd;
}

void resolve_take(void)
{
	eventfd_t count;

	if (!resolve.asking || eventfd_read(resolve.fd, &count) < 0)
		return;
	pthread_join(resolve.thread, NULL);
	resolve.asking = false;
	keep();
}
