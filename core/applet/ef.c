/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SELECT and READ BINARY become the content of a file; and what the applets of
 * Trust Onboard say of their PINs.
 */
#include <string.h>
#include "applet/ef.h"
#include "base/error.h"

#define P1_FROM_MASTER 0x08
#define P2_FCP	       0x04

/* Between 80 and 81. */
#define TAG_SIZE_OTHER 0x01

/* P1 and P2 of READ BINARY have 15 bits for the offset. */
#define SIZE_MAX_READ 0x7FFF

static bool take_size(struct bytes parameters, uint8_t tag, size_t *size)
{
	struct bytes value;

	if (!tlv_find(parameters, tag, &value) || !value.size || value.size > 4)
		return false;
	*size = 0;
	for (size_t i = 0; i < value.size; i++)
		*size = *size << 8 | value.data[i];
	return true;
}

/* For a transparent file both mean the same (ISO/IEC 7816-4 table 10), but for
 * what the card itself puts round it. */
bool ef_decode_size(struct bytes answer, uint8_t tag, size_t *size)
{
	struct bytes parameters;

	return tlv_find(answer, 0x62, &parameters) &&
	       (take_size(parameters, tag, size) ||
		take_size(parameters, tag ^ TAG_SIZE_OTHER, size));
}

static int add_name(const struct ef *ef, int result)
{
	if (result < 0)
		error_append(" (file %s)", ef->name);
	return result;
}

int ef_select(struct applet *applet, struct ef *ef,
	      const struct deadline *deadline)
{
	uint8_t answer[2 * APDU_RESPONSE_MAX];
	struct response response = {.data = answer, .room = sizeof(answer)};
	const struct apdu select = {
		.name = "SELECT file",
		.ins = INS_SELECT,
		.p1 = P1_FROM_MASTER,
		.p2 = P2_FCP,
		.data = {ef->path, ef->path_size},
		.expect = APDU_SOME,
	};

	TRY(add_name(ef, channel_obtain(&applet->channel, &select, &response,
					deadline)));
	if (!ef_decode_size((struct bytes){answer, response.size},
			    ef->manner->size_tag, &ef->size))
		return error_set(IOTSAFE_ERR_FORMAT,
				 "SELECT file: the card's answer has no size "
				 "(file %s)",
				 ef->name);
	if (ef->size > SIZE_MAX_READ)
		return error_set(IOTSAFE_ERR_FORMAT,
				 "SELECT file: %zu bytes are more than can be "
				 "read (file %s)",
				 ef->size, ef->name);
	return IOTSAFE_OK;
}

/* What stands behind data and is no success is data itself, or a warning
 * (62xx, 63xx), which comes again with a smaller piece. */
bool ef_is_cut(int result, const struct response *response)
{
	if (result >= 0 || result == IOTSAFE_ERR_FORMAT)
		return result < 0;
	return response->size && iotsafe_last_status() == response->status;
}

bool ef_take_smaller_pieces(struct applet *applet, int result,
			    const struct response *response)
{
	struct manners *manners = &applet->channel.manners;

	if (!ef_is_cut(result, response) || manners->piece <= 50 ||
	    manners->forced_piece)
		return false;
	manners->piece = manners->piece > 128 ? 128 : 50;
	return true;
}

static int read_piece(struct applet *applet, const struct ef *ef, size_t offset,
		      size_t size, struct response *response,
		      const struct deadline *deadline)
{
	const struct apdu read = {
		.name = "READ BINARY",
		.ins = INS_READ_BINARY,
		.p1 = (uint8_t)(offset >> 8),
		.p2 = (uint8_t)offset,
		.expect = APDU_EXACT,
		.le = (unsigned)size,
		.secret = ef->secret,
	};

	TRY(add_name(ef, channel_command(&applet->channel, &read, response,
					 deadline)));
	if (response->size && response->size <= size)
		return IOTSAFE_OK;
	return error_set(IOTSAFE_ERR_FORMAT,
			 "READ BINARY: %zu bytes asked, %zu given (file %s)",
			 size, response->size, ef->name);
}

int ef_read(struct applet *applet, const struct ef *ef, uint8_t *out,
	    size_t size, const struct deadline *deadline)
{
	uint8_t answer[2 * APDU_RESPONSE_MAX];
	struct response response = {.data = answer, .room = sizeof(answer)};
	const struct manners *manners = &applet->channel.manners;
	int result = IOTSAFE_OK;

	for (size_t got = 0; got < size && result >= 0;) {
		size_t piece = size - got;

		if (piece > manners->piece)
			piece = manners->piece;
		if (piece > ef->manner->piece)
			piece = ef->manner->piece;
		result =
			read_piece(applet, ef, got, piece, &response, deadline);
		if (ef_take_smaller_pieces(applet, result, &response)) {
			result = IOTSAFE_OK;
			continue;
		}
		if (result < 0)
			break;
		memcpy(out + got, answer, response.size);
		got += response.size;
	}
	if (ef->secret)
		bytes_wipe(answer, sizeof(answer));
	return result;
}

int ef_read_whole(struct applet *applet, struct ef *ef, uint8_t **out,
		  const struct deadline *deadline)
{
	int result;

	*out = NULL;
	TRY(ef_select(applet, ef, deadline));
	*out = bytes_room(ef->size);
	if (!*out)
		return IOTSAFE_ERR_MEMORY;
	result = ef_read(applet, ef, *out, ef->size, deadline);
	if (result < 0) {
		iotsafe_free(*out);
		*out = NULL;
	}
	return result;
}

/* ---- PIN ---- */

static int pin_refused(const char *name, unsigned status)
{
	const int tries = (int)(status & 0x0F);
	int result;

	/* Not verified, and no more is said (ISO/IEC 7816-4 table 6). */
	if (status == 0x6300 || status == 0x6982)
		return error_set_status(IOTSAFE_ERR_PIN, status,
					"%s: card answered %04X wrong PIN",
					name, status);
	result = channel_refused(name, status);
	if ((status & 0xFFF0) == 0x63C0)
		error_append(", %d %s left", tries,
			     tries == 1 ? "try" : "tries");
	return result;
}

int ef_pin(struct applet *applet, const char *name, const uint8_t header[4],
	   struct bytes data, int *tries, const struct deadline *deadline)
{
	uint8_t answer[APDU_RESPONSE_MAX];
	struct response response = {.data = answer, .room = sizeof(answer)};
	const struct apdu apdu = {
		.name = name,
		.cla = header[0],
		.ins = header[1],
		.p1 = header[2],
		.p2 = header[3],
		.data = data,
		.secret = true,
	};
	unsigned status;

	TRY(channel_once(&applet->channel, &apdu, &response, deadline));
	status = response.status;
	if (data.size)
		return status == 0x9000 ? IOTSAFE_OK
					: pin_refused(name, status);
	/* Asked (ISO/IEC 7816-4 11.6.6): 9000 says that it was given. */
	*tries = status == 0x9000 ? -1 : (int)(status & 0x0F);
	if (status == 0x6983)
		*tries = 0;
	if (status == 0x9000 || status == 0x6983 || (status & 0xFFF0) == 0x63C0)
		return IOTSAFE_OK;
	return error_set_status(IOTSAFE_ERR_SUPPORT, status,
				"%s: the card does not tell how many tries are "
				"left (card answered %04X)",
				name, status);
}
