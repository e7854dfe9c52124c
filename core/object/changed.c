/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether the card behind a channel is still the one that was opened. Another
 * SIM in the slot, or another profile of an eSIM, has other keys: who asked for
 * the one must never get a signature of the other.
 */
#include <string.h>
#include "base/error.h"
#include "object/card.h"

int card_check_same(const iotsafe_card *card)
{
	if (!card->is_other)
		return IOTSAFE_OK;
	return error_set(IOTSAFE_ERR_CLOSED,
			 "card: the SIM or its eSIM profile was changed: its "
			 "ICCID is %s, was %s; open the card anew to use it",
			 card->other, card->iccid);
}

int card_recognise(iotsafe_card *card)
{
	const char *found = card->at->applet.channel.iccid;

	if (!*found && card->has_iccid)
		return error_set(IOTSAFE_ERR_CLOSED,
				 "card: its ICCID, %s, cannot be read any "
				 "more: it may be another card",
				 card->iccid);
	if (!*found || !strcmp(found, card->iccid))
		return IOTSAFE_OK;
	if (!card->has_iccid) {
		memcpy(card->iccid, found, ICCID_TEXT);
		card->has_iccid = true;
		return IOTSAFE_OK;
	}
	memcpy(card->other, found, ICCID_TEXT);
	card->is_other = true;
	card->changes++;
	return card_check_same(card);
}
