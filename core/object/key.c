/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A private key as users see it: found by name or as the identity, signing
 * hashes, with its public key and certificate chain.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "base/crypto.h"
#include "base/error.h"
#include "object/card.h"
#include "object/key.h"

#define CHAIN_MAX 8

struct owned {
	uint8_t *data;
	size_t size;
};

struct iotsafe_key {
	atomic_uint uses;
	iotsafe_card *card;
	struct record record;
	char title[RECORD_TITLE_MAX];

	/* Set within turns of the card, each once, and kept. */
	bool spki_learned, chain_learned;
	atomic_bool confirmed; /* a signature verified with `spki` */
	struct owned spki;
	struct owned chain[CHAIN_MAX];
	unsigned chain_count;
};

/* ---- small things ---- */

static int own(struct owned *owned, struct bytes from)
{
	iotsafe_free(owned->data);
	return bytes_give(from.data, from.size, &owned->data, &owned->size);
}

static struct bytes borrow(const struct owned *owned)
{
	return (struct bytes){owned->data, owned->size};
}

static struct bytes entry_spki(const struct entry *entry)
{
	return (struct bytes){entry->spki, entry->spki_size};
}

static struct bytes entry_content(const struct entry *entry)
{
	return (struct bytes){entry->content, entry->content_size};
}

static void drop_chain(iotsafe_key *key)
{
	while (key->chain_count)
		iotsafe_free(key->chain[--key->chain_count].data);
	memset(key->chain, 0, sizeof(key->chain));
}

static int add_to_chain(iotsafe_key *key, struct bytes certificate)
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
};

static int find_key(iotsafe_card *card, void *self,
		    const struct deadline *deadline)
{
	struct opening *opening = self;
	struct entry *entry;

	if (name_is_empty(opening->name))
		return identity_find(card, &opening->record, deadline);
	TRY(card_find(card, opening->name, IOTSAFE_CLASS_PRIVATE_KEY, &entry,
		      deadline));
	opening->record = entry->record;
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
	*key = calloc(1, sizeof(**key));
	if (!*key)
		return error_set(IOTSAFE_ERR_MEMORY, "key: no memory");
	(*key)->uses = 1;
	(*key)->card = card_use(card);
	(*key)->record = opening.record;
	record_title(&opening.record, (*key)->title, sizeof((*key)->title));
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
	drop_chain(key);
	iotsafe_free(key->spki.data);
	iotsafe_card_free(key->card);
	free(key);
}

const char *key_title(const iotsafe_key *key)
{
	return key->title;
}

/* ---- public key and chain ---- */

/* Finds the public key, from its object or else its certificate. */
static int learn_spki(iotsafe_card *card, iotsafe_key *key,
		      const struct deadline *deadline)
{
	struct entry *entry;
	int result;

	if (key->spki_learned)
		return IOTSAFE_OK;
	TRY(card_need_list(card, deadline));
	TRY(identity_public_key(card, &key->record, &entry, deadline));
	if (!entry || !entry->spki) {
		result = identity_certificate(card, (struct bytes){NULL, 0},
					      &entry, deadline);
		/* A key may be used without knowing which one is its. */
		if (result == IOTSAFE_ERR_AMBIGUOUS)
			entry = NULL;
		else
			TRY(result);
	}
	if (entry && entry->spki)
		TRY(own(&key->spki, entry_spki(entry)));
	key->spki_learned = true;
	return IOTSAFE_OK;
}

/* The leaf, then issuer after issuer; a self-signed root stays out. */
static int build_chain(iotsafe_card *card, iotsafe_key *key,
		       struct entry *entry, const struct deadline *deadline)
{
	TRY(add_to_chain(key, entry_content(entry)));
	while (key->chain_count < CHAIN_MAX) {
		struct bytes top = borrow(&key->chain[key->chain_count - 1]);

		TRY(identity_issuer(card, top, &entry, deadline));
		if (!entry || crypto_certificate_is_root(entry_content(entry)))
			return IOTSAFE_OK;
		TRY(add_to_chain(key, entry_content(entry)));
	}
	return IOTSAFE_OK;
}

/* No certificate has the key's public key. One that has nobody's was meant to
 * be its: personalisation went wrong. */
static int check_strays(iotsafe_card *card, const iotsafe_key *key,
			const struct deadline *deadline)
{
	char title[RECORD_TITLE_MAX];
	struct entry *stray;

	TRY(identity_stray_certificate(card, &stray, deadline));
	if (!stray)
		return IOTSAFE_OK;
	record_title(&stray->record, title, sizeof(title));
	return error_set(IOTSAFE_ERR_VERIFY,
			 "the certificate %s is of another key than %s", title,
			 key->title);
}

