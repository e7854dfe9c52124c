/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_QUIRK_ROWS_H
#define SIM_QUIRK_ROWS_H

#include "quirk.h"

/* Of two rows in one group the later one wins. */
enum group { ALONE, ERRORS, LINE_ENDS, CLASSES, OPENING, LENGTH_33 };

#define SWITCH -1

struct quirk_row {
	const char *name;
	enum group group;
	int usual; /* number without "=", or SWITCH */
	int least;
	int most;
	const char *sentence;
};

extern const struct quirk_row quirk_rows[QUIRK_COUNT];

#endif
