/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What other processes do with a card on a shared port: they count their
 * changes of it, and we ours.
 */
#include "base/state.h"
#include "base/trace.h"
#include "object/cache.h"
#include "object/card.h"

/* False where the count is another than it was, or cannot be kept. */
bool card_count_changes(iotsafe_card *card)
{
	uint64_t before = card->common_changes;
	struct state state;
	bool known = state_read(card->link.port, &state);

	card->common_changes = state.changes;
	return known && state.changes == before;
}

void card_tell_others(iotsafe_card *card)
{
	cache_drop(card);
	state_card_changed(card->link.port);
	card_count_changes(card);
}

/* Between our turns others may have changed the card. */
void card_hear_of_others(iotsafe_card *card)
{
	if (card_count_changes(card))
		return;
	trace_line(IOTSAFE_TRACE_APDU,
		   "card: other processes may have changed objects");
	card_forget(card);
	card->changes++;
}
