/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_CARD_PARTS_H
#define SIM_CARD_PARTS_H

#include "card.h"

/* What a card does beside running commands, by the file that has it. */

/* card_channel.c */
void channel_open(struct channel *channel);
void channel_close(struct card *card, struct channel *channel);
/* Ends what is selected there. */
void channel_leave(struct card *card, struct channel *channel);
command_run card_manage_channel;

/* card_select.c */
command_run card_select;

/* card_spoil.c: makes of a right answer what the faults want. */
uint16_t card_spoil(struct card *card, const struct command *command,
		    struct writer *answer, uint16_t sw);

#endif
