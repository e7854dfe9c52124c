// SPDX-License-Identifier: LGPL-2.1-or-later
/* Takes a command apart: class byte, channel, and the four ISO cases. */
#include "command.h"

#include "card.h"

/*
 * ETSI TS 102 221 10.1.1: channels 0-3 in 0X and 8X, 4-19 in 4X and CX. ISO
 * 7816-4 5.4.1: 10 more in 0X and 4X is a link of a chain.
 */
static bool class_read(struct command *command)
{
	unsigned int cla = command->cla & 0x7FU;

	command->chained = (command->cla & 0x90) == 0x10;
	if (command->chained)
		cla -= 0x10;
	command->proprietary = (command->cla & 0x80) != 0;
	if (cla <= 0x03)
		command->channel = cla;
	else if ((cla & 0x70) == 0x40)
		command->channel = 4 + (cla & 0x0F);
	else
		return false;
	return true;
}

/*
 * ISO 7816-3, cases 1 to 4. An Le of 00 behind an empty P3 is let pass: some
 * hosts put one after every command.
 */
static bool lengths_read(struct command *command, struct view body)
{
	size_t lc;

	command->le = 256;
	if (body.size == 0)
		return true;
	lc = body.data[0];
	body = view_of(body.data + 1, body.size - 1);
	if (body.size == 0 || (lc == 0 && body.size == 1 && !body.data[0])) {
		command->has_le = true;
		command->le = lc ? lc : 256;
		return true;
	}
	if (lc == 0 || !view_take(&body, lc, &command->data) || body.size > 1)
		return false;
	command->has_le = body.size == 1;
	if (command->has_le && body.data[0] != 0)
		command->le = body.data[0];
	return true;
}

uint16_t command_read(struct command *command, const uint8_t *bytes,
		      size_t size)
{
	*command = (struct command){0};
	if (size < 4)
		return SW_WRONG_LENGTH;
	command->cla = bytes[0];
	command->ins = bytes[1];
	command->p1 = bytes[2];
	command->p2 = bytes[3];
	if (!class_read(command))
		return SW_WRONG_CLASS;
	if (!lengths_read(command, view_of(bytes + 4, size - 4)))
		return SW_WRONG_LENGTH;
	return SW_OK;
}
