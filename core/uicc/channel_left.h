/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Channels that are closed for another reason than that we are done with them,
 * or were never seen to open: their process is gone, or the link has failed. */
#ifndef UICC_CHANNEL_LEFT_H
#define UICC_CHANNEL_LEFT_H

#include "uicc/channel.h"

/* Closing must not cost more than a good-bye is worth. */
#define CHANNEL_CLOSE_LIMIT 2000

/* False where the channel may be open all the same: the answer was lost. */
bool channel_was_answered(int result);

/* Recorded before it is asked for, so that a process that is killed in between
 * leaves word; and what came of it. */
void channel_ask(const struct channel *channel);
void channel_record(const struct channel *channel, int result);

int channel_close_on_card(struct channel *channel,
			  const struct deadline *deadline);

/* Closes what a process left open that is gone, or, with `any`, what we lost
 * ourselves: a card has few channels. Those of strangers are theirs. Gives how
 * many; fails only with the link. */
int channel_close_left_over(const struct channel *channel, bool any,
			    const struct deadline *deadline);

/* The link has failed: the channel may be open, and is not used any more. */
void channel_strays(struct channel *channel);

/* Where only the way to the modem has gone, which keeps the channel: whoever
 * opens the next one closes it. */
void channel_left(const struct channel *channel);

/*
 * Closes what was open when the application's link failed. A card that gives
 * one of them again, as `channel`, was reset and has forgotten all. Gives how
 * many.
 */
int channel_close_strays(const struct channel *channel,
			 const struct deadline *deadline);

/*
 * For a card without a free channel, when it is known that processes were
 * killed while they asked for one: closes as many channels, of those on
 * which the master file is selected, as it is on a new one. Gives how many, or
 * an error.
 */
int channel_close_lost(const struct channel *channel,
		       const struct deadline *deadline);

#endif
