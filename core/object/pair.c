/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Key pairs made on the card, and secrets that a private key agrees upon with
 * a peer's public key.
 */
#include <string.h>
#include "applet/iotsafe.h"
#include "base/crypto.h"
#include "base/error.h"
#include "object/cache.h"
#include "object/card.h"
#include "object/key.h"
#include "object/key_parts.h"

/* ---- GENERATE KEY PAIR ---- */

struct making {
	const struct name *name;
	struct record private, public;
	struct public_key key;
	bool has_key;
	uint8_t *spki;
	size_t spki_size;
	unsigned changes;
};

static struct entry *find_by_id(iotsafe_card *card, const struct record *record)
{
	for (size_t i = 0; i < card->at->entries_count; i++) {
		struct entry *entry = &card->at->entries[i];

		if (entry->record.class == record->class &&
		    bytes_equal(record_id(&entry->record), record_id(record)) &&
		    (record->id_size || record_is_same(&entry->record, record)))
			return entry;
	}
	return NULL;
}

/* What the card's answer tells that its list does not: which public key is
 * the new private key's. */
static int tie(iotsafe_card *card, struct making *making)
{
	struct entry *entry = find_by_id(card, &making->private);

	if (!entry)
		TRY(card_add_entry(card, &making->private, &entry));
	making->private = entry->record;
	entry->made = card->changes;
	entry = find_by_id(card, &making->public);
	if (!entry || entry->spki)
		return IOTSAFE_OK;
	TRY(bytes_give(making->spki, making->spki_size, &entry->spki,
		       &entry->spki_size));
	entry->read = true;
	identity_prove(card, &making->private, entry);
	return IOTSAFE_OK;
}

/* Cards that list labels alone may tell ids that they do not know it by. */
static bool is_listed(iotsafe_card *card, const struct record *record)
{
	return card->at->no_list || find_by_id(card, record);
}

/* The public key that the answer does not have: that of the object which the
 * list ties to the private key, read anew. */
static int find_spki(iotsafe_card *card, struct making *making,
		     const struct deadline *deadline)
{
	struct entry *entry;

	TRY(identity_public_key(card, &making->private, &entry, deadline));
	if (!entry || !entry->spki)
		return error_set(IOTSAFE_ERR_ABSENT,
				 "GENERATE KEY PAIR: the card does not tell "
				 "the public key");
	return bytes_give(entry->spki, entry->spki_size, &making->spki,
			  &making->spki_size);
}

static int take_key(const iotsafe_card *card, struct making *making,
		    const struct record *slot)
{
	int result = card_spki(card, slot, &making->key, &making->spki,
			       &making->spki_size);

	if (result < 0)
		error_prepend("GENERATE KEY PAIR: ");
	return result;
}

/* The former pair is gone, and what was read of it. */
static int take_pair(iotsafe_card *card, struct making *making,
		     const struct record *slot, const struct deadline *deadline)
{
	struct record private = *slot;

	private.id_size = making->private.id_size;
	memcpy(private.id, making->private.id, sizeof(private.id));
	private.flags |= IOTSAFE_OBJECT_ACTIVE;
	making->private = private;
	iotsafe_free(making->spki);
	making->spki = NULL;
	if (making->has_key)
		TRY(take_key(card, making, slot));
	TRY(card_need_list(card, deadline));
	making->changes = card->changes;
	if (!is_listed(card, &making->private) && is_listed(card, slot))
		making->private = *slot;
	if (!making->has_key)
		TRY(find_spki(card, making, deadline));
	return tie(card, making);
}

static int cannot_generate(const struct record *slot)
{
	char title[RECORD_TITLE_MAX];

	record_title(slot, title, sizeof(title));
	return error_set(IOTSAFE_ERR_SUPPORT,
			 "key %s: its slot does not let a pair be made", title);
}

