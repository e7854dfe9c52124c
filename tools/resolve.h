/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A host's addresses, asked for anew while others are served: looking up a
 * name can take as long as it likes. */
#ifndef TOOLS_RESOLVE_H
#define TOOLS_RESOLVE_H

#include <sys/socket.h>
#include "dial.h"

#define ADDRESSES_MAX 4

struct address {
	struct sockaddr_storage bytes;
	socklen_t size;
};

struct addresses {
	struct address list[ADDRESSES_MAX];
	size_t count;
	/* Why there are none. */
	const char *reason;
};

/* There is one host, for the life of the process. False if it cannot; errno
 * says why. */
bool resolve_start(const struct peer *host, bool datagram);

/* True if the addresses are known and fresh; else they are being asked for,
 * and the descriptor tells when they are there. */
bool resolve_ask(struct addresses *addresses);
int resolve_fd(void);

/* Takes the answer, once the descriptor is readable. */
void resolve_take(void);

#endif
