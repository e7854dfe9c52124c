/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hashes and texts become signatures of a key, each verified before it is
 * given out. What a signature shows of the key corrects what names made
 * likely.
 */
#include "applet/iotsafe.h"
#include "base/crypto.h"
#include "base/error.h"
#include "object/card.h"
#include "object/key.h"
#include "object/key_parts.h"

/* IoT.05 counts a text in three bytes. */
#define TEXT_MAX 0xFFFFFF

int message_check(int mode, size_t size)
{
	if (mode < 0 || mode > IOTSAFE_MODE_HOST)
		return error_set(IOTSAFE_ERR_ARG, "mode %d: there are 1 to 3",
				 mode);
	if (size > TEXT_MAX)
		return error_set(IOTSAFE_ERR_ARG,
				 "data: %zu bytes, more than %d", size,
				 TEXT_MAX);
	return IOTSAFE_OK;
}

struct signing {
	iotsafe_key *key;
	int wanted;    /* algorithms, as bits */
	int algorithm; /* the one chosen */
	int mode;      /* enum iotsafe_mode; 0: the hash alone was given */
	struct bytes text;
	struct bytes hash;
	uint8_t digest[CRYPTO_HASH_MAX]; /* of the text */
	struct signature signature;
};

static int choose_algorithm(struct signing *signing)
{
	const iotsafe_key *key = signing->key;
	const char *name = iotsafe_algorithm_name(signing->wanted);
	int common = signing->wanted & key_algorithms(key);
	size_t size;

	signing->algorithm = common & -common;
	if (!signing->algorithm)
		return error_set(IOTSAFE_ERR_SUPPORT,
				 "key %s cannot sign with %s", key_title(key),
				 name ? name : "the algorithms asked for");
	size = crypto_hash_size(signing->algorithm);
	/* The text may be long, and the choice is made twice. */
	if (signing->mode && signing->hash.size != size)
		signing->hash = (struct bytes){signing->digest,
					       crypto_hash(signing->algorithm,
							   signing->text,
							   signing->digest)};
	if (size != signing->hash.size)
		return error_set(IOTSAFE_ERR_ARG,
				 "%s signs a hash of %zu bytes, not %zu",
				 iotsafe_algorithm_name(signing->algorithm),
				 size, signing->hash.size);
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
	const bool software = key_record(key)->flags & IOTSAFE_OBJECT_SOFTWARE;
	const struct applet_kind *applet =
		key->card->holdings[key_record(key)->applet].applet.kind;

	if (key->changes != key->card->changes)
		return error_set(IOTSAFE_ERR_VERIFY,
				 "key %s: the card's objects have changed, and "
				 "it signs with another key now; open it again",
				 key_title(key));
	return error_set(IOTSAFE_ERR_VERIFY,
			 "%s%s signature does not verify%s (key %s)",
			 software ? "private key" : applet->signing_command,
			 software ? ": its" : ": the card's",
			 (key->chain_count || key->certified) && !key->confirmed
				 ? " with its certificate"
				 : "",
			 key_title(key));
}

