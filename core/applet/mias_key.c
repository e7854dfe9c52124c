/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signing and decrypting with the keys of the mIAS applet: which key and how
 * (MANAGE SECURITY ENVIRONMENT), then what (PERFORM SECURITY OPERATION);
 * ISO/IEC 7816-4 and 7816-8.
 */
#include <string.h>
#include "applet/ef.h"
#include "applet/mias.h"
#include "base/error.h"

#define INS_MANAGE_SECURITY  0x22
#define INS_PERFORM_SECURITY 0x2A
#define P1_SET_COMPUTE	     0x41
#define P2_SIGNATURE	     0xB6
#define P2_CONFIDENTIALITY   0xB8
#define CLA_CHAINED	     0x10

#define TAG_ALGORITHM 0x80
#define TAG_KEY	      0x84
#define TAG_HASH      0x90
/* RSA with PKCS#1 v1.5, to decrypt; for signatures 2 beside the hash. */
#define ALGORITHM_DECRYPT 0x1A
/* In front of a cryptogram. */
#define PADDING_INDICATOR 0x81

static const struct hash {
	int algorithm;
	uint8_t byte;
	size_t size;
} hashes[] = {
	{IOTSAFE_RSA_PKCS1_SHA1, 0x12, 20},
	{IOTSAFE_RSA_PKCS1_SHA224, 0x32, 28},
	{IOTSAFE_RSA_PKCS1_SHA256, 0x42, 32},
	{IOTSAFE_RSA_PKCS1_SHA384, 0x52, 48},
	{IOTSAFE_RSA_PKCS1_SHA512, 0x62, 64},
};

static const struct hash *find_hash(int algorithm, size_t size)
{
	for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++)
		if (hashes[i].algorithm == algorithm && hashes[i].size == size)
			return &hashes[i];
	return NULL;
}

static size_t modulus_size(const struct record *key)
{
	return key->key_type == MIAS_RSA_1024 ? 128 : 256;
}

static int choose_key(struct applet *applet, const struct record *key,
		      uint8_t use, uint8_t algorithm,
		      const struct deadline *deadline)
{
	const uint8_t body[] = {TAG_ALGORITHM, 1, algorithm,
				TAG_KEY,       1, key->id[0]};
	uint8_t answer[2 * APDU_RESPONSE_MAX];
	struct response response = {.data = answer, .room = sizeof(answer)};
	const struct apdu set = {
		.name = "MANAGE SECURITY ENVIRONMENT",
		.ins = INS_MANAGE_SECURITY,
		.p1 = P1_SET_COMPUTE,
		.p2 = use,
		.data = {body, sizeof(body)},
	};

	return channel_command(&applet->channel, &set, &response, deadline);
}

/* ---- signatures ---- */

static int load_hash(struct applet *applet, struct bytes hash,
		     const struct deadline *deadline)
{
	uint8_t body[2 + 64], answer[2 * APDU_RESPONSE_MAX];
	struct builder builder = {body, 0, sizeof(body), false};
	struct response response = {.data = answer, .room = sizeof(answer)};
	struct apdu load = {
		.name = "PSO HASH",
		.ins = INS_PERFORM_SECURITY,
		.p1 = 0x90,
		.p2 = 0xA0,
		.expect = APDU_SOME,
	};

	build_byte(&builder, TAG_HASH);
	build_byte(&builder, (uint8_t)hash.size);
	build_bytes(&builder, hash.data, hash.size);
	load.data = (struct bytes){body, builder.size};
	return channel_command(&applet->channel, &load, &response, deadline);
}

/* Words of a card for which nothing waits; not those of one that is in trouble,
 * or has lost the channel. */
static bool nothing_waits(const struct response *response)
{
	const unsigned status = response->status, sw1 = status >> 8;

	return !response->size && iotsafe_last_status() == status &&
	       (sw1 == 0x67 || sw1 == 0x69 || sw1 == 0x6A || sw1 == 0x6B ||
		sw1 == 0x6D) &&
	       status != 0x6982 && status != 0x6984 && status != 0x6989;
}

/* Where a 9000 comes alone the answer may wait all the same, since some modems
 * do not pass the 61xx on; or be empty. */
