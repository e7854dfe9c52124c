/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A payload becomes a JWS in compact form (RFC 7515 7.1), signed by the card:
 * BASE64URL(header) . BASE64URL(payload) . BASE64URL(signature).
 */
#include <stdio.h>
#include <string.h>
#include "base/crypto.h"
#include "base/error.h"
#include "format/signing.h"
#include "object/key.h"

#define PAYLOAD_MAX 0xFFFFFF
#define HEADER_MAX  1024

/* RFC 7515 section 2: base64url without padding. */
static size_t base64_size(size_t size)
{
	return (size * 4 + 2) / 3;
}

static void build_base64(struct builder *out, const uint8_t *data, size_t size)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789-_";
	unsigned bits = 0, held = 0;

	for (size_t i = 0; i < size; i++) {
		bits = bits << 8 | data[i];
		for (held += 8; held >= 6; held -= 6)
			build_byte(out,
				   (uint8_t)digits[bits >> (held - 6) & 63]);
	}
	if (held)
		build_byte(out, (uint8_t)digits[bits << (6 - held) & 63]);
}

/* The size of the UTF-8 character at `text` (RFC 3629), 0 if it is none. */
static size_t character_size(const uint8_t *text)
{
	size_t size = text[0] < 0x80   ? 1
		      : text[0] < 0xC2 ? 0
		      : text[0] < 0xE0 ? 2
		      : text[0] < 0xF0 ? 3
		      : text[0] < 0xF5 ? 4
				       : 0;

	for (size_t i = 1; i < size; i++)
		if ((text[i] & 0xC0) != 0x80)
			return 0;
	/* Longer than need be, surrogates, beyond U+10FFFF. */
	if ((text[0] == 0xE0 && text[1] < 0xA0) ||
	    (text[0] == 0xED && text[1] > 0x9F) ||
	    (text[0] == 0xF0 && text[1] < 0x90) ||
	    (text[0] == 0xF4 && text[1] > 0x8F))
		return 0;
	return size;
}

static void build_text(struct builder *out, const char *text)
{
	build_bytes(out, (const uint8_t *)text, strlen(text));
}

/* ,"name":"value" with what RFC 8259 section 7 wants escaped. */
static int build_member(struct builder *out, const char *name,
			const char *value)
{
	const uint8_t *at = (const uint8_t *)value;
	char escape[8];
	size_t size;

	if (!value)
		return IOTSAFE_OK;
	build_text(out, ",\"");
	build_text(out, name);
	build_text(out, "\":\"");
	for (; *at; at += size) {
		size = character_size(at);
		if (!size)
			return error_set(IOTSAFE_ERR_ARG,
					 "jws: %s is not UTF-8", name);
		if (*at < 0x20) {
			snprintf(escape, sizeof(escape), "\\u%04x", *at);
			build_text(out, escape);
			continue;
		}
		if (*at == '"' || *at == '\\')
			build_byte(out, '\\');
		build_bytes(out, at, size);
	}
	build_byte(out, '"');
	return IOTSAFE_OK;
}

static int build_header(struct builder *out, int algorithm, const char *type,
			const char *kid)
{
	const char *name = algorithm == IOTSAFE_ECDSA_SHA256	 ? "ES256"
			   : algorithm == IOTSAFE_RSA_PSS_SHA256 ? "PS256"
								 : "RS256";

	build_text(out, "{\"alg\":\"");
	build_text(out, name);
	build_byte(out, '"');
	TRY(build_member(out, "typ", type));
	TRY(build_member(out, "kid", kid));
	build_byte(out, '}');
	if (out->failed)
		return error_set(IOTSAFE_ERR_ARG,
				 "jws: type and kid are too long");
	return IOTSAFE_OK;
}

/* ES256 is P-256 (RFC 7518 3.4); other curves have no name in JWS. */
static int check_curve(const iotsafe_key *key, int algorithm)
{
	unsigned bits = 256;
	struct bytes spki = key_spki(key);

	if (spki.size && !crypto_spki_algorithms(spki, &bits))
		bits = 0;
	if (algorithm == IOTSAFE_ECDSA_SHA256 &&
	    (bits != 256 || key_is_brainpool(key)))
		return error_set(IOTSAFE_ERR_SUPPORT,
				 "jws: key %s is not on the curve of ES256",
				 key_title(key));
	return IOTSAFE_OK;
}

/* Adds the signature over what has been built; gives all of it out. */
static int finish(iotsafe_key *key, int algorithm, struct builder *text,
		  uint8_t **out, size_t *out_size)
{
	const struct bytes input = {text->data, text->size};
	uint8_t *signature;
	size_t size;

	TRY(signing_sign(key, algorithm, input, &signature, &size));
	build_byte(text, '.');
	build_base64(text, signature, size);
	iotsafe_free(signature);
	if (text->failed)
		return error_set(IOTSAFE_ERR_FORMAT,
				 "jws: a signature of %zu bytes", size);
	return bytes_give(text->data, text->size, out, out_size);
}

int iotsafe_key_jws(iotsafe_key *key, const char *type, const char *kid,
		    const uint8_t *data, size_t data_size, uint8_t **out,
		    size_t *out_size)
{
	uint8_t room[HEADER_MAX];
	struct builder header = {room, 0, sizeof(room), false};
	struct builder text = {0};
	int algorithm, result;

	if (!bytes_ready(out, out_size) || !key || (data_size && !data))
		return error_null("jws");
	if (data_size > PAYLOAD_MAX)
		return error_set(IOTSAFE_ERR_ARG,
				 "jws: a payload of more than %d bytes",
				 PAYLOAD_MAX);
	TRY(signing_choose(key, IOTSAFE_SHA256, true, "jws", &algorithm));
	TRY(check_curve(key, algorithm));
	TRY(build_header(&header, algorithm, type, kid));
	text.room = base64_size(header.size) + base64_size(data_size) +
		    base64_size(512) + 2;
	text.data = bytes_room(text.room);
	if (!text.data)
		return IOTSAFE_ERR_MEMORY;
	build_base64(&text, header.data, header.size);
	build_byte(&text, '.');
	build_base64(&text, data, data_size);
	result = finish(key, algorithm, &text, out, out_size);
	iotsafe_free(text.data);
	return result;
}