/* The public key on the card that the signature is by, NULL for none. */
static int find_signer(iotsafe_card *card, const struct signing *signing,
		       struct entry **out, const struct deadline *deadline)
{
	*out = NULL;
	for (size_t i = 0; i < card->at->entries_count && !*out; i++) {
		struct entry *entry = &card->at->entries[i];

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
	key_drop_chain(key);
	TRY(key_replace_spki(key, signer));
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
	if (record_is_same(&record, key_record(key)))
		return not_verified(key);
	return key_take_record(key, &record);
}

static int sign_here(iotsafe_card *card, struct signing *signing,
		     const struct deadline *deadline)
{
	const iotsafe_key *key = signing->key;
	int result;

	TRY(key_need_software(card, signing->key, deadline));
	result = crypto_private_sign(key->software, signing->algorithm,
				     signing->hash, signing->signature.data,
				     sizeof(signing->signature.data),
				     &signing->signature.size);
	return record_explain(result, key_record(key), 0);
}

static int ask_card(iotsafe_card *card, struct signing *signing,
		    const struct deadline *deadline)
{
	const struct gsma_message message = {signing->mode, signing->algorithm,
					     signing->text};
	const struct record *record = key_record(signing->key);

	if (signing->mode && signing->mode != IOTSAFE_MODE_HOST)
		TRY(card_need_iotsafe(card, "hashing on the card"));
	if (record->flags & IOTSAFE_OBJECT_SOFTWARE)
		return sign_here(card, signing, deadline);
	if (signing->mode && signing->mode != IOTSAFE_MODE_HOST)
		return gsma_sign_message(&card->at->applet, record, &message,
					 &signing->signature, deadline);
	TRY(card_unlock_first(card, deadline));
	return card->at->applet.kind->sign(&card->at->applet, record,
					   signing->algorithm, signing->hash,
					   &signing->signature, deadline);
}

/* True where the card has refused an algorithm that the key did not know it
 * would. */
static bool learn_refused(const iotsafe_card *card, iotsafe_key *key)
{
	const int known = key->refused;

	if (key_record(key)->flags & IOTSAFE_OBJECT_SOFTWARE)
		return false;
	key->refused |= card->at->applet.refused;
	return key->refused != known;
}

static int sign(iotsafe_card *card, struct signing *signing,
		const struct deadline *deadline)
{
	iotsafe_key *key = signing->key;
	int result = ask_card(card, signing, deadline);

	/* Not announced any more, and another one is taken if it may be. */
	if (learn_refused(card, key) && signing->wanted & key_algorithms(key)) {
		TRY(choose_algorithm(signing));
		result = ask_card(card, signing, deadline);
	}
	if (result < 0)
		return key_record(key)->flags & IOTSAFE_OBJECT_SOFTWARE
			       ? result
			       : record_explain(result, key_record(key), 0);
	if (!signing->mode)
		card->at->applet.usual = signing->algorithm;
	card->counters[IOTSAFE_SIGNATURES] +=
		!(key_record(key)->flags & IOTSAFE_OBJECT_SOFTWARE);
	return result;
}

static bool is_by_key(struct signing *signing)
{
	iotsafe_key *key = signing->key;

	if (!key->able)
		/* "unverified", as info says; but it must be possible. */
		return !(signing->algorithm & 0x7) ||
		       crypto_rs_is_possible(
			       (struct bytes){signing->signature.data,
					      signing->signature.size},
			       record_is_brainpool(key_record(key)));
	if (!verifies(signing, borrow(key->spki)))
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
	identity_prove(card, key_record(key), signer);
	if (!key->identity || !identity_is_certified(card, borrow(key->spki)))
		return correct_key(key, signer);
	TRY(change_key(card, key, deadline));
	TRY(sign(card, signing, deadline));
	return is_by_key(signing) ? IOTSAFE_OK : not_verified(key);
}

/* Of what is from disk a certificate may be in a handshake already: where the
 * card has another key by now that one fails, and the next has the right one.
 */
static int settle(iotsafe_card *card, iotsafe_key *key,
		  const struct deadline *deadline)
{
	TRY(key_settle(card, key, deadline));
	if (!key->outdated)
		return IOTSAFE_OK;
	TRY(key_learn_spki(card, key, deadline));
	key->outdated = false;
	if (bytes_equal(borrow(key->spki), borrow(key->former)))
		return IOTSAFE_OK;
	return error_set(IOTSAFE_ERR_VERIFY,
			 "key %s: the card has another key than the cache had, "
			 "whose certificate may have been shown; try again",
			 key_title(key));
}

static int sign_in_turn(iotsafe_card *card, void *self,
			const struct deadline *deadline)
{
	struct signing *signing = self;

	learn_refused(card, signing->key);
	TRY(settle(card, signing->key, deadline));
	TRY(choose_algorithm(signing));
	TRY(key_check(card, signing->key));
	TRY(key_learn_spki(card, signing->key, deadline));
	TRY(choose_algorithm(signing));
	TRY(sign(card, signing, deadline));
	if (is_by_key(signing))
		return IOTSAFE_OK;
	/* What would resolve it is from disk as well. */
	return signing->key->cached ? not_verified(signing->key)
				    : resolve(card, signing, deadline);
}

int key_sign(iotsafe_key *key, int algorithm, struct bytes hash,
	     const struct deadline *limit, uint8_t **out, size_t *out_size)
{
	struct signing signing = {
		.key = key, .wanted = algorithm, .hash = hash};

	*out = NULL;
	*out_size = 0;
	TRY(card_run_believing(key->card, key_record(key), limit, sign_in_turn,
			       &signing));
	return bytes_give(signing.signature.data, signing.signature.size, out,
			  out_size);
}

int iotsafe_key_sign(iotsafe_key *key, int algorithm, const uint8_t *data,
		     size_t data_size, uint8_t **out, size_t *out_size)
{
	if (!bytes_ready(out, out_size) || !key || !data)
		return error_null("key");
	return key_sign(key, algorithm, (struct bytes){data, data_size}, NULL,
			out, out_size);
}

int iotsafe_key_sign_data(iotsafe_key *key, int algorithm, int mode,
			  const uint8_t *data, size_t data_size, uint8_t **out,
			  size_t *out_size)
{
	struct signing signing = {
		.key = key,
		.wanted = algorithm,
		.mode = mode ? mode : IOTSAFE_MODE_HOST,
		.text = {data, data_size},
	};

	if (!bytes_ready(out, out_size) || !key || (data_size && !data))
		return error_null("key");
	TRY(message_check(mode, data_size));
	TRY(card_run_believing(key->card, key_record(key), NULL, sign_in_turn,
			       &signing));
	return bytes_give(signing.signature.data, signing.signature.size, out,
			  out_size);
}
