// SPDX-License-Identifier: LGPL-2.1-or-later
/* AT+CCHO, AT+CGLA, AT+CCHC: channels that the modem opens and numbers. */
#include "cgla.h"

#include "strike.h"

#include <string.h>

#define CHANNELS_MAX 3 /* of class 0X and 8X; the others have no room here */
#define HANDLE_MAX   20
#define INS_CHANNEL  0x70

/*
 * What a host must send back unchanged. It is not the number of the channel:
 * some modems count from one, a Sierra MC7455 gives sixteen hex digits.
 */
static void handle_of(const struct modem *modem, unsigned int channel,
		      char handle[HANDLE_MAX])
{
	if (quirk_on(&modem->quirks, QUIRK_CGLA_CLASS))
		snprintf(handle, HANDLE_MAX, "%u", channel);
	else if (quirk_on(&modem->quirks, QUIRK_CCHO_HANDLE))
		snprintf(handle, HANDLE_MAX, "%016x", 0x0385A7CEU + channel);
	else
		snprintf(handle, HANDLE_MAX, "%u", channel + 4);
}

/* The channel that is open under this handle, or 0. */
static unsigned int channel_of(const struct modem *modem, struct text text)
{
	char handle[HANDLE_MAX];

	text_unquote(&text);
	for (unsigned int channel = 1; channel <= CHANNELS_MAX; channel++) {
		handle_of(modem, channel, handle);
		if ((modem->opened & 1U << channel) != 0 &&
		    text.size == strlen(handle) &&
		    memcmp(text.at, handle, text.size) == 0)
			return channel;
	}
	return 0;
}

static uint16_t status_of(const struct at_exchange *exchange)
{
	struct view response = exchange->entry.response;

	return (uint16_t)(response.data[response.size - 2] << 8 |
			  response.data[response.size - 1]);
}

static uint16_t tell_card(struct modem *modem, struct at_exchange *exchange,
			  const uint8_t *command, size_t size)
{
	memcpy(exchange->command, command, size);
	csim_card(modem, exchange, size);
	return status_of(exchange);
}

static void close_channel(struct modem *modem, unsigned int channel,
			  struct at_exchange *exchange)
{
	uint8_t command[] = {0x00, 0x70, 0x80, (uint8_t)channel, 0x00};

	tell_card(modem, exchange, command, sizeof(command));
	modem->opened &= ~(1U << channel);
}

static bool select_aid(struct modem *modem, unsigned int channel,
		       const uint8_t *aid, size_t size,
		       struct at_exchange *exchange)
{
	uint8_t command[5 + AID_MAX] = {(uint8_t)channel, 0xA4, 0x04, 0x00,
					(uint8_t)size};
	uint16_t sw;

	memcpy(command + 5, aid, size);
	sw = tell_card(modem, exchange, command, 5 + size);
	return sw == SW_OK || sw >> 8 == 0x61 || sw >> 8 == 0x91;
}

int cgla_open(struct modem *modem, struct text arguments, struct reply *reply,
	      struct at_exchange *exchange)
{
	static const uint8_t open[] = {0x00, 0x70, 0x00, 0x00, 0x01};
	char handle[HANDLE_MAX], line[HANDLE_MAX + 8];
	uint8_t aid[AID_MAX];
	unsigned int channel;
	int size, result;

	if (!text_unquote(&arguments))
		return CME_BAD_PARAMETERS;
	size = hex_decode(arguments.at, arguments.size, aid, sizeof(aid));
	if (size < 1)
		return CME_BAD_PARAMETERS;
	exchange->ins = INS_CHANNEL;
	result = strike_before(modem, INS_CHANNEL, 0);
	if (result != AT_OK)
		return result;
	if (tell_card(modem, exchange, open, sizeof(open)) >> 8 != 0x90)
		return CME_NOT_ALLOWED;
	channel = exchange->response[0];
	if (channel > CHANNELS_MAX ||
	    !select_aid(modem, channel, aid, (size_t)size, exchange)) {
		close_channel(modem, channel, exchange);
		return CME_NOT_FOUND;
	}
	modem->opened |= 1U << channel;
	handle_of(modem, channel, handle);
	snprintf(line, sizeof(line), "%s%s",
		 quirk_on(&modem->quirks, QUIRK_CCHO_BARE) ? "" : "+CCHO: ",
		 handle);
	reply_line(reply, line);
	return AT_OK;
}

int cgla_run(struct modem *modem, struct text arguments, struct reply *reply,
	     struct at_exchange *exchange)
{
	struct text handle = arguments;
	const char *comma = memchr(arguments.at, ',', arguments.size);
	unsigned int channel;

	if (comma == NULL)
		return CME_BAD_PARAMETERS;
	handle.size = (size_t)(comma - arguments.at);
	arguments.at = comma + 1;
	arguments.size -= handle.size + 1;
	channel = channel_of(modem, handle);
	if (channel == 0)
		return CME_NOT_FOUND;
	return csim_pass(modem, arguments, channel, reply, exchange);
}

int cgla_close(struct modem *modem, struct text arguments, struct reply *reply,
	       struct at_exchange *exchange)
{
	unsigned int channel = channel_of(modem, arguments);

	if (channel == 0)
		return CME_NOT_FOUND;
	close_channel(modem, channel, exchange);
	if (quirk_on(&modem->quirks, QUIRK_CCHC_LINE))
		reply_line(reply, "+CCHC");
	return AT_OK;
}
