/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Copies between a TLS session and standard input and output. */
#ifndef TOOLS_PUMP_H
#define TOOLS_PUMP_H

#include "cli.h"

/* Until the server closes, or until it has been silent for --linger after the
 * end of standard input. */
int pump(struct cli *cli, iotsafe_tls *tls);

#endif
