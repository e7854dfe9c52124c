// SPDX-License-Identifier: LGPL-2.1-or-later
/* The logical channels of a card: opened, closed, lost. */
#include "card_parts.h"

#include "uicc.h"

#include <string.h>

void channel_leave(struct card *card, struct channel *channel)
{
	if (channel->applet != NULL && channel->applet->leave != NULL)
		channel->applet->leave(card, channel);
	channel->applet = NULL;
	channel->aid = view_of(NULL, 0);
	channel->file = UICC_MF;
}

void channel_open(struct channel *channel)
{
	memset(channel, 0, sizeof(*channel));
	channel->open = true;
	channel->file = UICC_MF;
}

void channel_close(struct card *card, struct channel *channel)
{
	channel_leave(card, channel);
	OPENSSL_cleanse(channel, sizeof(*channel));
}

void card_lose_channel(struct card *card, unsigned int number)
{
	if (number > 0 && number < CARD_CHANNELS)
		channel_close(card, &card->channels[number]);
}

unsigned int card_channels_open(const struct card *card)
{
	unsigned int count = 0;

	for (size_t i = 1; i < CARD_CHANNELS; i++)
		count += card->channels[i].open;
	return count;
}

static unsigned int channel_count(const struct card *card)
{
	return 1U +
	       (unsigned int)quirk_value(&card->quirks, QUIRK_MAX_CHANNELS, 3);
}

/* MANAGE CHANNEL, open: P1 P2 00 00, the answer is the number. */
static uint16_t open_channel(struct card *card, const struct command *command,
			     struct writer *out)
{
	if (command->p2 != 0x00)
		return SW_WRONG_P1P2;
	if (quirk_on(&card->quirks, QUIRK_CHANNEL_OPEN_00) &&
	    command->le != 256)
		return SW_WRONG_LENGTH;
	if (quirk_on(&card->quirks, QUIRK_CHANNEL_OPEN_01) && command->le != 1)
		return SW_WRONG_LE | 1;
	for (unsigned int i = 1; i < channel_count(card); i++)
		if (!card->channels[i].open) {
			channel_open(&card->channels[i]);
			put_byte(out, i);
			return SW_OK;
		}
	return SW_NO_FREE_CHANNEL;
}

/* P2 names the channel; 00 on a logical channel means that one. */
static uint16_t close_channel(struct card *card, const struct command *command)
{
	unsigned int number = command->p2 ? command->p2 : command->channel;

	if (number == 0 || number >= CARD_CHANNELS)
		return SW_WRONG_P1P2;
	if (!card->channels[number].open)
		return SW_NO_CHANNEL;
	channel_close(card, &card->channels[number]);
	return SW_OK;
}

uint16_t card_manage_channel(struct card *card, struct channel *channel,
			     const struct command *command, struct writer *out)
{
	(void)channel;
	if (command->data.size != 0)
		return SW_WRONG_LENGTH;
	if (command->p1 == 0x00)
		return open_channel(card, command, out);
	if (command->p1 == 0x80)
		return close_channel(card, command);
	return SW_WRONG_P1P2;
}
