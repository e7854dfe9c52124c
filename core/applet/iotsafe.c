/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The GSMA IoT SAFE applet (IoT.05): its row in the table of applets, and the
 * commands that read: READ FILE, READ PUBLIC KEY, GET RANDOM.
 */
#include <stdlib.h>
#include <string.h>
#include "applet/iotsafe.h"
#include "base/error.h"

#define INS_READ_FILE	    0xB0
#define INS_READ_PUBLIC_KEY 0xCD
#define INS_GET_RANDOM	    0x84

/* Tags round a public key (IoT.05 clause 2.5.7). */
#define TAG_PUBLIC_KEY_DATA 0x34
#define TAG_ECC_KEY	    0x49
#define TAG_POINT	    0x86

#define HALF 32

/* The last piece may reach beyond the longest file: cards pad. */
#define FILE_ROOM (APPLET_FILE_MAX + APDU_RESPONSE_MAX)

/* Known AIDs of applets that speak IoT.05, the standard's own first. */
static const struct aid aids[] = {
	/* GSMA */
	{{0xA0, 0x00, 0x00, 0x05, 0x59, 0x00, 0x10}, 7},
	/* Thales; ends in "ISA" */
	{{0xA0, 0x00, 0x00, 0x00, 0x30, 0x53, 0xF1, 0x24, 0x01, 0x77, 0x01,
	  0x01, 0x49, 0x53, 0x41},
	 15},
	/* NTT DOCOMO Business */
	{{0xA0, 0x00, 0x00, 0x01, 0x15, 0x70, 0x00, 0x00, 0x00, 0x00, 0x00,
	  0x00, 0x49, 0x53, 0x41, 0x02},
	 16},
	/* CIRA, Orange's demonstrations. ISO/IEC 18013-5 uses the same
	 * bytes, so it comes last. */
	{{0xA0, 0x00, 0x00, 0x02, 0x48, 0x04, 0x00}, 7},
};

int gsma_ask(struct applet *applet, const struct apdu *apdu,
	     struct response *response, const struct deadline *deadline)
{
	struct manners *manners = &applet->channel.manners;

	TRY(channel_command(&applet->channel, apdu, response, deadline));
	if (response->size || manners->with_le)
		return IOTSAFE_OK;
	manners->with_le = true;
	TRY(channel_command(&applet->channel, apdu, response, deadline));
	if (!response->size)
		manners->with_le = false;
	return IOTSAFE_OK;
}

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

/* The beginning of a whole answer, which may be cut to any size. */
static bool is_wrapped(struct bytes answer)
{
	static const uint8_t wrapping[] = {TAG_PUBLIC_KEY_DATA, 0x45,
					   TAG_ECC_KEY, 0x43};

	return answer.size > sizeof(wrapping) &&
	       !memcmp(answer.data, wrapping, sizeof(wrapping));
}

/* 34 L 49 L 86 41 04 X Y by the standard; applets leave out some or all of
 * the wrapping, and the 04. That the point is on its curve is looked at where
 * it becomes a key. */
bool gsma_decode_public_key(struct bytes answer, struct public_key *out)
{
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
		if (!unwrap(&answer))
			return false;
	}
	return false;
}

static int read_public_key(struct applet *applet, const struct record *key,
			   struct public_key *out,
			   const struct deadline *deadline)
{
	uint8_t body[REFERENCE_MAX], answer[2 * APDU_RESPONSE_MAX];
	struct builder reference = {body, 0, sizeof(body), false};
	struct response response = {.data = answer, .room = sizeof(answer)};
	struct apdu read = {
		.name = "READ PUBLIC KEY",
		.cla = CLA_IOTSAFE,
		.ins = INS_READ_PUBLIC_KEY,
		.expect = APDU_SOME,
	};

	gsma_build_reference(&reference, key);
	read.data = (struct bytes){body, reference.size};
	TRY(gsma_ask(applet, &read, &response, deadline));
	if (!gsma_decode_public_key((struct bytes){answer, response.size}, out))
		return error_set(IOTSAFE_ERR_FORMAT,
				 "%s: the card's answer of %zu bytes is no "
				 "public key",
				 read.name, response.size);
	return IOTSAFE_OK;
}

static int get_random(struct applet *applet, uint8_t *out, size_t size,
		      const struct deadline *deadline)
{
	uint8_t answer[APDU_RESPONSE_MAX];
	struct response response = {.data = answer, .room = sizeof(answer)};
	const struct apdu get = {
		.name = "GET RANDOM",
		.cla = CLA_IOTSAFE,
		.ins = INS_GET_RANDOM,
		.expect = APDU_EXACT,
		.le = (unsigned)size,
		.secret = true,
	};

	TRY(channel_transact(&applet->channel, &get, &response, deadline));
	/* 6300 also comes with good bytes from some applets. */
	if (!apdu_is_done(response.status) && response.status != 0x6300)
		return channel_refused(&get, response.status);
	if (response.size != size)
		return error_set(IOTSAFE_ERR_FORMAT,
				 "%s: %zu bytes asked, %zu given", get.name,
				 size, response.size);
	memcpy(out, answer, size);
	bytes_wipe(answer, sizeof(answer));
	return IOTSAFE_OK;
}

bool gsma_is_cut(const struct response *response)
{
	unsigned sw1 = response->status >> 8;

	return response->size && !apdu_is_done(response->status) &&
	       sw1 != 0x62 && sw1 != 0x63;
}

int gsma_cut(const struct apdu *apdu, const struct response *response)
{
	return error_set(IOTSAFE_ERR_FORMAT,
			 "%s: the answer is cut: %zu bytes, and %04X for a "
			 "status word",
			 apdu->name, response->size, response->status);
}

