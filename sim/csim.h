/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_CSIM_H
#define SIM_CSIM_H

#include "at_command.h"

struct text {
	const char *at;
	size_t size;
};

/* AT+CSIM=LENGTH,HEX (3GPP TS 27.007 8.17); results as at_run. */
int csim_run(struct modem *modem, struct text arguments, struct reply *reply,
	     struct at_exchange *exchange);

#endif
