// SPDX-License-Identifier: LGPL-2.1-or-later
/* The master file of ETSI TS 102 221: EF_ICCID, STATUS and PIN counters. */
#include "uicc.h"

#define SFI_ICCID 0x02

/* File control parameters, TS 102 221 11.1.1.3. */
static void put_fcp(struct writer *out, unsigned int file)
{
	static const uint8_t mf[] = {0x62, 0x15, 0x82, 0x02, 0x78, 0x21,
				     0x83, 0x02, 0x3F, 0x00, 0x8A, 0x01,
				     0x05, 0x8B, 0x03, 0x2F, 0x06, 0x01,
				     0xC6, 0x03, 0x90, 0x01, 0x00};
	static const uint8_t iccid[] = {
		0x62, 0x17, 0x82, 0x02, 0x41, 0x21, 0x83, 0x02, 0x2F,
		0xE2, 0x8A, 0x01, 0x05, 0x8B, 0x03, 0x2F, 0x06, 0x03,
		0x80, 0x02, 0x00, 0x0A, 0x88, 0x01, 0x10};

	if (file == UICC_MF)
		put_bytes(out, mf, sizeof(mf));
	else
		put_bytes(out, iccid, sizeof(iccid));
}

static unsigned int file_id(struct view path, size_t at)
{
	return (unsigned int)path.data[at] << 8 | path.data[at + 1];
}

unsigned int uicc_file(const struct command *command)
{
	return file_id(command->data, command->data.size - 2);
}

uint16_t uicc_select(struct card *card, const struct command *command,
		     struct writer *out)
{
	struct view path = command->data;

	(void)card;
	/* by file id, by path from the master file, from the current folder */
	if ((command->p1 != 0x00 && command->p1 != 0x08 &&
	     command->p1 != 0x09) ||
	    (command->p2 & 0xF3) != 0)
		return SW_WRONG_P1P2;
	if (path.size % 2 != 0 || (command->p1 == 0x00 && path.size != 2))
		return SW_WRONG_LENGTH;
	for (size_t at = 0; at < path.size; at += 2) {
		unsigned int id = file_id(path, at);
		bool last = at + 2 == path.size;

		if (id != UICC_MF && !(last && id == UICC_EF_ICCID))
			return SW_NOT_FOUND;
	}
	if (command->p2 != 0x0C)
		put_fcp(out, uicc_file(command));
	return SW_OK;
}

static uint16_t read_binary(struct card *card, struct channel *channel,
			    const struct command *command, struct writer *out)
{
	size_t offset = (size_t)command->p1 << 8 | command->p2;
	size_t left;

	if (command->data.size != 0)
		return SW_WRONG_LENGTH;
	if (quirk_on(&card->quirks, QUIRK_NO_ICCID))
		return SW_DENIED;
	if (command->p1 == (0x80 | SFI_ICCID) &&
	    !quirk_on(&card->quirks, QUIRK_NO_SFI)) {
		channel->file = UICC_EF_ICCID;
		offset = command->p2;
	} else if ((command->p1 & 0x80) != 0) {
		return SW_NOT_FOUND;
	}
	if (channel->file != UICC_EF_ICCID)
		return SW_NO_FILE_SELECTED;
	if (offset >= ICCID_SIZE)
		return SW_WRONG_OFFSET;
	left = ICCID_SIZE - offset;
	if (command->le != 256 && command->le > left)
		return (uint16_t)(SW_WRONG_LE | left);
	put_bytes(out, card->personal->iccid + offset,
		  command->le < left ? command->le : left);
	return SW_OK;
}

static uint16_t status(struct card *card, struct channel *channel,
		       const struct command *command, struct writer *out)
{
	(void)card;
	(void)channel;
	if (command->data.size != 0)
		return SW_WRONG_LENGTH;
	if (command->p1 > 0x02 || (command->p2 != 0x00 && command->p2 != 0x0C))
		return SW_WRONG_P1P2;
	if (command->p2 == 0x00)
		put_fcp(out, UICC_MF);
	return SW_OK;
}

/* Without data VERIFY asks how many tries are left. */
static uint16_t verify(struct card *card, struct channel *channel,
		       const struct command *command, struct writer *out)
{
	struct view pin = command->data;

	(void)channel;
	(void)out;
	if (command->p1 != 0x00 || command->p2 != 0x01)
		return SW_WRONG_P1P2;
	if (pin.size == 0)
		return (uint16_t)(SW_TRIES | card->pin_tries);
	if (pin.size != 8)
		return SW_WRONG_LENGTH;
	if (!quirk_on(&card->quirks, QUIRK_PIN))
		return SW_INVALIDATED;
	while (pin.size > 0 && pin.data[pin.size - 1] == 0xFF)
		pin.size--;
	return card_try_pin(card, pin);
}

static uint16_t unblock(struct card *card, struct channel *channel,
			const struct command *command, struct writer *out)
{
	(void)card;
	(void)channel;
	(void)out;
	if (command->p1 != 0x00 || command->p2 != 0x01)
		return SW_WRONG_P1P2;
	if (command->data.size == 0)
		return 0x63CA;
	return command->data.size == 16 ? SW_INVALIDATED : SW_WRONG_LENGTH;
}

static const struct command_row rows[] = {
	{0x20, "VERIFY", verify, true},
	{0x2C, "UNBLOCK PIN", unblock, true},
	{0xB0, "READ BINARY", read_binary, false},
	{0xF2, "STATUS", status, false},
};

const struct applet uicc_applet = {
	.rows = rows,
	.row_count = sizeof(rows) / sizeof(*rows),
};

bool uicc_is_secret(unsigned int ins)
{
	return ins == 0x20 || ins == 0x2C;
}
