// SPDX-License-Identifier: LGPL-2.1-or-later
/* mIAS, MSE SET: which algorithm and which key the next operations take. */
#include "mias_parts.h"

enum {
	SET_TO_COMPUTE = 0x41,
	FOR_HASH = 0xAA,
	FOR_SIGNATURE = 0xB6,
	FOR_CIPHER = 0xB8
};

enum { TAG_ALGORITHM = 0x80, TAG_KEY = 0x84 };

const EVP_MD *mias_md(unsigned int algorithm)
{
	switch (HASH_OF(algorithm)) {
	case 0x10:
		return EVP_sha1();
	case 0x30:
		return EVP_sha224();
	case 0x40:
		return EVP_sha256();
	case 0x50:
		return EVP_sha384();
	case 0x60:
		return EVP_sha512();
	default:
		return NULL;
	}
}

static bool key_is(const struct card *card, unsigned int number)
{
	return number == mias_key_number(card) &&
	       !fault_on(card->faults, FAULT_NO_KEY);
}

static uint16_t set_hash(struct tob_state *state, unsigned int algorithm)
{
	if (PADDING_OF(algorithm) != 0 || mias_md(algorithm) == NULL)
		return SW_WRONG_DATA;
	state->hash = (uint8_t)algorithm;
	EVP_MD_CTX_free(state->text);
	state->text = NULL;
	state->text_over = false;
	return SW_OK;
}

static uint16_t set_signature(const struct card *card, struct tob_state *state,
			      unsigned int algorithm, unsigned int key)
{
	if (PADDING_OF(algorithm) != PADDING_PKCS1 ||
	    mias_md(algorithm) == NULL ||
	    (HASH_OF(algorithm) == 0x60 &&
	     quirk_on(&card->quirks, QUIRK_NO_SHA512)))
		return SW_WRONG_DATA;
	if (!key_is(card, key))
		return SW_NO_REFERENCE;
	state->sign = (uint8_t)algorithm;
	state->sign_key = (uint8_t)key;
	state->digest_size = 0;
	return SW_OK;
}

static uint16_t set_cipher(const struct card *card, struct tob_state *state,
			   unsigned int algorithm, unsigned int key)
{
	if (algorithm != CIPHER_PKCS1)
		return SW_WRONG_DATA;
	if (!key_is(card, key) || quirk_on(&card->quirks, QUIRK_SIGN_ONLY))
		return SW_NO_REFERENCE;
	state->cipher = (uint8_t)algorithm;
	state->cipher_key = (uint8_t)key;
	state->chain_size = 0;
	return SW_OK;
}

uint16_t mias_set_environment(struct card *card, struct channel *channel,
			      const struct command *command, struct writer *out)
{
	struct field fields[] = {{.tag = TAG_ALGORITHM}, {.tag = TAG_KEY}};
	unsigned int algorithm, key;

	(void)out;
	if (command->p1 != SET_TO_COMPUTE)
		return SW_WRONG_P1P2;
	if (!fields_take(command->data, fields, 2) ||
	    !field_number(&fields[0], 1, &algorithm))
		return SW_WRONG_DATA;
	if (command->p2 == FOR_HASH)
		return fields[1].there ? SW_WRONG_DATA
				       : set_hash(&channel->tob, algorithm);
	if (!field_number(&fields[1], 1, &key))
		return SW_WRONG_DATA;
	if (command->p2 == FOR_SIGNATURE)
		return set_signature(card, &channel->tob, algorithm, key);
	if (command->p2 == FOR_CIPHER)
		return set_cipher(card, &channel->tob, algorithm, key);
	return SW_WRONG_P1P2;
}
