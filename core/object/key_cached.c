/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A key's handle that was found by what is from disk becomes one that the card
 * has, where that is wanted or has to be.
 */
#include "base/crypto.h"
#include "base/error.h"
#include "object/cache.h"
#include "object/card.h"
#include "object/key.h"
#include "object/key_parts.h"

/* The public key stays in its place until it is found anew: there are others
 * who ask for it meanwhile. */
static void unlearn(iotsafe_key *key)
{
	key->former = key->spki;
	key->outdated |= key->chain_count > 0;
	key_drop_chain(key);
	key->able = 0;
	key->spki_learned = key->confirmed = false;
}

static int find_again(iotsafe_card *card, iotsafe_key *key,
		      const struct deadline *deadline)
{
	struct record record = *key_record(key);
	const struct entry *entry;

	if (key->identity) {
		TRY(identity_find(card, &record, deadline));
	} else {
		entry = card_entry_of(card, &record);
		if (entry)
			record = entry->record;
		else if (!card->at->no_list)
			return key_gone(key);
	}
	return key_take_record(key, &record);
}

int key_settle(iotsafe_card *card, iotsafe_key *key,
	       const struct deadline *deadline)
{
	if (!key->cached)
		return IOTSAFE_OK;
	if (card->believes && (!card->at->listed || card->at->cached)) {
		card->leans = true;
		return IOTSAFE_OK;
	}
	TRY(card_need_list(card, deadline));
	TRY(find_again(card, key, deadline));
	/* A chain that was given stays, and the key that it fits: signatures of
	 * another one do not verify. */
	if (!key->chain_given)
		unlearn(key);
	key->cached = false;
	return IOTSAFE_OK;
}

/* Another applet has it only if this one does not. */
bool key_is_sure(iotsafe_card *card, const struct record *record,
		 const struct deadline *deadline)
{
	struct entry *public;
	unsigned bits;

	if (!card->holdings[APPLET_IOTSAFE].cached)
		return true;
	return record->applet == APPLET_IOTSAFE &&
	       key_find_public(card, record, &public, deadline) >= 0 &&
	       public && public->spki &&
	       crypto_spki_algorithms(entry_spki(public), &bits) &
		       record->algorithms;
}

/* Nobody waits for the card to say so: its next operation acts on it, or its
 * end. */
void key_doubt(iotsafe_key *key)
{
	if (key->cached)
		key->card->doubted = true;
}
