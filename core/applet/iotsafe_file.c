/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * READ FILE of the GSMA IoT SAFE applet (IoT.05 clause 2.21): pieces at
 * offsets become a whole file, however its end shows.
 */
#include <stdlib.h>
#include <string.h>
#include "applet/iotsafe.h"
#include "base/error.h"
#include "base/trace.h"

#define INS_READ_FILE 0xB0

/* The last piece may reach beyond the longest file: cards pad. */
#define FILE_ROOM (APPLET_FILE_MAX + APDU_RESPONSE_MAX)

bool gsma_is_cut(const struct response *response)
{
	unsigned sw1 = response->status >> 8;

	return response->size && !apdu_is_done(response->status) &&
	       sw1 != 0x62 && sw1 != 0x63;
}

int gsma_cut(const char *name, const struct response *response)
{
	return error_set(IOTSAFE_ERR_FORMAT,
			 "%s: the answer is cut: %zu bytes, and %04X for a "
			 "status word",
			 name, response->size, response->status);
}

/* Certificates in one file: a leaf and those that issued it, one behind the
 * other. No sensible chain has more. */
#define CERTIFICATES_MAX 8

/* A file on its way in. */
struct reading {
	uint8_t *data; /* FILE_ROOM bytes */
	size_t size;
	size_t end;	 /* where it ends, 0: not known */
	size_t slot;	 /* and what holds it, 0: not known */
	size_t whole;	 /* certificates end here, 0: it has none */
	unsigned values; /* so many */
};

static bool is_end(unsigned status)
{
	/* Offset out of bounds: 6981 or 6A86 by IoT.05, 6B00 by ISO 7816. */
	return status == 0x6981 || status == 0x6A86 || status == 0x6B00 ||
	       status == 0x6282;
}

/* Some modems refuse a length behind data (Wavecom): then the pieces are those
 * of GET RESPONSE alone. Not where a card was found to want one, which gives
 * nothing without, as at the end of the file. */
static int ask_for_piece(struct applet *applet, const struct apdu *read,
			 struct response *piece,
			 const struct deadline *deadline)
{
	struct manners *manners = &applet->channel.manners;
	int result = channel_transact(&applet->channel, read, piece, deadline);

	if (result != IOTSAFE_ERR_MODEM || read->expect != APDU_EXACT ||
	    manners->no_exact_le || manners->with_le ||
	    applet->channel.link->restarted)
		return result;
	manners->no_exact_le = true;
	result = channel_transact(&applet->channel, read, piece, deadline);
	if (result < 0)
		manners->no_exact_le = false;
	return result;
}

/* Reads up to one answer's worth at the present offset. */
static int read_piece(struct applet *applet, const struct record *file,
		      struct reading *reading, unsigned *status,
		      const struct deadline *deadline)
{
	const struct manners *manners = &applet->channel.manners;
	uint8_t body[REFERENCE_MAX];
	struct response piece = {
		.data = reading->data + reading->size,
		.room = FILE_ROOM - reading->size,
	};
	const struct apdu read = {
		.name = "READ FILE",
		.cla = CLA_IOTSAFE,
		.ins = INS_READ_FILE,
		.p1 = (uint8_t)(reading->size >> 8),
		.p2 = (uint8_t)reading->size,
		.data = gsma_reference(file, body),
		.expect = manners->piece < 256 ? APDU_EXACT : APDU_SOME,
		.le = manners->piece,
	};

	TRY(ask_for_piece(applet, &read, &piece, deadline));
	*status = piece.status;
	if (gsma_is_cut(&piece))
		return gsma_cut(read.name, &piece);
	reading->size += piece.size;
	if (apdu_is_done(piece.status) || piece.status == 0x6282 ||
	    reading->size)
		return IOTSAFE_OK;
	/* There is no offset in a file of no bytes. */
	if (file->has_size && !file->size && is_end(piece.status))
		return IOTSAFE_OK;
	return channel_refused(read.name, piece.status);
}

bool gsma_take_smaller_pieces(struct manners *manners)
{
	if (manners->piece <= 50 || manners->forced_piece)
		return false;
	manners->piece = manners->piece > 128 ? 128 : 50;
	return true;
}

