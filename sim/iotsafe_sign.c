// SPDX-License-Identifier: LGPL-2.1-or-later
/* COMPUTE SIGNATURE: sessions, the data of each mode, and tag 33. */
#include "iotsafe_parts.h"

#include "crypto.h"
#include "sha2.h"

#include <string.h>

enum { SIGN_OPEN = 0x00, SIGN_CLOSE = 0x01, SIGN_LAST = 0x80 };
enum { MODE_TEXT = 1, MODE_LAST_BLOCK = 2, MODE_DIGEST = 3 };

#define TEXT_MAX 0xFFFFFF

static void session_end(struct signing *signing)
{
	EVP_MD_CTX_free(signing->text);
	*signing = (struct signing){0};
}

void iotsafe_sign_leave(struct iotsafe_state *state)
{
	for (size_t i = 0; i < IOTSAFE_SESSIONS; i++)
		session_end(&state->signing[i]);
}

static bool any_open(const struct iotsafe_state *state)
{
	for (size_t i = 0; i < IOTSAFE_SESSIONS; i++)
		if (state->signing[i].open)
			return true;
	return false;
}

static const EVP_MD *hash_of(unsigned int hash)
{
	switch (hash) {
	case HASH_SHA256:
		return EVP_sha256();
	case HASH_SHA384:
		return EVP_sha384();
	case HASH_SHA512:
		return EVP_sha512();
	default:
		return NULL;
	}
}

static bool byte_of(const struct tlv *tlv, unsigned int *out)
{
	if (tlv->value.size != 1)
		return false;
	*out = tlv->value.data[0];
	return true;
}

/* Key, mode, hash and algorithm, each once, in any order. */
static uint16_t parameters(struct card *card, struct view data,
			   struct signing *signing)
{
	unsigned int algorithm = 0;
	struct tlv tlv;

	while (data.size > 0) {
		if (!tlv_take(&data, &tlv))
			return SW_WRONG_DATA;
		if ((tlv.tag == 0x84 || tlv.tag == 0x74) &&
		    signing->key == NULL)
			signing->key = personal_find(card->personal,
						     CLASS_PRIVATE, &tlv);
		else if (tlv.tag == 0xA1 && signing->mode == 0 &&
			 byte_of(&tlv, &signing->mode))
			continue;
		else if (tlv.tag == 0x91 && signing->hash == 0 &&
			 tlv.value.size == 2)
			signing->hash = (unsigned int)tlv.value.data[0] << 8 |
					tlv.value.data[1];
		else if (tlv.tag != 0x92 || algorithm != 0 ||
			 !byte_of(&tlv, &algorithm))
			return SW_WRONG_DATA;
	}
	if (signing->key == NULL || signing->mode < MODE_TEXT ||
	    signing->mode > MODE_DIGEST || hash_of(signing->hash) == NULL ||
	    algorithm != SIGNATURE_ECDSA)
		return SW_WRONG_DATA;
	return SW_OK;
}

static uint16_t session_begin(struct card *card, const struct command *command,
			      struct signing *out)
{
	struct signing signing = {.open = true, .expecting = true};
	uint16_t sw = parameters(card, command->data, &signing);

	if (sw != SW_OK)
		return sw;
	if ((signing.key->row->functions & FUNCTION_SIGN) == 0 ||
	    !object_active(card->personal, signing.key))
		return SW_CONDITIONS;
	if (signing.mode == MODE_TEXT) {
		signing.text = EVP_MD_CTX_new();
		if (signing.text == NULL ||
		    EVP_DigestInit_ex(signing.text, hash_of(signing.hash),
				      NULL) != 1) {
			EVP_MD_CTX_free(signing.text);
			return SW_FAILED;
		}
	}
	session_end(out);
	*out = signing;
	return SW_OK;
}

/* The session that P2 names; NULL when it may not be used. */
static struct signing *session_named(const struct card *card,
				     struct channel *channel,
				     const struct command *command)
{
	if (command->p2 >= IOTSAFE_SESSIONS ||
	    (command->p2 == 0 && quirk_on(&card->quirks, QUIRK_NO_SESSION_0)))
		return NULL;
	return &channel->iotsafe.signing[command->p2];
}

