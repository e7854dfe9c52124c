/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What changes the card must not be done twice because its answer was lost: a
 * second key pair would take the place of the first. An operation says when
 * the first command that counts is next; from there on a loss is repeated only
 * where the card itself has refused.
 */
#include "base/error.h"
#include "object/card.h"

void card_commit(iotsafe_card *card, enum commitment commitment)
{
	card->commitment = commitment;
	card->link.once = commitment != COMMIT_NOTHING;
	card->committed_at = card->link.counters.exchanges;
}

/* What a status word says of a command that does all at once it says only of
 * the first exchange: behind it the answer is fetched. */
static bool was_refused(const iotsafe_card *card)
{
	uint64_t since = card->link.counters.exchanges - card->committed_at;

	if (!iotsafe_last_status())
		return false;
	return card->commitment == COMMIT_STEPS || since <= 1;
}

bool card_may_repeat(const iotsafe_card *card)
{
	if (card->commitment == COMMIT_NOTHING || was_refused(card))
		return true;
	/* The modem lets nothing pass this way: neither did it that, and there
	 * are others. */
	return iotsafe_last_code() == IOTSAFE_ERR_MODEM && !card->link.proven &&
	       card->link.either && !card->link.restarted;
}

int card_explain_commitment(const iotsafe_card *card, int result)
{
	switch (result) {
	case IOTSAFE_ERR_IO:
	case IOTSAFE_ERR_CLOSED:
	case IOTSAFE_ERR_TIMEOUT:
	case IOTSAFE_ERR_CANCELLED:
	case IOTSAFE_ERR_MODEM:
		break;
	default:
		/* The channel went, and the answer with it. */
		if (iotsafe_last_status() != 0x6881)
			return result;
	}
	if (!card_may_repeat(card))
		error_append("; the card may have done it all the same, so it "
			     "is not repeated");
	return result;
}
