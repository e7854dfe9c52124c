/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A private key as users see it: found by name or as the identity, with its
 * public key and certificate chain.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "base/crypto.h"
#include "base/error.h"
#include "object/card.h"
#include "object/key.h"
#include "object/key_parts.h"

void key_drop_chain(iotsafe_key *key)
{
	while (key->chain_count)
		iotsafe_free(key->chain[--key->chain_count].data);
	memset(key->chain, 0, sizeof(key->chain));
	key->chain_learned = key->chain_given = false;
}

int key_add_to_chain(iotsafe_key *key, struct bytes certificate)
{
	if (key->chain_count == CHAIN_MAX)
		return error_set(IOTSAFE_ERR_SUPPORT,
				 "certificate: a chain of more than %d",
				 CHAIN_MAX);
	return own(&key->chain[key->chain_count++], certificate);
}

/* ---- opening ---- */

struct opening {
	const struct name *name;
	struct record record;
	unsigned changes;
};

static int find_key(iotsafe_card *card, void *self,
		    const struct deadline *deadline)
{
	struct opening *opening = self;
	struct entry *entry;

	opening->changes = card->changes;
	if (name_is_empty(opening->name))
		return card_find_identity(card, opening->name, &opening->record,
					  deadline);
	TRY(card_find(card, opening->name, IOTSAFE_CLASS_PRIVATE_KEY, &entry,
		      deadline));
	opening->record = entry->record;
	return IOTSAFE_OK;
}

int key_make(iotsafe_card *card, const struct record *record, unsigned changes,
	     iotsafe_key **key)
{
	*key = calloc(1, sizeof(**key));
	if (!*key)
		return error_set(IOTSAFE_ERR_MEMORY, "key: no memory");
	(*key)->uses = 1;
	(*key)->card = card_use(card);
	(*key)->changes = changes;
	(*key)->record = *record;
	record_title(record, (*key)->title, sizeof((*key)->title));
	return IOTSAFE_OK;
}

int key_open(iotsafe_card *card, const char *name, const struct deadline *limit,
	     iotsafe_key **key)
{
	struct name parsed;
	struct opening opening = {.name = &parsed};

	if (key)
		*key = NULL;
	if (!card || !key)
		return error_set(IOTSAFE_ERR_ARG, "key: something is NULL");
	TRY(name_parse(name, &parsed));
	TRY(card_run(card, limit, find_key, &opening));
	TRY(key_make(card, &opening.record, opening.changes, key));
	(*key)->identity = name_is_empty(&parsed);
	return IOTSAFE_OK;
}

int iotsafe_key_open(iotsafe_card *card, const char *name, iotsafe_key **key)
{
	return key_open(card, name, NULL, key);
}

iotsafe_key *key_use(iotsafe_key *key)
{
	key->uses++;
	return key;
}

void iotsafe_key_free(iotsafe_key *key)
{
	if (!key || --key->uses)
		return;
	key_drop_chain(key);
	iotsafe_free(key->spki.data);
	iotsafe_free(key->former.data);
	secret_free(key->software);
	iotsafe_card_free(key->card);
	free(key);
}

int key_check(iotsafe_card *card, const iotsafe_key *key)
{
	const struct entry *entry = identity_private(card, &key->record);

	if (entry && entry->made > key->changes)
		return error_set(IOTSAFE_ERR_ABSENT,
				 "key %s: another one was made in its place; "
				 "open it again",
				 key->title);
	if (!entry && card->at->listed && !card->at->no_list &&
	    key->changes != card->changes)
		return error_set(IOTSAFE_ERR_ABSENT,
				 "key %s is no longer on the card", key->title);
	return IOTSAFE_OK;
}

const char *key_title(const iotsafe_key *key)
{
	return key->title;
}

/* ---- public key and chain ---- */

/* Finds the public key, from its object or else its certificate. */
int key_learn_spki(iotsafe_card *card, iotsafe_key *key,
		   const struct deadline *deadline)
{
	struct entry *entry;
	int result;

	if (key->spki_learned)
		return IOTSAFE_OK;
	TRY(card_need_list(card, deadline));
	TRY(identity_public_key(card, &key->record, &entry, deadline));
	/* What only agrees on keys has no certificate. */
	if ((!entry || !entry->spki) &&
	    key->record.flags & IOTSAFE_OBJECT_SIGN) {
		result = identity_certificate(card, &key->record,
					      (struct bytes){NULL, 0}, &entry,
					      deadline);
		/* A key may be used without knowing which one is its. */
		if (result == IOTSAFE_ERR_AMBIGUOUS)
			entry = NULL;
		else
			TRY(result);
	}
	if (entry && entry->spki)
		TRY(key_own_spki(key, entry_spki(entry)));
	key->spki_learned = true;
	return IOTSAFE_OK;
}

/* The leaf, then issuer after issuer; a self-signed root stays out. */
int key_build_chain(iotsafe_card *card, iotsafe_key *key, struct entry *entry,
		    const struct deadline *deadline)
{
	struct bytes issuer;

	TRY(key_add_to_chain(key, entry_content(entry)));
	while (key->chain_count < CHAIN_MAX) {
		struct bytes top = borrow(&key->chain[key->chain_count - 1]);

		TRY(identity_issuer(card, top, &issuer, deadline));
		if (!issuer.size || crypto_certificate_is_root(issuer))
			return IOTSAFE_OK;
		TRY(key_add_to_chain(key, issuer));
	}
	return IOTSAFE_OK;
}

