/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where local programs come in: LISTEN becomes sockets. */
#ifndef TOOLS_LISTEN_H
#define TOOLS_LISTEN_H

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include "cli.h"

#define LISTENERS_MAX 8

struct listeners {
	/* Non-blocking: streams that listen, or datagram sockets. */
	int fds[LISTENERS_MAX];
	size_t count;
	/* What they are called: "127.0.0.1:1883". */
	char names[LISTENERS_MAX][128];
	/* The Unix socket that we made, to be removed at the end. */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	struct stat made;
};

/* The caller closes them, also after a failure. */
int listen_open(struct cli *cli, const char *where,
		struct listeners *listeners);
void listen_close(struct listeners *listeners);

/* An address as people write it: "[::1]:1883". */
void listen_name(const struct sockaddr *address, socklen_t size, char *out,
		 size_t room);

#endif
