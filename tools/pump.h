/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copies between a TLS session and standard input and output. */
#ifndef TOOLS_PUMP_H
#define TOOLS_PUMP_H

#include "cli.h"

/* The end of standard input is told to the server (with --linger when it has
 * been silent so long); ends when the server closes. */
int pump(struct cli *cli, iotsafe_tls *tls);

#endif
