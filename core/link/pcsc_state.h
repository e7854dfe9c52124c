/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What pcscd knows of cards in readers. These may block: for a worker's thread
 * alone. */
#ifndef LINK_PCSC_STATE_H
#define LINK_PCSC_STATE_H

#include <stdbool.h>
#include <winscard.h>
#include "link/pcsc.h"

/* Fills in which of the readers have a card. */
LONG pcsc_read_presence(SCARDCONTEXT context, struct pcsc_readers *readers);

/* True once pcscd has seen that there is no card any more; false if it has not
 * by then. */
bool pcsc_card_has_gone(SCARDCONTEXT context, const char *reader,
			int milliseconds);

#endif