static int fetch(struct applet *applet, const char *name, bool secret,
		 struct response *response, const struct deadline *deadline)
{
	const unsigned piece = applet->channel.manners.piece;
	const struct apdu get = {
		.name = name,
		.ins = INS_GET_RESPONSE,
		.expect = piece < 256 ? APDU_EXACT : APDU_SOME,
		.le = piece,
		.secret = secret,
	};
	int result;

	if (response->size)
		return IOTSAFE_OK;
	result = channel_command(&applet->channel, &get, response, deadline);
	return result < 0 && nothing_waits(response) ? IOTSAFE_OK : result;
}

static int wrong_size(const struct response *response, const struct record *key)
{
	return error_set(IOTSAFE_ERR_FORMAT,
			 "PSO COMPUTE SIGNATURE: a signature of %zu bytes, not "
			 "%zu",
			 response->size, modulus_size(key));
}

/* `again` tells of a failure that another try mends. */
static int compute(struct applet *applet, const struct record *key, bool *again,
		   struct signature *out, const struct deadline *deadline)
{
	const unsigned piece = applet->channel.manners.piece;
	uint8_t answer[2 * APDU_RESPONSE_MAX];
	struct response response = {.data = answer, .room = sizeof(answer)};
	const struct apdu compute = {
		.name = "PSO COMPUTE SIGNATURE",
		.ins = INS_PERFORM_SECURITY,
		.p1 = 0x9E,
		.p2 = 0x9A,
		.expect = piece < 256 ? APDU_EXACT : APDU_SOME,
		.le = piece,
	};
	int result = channel_command(&applet->channel, &compute, &response,
				     deadline);

	if (result >= 0)
		result =
			fetch(applet, compute.name, false, &response, deadline);
	/* Its own bytes may have been taken for 9000 or 91xx. */
	if (result >= 0 && response.size && response.size < modulus_size(key))
		result = wrong_size(&response, key);
	*again = ef_take_smaller_pieces(applet, result, &response);
	TRY(result);
	if (response.size != modulus_size(key))
		return wrong_size(&response, key);
	memcpy(out->data, answer, response.size);
	out->size = response.size;
	return IOTSAFE_OK;
}

/* Not all of these cards sign with SHA-512; which answer they give is not
 * known. */
static bool is_unknown(int algorithm, int result)
{
	const unsigned status = iotsafe_last_status();

	return result < 0 && algorithm == IOTSAFE_RSA_PKCS1_SHA512 &&
	       (status == 0x6700 || status == 0x6985 || status == 0x6A80 ||
		status == 0x6A81 || status == 0x6A86 || status == 0x6A88);
}

static int refuse(struct applet *applet, int algorithm)
{
	applet->refused |= algorithm;
	return error_set_status(IOTSAFE_ERR_SUPPORT, iotsafe_last_status(),
				"MANAGE SECURITY ENVIRONMENT: the card does "
				"not sign with %s (card answered %04X)",
				iotsafe_algorithm_name(algorithm),
				iotsafe_last_status());
}

static int sign_once(struct applet *applet, const struct record *key,
		     const struct hash *known, struct bytes hash, bool *again,
		     struct signature *out, const struct deadline *deadline)
{
	const int algorithm = known->algorithm;
	int result;

	*again = false;
	result = choose_key(applet, key, P2_SIGNATURE, known->byte, deadline);
	if (result >= 0)
		result = load_hash(applet, hash, deadline);
	if (is_unknown(algorithm, result))
		return refuse(applet, algorithm);
	TRY(result);
	return compute(applet, key, again, out, deadline);
}

int mias_sign(struct applet *applet, const struct record *key, int algorithm,
	      struct bytes hash, struct signature *out,
	      const struct deadline *deadline)
{
	const struct hash *known = find_hash(algorithm, hash.size);
	bool again;
	int result;

	if (!known)
		return error_set(IOTSAFE_ERR_SUPPORT,
				 "PSO COMPUTE SIGNATURE: not with %s",
				 iotsafe_algorithm_name(algorithm));
	do
		result = sign_once(applet, key, known, hash, &again, out,
				   deadline);
	while (again);
	return result;
}

