/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The minidriver's compressed form of a certificate becomes the certificate:
 * 01 00, its size in two bytes (the lower one first), and a stream of zlib.
 */
#include "applet/mias.h"
#include "base/error.h"

#ifdef HAVE_ZLIB
#include <zlib.h>
#endif

#define HEAD_SIZE 4

#ifdef HAVE_ZLIB

/* The room is what the head says: no stream gives more than that. */
static int inflate_into(struct bytes stream, uint8_t *out, size_t size)
{
	uLongf made = (uLongf)size;

	if (uncompress(out, &made, stream.data, (uLong)stream.size) == Z_OK &&
	    made == size)
		return IOTSAFE_OK;
	return error_set(IOTSAFE_ERR_FORMAT,
			 "certificate: its compressed form does not give the "
			 "%zu bytes that it says",
			 size);
}

#else

static int inflate_into(struct bytes stream, uint8_t *out, size_t size)
{
	(void)stream;
	(void)out;
	(void)size;
	return error_set(IOTSAFE_ERR_SUPPORT,
			 "certificate: it is compressed, and this library was "
			 "built without zlib (-Dzlib=enabled)");
}

#endif

int mias_inflate(uint8_t **in, size_t *size)
{
	const uint8_t *head = *in;
	size_t wanted;
	uint8_t *out;
	int result;

	if (*size < HEAD_SIZE || head[0] != 0x01 || head[1] != 0x00)
		return IOTSAFE_OK;
	wanted = head[2] | (size_t)head[3] << 8;
	out = bytes_room(wanted);
	if (!out)
		return IOTSAFE_ERR_MEMORY;
	result = inflate_into(
		(struct bytes){head + HEAD_SIZE, *size - HEAD_SIZE}, out,
		wanted);
	if (result < 0) {
		iotsafe_free(out);
		return result;
	}
	iotsafe_free(*in);
	*in = out;
	*size = wanted;
	return IOTSAFE_OK;
}
