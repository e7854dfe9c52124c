// SPDX-License-Identifier: LGPL-2.1-or-later
/* Transparent files of Trust Onboard's applets: their control data, READ. */
#include "ef.h"

bool ef_begin(struct ef *ef, struct writer *out)
{
	ef_forget(ef);
	ef->data = OPENSSL_zalloc(EF_MAX);
	*out = writer_on(ef->data, EF_MAX);
	return ef->data != NULL;
}

bool ef_end(struct ef *ef, const struct writer *out)
{
	ef->size = out->size;
	if (out->overflow)
		ef_forget(ef);
	return !out->overflow;
}

void ef_forget(struct ef *ef)
{
	OPENSSL_clear_free(ef->data, EF_MAX);
	*ef = (struct ef){0};
}

void tob_leave(struct card *card, struct channel *channel)
{
	struct tob_state *state = &channel->tob;

	(void)card;
	ef_forget(&state->ef);
	EVP_MD_CTX_free(state->text);
	OPENSSL_cleanse(state, sizeof(*state));
}

static void put_u16_field(struct writer *out, unsigned int tag,
			  unsigned int value)
{
	put_byte(out, tag);
	put_byte(out, 2);
	put_u16(out, value);
}

void ef_put_fcp(const struct card *card, const struct ef *ef,
		unsigned int size_tag, unsigned int id, struct writer *out)
{
	unsigned int size = (unsigned int)ef->size;
	uint8_t bytes[64];
	struct writer fields = writer_on(bytes, sizeof(bytes));

	if (quirk_on(&card->quirks, QUIRK_SIZE_TAG))
		size_tag ^= 0x80 ^ 0x81;
	fault_strikes(card->faults, FAULT_FCP_SIZE, 0, &size);
	if (!fault_strikes(card->faults, FAULT_NO_SIZE, 0, NULL))
		put_u16_field(&fields, size_tag, size & 0xFFFF);
	put_tlv_byte(&fields, 0x82, 0x01);
	put_u16_field(&fields, 0x83, id);
	put_tlv_byte(&fields, 0x8A, 0x05);
	put_byte(&fields, 0x8C);
	put_byte(&fields, (unsigned int)ef->rights);
	/* which commands have a condition, and that this is the PIN */
	for (size_t i = 0; i < ef->rights; i++)
		put_byte(&fields, i == 0 ? 0x03 : ef->locked ? 0x90 : 0x00);
	put_tlv(out, 0x62, view_of(bytes, fields.size));
}

/* A fault: one bit in the middle of the piece. */
static void spoil(const struct card *card, struct writer *out)
{
	if (card->corrupt && out->size > 0)
		out->data[out->size / 2] ^= 0x01;
}

uint16_t ef_read_binary(struct card *card, struct channel *channel,
			const struct command *command, struct writer *out)
{
	const struct ef *ef = &channel->tob.ef;
	size_t offset = (size_t)command->p1 << 8 | command->p2;
	size_t total = ef->size;
	size_t left;

	if (command->data.size != 0)
		return SW_WRONG_LENGTH;
	if ((command->p1 & 0x80) != 0)
		return SW_WRONG_P1P2; /* these files have no short names */
	if (ef->data == NULL)
		return SW_NO_FILE_SELECTED;
	if (ef->closed || (ef->locked && !channel->tob.verified))
		return SW_DENIED;
	if (fault_strikes(card->faults, FAULT_SHRINK, 0, NULL))
		total /= 2;
	if (offset >= total)
		return SW_WRONG_OFFSET;
	left = total - offset;
	if (command->le != 256 && command->le > left &&
	    !quirk_on(&card->quirks, QUIRK_READ_6282))
		return (uint16_t)(SW_WRONG_LE | left);
	put_bytes(out, ef->data + offset,
		  command->le < left ? command->le : left);
	spoil(card, out);
	return command->le != 256 && command->le > left ? SW_END_OF_FILE
							: SW_OK;
}
