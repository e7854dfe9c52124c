/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Public-key objects of the card at work: signatures verified by the card,
 * and keys put into its slots.
 */
#include "applet/iotsafe.h"
#include "base/crypto.h"
#include "base/error.h"
#include "object/cache.h"
#include "object/card.h"
#include "object/key.h"

struct checking {
	const struct name *name;
	int wanted; /* algorithms, as bits */
	int mode;
	struct bytes data; /* a hash or a text */
	bool hash_it;	   /* the text is hashed here */
	struct bytes signature;
};

/* What the card is to verify, by what the key can do. */
static int choose(const struct checking *checking, const struct record *record,
		  struct gsma_message *message, uint8_t *digest)
{
	const char *name = iotsafe_algorithm_name(checking->wanted);
	int common = checking->wanted & record->algorithms;
	char title[RECORD_TITLE_MAX];

	*message = (struct gsma_message){checking->mode, common & -common,
					 checking->data};
	record_title(record, title, sizeof(title));
	if (!crypto_hash_size(message->algorithm))
		return error_set(IOTSAFE_ERR_SUPPORT,
				 "public key %s cannot verify %s", title,
				 name ? name : "the algorithms asked for");
	if (checking->hash_it) {
		size_t size =
			crypto_hash(message->algorithm, checking->data, digest);

		message->data = (struct bytes){digest, size};
	}
	if (checking->mode == IOTSAFE_MODE_HOST &&
	    message->data.size != crypto_hash_size(message->algorithm))
		return error_set(IOTSAFE_ERR_ARG,
				 "%s is over a hash of %zu bytes, not %zu",
				 iotsafe_algorithm_name(message->algorithm),
				 crypto_hash_size(message->algorithm),
				 message->data.size);
	return IOTSAFE_OK;
}

static int verify_in_turn(iotsafe_card *card, void *self,
			  const struct deadline *deadline)
{
	const struct checking *checking = self;
	uint8_t digest[CRYPTO_HASH_MAX];
	struct gsma_message message;
	struct entry *entry;
	struct record record;
	int result;

	TRY(card_find_with(card, checking->name, IOTSAFE_CLASS_PUBLIC_KEY,
			   IOTSAFE_OBJECT_SIGN, NULL, &entry, deadline));
	TRY(card_need_iotsafe(card, "VERIFY SIGNATURE"));
	record = entry->record;
	TRY(choose(checking, &record, &message, digest));
	/* No card is asked about what no key can have signed. */
	if (message.algorithm & 0x7 &&
	    !crypto_rs_is_possible(checking->signature,
				   record_is_brainpool(&record)))
		result = error_set(IOTSAFE_ERR_VERIFY,
				   "signature: %zu bytes are not r and s below "
				   "the curve's order",
				   checking->signature.size);
	else
		result = gsma_verify(&card->at->applet, &record, &message,
				     checking->signature, deadline);
	return record_explain(result, &record, 0);
}

static int verify(iotsafe_card *card, const char *name,
		  struct checking *checking, const struct deadline *limit)
{
	struct name parsed;

	if (!card || !checking->signature.data ||
	    (checking->data.size && !checking->data.data))
		return error_null("verify");
	TRY(name_parse(name, &parsed));
	checking->name = &parsed;
	return card_run(card, limit, verify_in_turn, checking);
}

int card_verify(iotsafe_card *card, const char *name, int algorithm,
		struct bytes hash, struct bytes signature,
		const struct deadline *limit)
{
	struct checking checking = {
		.wanted = algorithm,
		.mode = IOTSAFE_MODE_HOST,
		.data = hash,
		.signature = signature,
	};

	return verify(card, name, &checking, limit);
}

int iotsafe_card_verify(iotsafe_card *card, const char *name, int algorithm,
			const uint8_t *data, size_t data_size,
			const uint8_t *signature, size_t signature_size)
{
	return card_verify(card, name, algorithm,
			   (struct bytes){data, data_size},
			   (struct bytes){signature, signature_size}, NULL);
}

int iotsafe_card_verify_data(iotsafe_card *card, const char *name,
			     int algorithm, int mode, const uint8_t *data,
			     size_t data_size, const uint8_t *signature,
			     size_t signature_size)
{
	struct checking checking = {
		.wanted = algorithm,
		.mode = mode ? mode : IOTSAFE_MODE_HOST,
		.data = {data, data_size},
		.hash_it = !mode || mode == IOTSAFE_MODE_HOST,
		.signature = {signature, signature_size},
	};

	TRY(message_check(mode, data_size));
	return verify(card, name, &checking, NULL);
}

/* ---- public keys on their way in ---- */

int card_put(iotsafe_card *card, struct entry *entry, struct bytes spki,
	     const struct deadline *deadline)
{
	struct record record = entry->record;
	struct public_key key;
	int result;

	TRY(card_need_iotsafe(card, "PUT PUBLIC KEY"));
	TRY(crypto_point_of_spki(spki, key.point));
	cache_drop(card);
	result =
		gsma_put_public_key(&card->at->applet, &record, &key, deadline);
	/* Whatever came of it, what was read before may be history. */
	card_forget_entry(card, entry);
	card_tell_others(card);
	return record_explain(result, &record, IOTSAFE_OBJECT_UPDATABLE);
}

struct putting {
	const struct name *name;
	struct bytes spki;
};

static int put_in_turn(iotsafe_card *card, void *self,
		       const struct deadline *deadline)
{
	const struct putting *putting = self;
	struct entry *entry;

	TRY(card_find_with(card, putting->name, IOTSAFE_CLASS_PUBLIC_KEY,
			   IOTSAFE_OBJECT_UPDATABLE, NULL, &entry, deadline));
	card_commit(card, COMMIT_STEPS);
	TRY(card_put(card, entry, putting->spki, deadline));
	/* Read back where the card lets it be read. */
	TRY(card_need_entry(card, entry, deadline));
	if (!entry->spki || bytes_equal(putting->spki, entry_spki(entry)))
		return IOTSAFE_OK;
	error_set(IOTSAFE_ERR_VERIFY,
		  "PUT PUBLIC KEY: the card has another key than was put");
	return record_explain(IOTSAFE_ERR_VERIFY, &entry->record, 0);
}

int iotsafe_card_put_public_key(iotsafe_card *card, const char *name,
				const uint8_t *data, size_t data_size)
{
	struct name parsed;
	struct putting putting = {&parsed, {data, data_size}};

	if (!card || !data)
		return error_null("public key");
	TRY(name_parse(name, &parsed));
	return card_run(card, NULL, put_in_turn, &putting);
}
