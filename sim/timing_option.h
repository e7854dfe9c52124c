/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_TIMING_OPTION_H
#define SIM_TIMING_OPTION_H

#include "timing.h"

#include <stdio.h>

/* Sets the term of the link model that the option `name` is of, from `value`;
 * "link" sets all of them. False after telling the problem. */
bool timing_option(struct timing *timing, const char *name, const char *value);

/* The table of whole links, for people and for programs: name, terms. */
void links_print(FILE *out);

#endif
