// SPDX-License-Identifier: LGPL-2.1-or-later
/* mIAS, COMPUTE SIGNATURE and DECIPHER: what needs the PIN and the key. */
#include "mias_parts.h"

#include <string.h>

#include <openssl/rsa.h>

#define MODULUS_SIZE SIGNATURE_MAX
#define INDICATOR    0x81 /* before a cryptogram */

static EVP_PKEY *key_of(const struct card *card)
{
	return card->personal->tob->keys[TOB_SIGNING];
}

/* Cut, or with bytes behind it, where a fault says so. */
static void put_signature(struct card *card, uint8_t *signature, size_t size,
			  struct writer *out)
{
	unsigned int wanted = (unsigned int)size;

	if (fault_strikes(card->faults, FAULT_FLIP_SIGNATURE, 0, NULL))
		signature[size - 1] ^= 1;
	fault_strikes(card->faults, FAULT_SIGNATURE_SIZE, 0, &wanted);
	put_bytes(out, signature, wanted < size ? wanted : size);
	while (out->size < wanted && !out->overflow)
		put_byte(out, 0xA5);
}

uint16_t mias_compute_signature(struct card *card, struct channel *channel,
				const struct command *command,
				struct writer *out)
{
	struct tob_state *state = &channel->tob;
	const struct scheme scheme = {SIGNATURE_RSA_PKCS1,
				      mias_md(state->sign)};
	uint8_t signature[SIGNATURE_MAX];
	size_t size;

	if (command->chained)
		return SW_WRONG_CLASS;
	if (command->data.size != 0)
		return SW_WRONG_LENGTH;
	if (!state->verified)
		return SW_DENIED;
	if (state->sign == 0 || state->digest_size == 0)
		return SW_CONDITIONS;
	size = crypto_sign(key_of(card), &scheme,
			   view_of(state->digest, state->digest_size),
			   signature);
	state->digest_size = 0;
	if (size == 0)
		return SW_FAILED;
	put_signature(card, signature, size, out);
	card->signed_now = true;
	return SW_OK;
}

/* 00 02, eight bytes or more that are not zero, 00, the text. */
static bool unpad(const uint8_t block[MODULUS_SIZE], struct view *text)
{
	size_t at = 2;

	if (block[0] != 0x00 || block[1] != 0x02)
		return false;
	while (at < MODULUS_SIZE && block[at] != 0x00)
		at++;
	if (at < 10 || at == MODULUS_SIZE)
		return false;
	*text = view_of(block + at + 1, MODULUS_SIZE - at - 1);
	return true;
}

static uint16_t decipher(EVP_PKEY *key, struct view cryptogram,
			 struct writer *out)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	uint8_t block[MODULUS_SIZE];
	size_t size = sizeof(block);
	uint16_t sw = SW_WRONG_DATA;
	struct view text;

	/* the padding by hand: newer libraries answer noise where it is bad */
	if (ctx != NULL && EVP_PKEY_decrypt_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) == 1 &&
	    EVP_PKEY_decrypt(ctx, block, &size, cryptogram.data,
			     cryptogram.size) == 1 &&
	    size == MODULUS_SIZE && unpad(block, &text)) {
		put_bytes(out, text.data, text.size);
		sw = SW_OK;
	}
	OPENSSL_cleanse(block, sizeof(block));
	EVP_PKEY_CTX_free(ctx);
	return sw;
}

/* Another command in between ends the chain. */
static bool goes_on(const struct channel *channel)
{
	return channel->tob.chain_size > 0 &&
	       channel->turn == channel->tob.chain_turn + 1;
}

static uint16_t gather(struct channel *channel, struct view data)
{
	struct tob_state *state = &channel->tob;
	struct view indicator;

	if (!goes_on(channel)) {
		state->chain_size = 0;
		if (!view_take(&data, 1, &indicator) ||
		    indicator.data[0] != INDICATOR)
			return SW_WRONG_DATA;
	}
	if (data.size == 0)
		return SW_WRONG_LENGTH;
	if (data.size > sizeof(state->chain) - state->chain_size)
		return SW_WRONG_LENGTH;
	memcpy(state->chain + state->chain_size, data.data, data.size);
	state->chain_size += data.size;
	state->chain_turn = channel->turn;
	return SW_OK;
}

uint16_t mias_decipher(struct card *card, struct channel *channel,
		       const struct command *command, struct writer *out)
{
	struct tob_state *state = &channel->tob;
	uint16_t sw;

	if (!state->verified)
		return SW_DENIED;
	if (state->cipher == 0)
		return SW_CONDITIONS;
	sw = gather(channel, command->data);
	if (sw == SW_OK && command->chained)
		return SW_OK;
	if (sw == SW_OK)
		sw = state->chain_size == MODULUS_SIZE
			     ? decipher(key_of(card),
					view_of(state->chain, MODULUS_SIZE),
					out)
			     : SW_WRONG_LENGTH;
	state->chain_size = 0;
	return sw;
}
