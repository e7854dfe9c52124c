/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a TLS session says it waits for becomes one poll().
 */
#include <errno.h>
#include <string.h>
#include "clock.h"
#include "wants.h"
#include "watch.h"

bool wants_more(int result)
{
	return result == IOTSAFE_WANT_READ || result == IOTSAFE_WANT_WRITE ||
	       result == IOTSAFE_WANT_CARD;
}

void wants_init(struct wants *wants)
{
	*wants = (struct wants){.timeout = -1};
	wants_add(wants, watch_fd(), POLLIN);
}

size_t wants_add(struct wants *wants, int fd, int events)
{
	wants->waits[wants->count] =
		(struct pollfd){.fd = fd, .events = (short)events};
	return wants->count++;
}

int wants_add_tls(struct cli *cli, struct wants *wants, iotsafe_tls *tls)
{
	int fd, events, timeout;

	if (iotsafe_tls_poll(tls, &fd, &events, &timeout) < 0)
		return fail_library(cli);
	wants_add(wants, fd, events);
	if (timeout >= 0 && (wants->timeout < 0 || timeout < wants->timeout))
		wants->timeout = timeout;
	return 0;
}

int wants_wait(struct cli *cli, struct wants *wants, int64_t deadline,
	       bool *late)
{
	int timeout = wants->timeout;

	*late = deadline != NO_DEADLINE && !clock_left(deadline);
	if (*late)
		return 0;
	if (deadline != NO_DEADLINE &&
	    (timeout < 0 || clock_left(deadline) < timeout))
		timeout = clock_left(deadline);
	if (poll(wants->waits, wants->count, timeout) < 0) {
		if (errno != EINTR)
			return fail(cli, ERR_FILE, "poll: %s", strerror(errno));
		for (nfds_t i = 0; i < wants->count; i++)
			wants->waits[i].revents = 0;
	}
	if (wants->waits[0].revents)
		return fail(cli, "ERR_CANCELLED", "ended by a signal");
	return 0;
}
