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
#include "object/cache.h"
#include "object/card.h"
#include "object/key.h"
#include "object/key_parts.h"

/* ---- opening ---- */

struct opening {
	const struct name *name;
	struct record record;
	unsigned changes;
	bool cached;
};

static int find_named(iotsafe_card *card, struct opening *opening,
		      const struct deadline *deadline)
{
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

static int find_key(iotsafe_card *card, void *self,
		    const struct deadline *deadline)
{
	struct opening *opening = self;

	TRY(find_named(card, opening, deadline));
	if (!key_is_sure(card, &opening->record, deadline)) {
		cache_begin(card, false);
		TRY(find_named(card, opening, deadline));
	}
	opening->cached = card->at->cached;
	return IOTSAFE_OK;
}

int key_make(iotsafe_card *card, const struct record *record, unsigned changes,
	     iotsafe_key **key)
{
	int result;

	*key = calloc(1, sizeof(**key));
	if (!*key)
		return error_no_memory("key");
	(*key)->uses = 1;
	(*key)->card = card_use(card);
	(*key)->changes = changes;
	result = key_take_record(*key, record);
	if (result >= 0)
		return IOTSAFE_OK;
	iotsafe_key_free(*key);
	*key = NULL;
	return result;
}

int key_open(iotsafe_card *card, const char *name, const struct deadline *limit,
	     iotsafe_key **key)
{
	struct name parsed;
	struct opening opening = {.name = &parsed};

	if (key)
		*key = NULL;
	if (!card || !key)
		return error_null("key");
	TRY(name_parse(name, &parsed));
	TRY(card_run_believing(card, NULL, limit, find_key, &opening));
	TRY(key_make(card, &opening.record, opening.changes, key));
	(*key)->cached = opening.cached;
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
	key_release(key);
	secret_free(key->software);
	iotsafe_card_free(key->card);
	free(key);
}

int key_gone(const iotsafe_key *key)
{
	return error_set(IOTSAFE_ERR_ABSENT, "key %s is no longer on the card",
			 key_title(key));
}

int key_check(iotsafe_card *card, const iotsafe_key *key)
{
	const struct entry *entry = card_entry_of(card, key_record(key));

	if (entry && entry->made > key->changes)
		return error_set(IOTSAFE_ERR_ABSENT,
				 "key %s: another one was made in its place; "
				 "open it again",
				 key_title(key));
	if (!entry && card->at->listed && !card->at->no_list &&
	    key->changes != card->changes)
		return key_gone(key);
	return IOTSAFE_OK;
}

/* ---- public key and chain ---- */

int key_find_public(iotsafe_card *card, const struct record *record,
		    struct entry **out, const struct deadline *deadline)
{
	int result;

	TRY(identity_public_key(card, record, out, deadline));
	/* What only agrees on keys has no certificate. */
	if ((*out && (*out)->spki) || !(record->flags & IOTSAFE_OBJECT_SIGN))
		return IOTSAFE_OK;
	result = identity_certificate(card, record, (struct bytes){NULL, 0},
				      out, deadline);
	/* A key may be used without knowing which one is its. */
	if (result != IOTSAFE_ERR_AMBIGUOUS)
		return result;
	*out = NULL;
	return IOTSAFE_OK;
}

int key_learn_spki(iotsafe_card *card, iotsafe_key *key,
		   const struct deadline *deadline)
{
	struct entry *entry;

	TRY(key_settle(card, key, deadline));
	if (key->spki_learned)
		return IOTSAFE_OK;
	TRY(card_need_list(card, deadline));
	TRY(key_find_public(card, key_record(key), &entry, deadline));
	if (entry && entry->spki)
		TRY(key_own_spki(key, entry_spki(entry)));
	else
		key->spki = NULL;
	key->certified = entry && entry->record.class == IOTSAFE_CLASS_FILE;
	key->cached |= card->at->cached;
	key->spki_learned = true;
	return IOTSAFE_OK;
}

int key_build_chain(iotsafe_card *card, iotsafe_key *key, struct entry *entry,
		    const struct deadline *deadline)
{
	struct bytes issuer;

	TRY(key_add_to_chain(key, entry_content(entry)));
	while (key->chain_count < CHAIN_MAX) {
		struct bytes top = borrow(key->chain[key->chain_count - 1]);

		TRY(identity_issuer(card, top, &issuer, deadline));
		if (!issuer.size || crypto_certificate_is_root(issuer))
			return IOTSAFE_OK;
		TRY(key_add_to_chain(key, issuer));
	}
	return IOTSAFE_OK;
}

int key_replace_spki(iotsafe_key *key, const struct entry *public)
{
	key->former = key->spki;
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
	return identity_certificate(card, key_record(key), borrow(key->spki),
				    out, deadline);
}

static int hold_title(iotsafe_key *key, _Atomic(const struct held *) *place,
		      const struct entry *entry)
{
	char title[RECORD_TITLE_MAX];

	*place = NULL;
	if (!entry)
		return IOTSAFE_OK;
	record_title(&entry->record, title, sizeof(title));
	return key_hold(
		key, place,
		(struct bytes){(const uint8_t *)title, strlen(title) + 1});
}

/* No certificate has the key's public key. One that has nobody's was perhaps
 * meant to be its: told to who asks for the certificate. */
static int look_for_stray(iotsafe_card *card, iotsafe_key *key,
			  const struct deadline *deadline)
{
	struct entry *stray;

	key->stray = NULL;
	TRY(identity_stray_certificate(card, &stray, deadline));
	return hold_title(key, &key->stray, stray);
}

int key_without_certificate(const iotsafe_key *key)
{
	const struct held *stray = key->stray, *unread = key->unread;

	if (stray)
		return error_set(IOTSAFE_ERR_VERIFY,
				 "the certificate %s is of another key than %s",
				 (const char *)stray->data, key_title(key));
	error_set(IOTSAFE_ERR_ABSENT, "key %s has no certificate on the card",
		  key_title(key));
	if (unread)
		error_append("; the file %s could not be read",
			     (const char *)unread->data);
	return IOTSAFE_ERR_ABSENT;
}

int key_learn_chain(iotsafe_card *card, iotsafe_key *key,
		    const struct deadline *deadline)
{
	struct entry *entry;
	int result;

	TRY(key_settle(card, key, deadline));
	if (key->chain_learned)
		return IOTSAFE_OK;
	TRY(key_learn_spki(card, key, deadline));
	/* The key may have been learned before the card was opened again. */
	TRY(card_need_list(card, deadline));
	TRY(identity_certificate(card, key_record(key), borrow(key->spki),
				 &entry, deadline));
	if (!entry && key->spki)
		TRY(look_for_other_certificate(card, key, &entry, deadline));
	if (!entry && key->spki)
		TRY(look_for_stray(card, key, deadline));
	/* One that the card did not give may have been the key's. */
	if (!entry)
		TRY(hold_title(key, &key->unread,
			       identity_unread_certificate(card)));
	key->cached |= card->at->cached;
	/* There may be one by now. */
	if (!entry && card->at->cached)
		return key_without_certificate(key);
	if (entry) {
		result = key_build_chain(card, key, entry, deadline);
		if (result < 0) {
			key_drop_chain(key);
			return result;
		}
	}
	key->chain_learned = true;
	key->outdated = false;
	return IOTSAFE_OK;
}

struct learning {
	iotsafe_key *key;
	int (*work)(iotsafe_key *key, void *self);
	void *self;
};

static int learn_in_turn(iotsafe_card *card, void *self,
			 const struct deadline *deadline)
{
	const struct learning *learning = self;

	TRY(key_learn_chain(card, learning->key, deadline));
	return learning->work ? learning->work(learning->key, learning->self)
			      : IOTSAFE_OK;
}

static int learn(struct learning learning, const struct deadline *limit)
{
	iotsafe_key *key = learning.key;

	return card_run_believing(key->card, key_record(key), limit,
				  learn_in_turn, &learning);
}

int key_learn(iotsafe_key *key, const struct deadline *limit)
{
	return learn((struct learning){.key = key}, limit);
}

int key_learn_and(iotsafe_key *key, int (*work)(iotsafe_key *key, void *self),
		  void *self)
{
	return learn((struct learning){key, work, self}, NULL);
}
