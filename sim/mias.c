// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Trust Onboard's mIAS applet: the table of its commands, its PIN, SELECT. Of
 * the class, 0X is right for all but one: the vendor's tool changes the PIN in
 * class 8X.
 */
#include "mias_parts.h"

#include "ef.h"

#define INS_VERIFY	0x20
#define INS_CHANGE	0x24
#define INS_PSO		0x2A
#define INS_READ_BINARY 0xB0

#define PIN_REFERENCE 0x81

static uint16_t verify(struct card *card, struct channel *channel,
		       const struct command *command, struct writer *out)
{
	struct tob *tob = card->personal->tob;
	uint16_t sw;

	(void)out;
	if (command->p1 != 0x00 || command->p2 != PIN_REFERENCE)
		return SW_WRONG_P1P2;
	if (command->data.size == 0) {
		if (quirk_on(&card->quirks, QUIRK_NO_TRIES))
			return SW_WRONG_LENGTH;
		return channel->tob.verified ? SW_OK : tob_pin_tries(&tob->pin);
	}
	if (command->data.size > 2 * TOB_PIN_MAX)
		return SW_WRONG_LENGTH;
	sw = tob_pin_verify(tob, &tob->pin, command->data);
	channel->tob.verified = sw == SW_OK;
	return sw;
}

/* One byte that counts the old digits, the old, the new. */
static uint16_t change(struct card *card, struct channel *channel,
		       const struct command *command, struct writer *out)
{
	struct view data = command->data;
	struct tob *tob = card->personal->tob;
	struct view length, old;
	uint16_t sw;

	(void)out;
	if (command->p1 != 0x00 || command->p2 != PIN_REFERENCE)
		return SW_WRONG_P1P2;
	if (data.size > 1 + 2 * TOB_PIN_MAX)
		return SW_WRONG_LENGTH;
	if (!view_take(&data, 1, &length) ||
	    !view_take(&data, length.data[0], &old) || old.size == 0 ||
	    data.size < TOB_PIN_MIN || data.size > TOB_PIN_MAX)
		return SW_WRONG_DATA;
	sw = tob_pin_change(tob, &tob->pin, old, data);
	if (sw != SW_OK)
		channel->tob.verified = false;
	return sw;
}

/* By file number, with P1 08 as if it were a path; P2 04 wants the FCP. */
static uint16_t select_file(struct card *card, struct channel *channel,
			    const struct command *command, struct writer *out)
{
	struct view path = command->data;
	struct ef ef = {0};
	unsigned int id;

	if (command->p1 != 0x08 || (command->p2 != 0x04 && command->p2 != 0x0C))
		return SW_WRONG_P1P2;
	if (path.size != 2)
		return SW_NOT_FOUND;
	id = (unsigned int)path.data[0] << 8 | path.data[1];
	if (!mias_open_file(card, id, &ef))
		return SW_NOT_FOUND;
	ef_forget(&channel->tob.ef);
	channel->tob.ef = ef;
	if (command->p2 == 0x04)
		ef_put_fcp(card, &ef, 0x81, id, out);
	return SW_OK;
}

static uint16_t unknown_operation(struct card *card, struct channel *channel,
				  const struct command *command,
				  struct writer *out)
{
	(void)card;
	(void)channel;
	(void)command;
	(void)out;
	return SW_WRONG_P1P2;
}

static const struct command_row rows[] = {
	{INS_VERIFY, "VERIFY", verify, true},
	{0x22, "MSE SET", mias_set_environment, false},
	{INS_CHANGE, "CHANGE REFERENCE DATA", change, true},
	{INS_READ_BINARY, "READ BINARY", ef_read_binary, false},
};

static const struct command_row secret_read = {INS_READ_BINARY, "READ BINARY",
					       ef_read_binary, true};

static const struct {
	unsigned int p1p2;
	struct command_row row;
} operations[] = {
	{0x9080, {INS_PSO, "HASH", mias_hash_block, false}},
	{0x90A0, {INS_PSO, "HASH", mias_hash_end, false}},
	{0x9E9A, {INS_PSO, "COMPUTE SIGNATURE", mias_compute_signature, false}},
	{0x8086, {INS_PSO, "DECIPHER", mias_decipher, true}},
};

static const struct command_row operation_unknown = {
	INS_PSO, "PERFORM SECURITY OPERATION", unknown_operation, true};

static const struct command_row *find_row(const struct channel *channel,
					  const struct command *command)
{
	unsigned int p1p2 = (unsigned int)command->p1 << 8 | command->p2;

	if (command->ins == INS_READ_BINARY && channel->tob.ef.secret)
		return &secret_read;
	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++)
		if (command->ins == INS_PSO && operations[i].p1p2 == p1p2)
			return &operations[i].row;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].ins == command->ins)
			return &rows[i];
	return command->ins == INS_PSO ? &operation_unknown : NULL;
}

static bool suits(const struct command *command)
{
	if (command->chained && command->ins != INS_PSO)
		return false;
	return command->proprietary == (command->ins == INS_CHANGE);
}

/* 20 bytes, as the vendor's client was seen to expect. */
static void put_fci(struct writer *out, struct view aid)
{
	put_byte(out, 0x6F);
	put_byte(out, (unsigned int)aid.size + 5);
	put_tlv(out, 0x84, aid);
	put_tlv_byte(out, 0x8A, 0x05);
}

const struct applet mias_applet = {
	.row = find_row,
	.select = select_file,
	.put_fci = put_fci,
	.suits = suits,
	.takes_chains = true,
	.waits = INS_PSO,
	.plain_6cxx = true,
	.leave = tob_leave,
};
