/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The links that speak AT+CSIM, or AT+CCHO, AT+CGLA and AT+CCHC. */
#ifndef LINK_AT_LINK_H
#define LINK_AT_LINK_H

#include "link/at_modem.h"
#include "link/link.h"

/* The rest of opening, once modem->stream is open: finds out whether a modem
 * is there, for `patience` milliseconds, and puts it in order. */
int at_link_start(struct at_modem *modem, int patience,
		  const struct deadline *deadline);

int at_link_exchange(struct link *link, const char *handle,
		     const uint8_t *command, size_t command_size,
		     uint8_t *response, size_t *response_size,
		     const struct deadline *deadline);

/* AT+CCHO and AT+CCHC. */
int at_link_channel_open(struct link *link, const uint8_t *aid, size_t aid_size,
			 char handle[LINK_HANDLE_MAX],
			 const struct deadline *deadline);
int at_link_channel_close(struct link *link, const char *handle,
			  const struct deadline *deadline);

/* In at_share.c. What an open stream means for turns, and the first of them
 * where the port is shared; before anything is said to the modem. */
int at_share_open(struct link *link, const struct deadline *deadline);
int at_share_turn_begin(struct link *link, const struct deadline *deadline);
void at_share_turn_end(struct link *link);

/* In at_sim.c: AT+CPIN. */
int at_link_unlock(struct link *link, const char *pin,
		   const struct deadline *deadline);

/* In at_sim.c: AT+CRSM, or what makers have for it. */
int at_link_iccid(struct link *link, uint8_t iccid[LINK_ICCID_SIZE],
		  const struct deadline *deadline);

void at_link_close(struct link *link);
void at_link_abandon(struct link *link);

/* In at_open.c: the kinds, by scheme. */
extern const struct link_kind at_kind_at;
extern const struct link_kind at_kind_exec;
extern const struct link_kind at_kind_sim;
extern const struct link_kind at_kind_unix;

#endif
