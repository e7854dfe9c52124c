/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_STRIKE_H
#define SIM_STRIKE_H

#include "at_command.h"

/*
 * Faults that strike before the card sees a command with this INS on this
 * channel. AT_OK when the command may go on; AT_SILENT or a CME error number
 * when the modem answers so.
 */
int strike_before(struct modem *modem, unsigned int ins, unsigned int channel);

/* Faults that strike when the card has answered. */
void strike_after(struct modem *modem);

/* Faults that strike the finished answer to such a command. */
void strike_reply(struct modem *modem, unsigned int ins, struct reply *reply);

/* The modem starts anew, and the card with it. */
void strike_restart(struct modem *modem);

#endif
