/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Secret keys of the card at work: what they derive, and MACs. What comes out
 * is wiped wherever it was but in the caller's hands.
 */
#include <string.h>
#include "applet/iotsafe.h"
#include "base/crypto.h"
#include "base/error.h"
#include "object/card.h"
#include "object/key.h"
#include "object/key_parts.h"

/* The one secret key that a name means, or the only one with the flag. */
static int find_secret(iotsafe_card *card, const struct name *name,
		       unsigned flag, struct record *out,
		       const struct deadline *deadline)
{
	struct entry *entry;

	TRY(card_find_with(card, name, IOTSAFE_CLASS_SECRET_KEY, flag, NULL,
			   &entry, deadline));
	*out = entry->record;
	return IOTSAFE_OK;
}

/* ---- COMPUTE PRF ---- */

struct deriving {
	const struct name *name; /* NULL: none */
	int algorithm;
	struct bytes secret, label, data;
	uint8_t *out;
	size_t size;
};

static int prf_in_turn(iotsafe_card *card, void *self,
		       const struct deadline *deadline)
{
	const struct deriving *deriving = self;
	struct record record;
	int result;

	if (deriving->name)
		TRY(find_secret(card, deriving->name, IOTSAFE_OBJECT_DERIVE,
				&record, deadline));
	TRY(card_need_iotsafe(card, "COMPUTE PRF"));
	result = gsma_prf(&card->at->applet, deriving->name ? &record : NULL,
			  deriving->secret, deriving->label, deriving->data,
			  deriving->out, deriving->size, deadline);
	return deriving->name
		       ? record_explain(result, &record, IOTSAFE_OBJECT_DERIVE)
		       : result;
}

int card_prf(iotsafe_card *card, const char *name, struct bytes secret,
	     const char *label, struct bytes seed, uint8_t *out, size_t size,
	     const struct deadline *limit)
{
	struct name parsed;
	struct deriving deriving = {
		.name = (name && *name) || !secret.size ? &parsed : NULL,
		.secret = secret,
		.label = {(const uint8_t *)label, strlen(label)},
		.data = seed,
		.out = out,
		.size = size,
	};

	TRY(name_parse(name, &parsed));
	return card_run(card, limit, prf_in_turn, &deriving);
}

int iotsafe_card_prf(iotsafe_card *card, const char *name,
		     const uint8_t *secret, size_t secret_size,
		     const char *label, const uint8_t *data, size_t data_size,
		     size_t size, uint8_t **out, size_t *out_size)
{
	if (!bytes_ready(out, out_size) || !card || !label ||
	    (secret_size && !secret) || (data_size && !data))
		return error_null("PRF");
	if (!size || size > 255)
		return error_set(IOTSAFE_ERR_ARG,
				 "PRF: gives 1 to 255 bytes, not %zu", size);
	if ((!name || !*name) && !secret_size)
		return error_set(IOTSAFE_ERR_ARG,
				 "PRF: neither a secret key nor a secret");
	*out = bytes_room(size);
	if (!*out)
		return IOTSAFE_ERR_MEMORY;
	return bytes_settle(
		card_prf(card, name, (struct bytes){secret, secret_size}, label,
			 (struct bytes){data, data_size}, *out, size, NULL),
		size, out, out_size);
}

#define SHA256_SIZE 32

/* The key's derivation, as docs/psk.md has it. */
int card_psk(iotsafe_card *card, const char *name, const char *identity,
	     const uint8_t *context_hash, uint8_t *out,
	     const struct deadline *limit)
{
	uint8_t seed[2 * SHA256_SIZE];

	crypto_hash(IOTSAFE_ECDSA_SHA256,
		    (struct bytes){(const uint8_t *)identity, strlen(identity)},
		    seed);
	memcpy(seed + SHA256_SIZE, context_hash, SHA256_SIZE);
	return card_prf(card, name, (struct bytes){NULL, 0}, "iotsafe psk",
			(struct bytes){seed, sizeof(seed)}, out, CARD_PSK_SIZE,
			limit);
}

int iotsafe_card_psk(iotsafe_card *card, const char *name, const char *identity,
		     const uint8_t *data, size_t data_size, uint8_t **out,
		     size_t *out_size)
{
	uint8_t context_hash[CRYPTO_HASH_MAX];

	if (!bytes_ready(out, out_size) || !card || !identity ||
	    (data_size && !data))
		return error_null("PSK");
	crypto_hash(IOTSAFE_ECDSA_SHA256, (struct bytes){data, data_size},
		    context_hash);
	*out = bytes_room(CARD_PSK_SIZE);
	if (!*out)
		return IOTSAFE_ERR_MEMORY;
	return bytes_settle(
		card_psk(card, name, identity, context_hash, *out, NULL),
		CARD_PSK_SIZE, out, out_size);
}

/* ---- COMPUTE HKDF ---- */

static int extract_in_turn(iotsafe_card *card, void *self,
			   const struct deadline *deadline)
{
	const struct deriving *deriving = self;

	TRY(card_need_iotsafe(card, "COMPUTE HKDF"));
	return gsma_hkdf_extract(&card->at->applet, deriving->algorithm,
				 deriving->secret, deriving->data,
				 deriving->out, deadline);
}

int iotsafe_card_hkdf_extract(iotsafe_card *card, int algorithm,
			      const uint8_t *secret, size_t secret_size,
			      const uint8_t *data, size_t data_size,
			      uint8_t **out, size_t *out_size)
{
	struct deriving deriving = {
		.algorithm = algorithm & 0x7,
		.secret = {secret, secret_size},
		.data = {data, data_size},
		.size = crypto_hash_size(algorithm & 0x7),
	};

	if (!bytes_ready(out, out_size) || !card || !deriving.size ||
	    (secret_size && !secret) || (data_size && !data))
		return error_set(IOTSAFE_ERR_ARG,
				 "HKDF-Extract: a card, a hash, keying "
				 "material and a salt");
	deriving.out = *out = bytes_room(deriving.size);
	if (!*out)
		return IOTSAFE_ERR_MEMORY;
	return bytes_settle(card_run(card, NULL, extract_in_turn, &deriving),
			    deriving.size, out, out_size);
}

/* ---- COMPUTE SIGNATURE with a secret key ---- */

struct macing {
	const struct name *name;
	struct bytes data;
	struct signature mac;
};

static int mac_in_turn(iotsafe_card *card, void *self,
		       const struct deadline *deadline)
{
	struct macing *macing = self;
	const struct gsma_message message = {IOTSAFE_MODE_FULL_TEXT,
					     IOTSAFE_AES_CMAC, macing->data};
	struct record record;
	int result;

	TRY(find_secret(card, macing->name, IOTSAFE_OBJECT_SIGN, &record,
			deadline));
	TRY(card_need_iotsafe(card, "COMPUTE SIGNATURE"));
	result = gsma_sign_message(&card->at->applet, &record, &message,
				   &macing->mac, deadline);
	return record_explain(result, &record, 0);
}

int iotsafe_card_mac(iotsafe_card *card, const char *name, const uint8_t *data,
		     size_t data_size, uint8_t **out, size_t *out_size)
{
	struct name parsed;
	struct macing macing = {.name = &parsed, .data = {data, data_size}};

	if (!bytes_ready(out, out_size) || !card || (data_size && !data))
		return error_null("MAC");
	TRY(message_check(0, data_size));
	TRY(name_parse(name, &parsed));
	TRY(card_run(card, NULL, mac_in_turn, &macing));
	return bytes_give(macing.mac.data, macing.mac.size, out, out_size);
}
