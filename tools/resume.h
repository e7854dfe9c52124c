/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sessions kept in the file of --session. */
#ifndef TOOLS_RESUME_H
#define TOOLS_RESUME_H

#include "cli.h"

/* True where the file has something to resume, good or not. */
bool resume_is_there(const struct cli *cli);

/* Hands the session in the file to the next handshake. A file that is not
 * there, or is empty, is the first time. */
int resume_load(struct cli *cli, iotsafe_tls *tls);

/* Keeps the session for the next time; a server that gave none is told on
 * standard error. */
int resume_keep(struct cli *cli, iotsafe_tls *tls);

#endif
