/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* docs/faults.md as cells: what breaks, where, and what must come of it. */
#ifndef MATRIX_TABLE_H
#define MATRIX_TABLE_H

#include <stdbool.h>
#include <stddef.h>

struct cell {
	char fault[40]; /* the section */
	char rule[80];	/* for the simulator */
	char operation[24];
	char place[40];
	char expected[160]; /* `CODE` and words, "…" for what differs */
	bool leaves;	    /* a channel that nobody can know of */
	bool anew;	    /* the next operation needs a new handle */
};

struct table {
	struct cell *cells;
	size_t count;
};

/* The cells of one way ("CSIM", "CGLA", "PC/SC"). Ends the program when a row
 * is not understood. */
struct table table_read(const char *path, const char *way);

/* Does a result, and its sentence, fit what is expected? */
bool cell_fits(const struct cell *cell, const char *code, const char *sentence);

#endif
