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
	bool identity; /* opened without a name */
	struct record record;
	char title[RECORD_TITLE_MAX];
	/* The title of a certificate that is of no key on the card, or "". */
	char stray[RECORD_TITLE_MAX];

	/* Set within turns of the card, and kept. */
	bool spki_learned, chain_learned;
	bool confirmed;	  /* a signature verified with `spki` */
	bool chain_given; /* by the user, not by the card */
	struct owned spki;
	struct owned former; /* the misleading one; others may look at it */
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
	key->chain_learned = key->chain_given = false;
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
	(*key)->identity = name_is_empty(&parsed);
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
	iotsafe_free(key->former.data);
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

/* The public key that names made likely turns out to be another one. */
static int replace_spki(iotsafe_key *key, const struct entry *public)
{
	iotsafe_free(key->former.data);
	key->former = key->spki;
	key->spki = (struct owned){NULL, 0};
	return own(&key->spki, entry_spki(public));
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
	TRY(replace_spki(key, public));
	return identity_certificate(card, borrow(&key->spki), out, deadline);
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
	TRY(learn_spki(card, key, deadline));
	TRY(identity_certificate(card, borrow(&key->spki), &entry, deadline));
	if (!entry && key->spki.size)
		TRY(look_for_other_certificate(card, key, &entry, deadline));
	if (!entry && key->spki.size)
		TRY(look_for_stray(card, key, deadline));
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

	TRY(learn_spki(card, key, deadline));
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
	return card_run(key->card, NULL, give_public_key, &wish);
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
	return card_run(key->card, NULL, give_certificate, &wish);
}

int iotsafe_key_object(iotsafe_key *key, iotsafe_object **object)
{
	if (object)
		*object = NULL;
	if (!key || !object)
		return error_set(IOTSAFE_ERR_ARG, "key: something is NULL");
	return object_new(key->card->applet.kind, &key->record, object);
}

static int ask_verifies(iotsafe_card *card, void *self,
			const struct deadline *deadline)
{
	iotsafe_key *key = self;
	unsigned bits;

	TRY(learn_spki(card, key, deadline));
	return crypto_spki_algorithms(borrow(&key->spki), &bits) != 0;
}

