/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who asks for a key's public key or certificates gets what the card says
 * today.
 */
#include <string.h>
#include "base/error.h"
#include "object/card.h"
#include "object/key.h"
#include "object/key_parts.h"

/* What a caller wants to have, given out within the turn. */
struct wish {
	iotsafe_key *key;
	unsigned index; /* in the chain */
	uint8_t **out;
	size_t *out_size;
};

static int give(const struct wish *wish, struct bytes bytes)
{
	/* A repeated operation gives again. */
	iotsafe_free(*wish->out);
	return bytes_give(bytes.data, bytes.size, wish->out, wish->out_size);
}

/* A card without a list does not tell which public keys it has: the one that is
 * called as the private key is asked for. */
static int ask_for_namesake(iotsafe_card *card, iotsafe_key *key,
			    const struct deadline *deadline)
{
	const struct record *record = key_record(key);
	struct name name = {
		.class = IOTSAFE_CLASS_PUBLIC_KEY,
		.id_size = record->id_size,
		.label_size = record->id_size ? 0 : record->label_size,
	};
	struct entry *entry;
	int result;

	memcpy(name.id, record->id, name.id_size);
	memcpy(name.label, record->label, name.label_size);
	result = card_find(card, &name, name.class, &entry, deadline);
	if (result >= 0)
		result = card_need_entry(card, entry, deadline);
	if (result == IOTSAFE_ERR_ABSENT || result == IOTSAFE_ERR_CARD)
		return IOTSAFE_OK;
	TRY(result);
	return entry->spki ? key_own_spki(key, entry_spki(entry)) : IOTSAFE_OK;
}

static int give_public_key(iotsafe_card *card, void *self,
			   const struct deadline *deadline)
{
	const struct wish *wish = self;
	iotsafe_key *key = wish->key;

	TRY(key_learn_spki(card, key, deadline));
	if (!key->spki && card->at->no_list)
		TRY(ask_for_namesake(card, key, deadline));
	if (!key->spki)
		return error_set(IOTSAFE_ERR_ABSENT,
				 "key %s: neither a public-key object nor a "
				 "certificate on the card tells its public key",
				 key_title(key));
	return give(wish, borrow(key->spki));
}

int iotsafe_key_public_key(iotsafe_key *key, uint8_t **out, size_t *out_size)
{
	struct wish wish = {key, 0, out, out_size};

	if (!bytes_ready(out, out_size) || !key)
		return error_null("key");
	return card_run_on(key->card, key_record(key), NULL, give_public_key,
			   &wish);
}

static int give_certificate(iotsafe_card *card, void *self,
			    const struct deadline *deadline)
{
	const struct wish *wish = self;
	iotsafe_key *key = wish->key;

	TRY(key_learn_chain(card, key, deadline));
	if (!key->chain_count)
		return key_without_certificate(key);
	if (wish->index >= key->chain_count)
		return error_set(IOTSAFE_ERR_ABSENT,
				 "key %s: its chain has %u certificates",
				 key_title(key), key->chain_count);
	return give(wish, key_chain(key, wish->index));
}

int iotsafe_key_certificate(iotsafe_key *key, unsigned index, uint8_t **out,
			    size_t *out_size)
{
	struct wish wish = {key, index, out, out_size};

	if (!bytes_ready(out, out_size) || !key)
		return error_null("key");
	return card_run_on(key->card, key_record(key), NULL, give_certificate,
			   &wish);
}

int iotsafe_key_object(iotsafe_key *key, iotsafe_object **object)
{
	if (object)
		*object = NULL;
	if (!key || !object)
		return error_null("key");
	return object_new(key->card, key_record(key), object);
}

static int ask_verifies(iotsafe_card *card, void *self,
			const struct deadline *deadline)
{
	iotsafe_key *key = self;

	TRY(key_learn_spki(card, key, deadline));
	return key->able != 0;
}

int iotsafe_key_verifies(iotsafe_key *key)
{
	struct error kept;
	int result;

	if (!key)
		return 0;
	error_save(&kept);
	result = card_run_believing(key->card, key_record(key), NULL,
				    ask_verifies, key);
	error_restore(&kept);
	return result == 1;
}
