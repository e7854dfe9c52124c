/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Commands of the address's own: init= and exit=. */
#ifndef LINK_AT_INIT_H
#define LINK_AT_INIT_H

#include "base/address.h"
#include "link/at_modem.h"

/* Keeps them; _ARG if one is no command. */
int at_init_read(struct at_modem *modem, const struct address *address);

/* Says those of init=. _MODEM: one was refused. */
int at_init_say(struct at_modem *modem, const struct deadline *deadline);

/* Says those of exit= where the modem still answers. */
void at_init_leave(struct at_modem *modem);

/* The same, and forgets them all. */
void at_init_end(struct at_modem *modem);

#endif