/* ---- decryption ---- */

/* What is said of one try to the next. */
struct deciphering {
	/* Le goes along, so that the card gives no more than a piece at once.
	 */
	bool exact;
	bool direct; /* the answer came without GET RESPONSE */
};

static int decipher(struct applet *applet, uint8_t cla, struct bytes body,
		    struct deciphering *how, struct response *response,
		    const struct deadline *deadline)
{
	const uint64_t before = applet->channel.link->counters.exchanges;
	const struct apdu apdu = {
		.name = "PSO DECIPHER",
		.cla = cla,
		.ins = INS_PERFORM_SECURITY,
		.p1 = 0x80,
		.p2 = 0x86,
		.data = body,
		.expect = cla	       ? APDU_NOTHING
			  : how->exact ? APDU_EXACT
				       : APDU_SOME,
		.le = applet->channel.manners.piece,
		.secret = true,
	};
	int result =
		channel_command(&applet->channel, &apdu, response, deadline);

	how->direct = applet->channel.link->counters.exchanges == before + 1;
	return result;
}

/* The indicator and a cryptogram of 2048 bits do not fit one command: its last
 * two bytes go in a second one. */
static int send_cryptogram(struct applet *applet, struct bytes in,
			   struct deciphering *how, struct response *response,
			   const struct deadline *deadline)
{
	uint8_t body[APDU_DATA_MAX];
	struct builder builder = {body, 0, sizeof(body), false};
	struct bytes first;

	if (!bytes_take(&in,
			in.size < APDU_DATA_MAX ? in.size : APDU_DATA_MAX - 1,
			&first))
		return IOTSAFE_ERR_ARG;
	build_byte(&builder, PADDING_INDICATOR);
	build_bytes(&builder, first.data, first.size);
	TRY(decipher(applet, in.size ? CLA_CHAINED : 0,
		     (struct bytes){body, builder.size}, how, response,
		     deadline));
	if (in.size)
		TRY(decipher(applet, 0, in, how, response, deadline));
	return fetch(applet, "PSO DECIPHER", true, response, deadline);
}

/* An answer that was cut as a whole is asked for with Le; one that was cut on
 * its way through GET RESPONSE, in smaller pieces. */
static bool may_be_whole(struct applet *applet, struct deciphering *how,
			 int result, const struct response *response)
{
	const unsigned piece = applet->channel.manners.piece;

	if (!ef_is_cut(result, response))
		return false;
	if ((!how->direct || how->exact || piece == 256) &&
	    !ef_take_smaller_pieces(applet, result, response))
		return false;
	how->exact |= how->direct;
	return true;
}

static int decrypt_once(struct applet *applet, const struct record *key,
			struct bytes in, struct deciphering *how,
			struct response *response,
			const struct deadline *deadline)
{
	response->size = 0;
	TRY(choose_key(applet, key, P2_CONFIDENTIALITY, ALGORITHM_DECRYPT,
		       deadline));
	return send_cryptogram(applet, in, how, response, deadline);
}

int mias_decrypt(struct applet *applet, const struct record *key,
		 struct bytes in, uint8_t *out, size_t *out_size,
		 const struct deadline *deadline)
{
	uint8_t answer[2 * APDU_RESPONSE_MAX];
	struct response response = {.data = answer, .room = sizeof(answer)};
	struct deciphering how = {false, false};
	int result;

	if (in.size != modulus_size(key))
		return error_set(IOTSAFE_ERR_ARG,
				 "PSO DECIPHER: %zu bytes, the key wants %zu",
				 in.size, modulus_size(key));
	do
		result = decrypt_once(applet, key, in, &how, &response,
				      deadline);
	while (may_be_whole(applet, &how, result, &response));
	/* RFC 8017 7.2: 11 bytes at least are padding. */
	if (result >= 0 && response.size > in.size - 11)
		result = error_set(IOTSAFE_ERR_FORMAT,
				   "PSO DECIPHER: %zu bytes cannot have been "
				   "in it",
				   response.size);
	if (result >= 0) {
		memcpy(out, answer, response.size);
		*out_size = response.size;
	}
	bytes_wipe(answer, sizeof(answer));
	return result;
}
