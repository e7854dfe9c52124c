/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_ANSWER_H
#define SIM_ANSWER_H

#include "card.h"

/* Does an answer with this status word bring its data? */
bool answer_carries_data(uint16_t sw);

/*
 * Decides how the data of an answer travels: what goes at once stays in
 * `answer`, the rest waits on the channel. Returns the status word to send.
 */
uint16_t answer_deliver(const struct card *card, struct channel *channel,
			const struct command *command, struct writer *answer,
			uint16_t sw);

command_run answer_get_response;
void answer_forget(struct channel *channel);

/* After 6Cxx: remembers the command, knows it when it is repeated with another
 * Le, and hands out what is kept for it. */
void answer_expect_again(struct channel *channel, struct view bytes);
bool answer_is_again(const struct channel *channel, struct view bytes);
uint16_t answer_again(const struct card *card, struct channel *channel,
		      const struct command *command, struct writer *out);

#endif
