/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * COMPUTE SIGNATURE of the GSMA IoT SAFE applet (IoT.05 clause 2.10): a hash
 * in, r‖s or an RSA block out.
 */
#include <string.h>
#include "applet/iotsafe.h"
#include "base/crypto.h"
#include "base/error.h"

#define INS_INIT   0x2A
#define INS_UPDATE 0x2B
#define P1_OPEN	   0x00
#define P1_CLOSE   0x01
#define P1_LAST	   0x80
/* Sessions are numbered from 0 or 1, cards differ; 1 suits all seen. */
#define SESSION_SIGN 0x01

#define TAG_MODE	  0xA1
#define TAG_HASH	  0x9E
#define TAG_SIGNATURE	  0x33
#define MODE_PAD_AND_SIGN 0x03

#define HALF 32 /* bytes of r and of s, 256-bit curves */

/* An answer may be an RSA block with its header, over several exchanges. */
#define ANSWER_MAX 640

struct coding {
	uint8_t signature;
	uint16_t hash;
};

static struct coding coding_of(int algorithm)
{
	struct coding coding = {SIGNATURE_ECDSA, (uint16_t)(algorithm & 0x7)};

	if (algorithm & 0x070)
		coding = (struct coding){SIGNATURE_RSA_PKCS1,
					 (uint16_t)(algorithm >> 4)};
	if (algorithm & 0x700)
		coding = (struct coding){SIGNATURE_RSA_PSS,
					 (uint16_t)(algorithm >> 8)};
	return coding;
}

static int sign_init(struct applet *applet, const struct record *key,
		     int algorithm, unsigned *status,
		     const struct deadline *deadline)
{
	const struct coding coding = coding_of(algorithm);
	const uint8_t mode = MODE_PAD_AND_SIGN;
	const uint8_t hash[2] = {(uint8_t)(coding.hash >> 8),
				 (uint8_t)coding.hash};
	uint8_t body[REFERENCE_MAX + 16], answer[APDU_RESPONSE_MAX];
	struct builder builder = {body, 0, sizeof(body), false};
	struct response response = {.data = answer, .room = sizeof(answer)};
	struct apdu init = {
		.name = "COMPUTE SIGNATURE INIT",
		.cla = CLA_IOTSAFE,
		.ins = INS_INIT,
		.p1 = P1_OPEN,
		.p2 = SESSION_SIGN,
	};
	int result;

	gsma_build_reference(&builder, key);
	build_tlv(&builder, TAG_MODE, &mode, 1);
	build_tlv(&builder, TAG_HASHES, hash, sizeof(hash));
	build_tlv(&builder, TAG_SIGNATURES, &coding.signature, 1);
	init.data = (struct bytes){body, builder.size};
	response.status = 0;
	result = channel_command(&applet->channel, &init, &response, deadline);
	*status = response.status;
	return result;
}

/* Clean-up: its own failure must not hide what came before. */
static void sign_close(struct applet *applet, const struct deadline *deadline)
{
	uint8_t answer[APDU_RESPONSE_MAX];
	struct response response = {.data = answer, .room = sizeof(answer)};
	const struct apdu close = {
		.name = "COMPUTE SIGNATURE close",
		.cla = CLA_IOTSAFE,
		.ins = INS_INIT,
		.p1 = P1_CLOSE,
		.p2 = SESSION_SIGN,
	};
	struct error kept;

	error_save(&kept);
	channel_transact(&applet->channel, &close, &response, deadline);
	error_restore(&kept);
}

/* Status words that cards give when a session is open already: left by a
 * program that crashed, or by our last signature on a card that wants each
 * one closed. */
static bool session_may_be_open(unsigned status)
{
	return status == 0x6985 || status == 0x6986 || status == 0x6989 ||
	       status == 0x6A84 || status == 0x6A86;
}

static int open_session(struct applet *applet, const struct record *key,
			int algorithm, const struct deadline *deadline)
{
	unsigned status;
	int result = sign_init(applet, key, algorithm, &status, deadline);

	if (result >= 0 || !session_may_be_open(status))
		return result;
	sign_close(applet, deadline);
	result = sign_init(applet, key, algorithm, &status, deadline);
	if (result >= 0)
		applet->manners.close_session = true;
	return result;
}

