// SPDX-License-Identifier: LGPL-2.1-or-later
/* mIAS, PSO HASH: a text block by block, its end, or a digest from outside. */
#include "mias_parts.h"

#include <string.h>

enum { TAG_LAST = 0x80, TAG_DIGEST = 0x90 };

static bool begin(struct tob_state *state)
{
	if (state->text != NULL)
		return true;
	state->text = EVP_MD_CTX_new();
	return state->text != NULL &&
	       EVP_DigestInit_ex(state->text, mias_md(state->hash), NULL) == 1;
}

/* A block of the hash's length, and one that is shorter at the end. */
static uint16_t take_block(struct tob_state *state, struct view block)
{
	size_t full;

	if (state->hash == 0)
		return SW_CONDITIONS;
	full = (size_t)EVP_MD_get_block_size(mias_md(state->hash));
	if (block.size > full)
		return SW_WRONG_LENGTH;
	if (block.size > 0 && state->text_over)
		return SW_CONDITIONS;
	state->text_over = state->text_over || block.size < full;
	if (!begin(state) ||
	    EVP_DigestUpdate(state->text, block.data, block.size) != 1)
		return SW_FAILED;
	return SW_OK;
}

uint16_t mias_hash_block(struct card *card, struct channel *channel,
			 const struct command *command, struct writer *out)
{
	(void)card;
	(void)out;
	if (command->chained)
		return SW_WRONG_CLASS;
	if (command->data.size == 0)
		return SW_WRONG_LENGTH;
	return take_block(&channel->tob, command->data);
}

static void end_text(struct tob_state *state)
{
	EVP_MD_CTX_free(state->text);
	state->text = NULL;
	state->text_over = false;
}

/* The digest is told, and is what a signature by that hash would sign. */
static uint16_t give_digest(struct tob_state *state, struct view last,
			    struct writer *out)
{
	uint16_t sw = take_block(state, last);
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int size;

	if (sw != SW_OK)
		return sw;
	sw = EVP_DigestFinal_ex(state->text, digest, &size) == 1 ? SW_OK
								 : SW_FAILED;
	end_text(state);
	if (sw != SW_OK)
		return sw;
	put_bytes(out, digest, size);
	if (HASH_OF(state->sign) == state->hash) {
		memcpy(state->digest, digest, size);
		state->digest_size = size;
	}
	return SW_OK;
}

static uint16_t load_digest(const struct card *card, struct tob_state *state,
			    struct view digest)
{
	if (state->sign == 0)
		return SW_CONDITIONS;
	if (digest.size != (size_t)EVP_MD_get_size(mias_md(state->sign)))
		return SW_WRONG_DATA;
	memcpy(state->digest, digest.data, digest.size);
	state->digest_size = digest.size;
	if (card->corrupt) /* a fault: another digest is signed than came */
		state->digest[0] ^= 1;
	return SW_OK;
}

uint16_t mias_hash_end(struct card *card, struct channel *channel,
		       const struct command *command, struct writer *out)
{
	struct view data = command->data;
	struct tlv tlv;

	if (command->chained)
		return SW_WRONG_CLASS;
	if (!tlv_take(&data, &tlv) || data.size != 0)
		return SW_WRONG_DATA;
	if (tlv.tag == TAG_LAST)
		return give_digest(&channel->tob, tlv.value, out);
	if (tlv.tag != TAG_DIGEST)
		return SW_WRONG_DATA;
	return load_digest(card, &channel->tob, tlv.value);
}