uint16_t iotsafe_sign_init(struct card *card, struct channel *channel,
			   const struct command *command, struct writer *out)
{
	struct signing *signing = session_named(card, channel, command);

	(void)out;
	if (signing == NULL || command->p1 > SIGN_CLOSE)
		return SW_WRONG_P1P2;
	if (command->p1 == SIGN_CLOSE) {
		if (command->data.size != 0)
			return SW_WRONG_LENGTH;
		if (!signing->open)
			return SW_CONDITIONS;
		session_end(signing);
		return SW_OK;
	}
	if (command->data.size == 0)
		return SW_WRONG_LENGTH;
	if (quirk_on(&card->quirks, QUIRK_STRICT_SESSION) &&
	    any_open(&channel->iotsafe))
		return SW_CONDITIONS;
	return session_begin(card, command, signing);
}

static size_t big_endian(const uint8_t *data, size_t size)
{
	size_t value = 0;

	for (size_t i = 0; i < size; i++)
		value = value << 8 | data[i];
	return value;
}

/*
 * The length behind 9B has been seen as one byte, as BER, and as three bare
 * bytes. The reading that fills the command exactly is right; if none does, the
 * first that announces more than is here, the rest coming in later commands.
 */
static bool text_length(struct view *text, size_t *length)
{
	static const struct {
		uint8_t lead; /* BER lead byte, or 0 for a bare number */
		uint8_t size; /* of the number */
	} forms[] = {{0, 1}, {0x81, 1}, {0x82, 2}, {0x83, 3}, {0, 3}};
	size_t longer_head = 0;
	size_t longer = 0;

	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		size_t skip = forms[i].lead ? 1 : 0;
		size_t head = skip + forms[i].size;
		size_t number;

		if (text->size < head ||
		    (skip && text->data[0] != forms[i].lead))
			continue;
		number = big_endian(text->data + skip, forms[i].size);
		if (number == text->size - head) {
			*length = number;
			return view_take(text, head, &(struct view){0});
		}
		/* a lead byte of BER is no one-byte length that is too long */
		if (number > text->size - head && longer_head == 0 &&
		    (skip || text->data[0] < 0x81 || text->data[0] > 0x83)) {
			longer_head = head;
			longer = number;
		}
	}
	*length = longer;
	return longer_head != 0 &&
	       view_take(text, longer_head, &(struct view){0});
}

static bool text_add(struct signing *signing, struct view text)
{
	if (text.size > TEXT_MAX - signing->text_size)
		return false;
	signing->text_size += text.size;
	return EVP_DigestUpdate(signing->text, text.data, text.size) == 1;
}

static bool take_text(struct signing *signing, struct view data)
{
	struct view tag;
	size_t length;

	if (signing->text_owed > 0) {
		if (data.size > signing->text_owed)
			return false;
		signing->text_owed -= data.size;
		return text_add(signing, data);
	}
	if (!view_take(&data, 1, &tag) || tag.data[0] != 0x9B ||
	    !text_length(&data, &length) || length > TEXT_MAX)
		return false;
	signing->text_owed = length - data.size;
	return text_add(signing, data);
}

static bool take_digest(const struct card *card, const struct signing *signing,
			struct view data, struct view *digest)
{
	struct tlv tlv;

	if (!tlv_take(&data, &tlv) || data.size != 0 || tlv.tag != 0x9E)
		return false;
	*digest = tlv.value;
	/* wolfSSL names SHA-256 whatever it sends, so this is no rule */
	if (quirk_on(&card->quirks, QUIRK_STRICT_HASH))
		return digest->size ==
		       (size_t)EVP_MD_get_size(hash_of(signing->hash));
	return digest->size == 0x20 || digest->size == 0x30 ||
	       digest->size == 0x40;
}

/* Tag 33 in the form this card gives it. */
static uint16_t put_signature(struct card *card, struct view value,
			      struct writer *out)
{
	put_byte(out, 0x33);
	if (quirk_on(&card->quirks, QUIRK_SIG_BER81))
		put_byte(out, 0x81);
	else if (!quirk_on(&card->quirks, QUIRK_SIG8))
		put_byte(out, 0x00);
	put_byte(out, (unsigned int)value.size);
	put_bytes(out, value.data, value.size);
	card->signed_now = true;
	return SW_OK;
}

