/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_CSIM_H
#define SIM_CSIM_H

#include "at_command.h"

struct text {
	const char *at;
	size_t size;
};

/* Takes the quotes off, both or none; false when there is one. */
bool text_unquote(struct text *text);

/* A command of `size` bytes in the exchange to the card, and nothing else. */
void csim_card(struct modem *modem, struct at_exchange *exchange, size_t size);

/* LENGTH,HEX to the card as AT+CGLA has it: the modem puts the channel into the
 * class byte. */
int csim_pass(struct modem *modem, struct text arguments, unsigned int channel,
	      struct reply *reply, struct at_exchange *exchange);

/* AT+CSIM=LENGTH,HEX (3GPP TS 27.007 8.17); results as at_run. */
int csim_run(struct modem *modem, struct text arguments, struct reply *reply,
	     struct at_exchange *exchange);

#endif