/* The public key that names made likely turns out to be another one. */
int key_replace_spki(iotsafe_key *key, const struct entry *public)
{
	iotsafe_free(key->former.data);
	key->former = key->spki;
	key->spki = (struct owned){NULL, 0};
	return key_own_spki(key, entry_spki(public));
}

/* No certificate has the key's public key, which names alone made likely; if
 * one has another public key of the card, that may be the key's. */
static int look_for_other_certificate(iotsafe_card *card, iotsafe_key *key,
				      struct entry **out,
				      const struct deadline *deadline)
{
	struct entry *public;

	if (key->confirmed)
		return IOTSAFE_OK;
	TRY(identity_other_public_key(card, &public, deadline));
	if (!public)
		return IOTSAFE_OK;
	TRY(key_replace_spki(key, public));
	return identity_certificate(card, &key->record, borrow(&key->spki), out,
				    deadline);
}

/* No certificate has the key's public key. One that has nobody's was perhaps
 * meant to be its: told to who asks for the certificate. */
static int look_for_stray(iotsafe_card *card, iotsafe_key *key,
			  const struct deadline *deadline)
{
	struct entry *stray;

	key->stray[0] = '\0';
	TRY(identity_stray_certificate(card, &stray, deadline));
	if (stray)
		record_title(&stray->record, key->stray, sizeof(key->stray));
	return IOTSAFE_OK;
}

int key_without_certificate(const iotsafe_key *key)
{
	if (key->stray[0])
		return error_set(IOTSAFE_ERR_VERIFY,
				 "the certificate %s is of another key than %s",
				 key->stray, key->title);
	return error_set(IOTSAFE_ERR_ABSENT,
			 "key %s has no certificate on the card", key->title);
}

static int learn_chain(iotsafe_card *card, iotsafe_key *key,
		       const struct deadline *deadline)
{
	struct entry *entry;
	int result;

	if (key->chain_learned)
		return IOTSAFE_OK;
	TRY(key_learn_spki(card, key, deadline));
	/* The key may have been learned before the card was opened again. */
	TRY(card_need_list(card, deadline));
	TRY(identity_certificate(card, &key->record, borrow(&key->spki), &entry,
				 deadline));
	if (!entry && key->spki.size)
		TRY(look_for_other_certificate(card, key, &entry, deadline));
	if (!entry && key->spki.size)
		TRY(look_for_stray(card, key, deadline));
	if (entry) {
		result = key_build_chain(card, key, entry, deadline);
		if (result < 0) {
			key_drop_chain(key);
			return result;
		}
	}
	key->chain_learned = true;
	return IOTSAFE_OK;
}

static int learn_in_turn(iotsafe_card *card, void *self,
			 const struct deadline *deadline)
{
	return learn_chain(card, self, deadline);
}

int key_learn(iotsafe_key *key, const struct deadline *limit)
{
	return card_run_on(key->card, &key->record, limit, learn_in_turn, key);
}

int key_algorithms(const iotsafe_key *key)
{
	const int algorithms = key->record.algorithms & ~key->refused;
	const int able = key->able;

	return able ? algorithms & able : algorithms;
}

bool key_is_brainpool(const iotsafe_key *key)
{
	return record_is_brainpool(&key->record);
}

struct bytes key_spki(const iotsafe_key *key)
{
	return borrow(&key->spki);
}

struct bytes key_chain(const iotsafe_key *key, unsigned index)
{
	if (index >= key->chain_count)
		return (struct bytes){NULL, 0};
	return borrow(&key->chain[index]);
}

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

static int give_public_key(iotsafe_card *card, void *self,
			   const struct deadline *deadline)
{
	const struct wish *wish = self;
	iotsafe_key *key = wish->key;

	TRY(key_learn_spki(card, key, deadline));
	if (!key->spki.size)
		return error_set(IOTSAFE_ERR_ABSENT,
				 "key %s: neither a public-key object nor a "
				 "certificate on the card tells its public key",
				 key->title);
	return give(wish, borrow(&key->spki));
}

int iotsafe_key_public_key(iotsafe_key *key, uint8_t **out, size_t *out_size)
{
	struct wish wish = {key, 0, out, out_size};

	if (!bytes_ready(out, out_size) || !key)
		return error_set(IOTSAFE_ERR_ARG, "key: something is NULL");
	return card_run_on(key->card, &key->record, NULL, give_public_key,
			   &wish);
}

static int give_certificate(iotsafe_card *card, void *self,
			    const struct deadline *deadline)
{
	const struct wish *wish = self;
	iotsafe_key *key = wish->key;

	TRY(learn_chain(card, key, deadline));
	if (!key->chain_count)
		return key_without_certificate(key);
	if (wish->index >= key->chain_count)
		return error_set(IOTSAFE_ERR_ABSENT,
				 "key %s: its chain has %u certificates",
				 key->title, key->chain_count);
	return give(wish, key_chain(key, wish->index));
}

int iotsafe_key_certificate(iotsafe_key *key, unsigned index, uint8_t **out,
			    size_t *out_size)
{
	struct wish wish = {key, index, out, out_size};

	if (!bytes_ready(out, out_size) || !key)
		return error_set(IOTSAFE_ERR_ARG, "key: something is NULL");
	return card_run_on(key->card, &key->record, NULL, give_certificate,
			   &wish);
}

int iotsafe_key_object(iotsafe_key *key, iotsafe_object **object)
{
	if (object)
		*object = NULL;
	if (!key || !object)
		return error_set(IOTSAFE_ERR_ARG, "key: something is NULL");
	return object_new(key->card, &key->record, object);
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
	result = card_run_on(key->card, &key->record, NULL, ask_verifies, key);
	error_restore(&kept);
	return result == 1;
}