/* The size of what begins at an offset, if it is DER. */
static size_t der_size(const struct reading *reading, size_t offset)
{
	const uint8_t *data = reading->data + offset;

	if (reading->size < offset + 4 || data[0] != 0x30)
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
 * refusal. Where the list promised more than there is, what is there counts:
 * a certificate that is cut shows where it is parsed. */
static int stop_reading(const struct reading *reading, unsigned status)
{
	/* Behind whole certificates there need be nothing. */
	if (reading->whole && reading->size >= reading->whole)
		return IOTSAFE_OK;
	if (!is_end(status) && !apdu_is_done(status))
		return channel_refused("READ FILE", status);
	if (!reading->end || reading->size >= reading->end)
		return IOTSAFE_OK;
	if (!reading->size)
		return error_set(IOTSAFE_ERR_FORMAT,
				 "READ FILE: the card gives none of %zu bytes",
				 reading->end);
	trace_line(IOTSAFE_TRACE_APDU,
		   "READ FILE: the file ends after %zu of %zu bytes",
		   reading->size, reading->end);
	return IOTSAFE_OK;
}

/* The first byte of the zeros at the end. */
static size_t padding_start(const struct reading *reading)
{
	size_t size = reading->size;

	while (size && !reading->data[size - 1])
		size--;
	return size;
}

/* A certificate ends where its DER ends, whatever the slot that holds it may
 * measure. */
static void find_end(struct reading *reading, const struct record *file)
{
	const size_t size = der_size(reading, 0);

	if (!size ||
	    (reading->end && !(file->flags & IOTSAFE_OBJECT_CERTIFICATE)))
		return;
	reading->slot = reading->end >= size ? reading->end : 0;
	reading->end = size;
	reading->values = 1;
}

/* Whether there is more to read, since another certificate may stand behind
 * those that are there. */
static bool goes_on(struct reading *reading)
{
	size_t size;

	if (!reading->values)
		return false;
	reading->whole = reading->end;
	if (reading->values == CERTIFICATES_MAX)
		return false;
	/* Its head is worth a command only where the card has promised more. */
	if (reading->size < reading->whole + 4)
		return reading->slot > reading->whole + 4;
	size = der_size(reading, reading->whole);
	if (!size || (reading->slot && reading->slot < reading->whole + size))
		return false;
	reading->end += size;
	reading->values++;
	return reading->size < reading->end || goes_on(reading);
}

static bool is_done(struct reading *reading)
{
	if (reading->size >= APPLET_FILE_MAX)
		return true;
	return reading->end && reading->size >= reading->end &&
	       !goes_on(reading);
}

/* The first piece says that the rest is not wanted. Where the card has promised
 * more than one certificate those behind it may be. */
static bool is_enough(const struct applet *applet,
		      const struct reading *reading)
{
	const struct look *look = applet->look;

	return look && reading->end > reading->size && reading->slot &&
	       reading->slot <= reading->end + 4 &&
	       !look->wants(look->self,
			    (struct bytes){reading->data, reading->size});
}

/* Goes on behind what is there already. */
static void go_on(const struct applet *applet, const struct record *file,
		  struct reading *reading)
{
	if (!applet->start.size)
		return;
	memcpy(reading->data, applet->start.data, applet->start.size);
	reading->size = applet->start.size;
	find_end(reading, file);
}

static int read_pieces(struct applet *applet, const struct record *file,
		       struct reading *reading, const struct deadline *deadline)
{
	struct manners *manners = &applet->channel.manners;

	reading->end = file->size;
	go_on(applet, file, reading);
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
		    !manners->with_le && !manners->forced_le) {
			manners->with_le = true;
			continue;
		}
		if (!before)
			find_end(reading, file);
		if (!apdu_is_done(status) || reading->size == before)
			return stop_reading(reading, status);
		if (!before && is_enough(applet, reading))
			return 1;
		/* Some cards pad without end: where nobody told the size, a
		 * whole piece of zeros is behind it. */
		if (!reading->end && before &&
		    padding_start(reading) <= before) {
			reading->size = padding_start(reading);
			return IOTSAFE_OK;
		}
	} while (!is_done(reading));
	return IOTSAFE_OK;
}

int gsma_read_file(struct applet *applet, const struct record *file,
		   uint8_t **out, size_t *out_size,
		   const struct deadline *deadline)
{
	struct reading reading = {.data = malloc(FILE_ROOM)};
	int result, given;

	if (!reading.data)
		return error_no_memory("READ FILE");
	result = read_pieces(applet, file, &reading, deadline);
	if (result < 0)
		goto out;
	/* What is cut behind whole certificates is none. */
	if (reading.whole && reading.size < reading.end)
		reading.size = reading.whole;
	if (reading.end && reading.size > reading.end)
		reading.size = reading.end;
	if (reading.size > APPLET_FILE_MAX)
		reading.size = APPLET_FILE_MAX;
	given = bytes_give(reading.data, reading.size, out, out_size);
	if (given < 0)
		result = given;
out:
	bytes_wipe(reading.data, reading.size);
	free(reading.data);
	return result;
}
