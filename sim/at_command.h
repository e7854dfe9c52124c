/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_AT_COMMAND_H
#define SIM_AT_COMMAND_H

#include "modem.h"
#include "reply.h"

/* How a command line ended: one of these, or a CME error number. */
enum { AT_OK = -1, AT_SILENT = -2 };

/* What one line asked of the card. */
struct at_exchange {
	bool done;
	unsigned int ins; /* what the faults know it by */
	struct log_entry entry;
	uint8_t command[CARD_COMMAND_MAX];
	uint8_t response[CARD_RESPONSE_MAX];
};

/* Runs the commands behind "AT"; information lines go into the reply. */
int at_run(struct modem *modem, const char *line, struct reply *reply,
	   struct at_exchange *exchange);

#endif
