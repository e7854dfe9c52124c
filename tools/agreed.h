/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a session agreed on and what it cost, for people and for programs. */
#ifndef TOOLS_AGREED_H
#define TOOLS_AGREED_H

#include "cli.h"
#include "dial.h"

/* Counters of the card's link at one moment. */
struct cost {
	uint64_t exchanges, sent, received, signatures, link;
};

struct agreed {
	const struct peer *peer;
	iotsafe_tls *tls;
	/* Our key and its name; NULL without one. */
	iotsafe_object *object;
	const char *key;
	const char *server_name;
	/* On the way to an open card with a known identity, and in the
	 * handshake. */
	struct cost opening, handshake;
	/* Microseconds. */
	uint64_t open_time, connect_time, handshake_time;
};

struct cost cost_now(iotsafe_card *card);
struct cost cost_since(iotsafe_card *card, const struct cost *before);

/* JSON members, or a table on standard error. */
int agreed_show(struct cli *cli, const struct agreed *agreed);

#endif
