// SPDX-License-Identifier: LGPL-2.1-or-later
/* Answers that a fault makes wrong. */
#include "card_parts.h"

#include "answer.h"

#define INS_GET_RANDOM 0x84
#define INS_READ_FILE  0xB0
#define INS_GET_DATA   0xCB

/* What is wrong is well-formed: one bit, where it does not show at once. */
static void corrupt(const struct command *command, struct writer *answer)
{
	bool is_data = command->ins == INS_GET_DATA;

	if (command->ins == INS_READ_FILE || command->ins == INS_GET_RANDOM)
		return; /* done by the command, which knows better */
	if (is_data && answer->size > 1)
		answer->data[1] ^= 0x40;
	else if (answer->size > 0)
		answer->data[answer->size - 1] ^= 0x01;
}

uint16_t card_spoil(struct card *card, const struct command *command,
		    struct writer *answer, uint16_t sw)
{
	unsigned int ins = card_fault_ins(card, command->channel, command->ins);
	size_t noise = answer->size > 0 ? answer->size : 16;
	unsigned int forced;

	if (card->corrupt && answer_carries_data(sw))
		corrupt(command, answer);
	if (sw == SW_OK &&
	    fault_strikes_once(card->faults, FAULT_AFTER, ins, &forced)) {
		if (forced == SW_ADMINISTERED)
			personal_renew(card->personal);
		return (uint16_t)forced;
	}
	if (!fault_strikes(card->faults, FAULT_GARBAGE, ins, NULL))
		return sw;
	answer->size = 0;
	while (answer->size < noise)
		put_byte(answer, (unsigned int)(answer->size * 167 + 91));
	return SW_OK;
}
