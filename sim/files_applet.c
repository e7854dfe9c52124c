// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The file applet of the preview generation: three files below 7FAA behind the
 * PIN of the SIM.
 */
#include "ef.h"
#include "mias_parts.h"

#define PIN_REFERENCE 0x01
#define INS_READ      0xB0

/* A PIN comes with FF behind it. */
static bool take_pin(struct view *data, struct view *pin)
{
	if (!view_take(data, TOB_PIN_MAX, pin))
		return false;
	while (pin->size > 0 && pin->data[pin->size - 1] == 0xFF)
		pin->size--;
	return true;
}

static uint16_t verify(struct card *card, struct channel *channel,
		       const struct command *command, struct writer *out)
{
	struct tob *tob = card->personal->tob;
	struct view data = command->data;
	struct view pin;
	uint16_t sw;

	(void)out;
	if (command->p1 != 0x00 || command->p2 != PIN_REFERENCE)
		return SW_WRONG_P1P2;
	if (data.size == 0)
		return quirk_on(&card->quirks, QUIRK_NO_TRIES)
			       ? SW_WRONG_LENGTH
			       : tob_pin_tries(&tob->chv1);
	if (!take_pin(&data, &pin) || data.size != 0)
		return SW_WRONG_LENGTH;
	sw = tob_pin_verify(tob, &tob->chv1, pin);
	channel->tob.verified = sw == SW_OK;
	return sw;
}

static uint16_t change(struct card *card, struct channel *channel,
		       const struct command *command, struct writer *out)
{
	struct tob *tob = card->personal->tob;
	struct view data = command->data;
	struct view old, fresh;
	uint16_t sw;

	(void)out;
	if (command->p1 != 0x00 || command->p2 != PIN_REFERENCE)
		return SW_WRONG_P1P2;
	if (!take_pin(&data, &old) || !take_pin(&data, &fresh) ||
	    data.size != 0)
		return SW_WRONG_LENGTH;
	if (fresh.size < TOB_PIN_MIN)
		return SW_WRONG_DATA;
	sw = tob_pin_change(tob, &tob->chv1, old, fresh);
	if (sw != SW_OK)
		channel->tob.verified = false;
	return sw;
}

static bool put_available(struct card *card, struct writer *out)
{
	struct tob *tob = card->personal->tob;

	return quirk_on(&card->quirks, QUIRK_FILE_DER)
		       ? tob_put_der(tob->chains[TOB_AVAILABLE][0], out)
		       : tob_put_chain(card, out);
}

static bool put_signing(struct card *card, struct writer *out)
{
	return tob_put_der(card->personal->tob->chains[TOB_SIGNING][0], out);
}

static const struct {
	unsigned int id;
	bool (*put)(struct card *card, struct writer *out);
	bool secret;
} files[] = {
	{0x6F01, put_available, false},
	{0x6F02, tob_put_key, true},
	{0x6F03, put_signing, false},
};

static bool open_file(struct card *card, size_t index, struct ef *ef)
{
	int padding = quirk_value(&card->quirks, QUIRK_FILE_PAD, 0);
	struct writer out;

	if (!ef_begin(ef, &out) || !files[index].put(card, &out))
		return false;
	while (padding-- > 0)
		put_byte(&out, 0xFF);
	ef->rights = 3;
	ef->locked = true;
	ef->secret = files[index].secret;
	return ef_end(ef, &out);
}

static bool is_there(const struct card *card, size_t index)
{
	return !fault_on(card->faults, files[index].secret
					       ? FAULT_NO_KEY
					       : FAULT_NO_CERTIFICATE);
}

/* By path below the master file: 7FAA and the file. */
static uint16_t select_file(struct card *card, struct channel *channel,
			    const struct command *command, struct writer *out)
{
	struct view path = command->data;
	unsigned int id;

	if (command->p1 != 0x08 || (command->p2 != 0x04 && command->p2 != 0x0C))
		return SW_WRONG_P1P2;
	if (path.size != 4 || path.data[0] != 0x7F || path.data[1] != 0xAA)
		return SW_NOT_FOUND;
	id = (unsigned int)path.data[2] << 8 | path.data[3];
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		if (files[i].id != id || !is_there(card, i))
			continue;
		if (!open_file(card, i, &channel->tob.ef))
			return SW_FAILED;
		if (command->p2 == 0x04)
			ef_put_fcp(card, &channel->tob.ef, 0x80, id, out);
		return SW_OK;
	}
	return SW_NOT_FOUND;
}

static const struct command_row rows[] = {
	{0x20, "VERIFY", verify, true},
	{0x24, "CHANGE PIN", change, true},
	{INS_READ, "READ BINARY", ef_read_binary, false},
};

static const struct command_row secret_read = {INS_READ, "READ BINARY",
					       ef_read_binary, true};

static const struct command_row *find_row(const struct channel *channel,
					  const struct command *command)
{
	if (command->ins == INS_READ && channel->tob.ef.secret)
		return &secret_read;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (rows[i].ins == command->ins)
			return &rows[i];
	return NULL;
}

static bool suits(const struct command *command)
{
	return !command->proprietary;
}

static void put_fci(struct writer *out, struct view aid)
{
	put_byte(out, 0x6F);
	put_byte(out, (unsigned int)aid.size + 2);
	put_tlv(out, 0x84, aid);
}

const struct applet files_applet = {
	.row = find_row,
	.select = select_file,
	.put_fci = put_fci,
	.suits = suits,
	.plain_6cxx = true,
	.leave = tob_leave,
};
