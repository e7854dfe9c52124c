/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of options: options_rows.c. */
#ifndef TOOLS_OPTIONS_H
#define TOOLS_OPTIONS_H

#include <stddef.h>

enum option_kind {
	FLAG,
	TEXT,
	/* Above 0. */
	INTEGER,
	/* A list of files. */
	FILES,
	/* A flag that may carry a text. */
	FLAG_TEXT
};

struct option_row {
	const char *name;
	enum option_kind kind;
	/* Of a bool, a const char * or an int in struct options. */
	size_t place;
	/* Rows of one name mean the same place, and say of different commands
	 * what it is for. */
	unsigned commands;
	const char *value;
	const char *help;
};

/* More than there are. */
#define OPTION_ROWS_MAX 256

extern const struct option_row option_rows[];
extern const size_t option_rows_count;

#endif