/* A file on its way in. */
struct reading {
	uint8_t *data; /* FILE_ROOM bytes */
	size_t size;
	size_t end; /* where it ends, 0: not known */
};

static bool is_end(unsigned status)
{
	/* Offset out of bounds: 6981 or 6A86 by IoT.05, 6B00 by ISO 7816. */
	return status == 0x6981 || status == 0x6A86 || status == 0x6B00 ||
	       status == 0x6282;
}

/* Reads up to one answer's worth at the present offset. */
static int read_piece(struct applet *applet, const struct record *file,
		      struct reading *reading, unsigned *status,
		      const struct deadline *deadline)
{
	const struct manners *manners = &applet->channel.manners;
	uint8_t body[REFERENCE_MAX];
	struct builder reference = {body, 0, sizeof(body), false};
	struct response piece = {
		.data = reading->data + reading->size,
		.room = FILE_ROOM - reading->size,
	};
	struct apdu read = {
		.name = "READ FILE",
		.cla = CLA_IOTSAFE,
		.ins = INS_READ_FILE,
		.p1 = (uint8_t)(reading->size >> 8),
		.p2 = (uint8_t)reading->size,
		.expect = manners->piece < 256 ? APDU_EXACT : APDU_SOME,
		.le = manners->piece,
	};

	gsma_build_reference(&reference, file);
	read.data = (struct bytes){body, reference.size};
	TRY(channel_transact(&applet->channel, &read, &piece, deadline));
	*status = piece.status;
	if (gsma_is_cut(&piece))
		return gsma_cut(&read, &piece);
	reading->size += piece.size;
	if (apdu_is_done(piece.status) || piece.status == 0x6282 ||
	    reading->size)
		return IOTSAFE_OK;
	/* There is no offset in a file of no bytes. */
	if (file->has_size && !file->size && is_end(piece.status))
		return IOTSAFE_OK;
	return channel_refused(&read, piece.status);
}

bool gsma_take_smaller_pieces(struct manners *manners)
{
	if (manners->piece <= 50)
		return false;
	manners->piece = manners->piece > 128 ? 128 : 50;
	return true;
}

/* The end of a file whose size nobody told, if it is DER. */
static size_t der_size(const struct reading *reading)
{
	const uint8_t *data = reading->data;

	if (reading->size < 4 || data[0] != 0x30)
		return 0;
	if (data[1] < 0x80)
		return 2u + data[1];
	if (data[1] == 0x81)
		return 3u + data[2];
	if (data[1] == 0x82)
		return 4u + ((size_t)data[2] << 8 | data[3]);
	return 0;
}

/* Any answer other than 9000 at an offset behind the first: the end, or a
 * refusal. */
static int stop_reading(const struct reading *reading, unsigned status)
{
	const struct apdu read = {.name = "READ FILE"};

	if (!is_end(status) && !apdu_is_done(status))
		return channel_refused(&read, status);
	if (reading->end && reading->size < reading->end)
		return error_set(IOTSAFE_ERR_FORMAT,
				 "READ FILE: the file ends after %zu of %zu "
				 "bytes",
				 reading->size, reading->end);
	return IOTSAFE_OK;
}

static int read_pieces(struct applet *applet, const struct record *file,
		       struct reading *reading, const struct deadline *deadline)
{
	bool certificate = file->flags & IOTSAFE_OBJECT_CERTIFICATE;
	struct manners *manners = &applet->channel.manners;

	reading->end = file->size;
	do {
		size_t before = reading->size;
		unsigned status;
		int result =
			read_piece(applet, file, reading, &status, deadline);

		if (result == IOTSAFE_ERR_FORMAT &&
		    gsma_take_smaller_pieces(manners))
			continue;
		TRY(result);
		if (apdu_is_done(status) && !reading->size &&
		    !manners->with_le) {
			manners->with_le = true;
			continue;
		}
		/* A certificate ends where its DER ends, whatever the slot
		 * that holds it may measure. */
		if (!before && (certificate || !reading->end) &&
		    der_size(reading))
			reading->end = der_size(reading);
		if (!apdu_is_done(status) || reading->size == before)
			return stop_reading(reading, status);
	} while ((!reading->end || reading->size < reading->end) &&
		 reading->size < APPLET_FILE_MAX);
	return IOTSAFE_OK;
}

static int read_file(struct applet *applet, const struct record *file,
		     uint8_t **out, size_t *out_size,
		     const struct deadline *deadline)
{
	struct reading reading = {.data = malloc(FILE_ROOM)};
	int result;

	if (!reading.data)
		return error_set(IOTSAFE_ERR_MEMORY, "READ FILE: no memory");
	result = read_pieces(applet, file, &reading, deadline);
	if (result < 0)
		goto out;
	if (reading.end && reading.size > reading.end)
		reading.size = reading.end;
	if (reading.size > APPLET_FILE_MAX)
		reading.size = APPLET_FILE_MAX;
	result = bytes_give(reading.data, reading.size, out, out_size);
out:
	bytes_wipe(reading.data, reading.size);
	free(reading.data);
	return result;
}

const struct applet_kind applet_iotsafe = {
	.name = "iotsafe",
	.aids = aids,
	.aids_count = sizeof(aids) / sizeof(aids[0]),
	.capabilities = gsma_capabilities,
	.object = gsma_object,
	.list = gsma_list,
	.read = read_file,
	.public_key = read_public_key,
	.sign = gsma_sign,
	.random = get_random,
	.key_type_name = gsma_key_type_name,
};