int iotsafe_key_verifies(iotsafe_key *key)
{
	struct error kept;
	int result;

	if (!key)
		return 0;
	error_save(&kept);
	result = card_run(key->card, NULL, ask_verifies, key);
	error_restore(&kept);
	return result == 1;
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

struct setting {
	iotsafe_key *key;
	struct bytes data;
};

static int set_certificate(iotsafe_card *card, void *self,
			   const struct deadline *deadline)
{
	const struct setting *setting = self;
	iotsafe_key *key = setting->key;
	int result;

	TRY(learn_spki(card, key, deadline));
	drop_chain(key);
	result = crypto_certificates_read(setting->data, take_certificate, key);
	key->chain_learned = key->chain_given = result >= 0;
	if (result < 0)
		drop_chain(key);
	return result;
}

int key_set_certificate(iotsafe_key *key, struct bytes data,
			const struct deadline *limit)
{
	struct setting setting = {key, data};

	return card_run(key->card, limit, set_certificate, &setting);
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
	key->chain_learned = key->chain_given = true;
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
	int wanted;    /* algorithms, as bits */
	int algorithm; /* the one chosen */
	struct bytes hash;
	struct signature signature;
};

static int choose_algorithm(struct signing *signing)
{
	const iotsafe_key *key = signing->key;
	const char *name = iotsafe_algorithm_name(signing->wanted);
	int common = signing->wanted & key_algorithms(key);

	signing->algorithm = common & -common;
	if (!signing->algorithm)
		return error_set(IOTSAFE_ERR_SUPPORT,
				 "key %s cannot sign with %s", key->title,
				 name ? name : "the algorithms asked for");
	if (crypto_hash_size(signing->algorithm) != signing->hash.size)
		return error_set(IOTSAFE_ERR_ARG,
				 "%s signs a hash of %zu bytes, not %zu",
				 iotsafe_algorithm_name(signing->algorithm),
				 crypto_hash_size(signing->algorithm),
				 signing->hash.size);
	return IOTSAFE_OK;
}

static bool verifies(const struct signing *signing, struct bytes spki)
{
	return crypto_verify(spki, signing->algorithm, signing->hash,
			     (struct bytes){signing->signature.data,
					    signing->signature.size}) >= 0;
}

static int not_verified(const iotsafe_key *key)
{
	return error_set(IOTSAFE_ERR_VERIFY,
			 "COMPUTE SIGNATURE UPDATE: the card's signature does "
			 "not verify%s (key %s)",
			 key->chain_count && !key->confirmed
				 ? " with its certificate"
				 : "",
			 key->title);
}

/* The public key on the card that the signature is by, NULL for none. */
static int find_signer(iotsafe_card *card, const struct signing *signing,
		       struct entry **out, const struct deadline *deadline)
{
	*out = NULL;
	for (size_t i = 0; i < card->entries_count && !*out; i++) {
		struct entry *entry = &card->entries[i];

		if (entry->record.class != IOTSAFE_CLASS_PUBLIC_KEY ||
		    !(entry->record.flags & IOTSAFE_OBJECT_ACTIVE))
			continue;
		TRY(card_need_entry(card, entry, deadline));
		if (entry->spki && verifies(signing, entry_spki(entry)))
			*out = entry;
	}
	return IOTSAFE_OK;
}

/* The signature shows that the key's public key is another one than names
 * made likely. A certificate that went with those names may be in a handshake
 * already: that one fails, the next has the right one. */
static int correct_key(iotsafe_key *key, const struct entry *signer)
{
	int result = key->chain_count ? not_verified(key) : IOTSAFE_OK;

	if (key->chain_given)
		return result;
	drop_chain(key);
	TRY(replace_spki(key, signer));
	key->confirmed = true;
	return result;
}

/* The identity is what the certificate says: the private key was the wrong
 * one. What the signature has shown tells which one is right. */
static int change_key(iotsafe_card *card, iotsafe_key *key,
		      const struct deadline *deadline)
{
	struct record record;

	TRY(identity_find(card, &record, deadline));
	if (record.id_size == key->record.id_size &&
	    !memcmp(record.id, key->record.id, record.id_size) &&
	    record.label_size == key->record.label_size &&
	    !memcmp(record.label, key->record.label, record.label_size))
		return not_verified(key);
	key->record = record;
	record_title(&record, key->title, sizeof(key->title));
	return IOTSAFE_OK;
}

static int sign(iotsafe_card *card, struct signing *signing,
		const struct deadline *deadline)
{
	iotsafe_key *key = signing->key;
	int result = card->applet.kind->sign(&card->applet, &key->record,
					     signing->algorithm, signing->hash,
					     &signing->signature, deadline);

	if (result < 0) {
		error_append(" (key %s)", key->title);
		return result;
	}
	card->counters[IOTSAFE_SIGNATURES]++;
	return result;
}

static bool is_by_key(struct signing *signing)
{
	iotsafe_key *key = signing->key;
	unsigned bits;

	if (!crypto_spki_algorithms(borrow(&key->spki), &bits))
		return true; /* "unverified", as info says */
	if (!verifies(signing, borrow(&key->spki)))
		return false;
	key->confirmed = true;
	return true;
}

/* The signature is not by the key that names made likely. If another public
 * key on the card fits, the names were misleading. */
static int resolve(iotsafe_card *card, struct signing *signing,
		   const struct deadline *deadline)
{
	iotsafe_key *key = signing->key;
	struct entry *signer;

	if (key->confirmed)
		return not_verified(key);
	TRY(find_signer(card, signing, &signer, deadline));
	if (!signer)
		return not_verified(key);
	identity_prove(card, &key->record, signer);
	if (!key->identity || !identity_is_certified(card, borrow(&key->spki)))
		return correct_key(key, signer);
	TRY(change_key(card, key, deadline));
	TRY(sign(card, signing, deadline));
	return is_by_key(signing) ? IOTSAFE_OK : not_verified(key);
}

static int sign_in_turn(iotsafe_card *card, void *self,
			const struct deadline *deadline)
{
	struct signing *signing = self;

	TRY(choose_algorithm(signing));
	TRY(learn_spki(card, signing->key, deadline));
	TRY(choose_algorithm(signing));
	TRY(sign(card, signing, deadline));
	return is_by_key(signing) ? IOTSAFE_OK
				  : resolve(card, signing, deadline);
}

int key_sign(iotsafe_key *key, int algorithm, struct bytes hash,
	     const struct deadline *limit, uint8_t **out, size_t *out_size)
{
	struct signing signing = {
		.key = key, .wanted = algorithm, .hash = hash};

	*out = NULL;
	*out_size = 0;
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
