/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is signed, verified or put under a MAC becomes the data of INIT and
 * UPDATE, in the three modes of operation (IoT.05 clause 2.5.14).
 */
#include "applet/iotsafe.h"
#include "base/crypto.h"
#include "base/error.h"

#define TAG_MODE       0xA1
#define TAG_TEXT       0x9B
#define TAG_MAC_TEXT   0x9F /* a vendor's (Thales) */
#define TAG_LAST_BLOCK 0x9A
#define TAG_STATE      0x9C
#define TAG_COUNT      0x9D
#define TAG_HASH       0x9E

/* The longest value with one byte of length that all cards read alike. */
#define SHORT_MAX 127
/* Whole blocks of AES. */
#define MAC_PIECE 112

static bool is_mac(const struct gsma_message *message)
{
	return message->algorithm == IOTSAFE_AES_CMAC;
}

struct bytes gsma_init(const struct record *key,
		       const struct gsma_message *message,
		       uint8_t room[APPLET_INIT_MAX])
{
	struct builder out = {room, 0, APPLET_INIT_MAX, false};
	int algorithm = message->algorithm;
	const uint8_t mode = (uint8_t)message->mode;
	uint8_t signature = SIGNATURE_ECDSA;
	uint8_t hash[2] = {0, (uint8_t)(algorithm & 0x7)};

	if (algorithm & 0x070) {
		signature = SIGNATURE_RSA_PKCS1;
		hash[1] = (uint8_t)(algorithm >> 4);
	} else if (algorithm & 0x700) {
		signature = SIGNATURE_RSA_PSS;
		hash[1] = (uint8_t)(algorithm >> 8);
	} else if (is_mac(message)) {
		signature = SIGNATURE_CMAC;
	}
	gsma_build_reference(&out, key);
	build_tlv(&out, TAG_MODE, &mode, 1);
	if (!is_mac(message))
		build_tlv(&out, TAG_HASHES, hash, sizeof(hash));
	build_tlv(&out, TAG_SIGNATURES, &signature, 1);
	return (struct bytes){room, out.size};
}

/* The host hashes all blocks but the last, which is whole where the text
 * ends with a block. */
static void build_last_block(struct builder *out,
			     const struct gsma_message *message)
{
	struct bytes text = message->data;
	size_t block = crypto_hash_block_size(message->algorithm);
	size_t last = text.size % block ? text.size % block : block;
	uint8_t state[CRYPTO_STATE_MAX], count[4];
	size_t done, state_size;

	if (last > text.size)
		last = text.size;
	done = text.size - last;
	state_size = crypto_hash_state(message->algorithm,
				       (struct bytes){text.data, done}, state);
	for (int i = 0; i < 4; i++)
		count[i] = (uint8_t)(done >> (24 - 8 * i));
	build_tlv(out, TAG_LAST_BLOCK, text.data + done, last);
	build_tlv(out, TAG_STATE, state, state_size);
	build_tlv(out, TAG_COUNT, count, sizeof(count));
}

/* How much of the text the next UPDATE takes: all that is left if it fits in
 * front of the tail, else a piece whose length all cards read alike. */
static size_t piece_of(const struct applet *applet,
		       const struct gsma_message *message, size_t left,
		       size_t tail)
{
	size_t most = is_mac(message) ? MAC_PIECE : SHORT_MAX;

	if (left <= most)
		return left;
	if (is_mac(message) || !gsma_is_long(applet, message, tail))
		return most;
	return left;
}

/* 128 bytes as 81 80 … can be read as 129 bytes after 81, so they go in two
 * pieces. */
bool gsma_is_long(const struct applet *applet,
		  const struct gsma_message *message, size_t tail)
{
	return message->mode == IOTSAFE_MODE_FULL_TEXT && !is_mac(message) &&
	       !applet->manners.short_text &&
	       message->data.size > SHORT_MAX + 1 &&
	       message->data.size + 3 + tail <= APDU_DATA_MAX;
}

/* Text of any size: one command where it fits, else as many as it takes. */
static int send_text(struct applet *applet, enum gsma_use use,
		     const struct gsma_message *message, struct bytes tail,
		     struct response *response, const struct deadline *deadline)
{
	struct bytes text = message->data;
	size_t piece;

	do {
		uint8_t body[APDU_DATA_MAX];
		struct builder out = {body, 0, sizeof(body), false};
		bool last;

		piece = piece_of(applet, message, text.size, tail.size);
		last = piece == text.size;
		build_tlv(&out, is_mac(message) ? TAG_MAC_TEXT : TAG_TEXT,
			  text.data, piece);
		if (last)
			build_bytes(&out, tail.data, tail.size);
		TRY(gsma_session_update(applet, use, last,
					(struct bytes){body, out.size},
					last ? response : NULL, deadline));
		text.size -= piece;
		if (text.size)
			text.data += piece;
	} while (text.size);
	return IOTSAFE_OK;
}

int gsma_does_not_fit(const char *name)
{
	return error_set(IOTSAFE_ERR_SUPPORT,
			 "%s: does not fit one command of %d bytes", name,
			 APDU_DATA_MAX);
}

int gsma_send_message(struct applet *applet, enum gsma_use use,
		      const struct gsma_message *message, struct bytes tail,
		      struct response *response,
		      const struct deadline *deadline)
{
	uint8_t body[APDU_DATA_MAX];
	struct builder out = {body, 0, sizeof(body), false};

	if (message->mode == IOTSAFE_MODE_FULL_TEXT)
		return send_text(applet, use, message, tail, response,
				 deadline);
	if (message->mode == IOTSAFE_MODE_LAST_BLOCK)
		build_last_block(&out, message);
	else
		build_tlv(&out, TAG_HASH, message->data.data,
			  message->data.size);
	/* The longest last block and its signature go one after the other. */
	if (out.size + tail.size > sizeof(body)) {
		TRY(gsma_session_update(applet, use, false,
					(struct bytes){body, out.size}, NULL,
					deadline));
		out.size = 0;
	}
	build_bytes(&out, tail.data, tail.size);
	return gsma_session_update(applet, use, true,
				   (struct bytes){body, out.size}, response,
				   deadline);
}

bool gsma_is_misread(int result)
{
	unsigned status = result < 0 ? iotsafe_last_status() : 0;

	return status == 0x6A80 || status == 0x6985 || status == 0x6700;
}

/* A card that does not know the mode refuses what is in INIT. */
int gsma_without_mode(const struct gsma_message *message, int result)
{
	unsigned status = iotsafe_last_status();
	struct error error;

	if (result != IOTSAFE_ERR_CARD || message->mode == IOTSAFE_MODE_HOST ||
	    is_mac(message) || (status != 0x6A80 && status != 0x6A81))
		return result;
	error_save(&error);
	error.code = IOTSAFE_ERR_SUPPORT;
	error_restore(&error);
	error_append(" (mode %d)", message->mode);
	return error.code;
}
