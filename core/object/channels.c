/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The channels of a card's applets, when they go.
 */
#include "object/card.h"

/* Some cards take a signature that was begun for one under way whatever
 * becomes of its channel. */
void card_close_channel(struct holding *holding,
			const struct deadline *deadline)
{
	struct applet *applet = &holding->applet;

	if (applet->channel.open && !applet->channel.link->restarted &&
	    applet->kind && applet->kind->give_up)
		applet->kind->give_up(applet, deadline);
	channel_close(&applet->channel, deadline);
}

void card_close_channels(iotsafe_card *card, const struct deadline *deadline)
{
	for (unsigned i = 0; i < APPLETS; i++)
		card_close_channel(&card->holdings[i], deadline);
}

void card_lose_channels(iotsafe_card *card)
{
	for (unsigned i = 0; i < APPLETS; i++)
		if (card->holdings[i].applet.channel.open)
			channel_lost(&card->holdings[i].applet.channel);
}
