/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keys of the GSMA IoT SAFE applet: pairs are made, public keys read and
 * put, secrets agreed upon.
 */
#include <string.h>
#include "applet/iotsafe.h"
#include "base/error.h"

#define INS_READ_PUBLIC_KEY 0xCD
#define INS_GENERATE	    0xB9
#define INS_COMPUTE_DH	    0x46

/* Tags round a public key (IoT.05 clause 2.5.7). */
#define TAG_PUBLIC_KEY_DATA 0x34
#define TAG_ECC_KEY	    0x49
#define TAG_POINT	    0x86
#define TAG_MODULUS	    0x81
#define TAG_EXPONENT	    0x82

#define HALF 32

/* Takes one wrapping off, or says that there is none. */
static bool unwrap(struct bytes *in)
{
	static const uint8_t tags[] = {TAG_PUBLIC_KEY_DATA, TAG_ECC_KEY,
				       TAG_POINT};

	for (size_t i = 0; i < sizeof(tags); i++)
		if (tlv_find(*in, tags[i], in))
			return true;
	return false;
}

/* The beginning of a whole answer, which may be cut to any size: wrapping,
 * perhaps behind the ids of a pair. */
static bool is_wrapped(struct bytes answer)
{
	static const uint8_t wrapping[] = {TAG_PUBLIC_KEY_DATA, 0x45,
					   TAG_ECC_KEY, 0x43};
	struct tlv id;

	while (answer.size && (answer.data[0] == TAG_PRIVATE_ID ||
			       answer.data[0] == TAG_PUBLIC_ID))
		if (!tlv_next(&answer, &id))
			return false;
	return answer.size > sizeof(wrapping) &&
	       !memcmp(answer.data, wrapping, sizeof(wrapping));
}

/* How IoT.05 tells an RSA key nobody shows; ISO 7816-8 has modulus and
 * exponent under these tags. */
static bool decode_rsa(struct bytes answer, struct public_key *out)
{
	struct bytes modulus, exponent;

	if (!tlv_find(answer, TAG_MODULUS, &modulus) ||
	    !tlv_find(answer, TAG_EXPONENT, &exponent) || modulus.size < 128 ||
	    modulus.size > sizeof(out->modulus) || !exponent.size ||
	    exponent.size > sizeof(out->exponent))
		return false;
	memcpy(out->modulus, modulus.data, modulus.size);
	out->modulus_size = modulus.size;
	memcpy(out->exponent, exponent.data, exponent.size);
	out->exponent_size = exponent.size;
	return true;
}

/* 34 L 49 L 86 41 04 X Y by the standard; applets leave out some or all of
 * the wrapping, and the 04. That the point is on its curve is looked at where
 * it becomes a key. */
bool gsma_decode_public_key(struct bytes answer, struct public_key *out)
{
	out->modulus_size = 0;
	for (int depth = 0; depth < 4; depth++) {
		if (answer.size == 1 + 2 * HALF && answer.data[0] == 0x04) {
			memcpy(out->point, answer.data, answer.size);
			return true;
		}
		if (answer.size == 2 * HALF && !is_wrapped(answer)) {
			out->point[0] = 0x04;
			memcpy(out->point + 1, answer.data, answer.size);
			return true;
		}
		if (decode_rsa(answer, out))
			return true;
		if (!unwrap(&answer))
			return false;
	}
	return false;
}

int gsma_read_public_key(struct applet *applet, const struct record *key,
			 struct public_key *out,
			 const struct deadline *deadline)
{
	uint8_t body[REFERENCE_MAX], answer[2 * APDU_RESPONSE_MAX];
	struct response response = {.data = answer, .room = sizeof(answer)};
	const struct apdu read = {
		.name = "READ PUBLIC KEY",
		.cla = CLA_IOTSAFE,
		.ins = INS_READ_PUBLIC_KEY,
		.data = gsma_reference(key, body),
		.expect = APDU_SOME,
	};

	TRY(channel_obtain(&applet->channel, &read, &response, deadline));
	if (!gsma_decode_public_key((struct bytes){answer, response.size}, out))
		return error_set(IOTSAFE_ERR_FORMAT,
				 "%s: the card's answer of %zu bytes is no "
				 "public key",
				 read.name, response.size);
	return IOTSAFE_OK;
}

/* ---- GENERATE KEY PAIR (IoT.05 clause 2.11) ---- */

static bool take_id(struct record *record, int class, struct bytes id)
{
	/* One of each. */
	if (!id.size || id.size > APPLET_ID_MAX || record->id_size)
		return false;
	record->class = class;
	record->id_size = (uint8_t)id.size;
	memcpy(record->id, id.data, id.size);
	return true;
}

/* 84 L id, 85 L id and the key; cards leave out some of it, or the tags round
 * the key. */
