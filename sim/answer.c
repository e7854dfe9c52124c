// SPDX-License-Identifier: LGPL-2.1-or-later
/* How the data of an answer travels: at once, by 61xx, or by 6Cxx. */
#include "answer.h"

#include <string.h>

void answer_forget(struct channel *channel)
{
	channel->waiting_size = 0;
	channel->waiting_from = 0;
	channel->again_size = 0;
}

/* How much of the waiting answer may go at once. */
static size_t portion(const struct card *card, const struct channel *channel)
{
	size_t left = channel->waiting_size - channel->waiting_from;
	size_t most = (size_t)quirk_value(&card->quirks, QUIRK_CHAINED_61,
					  CARD_DATA_MAX);

	return left < most ? left : most;
}

static uint16_t success(const struct card *card)
{
	if (quirk_on(&card->quirks, QUIRK_91XX))
		return (uint16_t)(0x9100 |
				  quirk_value(&card->quirks, QUIRK_91XX, 0));
	return SW_OK;
}

/* What to say after `waiting_from` has moved: 61xx, or the end. */
static uint16_t what_is_left(const struct card *card,
			     const struct channel *channel)
{
	size_t next = portion(card, channel);

	if (next > 0)
		return (uint16_t)(0x6100 | (next & 0xFF));
	return channel->waiting_sw == SW_OK ? success(card)
					    : channel->waiting_sw;
}

static uint16_t hand_out(const struct card *card, struct channel *channel,
			 size_t size, struct writer *out)
{
	put_bytes(out, channel->waiting + channel->waiting_from, size);
	channel->waiting_from += size;
	return what_is_left(card, channel);
}

uint16_t answer_get_response(struct card *card, struct channel *channel,
			     const struct command *command, struct writer *out)
{
	size_t size = portion(card, channel);

	if (command->data.size != 0)
		return SW_WRONG_LENGTH;
	if ((command->p1 | command->p2) != 0)
		return SW_WRONG_P1P2;
	if (size == 0)
		return SW_CONDITIONS;
	if (quirk_on(&card->quirks, QUIRK_6CXX) && command->le > size)
		return (uint16_t)(SW_WRONG_LE | (size & 0xFF));
	return hand_out(card, channel, command->le < size ? command->le : size,
			out);
}

bool answer_carries_data(uint16_t sw)
{
	return sw == SW_OK || (sw & 0xFF00) == 0x6200 ||
	       (sw & 0xFF00) == 0x6300;
}

static void keep_answer(struct channel *channel, const struct writer *answer,
			uint16_t sw)
{
	memcpy(channel->waiting, answer->data, answer->size);
	channel->waiting_size = answer->size;
	channel->waiting_from = 0;
	channel->waiting_sw = sw;
}

/*
 * The result of an operation of mIAS waits for GET RESPONSE also where the
 * command sent nothing.
 */
static uint16_t deliver_result(const struct card *card, struct channel *channel,
			       const struct command *command,
			       struct writer *answer)
{
	const struct quirks *quirks = &card->quirks;
	bool is_text = command->p1 == 0x80;
	bool is_signature = command->p1 == 0x9E;
	size_t size = channel->waiting_size;
	size_t most = command->le;

	if ((is_text && quirk_on(quirks, QUIRK_DECIPHER_WAITS)) ||
	    (is_signature && quirk_on(quirks, QUIRK_SIGNATURE_WAITS)))
		return success(card);
	if (is_signature && quirk_on(quirks, QUIRK_SPLIT_SIGNATURE))
		most = (size_t)quirk_value(quirks, QUIRK_SPLIT_SIGNATURE, 0);
	else if (!quirk_on(quirks, QUIRK_DIRECT))
		return what_is_left(card, channel);
	return hand_out(card, channel, most < size ? most : size, answer);
}

/*
 * Decides how the data of an answer travels. Under T=0 a command that carried
 * data, or had no Le, is told 61xx; one that only asks gets its data at once.
 */
uint16_t answer_deliver(const struct card *card, struct channel *channel,
			const struct command *command, struct writer *answer,
			uint16_t sw)
{
	const struct quirks *quirks = &card->quirks;
	size_t size = answer->size;
	const struct applet *applet = channel->applet;
	bool asks = command->has_le && command->data.size == 0;
	bool exact = command->le == size || size > CARD_DATA_MAX;

	if (answer->overflow)
		return SW_FAILED;
	if (!answer_carries_data(sw))
		return sw;
	if (size == 0)
		return sw == SW_OK ? success(card) : sw;
	keep_answer(channel, answer, sw);
	answer->size = 0;
	if (applet != NULL && applet->waits == command->ins)
		return deliver_result(card, channel, command, answer);
	if (asks && command->le < size && quirk_on(quirks, QUIRK_LE_61XX))
		return hand_out(card, channel, command->le, answer);
	if ((asks && command->le < size) ||
	    (quirk_on(quirks, QUIRK_6CXX) && command->has_le && !exact &&
	     (asks || applet == NULL || !applet->plain_6cxx)))
		return (uint16_t)(SW_WRONG_LE | (size & 0xFF));
	if (!asks && !quirk_on(quirks, QUIRK_DIRECT))
		return what_is_left(card, channel);
	return hand_out(card, channel, command->le < size ? command->le : size,
			answer);
}

void answer_expect_again(struct channel *channel, struct view bytes)
{
	memcpy(channel->again, bytes.data, bytes.size);
	channel->again_size = bytes.size;
}

bool answer_is_again(const struct channel *channel, struct view bytes)
{
	return channel->again_size != 0 && channel->again_size == bytes.size &&
	       memcmp(channel->again, bytes.data, bytes.size - 1) == 0;
}

uint16_t answer_again(const struct card *card, struct channel *channel,
		      const struct command *command, struct writer *out)
{
	size_t size = channel->waiting_size;

	channel->again_size = 0;
	return hand_out(card, channel, command->le < size ? command->le : size,
			out);
}
