/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * COMPUTE SIGNATURE of the GSMA IoT SAFE applet (IoT.05 clause 2.10): a hash
 * or a text in; r‖s, an RSA block or a MAC out.
 */
#include <string.h>
#include "applet/iotsafe.h"
#include "base/crypto.h"
#include "base/error.h"

#define HALF 32 /* bytes of r and of s, 256-bit curves */

/* An answer may be an RSA block with its header, over several exchanges. */
#define ANSWER_MAX 640

#define RSA_SIZE_MAX 256
#define CMAC_SIZE    16

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
	    value.size > RSA_SIZE_MAX)
		return false;
	out->size = value.size;
	memcpy(out->data, value.data, value.size);
	if (algorithm == IOTSAFE_AES_CMAC)
		return value.size == CMAC_SIZE;
	if (!(algorithm & 0x007))
		return value.size >= 128;
	if (value.size == 2 * HALF)
		return true;
	/* Some applets answer with the DER sequence instead. */
	out->size = 2 * HALF;
	return value.data[0] == 0x30 &&
	       crypto_der_to_rs(value, HALF, out->data);
}

/* The form in which this card gives signatures, and takes them, unless it was
 * found to take them otherwise. */
static void learn_form(struct applet_manners *manners, struct bytes answer,
		       size_t size)
{
	const uint8_t *data = answer.data;
	uint8_t length = 1;

	if (manners->verified_so)
		return;
	if (answer.size > 3 &&
	    ((size_t)data[1] << 8 | data[2]) + 3 == answer.size)
		length = 2;
	else if (data[1] == 0x81 && (size_t)data[2] + 3 == answer.size)
		length = 3;
	if (!manners->forced_length)
		manners->signature_length = length;
	manners->signature_der = answer.size > 1 + size + length;
}

static int decode(struct applet *applet, int algorithm, struct bytes answer,
		  struct signature *out)
{
	out->size = 0;
	if (!answer.size)
		return IOTSAFE_OK;
	if (!gsma_decode_signature(answer, algorithm, out))
		return error_set(IOTSAFE_ERR_FORMAT,
				 "%s: the card's answer of %zu bytes is no "
				 "signature",
				 gsma_update_name(GSMA_SIGN), answer.size);
	if (algorithm & 0x7)
		learn_form(&applet->manners, answer, out->size);
	return IOTSAFE_OK;
}

static int sign_in_session(struct applet *applet,
			   const struct gsma_message *message,
			   struct signature *out,
			   const struct deadline *deadline)
{
	uint8_t answer[ANSWER_MAX];
	struct response response = {.data = answer, .room = sizeof(answer)};

	TRY(gsma_send_message(applet, GSMA_SIGN, message,
			      (struct bytes){NULL, 0}, &response, deadline));
	return decode(applet, message->algorithm,
		      (struct bytes){answer, response.size}, out);
}

/* A session that was opened ahead may have ended by itself: then the card
 * refuses what would have been good. The three others are for the levels
 * above, which repeat all of it. */
static bool has_gone(int result)
{
	const unsigned status = result < 0 ? iotsafe_last_status() : 0;

	return status && status != 0x6881 && status != 0x6984 &&
	       status != 0x6989;
}

/* A signature is a row of commands and is repeated as a whole, or not. */
static int sign_once(struct applet *applet, const struct record *key,
		     const struct gsma_message *message, struct signature *out,
		     const struct deadline *deadline)
{
	uint8_t body[APPLET_INIT_MAX];
	int result, ahead;

	ahead = gsma_session_open(applet, GSMA_SIGN, key,
				  gsma_init(key, message, body), deadline);
	if (ahead < 0)
		return gsma_without_mode(message, ahead);
	result = sign_in_session(applet, message, out, deadline);
	gsma_session_end(applet, GSMA_SIGN, result, deadline);
	if (ahead && has_gone(result))
		return sign_once(applet, key, message, out, deadline);
	return result;
}

int gsma_prepare(struct applet *applet, const struct record *key, int algorithm,
		 const struct deadline *deadline)
{
	const struct gsma_message message = {.mode = IOTSAFE_MODE_HOST,
					     .algorithm = algorithm};
	uint8_t body[APPLET_INIT_MAX];

	return gsma_session_prepare(applet, key, gsma_init(key, &message, body),
				    deadline);
}

/* Once more in pieces where the text was longer than one byte of length says
 * and the card made nothing of it. */
static int sign_text(struct applet *applet, const struct record *key,
		     const struct gsma_message *message, struct signature *out,
		     const struct deadline *deadline)
{
	bool is_long = gsma_is_long(applet, message, 0);
	int result = sign_once(applet, key, message, out, deadline);

	if (!is_long || !gsma_is_misread(result))
		return result;
	applet->manners.short_text = true;
	result = sign_once(applet, key, message, out, deadline);
	if (result < 0)
		applet->manners.short_text = false;
	return result;
}

/* A block of RSA is longer than what some modems let through at once: fetched
 * in pieces where that is ours to do; else the command itself asks for one, and
 * the rest is fetched. */
static int sign_in_pieces(struct applet *applet, const struct record *key,
			  const struct gsma_message *message,
			  struct signature *out,
			  const struct deadline *deadline)
{
	int result = sign_text(applet, key, message, out, deadline);

	if (!(message->algorithm & (CRYPTO_PKCS1 | CRYPTO_PSS)))
		return result;
	while (result == IOTSAFE_ERR_FORMAT &&
	       gsma_take_smaller_pieces(&applet->channel.manners))
		result = sign_text(applet, key, message, out, deadline);
	if (result != IOTSAFE_ERR_FORMAT || applet->manners.signature_pieces)
		return result;
	applet->manners.signature_pieces = true;
	result = sign_text(applet, key, message, out, deadline);
	applet->manners.signature_pieces = result >= 0;
	return result;
}

int gsma_sign_message(struct applet *applet, const struct record *key,
		      const struct gsma_message *message, struct signature *out,
		      const struct deadline *deadline)
{
	struct manners *manners = &applet->channel.manners;

	TRY(sign_in_pieces(applet, key, message, out, deadline));
	if (out->size)
		return IOTSAFE_OK;
	/* 9000 and no signature: where an answer comes only if Le is sent. */
	if (!manners->with_le && !manners->forced_le) {
		manners->with_le = true;
		TRY(sign_text(applet, key, message, out, deadline));
		if (out->size)
			return IOTSAFE_OK;
		manners->with_le = false;
	}
	return error_set(IOTSAFE_ERR_FORMAT,
			 "%s: the card answered 9000 without a signature",
			 gsma_update_name(GSMA_SIGN));
}

int gsma_sign(struct applet *applet, const struct record *key, int algorithm,
	      struct bytes hash, struct signature *out,
	      const struct deadline *deadline)
{
	const struct gsma_message message = {IOTSAFE_MODE_HOST, algorithm,
					     hash};

	return gsma_sign_message(applet, key, &message, out, deadline);
}