static int generate_in_turn(iotsafe_card *card, void *self,
			    const struct deadline *deadline)
{
	struct making *making = self;
	struct entry *entry;
	struct record slot;
	int result;

	TRY(card_find_with(card, making->name, IOTSAFE_CLASS_PRIVATE_KEY,
			   IOTSAFE_OBJECT_GENERATE, NULL, &entry, deadline));
	slot = entry->record;
	if (slot.has_functions && !(slot.flags & IOTSAFE_OBJECT_GENERATE))
		return cannot_generate(&slot);
	TRY(card_need_iotsafe(card, "GENERATE KEY PAIR"));
	cache_drop(card);
	card_commit(card, COMMIT_AT_ONCE);
	result = gsma_generate(&card->at->applet, &slot, &making->private,
			       &making->public, &making->key, &making->has_key,
			       deadline);
	/* Unless the card refused, the former pair may be gone. */
	if (result >= 0 || !iotsafe_last_status())
		card_changed(card, "GENERATE KEY PAIR");
	TRY(record_explain(result, &slot, IOTSAFE_OBJECT_GENERATE));
	return take_pair(card, making, &slot, deadline);
}

static int make_key(iotsafe_card *card, struct making *making,
		    iotsafe_key **key)
{
	TRY(key_make(card, &making->private, making->changes, key));
	(*key)->spki_learned = (*key)->confirmed = true;
	return key_own_spki(*key,
			    (struct bytes){making->spki, making->spki_size});
}

int iotsafe_key_generate(iotsafe_card *card, const char *name,
			 iotsafe_key **key)
{
	struct name parsed;
	struct making making = {.name = &parsed};
	int result;

	if (key)
		*key = NULL;
	if (!card || !key)
		return error_null("key");
	TRY(name_parse(name, &parsed));
	result = card_run_within(card, card->timeout_generate, NULL,
				 generate_in_turn, &making);
	if (result >= 0)
		result = make_key(card, &making, key);
	if (result < 0) {
		iotsafe_key_free(*key);
		*key = NULL;
	}
	iotsafe_free(making.spki);
	return result;
}

/* ---- COMPUTE DH ---- */

struct agreeing {
	iotsafe_key *key;
	const struct name *name;
	struct bytes spki; /* empty: the key that is in the slot */
	uint8_t *out;
};

static int agree_in_turn(iotsafe_card *card, void *self,
			 const struct deadline *deadline)
{
	const struct agreeing *agreeing = self;
	const struct record *private;
	struct record public;
	struct entry *entry;
	int result;

	TRY(card_need_iotsafe(card, "COMPUTE DH"));
	TRY(key_settle(card, agreeing->key, deadline));
	private = key_record(agreeing->key);
	TRY(card_find_with(card, agreeing->name, IOTSAFE_CLASS_PUBLIC_KEY,
			   IOTSAFE_OBJECT_UPDATABLE | IOTSAFE_OBJECT_AGREE,
			   private, &entry, deadline));
	TRY(key_check(card, agreeing->key));
	public = entry->record;
	if (agreeing->spki.size)
		TRY(card_put(card, entry, agreeing->spki, deadline));
	result = gsma_agree(&card->at->applet, private, &public, agreeing->out,
			    deadline);
	return record_explain(result, private, IOTSAFE_OBJECT_AGREE);
}

int iotsafe_key_agree(iotsafe_key *key, const char *name, const uint8_t *data,
		      size_t data_size, uint8_t **out, size_t *out_size)
{
	struct name parsed;
	struct agreeing agreeing = {key, &parsed, {data, data_size}, NULL};

	if (!bytes_ready(out, out_size) || !key || (data && !data_size) ||
	    (data_size && !data))
		return error_null("key");
	TRY(name_parse(name, &parsed));
	agreeing.out = *out = bytes_room(GSMA_SECRET_SIZE);
	if (!*out)
		return IOTSAFE_ERR_MEMORY;
	return bytes_settle(card_run_on(key->card, key_record(key), NULL,
					agree_in_turn, &agreeing),
			    GSMA_SECRET_SIZE, out, out_size);
}
