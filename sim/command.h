/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_COMMAND_H
#define SIM_COMMAND_H

#include "bytes.h"

/* A command after its class byte and its lengths have been understood. */
struct command {
	uint8_t cla, ins, p1, p2;
	bool proprietary; /* of class 8X or CX */
	bool chained;	  /* more of the same follows */
	unsigned int channel;
	struct view data;
	bool has_le;
	size_t le; /* 1 to 256 */
};

/* SW_OK, or what the card answers to bytes that are no command. */
uint16_t command_read(struct command *command, const uint8_t *bytes,
		      size_t size);

#endif
