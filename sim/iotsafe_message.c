// SPDX-License-Identifier: LGPL-2.1-or-later
/* The message of a signature: text, last block or digest in, digest out. */
#include "iotsafe_session.h"

#include "crypto.h"
#include "derive.h"
#include "sha2.h"

#include <string.h>

#define TEXT_MAX 0xFFFFFF

enum { TAG_LAST_BLOCK = 0x9A, TAG_TEXT = 0x9B, TAG_STATE = 0x9C };
enum { TAG_COUNT = 0x9D, TAG_DIGEST = 0x9E, TAG_MAC_TEXT = 0x9F };

const EVP_MD *message_hash(const struct session *session)
{
	switch (session->hash) {
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

bool message_begin(struct session *session)
{
	if (session->algorithm == SIGNATURE_CMAC) {
		session->cmac =
			derive_cmac(view_of(session->object->content,
					    session->object->content_size));
		return session->cmac != NULL;
	}
	if (session->mode != MODE_TEXT)
		return true;
	session->text = EVP_MD_CTX_new();
	return session->text != NULL &&
	       EVP_DigestInit_ex(session->text, message_hash(session), NULL) ==
		       1;
}

static size_t big_endian(const uint8_t *data, size_t size)
{
	size_t value = 0;

	for (size_t i = 0; i < size; i++)
		value = value << 8 | data[i];
	return value;
}

static bool tail_fits(const struct session *session, struct view text,
		      size_t length, message_tail *tail)
{
	return tail(session, view_of(text.data + length, text.size - length));
}

/*
 * The length behind 9B has been seen as one byte, as BER, and as three bare
 * bytes. The reading that leaves nothing, or a good tail, is right; if none
 * does, the first that announces more than is here, the rest coming in later
 * commands.
 */
static bool text_length(const struct session *session, struct view *text,
			size_t *length, message_tail *tail)
{
	static const struct {
		uint8_t lead; /* BER lead byte, or 0 for a bare number */
		uint8_t size; /* of the number */
	} forms[] = {{0, 1}, {0x81, 1}, {0x82, 2}, {0x83, 3}, {0, 3}};
	struct view longer = {0};

	*length = 0;
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		size_t skip = forms[i].lead ? 1 : 0;
		struct view rest = *text, head;
		size_t number;

		if (!view_take(&rest, skip + forms[i].size, &head) ||
		    (skip && head.data[0] != forms[i].lead))
			continue;
		number = big_endian(head.data + skip, forms[i].size);
		if (number <= rest.size &&
		    tail_fits(session, rest, number, tail)) {
			*text = rest;
			*length = number;
			return true;
		}
		/* a lead byte of BER is no one-byte length that is too long */
		if (number > rest.size && longer.data == NULL &&
		    (skip || head.data[0] < 0x81 || head.data[0] > 0x83)) {
			longer = rest;
			*length = number;
		}
	}
	*text = longer;
	return longer.data != NULL && *length <= TEXT_MAX;
}

static bool text_add(struct session *session, struct view text)
{
	if (text.size > TEXT_MAX - session->text_size)
		return false;
	session->text_size += text.size;
	if (session->cmac != NULL)
		return EVP_MAC_update(session->cmac, text.data, text.size) == 1;
	return EVP_DigestUpdate(session->text, text.data, text.size) == 1;
}

/* What is announced and here; the rest of it is owed. */
static bool take_owed(struct session *session, struct view *data)
{
	size_t here = data->size < session->text_owed ? data->size
						      : session->text_owed;
	struct view text;

	view_take(data, here, &text);
	session->text_owed -= here;
	return text_add(session, text);
}

static bool take_text(struct session *session, struct view *data,
		      message_tail *tail)
{
	unsigned int tag = session->cmac ? TAG_MAC_TEXT : TAG_TEXT;
	struct view first;

	if (session->text_owed > 0)
		return take_owed(session, data);
	if (!view_take(data, 1, &first) || first.data[0] != tag ||
	    !text_length(session, data, &session->text_owed, tail))
		return false;
	return take_owed(session, data);
}

static bool take_digest(const struct card *card, struct session *session,
			struct view *data)
{
	size_t named = (size_t)EVP_MD_get_size(message_hash(session));
	struct tlv tlv;
	size_t size;

	if (!tlv_take(data, &tlv) || tlv.tag != TAG_DIGEST)
		return false;
	size = tlv.value.size;
	/* wolfSSL names SHA-256 whatever it sends, so this is no rule of
	 * ECDSA; RSA writes the name of the hash beside the digest */
	if (size != named && (quirk_on(&card->quirks, QUIRK_STRICT_HASH) ||
			      session->algorithm != SIGNATURE_ECDSA))
		return false;
	if (size != 0x20 && size != 0x30 && size != 0x40)
		return false;
	memcpy(session->digest, tlv.value.data, size);
	session->digest_size = size;
	return true;
}

/* The last block, the chaining value before it, and the bytes in that. */
static bool take_last_block(struct session *session, struct view *data)
{
	size_t size = (size_t)EVP_MD_get_size(message_hash(session));
	struct tlv block, state, counted;

	if (!tlv_take(data, &block) || block.tag != TAG_LAST_BLOCK ||
	    !tlv_take(data, &state) || state.tag != TAG_STATE ||
	    !tlv_take(data, &counted) || counted.tag != TAG_COUNT ||
	    counted.value.size != 4 ||
	    !sha2_finish(size, state.value, big_endian(counted.value.data, 4),
			 block.value, session->digest))
		return false;
	session->digest_size = size;
	return true;
}

bool message_take(const struct card *card, struct session *session,
		  struct view *data, message_tail *tail)
{
	if (session->mode == MODE_TEXT)
		return take_text(session, data, tail);
	if (session->digest_size != 0)
		return false;
	if (session->mode == MODE_LAST_BLOCK)
		return take_last_block(session, data);
	return take_digest(card, session, data);
}

bool message_end(struct session *session)
{
	unsigned int size = 0;

	if (session->text_owed != 0)
		return false;
	if (session->cmac != NULL &&
	    EVP_MAC_final(session->cmac, session->digest, &session->digest_size,
			  sizeof(session->digest)) != 1)
		return false;
	if (session->text != NULL) {
		if (EVP_DigestFinal_ex(session->text, session->digest, &size) !=
		    1)
			return false;
		session->digest_size = size;
	}
	if (session->spoiled)
		session->digest[0] ^= 1;
	return session->digest_size != 0;
}