static int learn_chain(iotsafe_card *card, iotsafe_key *key,
		       const struct deadline *deadline)
{
	struct entry *entry;
	int result;

	if (key->chain_learned)
		return IOTSAFE_OK;
	TRY(learn_spki(card, key, deadline));
	TRY(identity_certificate(card, borrow(&key->spki), &entry, deadline));
	if (!entry && key->spki.size)
		TRY(check_strays(card, key, deadline));
	if (entry) {
		result = build_chain(card, key, entry, deadline);
		if (result < 0) {
			drop_chain(key);
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
	return card_run(key->card, limit, learn_in_turn, key);
}

static int learn_spki_in_turn(iotsafe_card *card, void *self,
			      const struct deadline *deadline)
{
	return learn_spki(card, self, deadline);
}

int key_algorithms(const iotsafe_key *key)
{
	int algorithms = key->record.algorithms;
	unsigned bits;
	int possible;

	if (!key->spki.size)
		return algorithms;
	possible = crypto_spki_algorithms(borrow(&key->spki), &bits);
	return possible ? algorithms & possible : algorithms;
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

int iotsafe_key_public_key(iotsafe_key *key, uint8_t **out, size_t *out_size)
{
	if (!bytes_ready(out, out_size) || !key)
		return error_set(IOTSAFE_ERR_ARG, "key: something is NULL");
	TRY(card_run(key->card, NULL, learn_spki_in_turn, key));
	if (!key->spki.size)
		return error_set(IOTSAFE_ERR_ABSENT,
				 "key %s: neither a public-key object nor a "
				 "certificate on the card tells its public key",
				 key->title);
	return bytes_give(key->spki.data, key->spki.size, out, out_size);
}

int iotsafe_key_certificate(iotsafe_key *key, unsigned index, uint8_t **out,
			    size_t *out_size)
{
	struct bytes certificate;

	if (!bytes_ready(out, out_size) || !key)
		return error_set(IOTSAFE_ERR_ARG, "key: something is NULL");
	TRY(key_learn(key, NULL));
	if (!key->chain_count)
		return error_set(IOTSAFE_ERR_ABSENT,
				 "key %s has no certificate on the card",
				 key->title);
	certificate = key_chain(key, index);
	if (!certificate.size)
		return error_set(IOTSAFE_ERR_ABSENT,
				 "key %s: its chain has %u certificates",
				 key->title, key->chain_count);
	return bytes_give(certificate.data, certificate.size, out, out_size);
}

int iotsafe_key_object(iotsafe_key *key, iotsafe_object **object)
{
	if (object)
		*object = NULL;
	if (!key || !object)
		return error_set(IOTSAFE_ERR_ARG, "key: something is NULL");
	return object_new(key->card->applet.kind, &key->record, object);
}

int iotsafe_key_verifies(iotsafe_key *key)
{
	struct error kept;
	unsigned bits;

	if (!key)
		return 0;
	error_save(&kept);
	card_run(key->card, NULL, learn_spki_in_turn, key);
	error_restore(&kept);
	return crypto_spki_algorithms(borrow(&key->spki), &bits) != 0;
}

/* ---- another certificate ---- */

/* The chosen certificate must be of the key, as far as that is known. */
static int take_leaf(iotsafe_key *key, struct bytes certificate)
{
	uint8_t *spki;
	size_t spki_size;
	bool same;
	int result = IOTSAFE_OK;

	TRY(crypto_spki_of_certificate(certificate, &spki, &spki_size));
	same = bytes_equal(borrow(&key->spki), (struct bytes){spki, spki_size});
	if (key->spki.size && !same)
		result = error_set(IOTSAFE_ERR_VERIFY,
				   "the certificate is of another key than %s",
				   key->title);
	else if (!key->spki.size)
		result = own(&key->spki, (struct bytes){spki, spki_size});
	iotsafe_free(spki);
	return result;
}

static int take_certificate(void *self, struct bytes certificate)
{
	iotsafe_key *key = self;

	if (!key->chain_count)
		TRY(take_leaf(key, certificate));
	return add_to_chain(key, certificate);
}

int key_set_certificate(iotsafe_key *key, struct bytes data,
			const struct deadline *limit)
{
	int result;

	TRY(card_run(key->card, limit, learn_spki_in_turn, key));
	drop_chain(key);
	result = crypto_certificates_read(data, take_certificate, key);
	key->chain_learned = result >= 0;
	if (result < 0)
		drop_chain(key);
	return result;
}

int iotsafe_key_set_certificate(iotsafe_key *key, const uint8_t *data,
				size_t data_size)
{
	if (!key || !data)
		return error_set(IOTSAFE_ERR_ARG, "key: something is NULL");
	return key_set_certificate(key, (struct bytes){data, data_size}, NULL);
}

struct choosing {
	iotsafe_key *key;
	const struct name *name;
};

static int choose_certificate(iotsafe_card *card, void *self,
			      const struct deadline *deadline)
{
	struct choosing *choosing = self;
	iotsafe_key *key = choosing->key;
	struct entry *entry;
	char title[RECORD_TITLE_MAX];

	TRY(learn_spki(card, key, deadline));
	TRY(card_find(card, choosing->name, IOTSAFE_CLASS_FILE, &entry,
		      deadline));
	TRY(card_need_entry(card, entry, deadline));
	record_title(&entry->record, title, sizeof(title));
	if (!entry->content)
		return error_set(IOTSAFE_ERR_FORMAT,
				 "file %s is no certificate", title);
	drop_chain(key);
	TRY(take_leaf(key, entry_content(entry)));
	TRY(build_chain(card, key, entry, deadline));
	key->chain_learned = true;
	return IOTSAFE_OK;
}

int key_use_certificate(iotsafe_key *key, const char *name,
			const struct deadline *limit)
{
	struct name parsed;
	struct choosing choosing = {key, &parsed};

	TRY(name_parse(name, &parsed));
	return card_run(key->card, limit, choose_certificate, &choosing);
}

/* ---- signing ---- */

struct signing {
	iotsafe_key *key;
	int algorithm;
	struct bytes hash;
	struct signature signature;
};

static bool verifies(const struct signing *signing, struct bytes spki)
{
	return crypto_verify(spki, signing->algorithm, signing->hash,
			     (struct bytes){signing->signature.data,
					    signing->signature.size}) >= 0;
}

/* The signature is not by the key that names made likely. If another public
 * key on the card fits, the names were misleading: that one is the key's. */
static int find_signer(iotsafe_card *card, struct signing *signing,
		       const struct deadline *deadline)
{
	iotsafe_key *key = signing->key;

	for (size_t i = 0; i < card->entries_count; i++) {
		struct entry *entry = &card->entries[i];

		if (entry->record.class != IOTSAFE_CLASS_PUBLIC_KEY ||
		    !(entry->record.flags & IOTSAFE_OBJECT_ACTIVE))
			continue;
		TRY(card_need_entry(card, entry, deadline));
		if (entry->spki && verifies(signing, entry_spki(entry)))
			return own(&key->spki, entry_spki(entry));
	}
	return error_set(IOTSAFE_ERR_VERIFY,
			 "COMPUTE SIGNATURE UPDATE: the card's signature does "
			 "not verify (key %s)",
			 key->title);
}

static int check_signature(iotsafe_card *card, struct signing *signing,
			   const struct deadline *deadline)
{
	iotsafe_key *key = signing->key;
	unsigned bits;

	if (!crypto_spki_algorithms(borrow(&key->spki), &bits))
		return IOTSAFE_OK; /* "unverified", as info says */
	if (verifies(signing, borrow(&key->spki))) {
		key->confirmed = true;
		return IOTSAFE_OK;
	}
	if (key->confirmed || key->chain_count)
		return error_set(IOTSAFE_ERR_VERIFY,
				 "COMPUTE SIGNATURE UPDATE: the card's "
				 "signature does not verify%s (key %s)",
				 key->confirmed ? "" : " with its certificate",
				 key->title);
	return find_signer(card, signing, deadline);
}

static int sign_in_turn(iotsafe_card *card, void *self,
			const struct deadline *deadline)
{
	struct signing *signing = self;
	iotsafe_key *key = signing->key;
	int result;

	TRY(learn_spki(card, key, deadline));
	result = card->applet.kind->sign(&card->applet, &key->record,
					 signing->algorithm, signing->hash,
					 &signing->signature, deadline);
	if (result < 0) {
		error_append(" (key %s)", key->title);
		return result;
	}
	card->counters[IOTSAFE_SIGNATURES]++;
	return check_signature(card, signing, deadline);
}

static int choose_algorithm(const iotsafe_key *key, int wanted,
			    size_t hash_size, int *out)
{
	int common = wanted & key_algorithms(key);

	*out = common & -common;
	if (!*out)
		return error_set(IOTSAFE_ERR_SUPPORT,
				 "key %s cannot sign with %s", key->title,
				 iotsafe_algorithm_name(wanted)
					 ? iotsafe_algorithm_name(wanted)
					 : "the algorithms asked for");
	if (crypto_hash_size(*out) != hash_size)
		return error_set(IOTSAFE_ERR_ARG,
				 "%s signs a hash of %zu bytes, not %zu",
				 iotsafe_algorithm_name(*out),
				 crypto_hash_size(*out), hash_size);
	return IOTSAFE_OK;
}

int key_sign(iotsafe_key *key, int algorithm, struct bytes hash,
	     const struct deadline *limit, uint8_t **out, size_t *out_size)
{
	struct signing signing = {.key = key, .hash = hash};

	*out = NULL;
	*out_size = 0;
	TRY(choose_algorithm(key, algorithm, hash.size, &signing.algorithm));
	TRY(card_run(key->card, limit, sign_in_turn, &signing));
	return bytes_give(signing.signature.data, signing.signature.size, out,
			  out_size);
}

int iotsafe_key_sign(iotsafe_key *key, int algorithm, const uint8_t *data,
		     size_t data_size, uint8_t **out, size_t *out_size)
{
	if (!bytes_ready(out, out_size) || !key || !data)
		return error_set(IOTSAFE_ERR_ARG, "key: something is NULL");
	return key_sign(key, algorithm, (struct bytes){data, data_size}, NULL,
			out, out_size);
}
