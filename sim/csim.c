// SPDX-License-Identifier: LGPL-2.1-or-later
/* AT+CSIM and AT+CGLA: between the modem's line and the card's bytes. */
#include "csim.h"

#include "manner.h"
#include "strike.h"

#include <ctype.h>
#include <string.h>

#define CHARACTERS_MIN 8 /* a command of four bytes */

static void skip_spaces(struct text *text)
{
	while (text->size > 0 && *text->at == ' ') {
		text->at++;
		text->size--;
	}
}

static bool take_number(struct text *text, size_t *number)
{
	size_t digits = 0;

	*number = 0;
	while (text->size > 0 && isdigit((unsigned char)*text->at)) {
		*number = *number * 10 + (size_t)(*text->at - '0');
		text->at++;
		text->size--;
		if (++digits > 4)
			return false;
	}
	return digits > 0;
}

static bool take_comma(struct text *text)
{
	skip_spaces(text);
	if (text->size == 0 || *text->at != ',')
		return false;
	text->at++;
	text->size--;
	skip_spaces(text);
	return true;
}

bool text_unquote(struct text *text)
{
	if (text->size == 0 || *text->at != '"')
		return true;
	if (text->size < 2 || text->at[text->size - 1] != '"')
		return false;
	text->at++;
	text->size -= 2;
	return true;
}

/* The size of the command in `bytes`, or 0 when the line is not good. */
static size_t parse(struct text text, uint8_t bytes[CARD_COMMAND_MAX])
{
	size_t length;
	int size;

	if (!take_number(&text, &length) || !take_comma(&text) ||
	    !text_unquote(&text) || length != text.size ||
	    length < CHARACTERS_MIN)
		return 0;
	size = hex_decode(text.at, text.size, bytes, CARD_COMMAND_MAX);
	return size > 0 ? (size_t)size : 0;
}

static unsigned int fault_ins(const struct modem *modem, const uint8_t *command,
			      unsigned int channel)
{
	unsigned int named = command[0] & 0x40 ? 4 + (command[0] & 0x0FU)
					       : command[0] & 0x03U;

	return card_fault_ins(modem->card, channel ? channel : named,
			      command[1]);
}

void csim_card(struct modem *modem, struct at_exchange *exchange, size_t size)
{
	struct log_entry *entry = &exchange->entry;
	uint64_t start = timing_now();
	uint64_t took;

	entry->command = view_of(exchange->command, size);
	entry->response =
		view_of(exchange->response,
			card_exchange(modem->card, exchange->command, size,
				      exchange->response, &entry->note));
	took = timing_now() - start;
	entry->card_ns = timing_card(&modem->timing, exchange->command, size,
				     entry->response.size);
	if (entry->card_ns < took)
		entry->card_ns = took;
	exchange->done = true;
}

static void answer(struct modem *modem, const char *name, struct reply *reply,
		   struct at_exchange *exchange)
{
	char hex[2 * CARD_RESPONSE_MAX + 1];
	char stale[sizeof(modem->stale)];

	hex_encode(exchange->response, exchange->entry.response.size, hex);
	snprintf(stale, sizeof(stale), "%s", modem->stale);
	snprintf(modem->stale, sizeof(modem->stale), "%s\"",
		 hex + strlen(hex) - 4);
	reply_csim(reply, name, hex,
		   fault_strikes(modem->faults, FAULT_TRUNCATE, exchange->ins,
				 NULL),
		   quirk_on(&modem->quirks, QUIRK_STALE) ? stale : "");
}

static int pass(struct modem *modem, struct text arguments, const char *name,
		unsigned int channel, struct reply *reply,
		struct at_exchange *exchange)
{
	unsigned int busy;
	size_t size;
	int result;

	modem->exchanges++;
	if (fault_strikes(modem->faults, FAULT_BUSY, 0, &busy) &&
	    modem->exchanges <= busy)
		return CME_SIM_BUSY;
	size = parse(arguments, exchange->command);
	if (size == 0)
		return CME_BAD_PARAMETERS;
	if (2 * size >= (size_t)quirk_value(&modem->quirks, QUIRK_LONG_IGNORED,
					    2 * CARD_COMMAND_MAX + 1))
		return AT_SILENT;
	result = manner_filter(modem, exchange->command, size);
	if (result != AT_OK)
		return result;
	exchange->ins = fault_ins(modem, exchange->command, channel);
	result = strike_before(modem, exchange->ins,
			       channel ? channel : exchange->command[0] & 0x03);
	if (result != AT_OK)
		return result;
	/* in class 0X and 8X the channel is the low two bits */
	if (channel != 0 && !quirk_on(&modem->quirks, QUIRK_CGLA_CLASS))
		exchange->command[0] =
			(uint8_t)((exchange->command[0] & 0xFCU) | channel);
	csim_card(modem, exchange, size);
	manner_fetch(modem, exchange);
	answer(modem, name, reply, exchange);
	strike_after(modem);
	return AT_OK;
}

int csim_pass(struct modem *modem, struct text arguments, unsigned int channel,
	      struct reply *reply, struct at_exchange *exchange)
{
	skip_spaces(&arguments);
	return pass(modem, arguments, "CGLA", channel, reply, exchange);
}

int csim_run(struct modem *modem, struct text arguments, struct reply *reply,
	     struct at_exchange *exchange)
{
	return pass(modem, arguments, "CSIM", 0, reply, exchange);
}