/* The value of tag 33. Its length has two bytes in one family of cards and
 * one in another, or is BER: the bytes that are there decide. */
static bool signature_value(struct bytes answer, struct bytes *value)
{
	const uint8_t *data = answer.data;
	struct tlv tlv;
	size_t left;

	if (answer.size < 2 || data[0] != TAG_SIGNATURE)
		return false;
	left = answer.size - 1;
	if (left >= 2 && ((size_t)data[1] << 8 | data[2]) + 2 == left) {
		*value = (struct bytes){data + 3, left - 2};
		return true;
	}
	if (tlv_next(&answer, &tlv) && !answer.size) {
		*value = tlv.value;
		return true;
	}
	*value = (struct bytes){data + 2, left - 1};
	return (size_t)data[1] + 1 == left;
}

bool gsma_decode_signature(struct bytes answer, int algorithm,
			   struct signature *out)
{
	struct bytes value;

	if (!signature_value(answer, &value) || !value.size ||
	    value.size > sizeof(out->data))
		return false;
	out->size = value.size;
	memcpy(out->data, value.data, value.size);
	if (!(algorithm & 0x007))
		return value.size >= 128;
	if (value.size == 2 * HALF)
		return true;
	/* Some applets answer with the DER sequence instead. */
	out->size = 2 * HALF;
	return value.data[0] == 0x30 &&
	       crypto_der_to_rs(value, HALF, out->data);
}

static int sign_update(struct applet *applet, int algorithm, struct bytes hash,
		       struct signature *out, const struct deadline *deadline)
{
	uint8_t body[2 + 64], answer[ANSWER_MAX];
	struct builder builder = {body, 0, sizeof(body), false};
	struct response response = {.data = answer, .room = sizeof(answer)};
	struct apdu update = {
		.name = "COMPUTE SIGNATURE UPDATE",
		.cla = CLA_IOTSAFE,
		.ins = INS_UPDATE,
		.p1 = P1_LAST,
		.p2 = SESSION_SIGN,
		.expect = APDU_SOME,
	};

	build_tlv(&builder, TAG_HASH, hash.data, hash.size);
	update.data = (struct bytes){body, builder.size};
	TRY(channel_command(&applet->channel, &update, &response, deadline));
	out->size = 0;
	if (!response.size)
		return IOTSAFE_OK;
	if (!gsma_decode_signature((struct bytes){answer, response.size},
				   algorithm, out))
		return error_set(IOTSAFE_ERR_FORMAT,
				 "%s: the card's answer of %zu bytes is no "
				 "signature",
				 update.name, response.size);
	return IOTSAFE_OK;
}

/* A session is closed where the card still answers, and on this channel. */
static bool can_close(int result)
{
	unsigned status = iotsafe_last_status();

	return result == IOTSAFE_ERR_FORMAT || (status && status != 0x6881);
}

/* A signature is a pair of commands and is repeated as a pair, or not. */
static int sign_pair(struct applet *applet, const struct record *key,
		     int algorithm, struct bytes hash, struct signature *out,
		     const struct deadline *deadline)
{
	int result;

	TRY(open_session(applet, key, algorithm, deadline));
	result = sign_update(applet, algorithm, hash, out, deadline);
	if (result < 0 ? can_close(result) : applet->manners.close_session)
		sign_close(applet, deadline);
	return result;
}

int gsma_sign(struct applet *applet, const struct record *key, int algorithm,
	      struct bytes hash, struct signature *out,
	      const struct deadline *deadline)
{
	struct manners *manners = &applet->channel.manners;

	TRY(sign_pair(applet, key, algorithm, hash, out, deadline));
	if (out->size)
		return IOTSAFE_OK;
	/* 9000 and no signature: where an answer comes only if Le is sent. */
	if (!manners->with_le) {
		manners->with_le = true;
		TRY(sign_pair(applet, key, algorithm, hash, out, deadline));
		if (out->size)
			return IOTSAFE_OK;
		manners->with_le = false;
	}
	return error_set(IOTSAFE_ERR_FORMAT,
			 "COMPUTE SIGNATURE UPDATE: the card answered 9000 "
			 "without a signature");
}
