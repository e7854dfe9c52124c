/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * COMPUTE PRF and COMPUTE HKDF of the GSMA IoT SAFE applet: secrets of the
 * card or of the caller become other secrets.
 */
#include <string.h>
#include "applet/iotsafe.h"
#include "base/crypto.h"
#include "base/error.h"

#define INS_COMPUTE_PRF	 0x48
#define INS_COMPUTE_HKDF 0x4A

#define TAG_SECRET    0xD1 /* also HKDF's input keying material */
#define TAG_SEED      0xD2 /* label and seed */
#define TAG_SIZE      0xD3
#define TAG_PREMASTER 0xD4
#define TAG_SALT      0xD5

#define MODE_GENERAL   0x00
#define MODE_PSK       0x01
#define MODE_PSK_ECDHE 0x02

/* Lengths from 80 to FF are 81 80 to 81 FF in BER; some cards read one byte
 * and no more. False where there are none. */
static bool shorten_lengths(struct builder *body)
{
	struct bytes in = {body->data, body->size};
	size_t size = 0;
	struct tlv tlv;
	bool shorter;

	while (tlv_next(&in, &tlv)) {
		body->data[size++] = tlv.tag;
		body->data[size++] = (uint8_t)tlv.value.size;
		memmove(body->data + size, tlv.value.data, tlv.value.size);
		size += tlv.value.size;
	}
	shorter = size < body->size;
	body->size = size;
	return shorter;
}

/* Sends what was built and wipes it; fills `out` whole. */
static int derive(struct applet *applet, struct apdu *apdu,
		  struct builder *body, uint8_t *out, size_t size,
		  const struct deadline *deadline)
{
	uint8_t answer[2 * APDU_RESPONSE_MAX];
	struct response response = {.data = answer, .room = sizeof(answer)};
	int result;

	apdu->cla = CLA_IOTSAFE;
	apdu->expect = APDU_SOME;
	apdu->secret = true;
	apdu->data = (struct bytes){body->data, body->size};
	if (body->failed)
		result = error_set(IOTSAFE_ERR_ARG,
				   "%s: secret, label and seed do not fit one "
				   "command of %d bytes",
				   apdu->name, APDU_DATA_MAX);
	else
		result = gsma_ask_secret(applet, apdu, &response, out, size,
					 deadline);
	if (gsma_is_misread(result) && shorten_lengths(body)) {
		apdu->data.size = body->size;
		result = gsma_ask_secret(applet, apdu, &response, out, size,
					 deadline);
	}
	bytes_wipe(body->data, body->room);
	return result;
}

/* Where the host has all that the card had it computes the same: a garbled
 * answer is no secret to go on with. */
static int compare(const struct apdu *apdu, const uint8_t *out,
		   uint8_t *expected, size_t size)
{
	bool same = !memcmp(out, expected, size);

	bytes_wipe(expected, size);
	if (same)
		return IOTSAFE_OK;
	return error_set(IOTSAFE_ERR_VERIFY,
			 "%s: the card's answer is not what comes of this "
			 "secret",
			 apdu->name);
}

int gsma_prf(struct applet *applet, const struct record *key,
	     struct bytes secret, struct bytes label, struct bytes seed,
	     uint8_t *out, size_t size, const struct deadline *deadline)
{
	uint8_t text[APDU_DATA_MAX], data[APDU_DATA_MAX];
	const uint8_t wanted = (uint8_t)size;
	struct builder words = {text, 0, sizeof(text), false};
	struct builder body = {data, 0, sizeof(data), false};
	struct apdu prf = {.name = "COMPUTE PRF", .ins = INS_COMPUTE_PRF};
	int result;

	prf.p1 = !key ? MODE_GENERAL : secret.size ? MODE_PSK_ECDHE : MODE_PSK;
	build_bytes(&words, label.data, label.size);
	build_bytes(&words, seed.data, seed.size);
	if (key)
		gsma_build_reference(&body, key);
	if (!key || secret.size)
		build_tlv(&body, key ? TAG_PREMASTER : TAG_SECRET, secret.data,
			  secret.size);
	build_tlv(&body, TAG_SEED, text, words.size);
	build_tlv(&body, TAG_SIZE, &wanted, 1);
	body.failed |= words.failed;
	result = derive(applet, &prf, &body, out, size, deadline);
	if (result >= 0 && !key) {
		crypto_prf(secret, (struct bytes){text, words.size}, data,
			   size);
		result = compare(&prf, out, data, size);
	}
	bytes_wipe(text, sizeof(text));
	return result;
}

int gsma_hkdf_extract(struct applet *applet, int algorithm, struct bytes secret,
		      struct bytes salt, uint8_t *out,
		      const struct deadline *deadline)
{
	/* RFC 5869 2.2: no salt is as many zeros as the hash has bytes. The
	 * applet takes nothing empty. */
	static const uint8_t zeros[CRYPTO_HASH_MAX];
	const size_t size = crypto_hash_size(algorithm & 0x7);
	const uint8_t hash[2] = {0, (uint8_t)(algorithm & 0x7)};
	uint8_t data[APDU_DATA_MAX];
	struct builder body = {data, 0, sizeof(data), false};
	struct apdu extract = {.name = "COMPUTE HKDF", .ins = INS_COMPUTE_HKDF};

	if (!secret.size)
		secret = (struct bytes){zeros, size};
	if (!salt.size)
		salt = (struct bytes){zeros, size};
	build_tlv(&body, TAG_SECRET, secret.data, secret.size);
	build_tlv(&body, TAG_SALT, salt.data, salt.size);
	build_tlv(&body, TAG_HASHES, hash, sizeof(hash));
	TRY(derive(applet, &extract, &body, out, size, deadline));
	crypto_hkdf_extract(algorithm, secret, salt, data);
	return compare(&extract, out, data, size);
}
