/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_VPCD_H
#define SIM_VPCD_H

#include "control.h"
#include "loop.h"
#include "modem.h"

#define VPCD_WHERE   "127.0.0.1:35963" /* of Debian's vsmartcard-vpcd */
#define VPCD_ATR_MAX 33

/* A card in the reader of vsmartcard-vpcd: there is no modem between, but its
 * struct has all that the card's faults and times need. */
struct vpcd {
	const char *where; /* HOST:PORT */
	uint8_t atr[VPCD_ATR_MAX];
	size_t atr_size;
};

/* `protocols` is t0, t1, both, or an ATR in hex. */
bool vpcd_init(struct vpcd *vpcd, const char *where, const char *protocols);
/* T=1 alone: answers come whole, never as 61xx. */
bool vpcd_is_block(const struct vpcd *vpcd);

/* Serves until something ends it; connects again whenever the reader's end has
 * gone. `control` may be NULL. */
enum loop_end vpcd_run(const struct vpcd *vpcd, struct modem *modem,
		       struct control *control);

#endif
