/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* HOST:PORT becomes a connected socket. */
#ifndef TOOLS_DIAL_H
#define TOOLS_DIAL_H

#include "cli.h"

struct peer {
	/* As it was given: "[::1]:443". */
	char name[300];
	/* Without brackets. */
	char host[256];
	char port[32];
	/* The one that answered: "127.0.0.1". */
	char address[64];
	/* Non-blocking; the caller closes it. */
	int fd;
};

/* Takes the text apart; connects nothing. */
int dial_parse(struct cli *cli, const char *text, struct peer *peer);

/* `deadline`: CLOCK_MONOTONIC in milliseconds. */
int dial(struct cli *cli, struct peer *peer, bool datagram, int64_t deadline);

#endif
