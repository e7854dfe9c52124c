/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_MANNER_H
#define SIM_MANNER_H

#include "csim.h"

/* Is the modem deaf to a line that begins now? */
bool manner_deaf(const struct modem *modem, uint64_t now);

/* Does this modem know the command at all, and does it answer to NAME=? */
bool manner_knows(const struct modem *modem, const char *name);
/* AT_OK, AT_SILENT or an error, as at_run. */
int manner_test_form(const struct modem *modem, const char *name);

/* What stands between the modem and any command for the card: AT_OK where
 * nothing does, else an error. Counts the command. */
int manner_of_sim(struct modem *modem);

/* The maker's own commands: AT+ECSIMSLEEP=N, AT+CSIM=1 and AT+CSIM=0. */
int manner_sleep(struct modem *modem, struct text arguments);
/* False where the arguments are others. */
bool manner_lock(struct modem *modem, struct text arguments);

/* Does the modem keep this command from the card? An error, or AT_OK. */
int manner_filter(struct modem *modem, const uint8_t *command, size_t size);

/* A modem that fetches answers itself: what waits is put in the place of 61xx,
 * as far as there is room. */
void manner_fetch(struct modem *modem, struct at_exchange *exchange);

#endif
