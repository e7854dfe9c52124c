/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_CONTROL_H
#define SIM_CONTROL_H

#include "modem.h"

/*
 * Lines on standard input for whoever tests with the simulator, each answered
 * with one line on standard output:
 *
 *   faults [NAME[=VALUE][@N[-M]],...]   these from now on, counted from here,
 *                                       and no others; "ok", or "bad: why"
 *   struck                              how often one of them did
 *   channels                            how many logical channels are open
 */
struct control {
	struct modem *modem;
	char line[512];
	size_t size;
};

/* Reads what is there; false at the end of standard input. */
bool control_read(struct control *control);

#endif
