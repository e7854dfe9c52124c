/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the PINs of `iotsafe pin` come from: never the command line, which
 * others can read. */
#ifndef TOOLS_PIN_SOURCE_H
#define TOOLS_PIN_SOURCE_H

#include "cli.h"

#define PIN_LEAST 4
#define PIN_MOST  8

/* A PIN of this card and applet, wiped by whoever asked for it. */
struct pin_wanted {
	const char *iccid, *applet;
	const char *file, *variable; /* NULL, NULL: asked for on the terminal */
	const char *what;	     /* "the PIN", "the new PIN" */
	bool twice;		     /* on a terminal, since nobody sees it */
};

int pin_take(struct cli *cli, const struct pin_wanted *wanted,
	     char pin[PIN_MOST + 1]);

#endif