static uint16_t give_signature(struct card *card, const struct signing *signing,
			       struct view digest, struct writer *out)
{
	uint8_t der[SIGNATURE_DER_MAX];
	uint8_t raw[SIGNATURE_RAW_SIZE];
	size_t size =
		crypto_sign(card->personal->pairs[signing->key->row->pair],
			    digest.data, digest.size, der);

	if (size == 0 || !crypto_signature_raw(der, size, raw))
		return SW_FAILED;
	if (fault_strikes(card->faults, FAULT_FLIP_SIGNATURE, 0, NULL)) {
		raw[sizeof(raw) - 1] ^= 1;
		der[size - 1] ^= 1;
	}
	if (quirk_on(&card->quirks, QUIRK_SIG_DER))
		return put_signature(card, view_of(der, size), out);
	return put_signature(card, view_of(raw, sizeof(raw)), out);
}

static uint16_t sign_text(struct card *card, struct signing *signing,
			  struct writer *out)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int size;

	if (EVP_DigestFinal_ex(signing->text, digest, &size) != 1)
		return SW_FAILED;
	return give_signature(card, signing, view_of(digest, size), out);
}

static uint16_t update_text(struct card *card, struct signing *signing,
			    const struct command *command, bool last,
			    struct writer *out)
{
	if (!take_text(signing, command->data))
		return SW_CONDITIONS;
	if (!last)
		return SW_OK;
	signing->expecting = false;
	if (signing->text_owed != 0)
		return SW_CONDITIONS;
	return sign_text(card, signing, out);
}

/* The last block, the chaining value before it, and the bytes in that. */
static bool take_last_block(const struct signing *signing, struct view data,
			    uint8_t digest[SHA2_DIGEST_MAX])
{
	struct tlv block, state, counted;

	if (!tlv_take(&data, &block) || block.tag != 0x9A ||
	    !tlv_take(&data, &state) || state.tag != 0x9C ||
	    !tlv_take(&data, &counted) || counted.tag != 0x9D ||
	    data.size != 0 || counted.value.size != 4)
		return false;
	return sha2_finish((size_t)EVP_MD_get_size(hash_of(signing->hash)),
			   state.value, big_endian(counted.value.data, 4),
			   block.value, digest);
}

static uint16_t update_last_block(struct card *card, struct signing *signing,
				  const struct command *command, bool last,
				  struct writer *out)
{
	size_t size = (size_t)EVP_MD_get_size(hash_of(signing->hash));
	uint8_t digest[SHA2_DIGEST_MAX];

	if (!last || !take_last_block(signing, command->data, digest))
		return SW_CONDITIONS;
	signing->expecting = false;
	return give_signature(card, signing, view_of(digest, size), out);
}

static uint16_t update_digest(struct card *card, struct signing *signing,
			      const struct command *command, bool last,
			      struct writer *out)
{
	struct view digest;

	if (!last || !take_digest(card, signing, command->data, &digest))
		return SW_CONDITIONS;
	signing->expecting = false;
	return give_signature(card, signing, digest, out);
}

uint16_t iotsafe_sign_update(struct card *card, struct channel *channel,
			     const struct command *command, struct writer *out)
{
	struct signing *signing = session_named(card, channel, command);
	/* other bits of P1 have been seen (90) and mean nothing known */
	bool last = (command->p1 & SIGN_LAST) != 0;

	if (signing == NULL)
		return SW_WRONG_P1P2;
	if (command->data.size == 0)
		return SW_WRONG_LENGTH;
	if (!signing->expecting || !object_active(card->personal, signing->key))
		return SW_CONDITIONS;
	if (signing->mode == MODE_TEXT)
		return update_text(card, signing, command, last, out);
	if (signing->mode == MODE_LAST_BLOCK)
		return update_last_block(card, signing, command, last, out);
	return update_digest(card, signing, command, last, out);
}
