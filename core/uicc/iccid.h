/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The number of a UICC, or of the profile of an eSIM: what tells one card from
 * another. */
#ifndef UICC_ICCID_H
#define UICC_ICCID_H

#include <stdbool.h>
#include "base/bytes.h"
#include "base/deadline.h"
#include "link/link.h"

#define ICCID_SIZE LINK_ICCID_SIZE /* of EF_ICCID */
#define ICCID_TEXT (2 * ICCID_SIZE + 1)

struct channel;

/* The digits of EF_ICCID (ETSI TS 102 221 13.2). False for bytes that are
 * none. */
bool iccid_decode(struct bytes in, char out[ICCID_TEXT]);

/*
 * Reads it on a channel that has just been opened, or as the way to the card
 * gives it. One exchange on nearly all cards, three at most. "" where it
 * cannot be had: only the link's own failures are errors.
 */
int iccid_read(struct channel *channel, char out[ICCID_TEXT],
	       const struct deadline *deadline);

#endif