bool gsma_decode_pair(struct bytes answer, struct record *private,
		      struct record *public, struct public_key *out,
		      bool *has_key)
{
	struct tlv tlv;

	memset(private, 0, sizeof(*private));
	memset(public, 0, sizeof(*public));
	*has_key = gsma_decode_public_key(answer, out);
	while (answer.size) {
		bool good;

		if ((answer.size == 2 * HALF || answer.size == 1 + 2 * HALF) &&
		    !is_wrapped(answer) &&
		    gsma_decode_public_key(answer, out)) {
			*has_key = true;
			return true;
		}
		good = tlv_next(&answer, &tlv);
		if (good && tlv.tag == TAG_PRIVATE_ID)
			good = take_id(private, IOTSAFE_CLASS_PRIVATE_KEY,
				       tlv.value);
		else if (good && tlv.tag == TAG_PUBLIC_ID)
			good = take_id(public, IOTSAFE_CLASS_PUBLIC_KEY,
				       tlv.value);
		else if (good && tlv.tag == TAG_PUBLIC_KEY_DATA)
			good = *has_key;
		if (!good)
			return false;
	}
	return true;
}

/* The key is made by now: what the answer does not tell is asked for, under
 * the pair's own id where it has one for both. Refused is what has another. */
static int complete_pair(struct applet *applet, const struct record *key,
			 struct record *private, struct record *public,
			 struct public_key *out, bool *has_key,
			 const struct deadline *deadline)
{
	struct record asked = *public;
	int result;

	if (!asked.class)
		asked = private->class ? *private : *key;
	asked.class = IOTSAFE_CLASS_PUBLIC_KEY;
	result = gsma_read_public_key(applet, &asked, out, deadline);
	if (result < 0 && !iotsafe_last_status())
		return result;
	*has_key = result >= 0;
	if (*has_key)
		*public = asked;
	return IOTSAFE_OK;
}

int gsma_generate(struct applet *applet, const struct record *key,
		  struct record *private, struct record *public,
		  struct public_key *out, bool *has_key,
		  const struct deadline *deadline)
{
	uint8_t body[REFERENCE_MAX], answer[2 * APDU_RESPONSE_MAX];
	struct response response = {.data = answer, .room = sizeof(answer)};
	const struct apdu generate = {
		.name = "GENERATE KEY PAIR",
		.cla = CLA_IOTSAFE,
		.ins = INS_GENERATE,
		.data = gsma_reference(key, body),
		.expect = APDU_SOME,
	};

	TRY(channel_command(&applet->channel, &generate, &response, deadline));
	if (!gsma_decode_pair((struct bytes){answer, response.size}, private,
			      public, out, has_key))
		return error_set(IOTSAFE_ERR_FORMAT,
				 "%s: the card's answer of %zu bytes is no key "
				 "pair",
				 generate.name, response.size);
	if (!*has_key)
		TRY(complete_pair(applet, key, private, public, out, has_key,
				  deadline));
	if (!private->class)
		*private = *key;
	return IOTSAFE_OK;
}

/* ---- PUT PUBLIC KEY, COMPUTE DH ---- */

int gsma_put_public_key(struct applet *applet, const struct record *slot,
			const struct public_key *key,
			const struct deadline *deadline)
{
	static const uint8_t head[] = {
		TAG_PUBLIC_KEY_DATA, 0x45, TAG_ECC_KEY, 0x43, TAG_POINT, 0x41};
	uint8_t reference[REFERENCE_MAX], body[sizeof(head) + 1 + 2 * HALF];
	struct builder data = {body, 0, sizeof(body), false};
	int result;

	build_bytes(&data, head, sizeof(head));
	build_bytes(&data, key->point, sizeof(key->point));
	TRY(gsma_session_open(applet, GSMA_PUT, slot,
			      gsma_reference(slot, reference), deadline));
	result = gsma_session_update(applet, GSMA_PUT, true,
				     (struct bytes){body, data.size}, NULL,
				     deadline);
	gsma_session_end(applet, GSMA_PUT, result, deadline);
	return result;
}

int gsma_agree(struct applet *applet, const struct record *private,
	       const struct record *public, uint8_t *out,
	       const struct deadline *deadline)
{
	uint8_t body[2 * REFERENCE_MAX], answer[2 * APDU_RESPONSE_MAX];
	struct builder references = {body, 0, sizeof(body), false};
	struct response response = {.data = answer, .room = sizeof(answer)};
	struct apdu agree = {
		.name = "COMPUTE DH",
		.cla = CLA_IOTSAFE,
		.ins = INS_COMPUTE_DH,
		.expect = APDU_SOME,
		.secret = true,
	};

	gsma_build_reference(&references, private);
	gsma_build_reference(&references, public);
	agree.data = (struct bytes){body, references.size};
	return gsma_ask_secret(applet, &agree, &response, out, GSMA_SECRET_SIZE,
			       deadline);
}
