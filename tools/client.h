/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A TLS session as the options say: identity, trust, versions. */
#ifndef TOOLS_CLIENT_H
#define TOOLS_CLIENT_H

#include "cli.h"

/* Refuses options that contradict each other. */
int client_check(struct cli *cli);

/* Reads what the handshake will need of the card before a server waits. What
 * a missing certificate means is for the handshake to say. */
int client_learn(struct cli *cli, iotsafe_key **key);

/* A session before its handshake; the caller frees it, also after a
 * failure. */
int client_new(struct cli *cli, const char *server_name, iotsafe_tls **tls);

/* Says so where nobody checks who the server is. */
void client_warn(const struct cli *cli);

#endif
