/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What one turn of a loop waits for: a TLS session, other descriptors, and
 * always a signal. */
#ifndef TOOLS_WANTS_H
#define TOOLS_WANTS_H

#include <poll.h>
#include "cli.h"

#define WANTS_MAX 8

/* Never reached. */
#define NO_DEADLINE INT64_MAX

struct wants {
	struct pollfd waits[WANTS_MAX];
	nfds_t count;
	/* Milliseconds, -1 for ever. */
	int timeout;
};

/* True for the codes that mean "not yet". */
bool wants_more(int result);

void wants_init(struct wants *wants);

/* Gives the index, for the result in waits[].revents. */
size_t wants_add(struct wants *wants, int fd, int events);

/* Adds what the session said it waits for. */
int wants_add_tls(struct cli *cli, struct wants *wants, iotsafe_tls *tls);

/* Waits for any of them. `late` tells that the deadline has passed; a signal
 * is a failure. */
int wants_wait(struct cli *cli, struct wants *wants, int64_t deadline,
	       bool *late);

#endif
