/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether certificates lead to a root of a bundle. */
#ifndef TOOLS_ISSUED_H
#define TOOLS_ISSUED_H

#include "certificate.h"

/* Whether --at and --ignore-ca-expiry make sense, before the card is asked. */
int issued_check(struct cli *cli);

/* Verifies PEM, the first of it `leaf`, with --verify, and says so. */
int issued_verify(struct cli *cli, const char *pem,
		  const struct certificate *leaf);

#endif
