/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Key id, counter and ciphertext become one COSE_Encrypt0, and back. There is
 * one encoding of each message, so that nobody can make a second one.
 */
#include <string.h>
#include "format/cose.h"

/* Major types of CBOR (RFC 8949 3.1). */
#define BYTE_STRING 0x40

#define TAG_SIZE 16

/* 16([h'A10103', {4: …: alg is 3, A256GCM (RFC 9053 4.1), `kid` is 4. */
static const uint8_t head[] = {0xD0, 0x83, 0x43, 0xA1, 0x01, 0x03, 0xA2, 0x04};
#define LABEL_PARTIAL_IV 0x06

/* Up to 2^32 - 1, in the shortest form. */
static void build_string_head(struct builder *out, size_t size)
{
	unsigned count = size < 24	? 0
			 : size < 0x100 ? 1
			 : size < 65536 ? 2
					: 4;

	if (!count)
		build_byte(out, (uint8_t)(BYTE_STRING | size));
	else
		build_byte(out, (uint8_t)(BYTE_STRING |
					  (count == 4 ? 26 : 23 + count)));
	while (count--)
		build_byte(out, (uint8_t)(size >> 8 * count));
}

static void build_string(struct builder *out, struct bytes value)
{
	build_string_head(out, value.size);
	build_bytes(out, value.data, value.size);
}

/* Reads a string and leaves what follows; refuses longer forms of its size. */
static bool take_string(struct bytes *in, struct bytes *out)
{
	struct bytes rest = *in;
	uint8_t first, byte, again[5];
	struct builder form = {again, 0, sizeof(again), false};
	size_t size = 0;

	if (!bytes_take_u8(&rest, &first) || first < BYTE_STRING ||
	    first > (BYTE_STRING | 26))
		return false;
	if (first < (BYTE_STRING | 24))
		size = first & 0x1F;
	else
		for (int count = 1 << (first & 3); count; count--) {
			if (!bytes_take_u8(&rest, &byte))
				return false;
			size = size << 8 | byte;
		}
	build_string_head(&form, size);
	if (form.size != in->size - rest.size ||
	    memcmp(form.data, in->data, form.size) != 0)
		return false;
	if (!bytes_take(&rest, size, out))
		return false;
	*in = rest;
	return true;
}

/* RFC 9052 3.1: leading zeros stand for nothing, so there are none; zero
 * itself is one byte. */
static void build_counter(struct builder *out, uint32_t counter)
{
	const uint8_t bytes[] = {(uint8_t)(counter >> 24),
				 (uint8_t)(counter >> 16),
				 (uint8_t)(counter >> 8), (uint8_t)counter};
	size_t skip = 0;

	while (skip < 3 && !bytes[skip])
		skip++;
	build_string(out, (struct bytes){bytes + skip, 4 - skip});
}

static bool take_counter(struct bytes *in, uint32_t *counter)
{
	struct bytes value;

	*counter = 0;
	if (!take_string(in, &value) || !value.size || value.size > 4 ||
	    (value.size > 1 && !value.data[0]))
		return false;
	for (size_t i = 0; i < value.size; i++)
		*counter = *counter << 8 | value.data[i];
	return true;
}

void cose_build(struct builder *out, struct bytes kid, uint32_t counter,
		size_t text_size)
{
	build_bytes(out, head, sizeof(head));
	build_string(out, kid);
	build_byte(out, LABEL_PARTIAL_IV);
	build_counter(out, counter);
	build_string_head(out, text_size);
}

bool cose_read(struct bytes in, struct cose *out)
{
	struct bytes front;
	uint8_t label;

	return bytes_take(&in, sizeof(head), &front) &&
	       !memcmp(front.data, head, sizeof(head)) &&
	       take_string(&in, &out->kid) && out->kid.size &&
	       out->kid.size <= COSE_KID_MAX && bytes_take_u8(&in, &label) &&
	       label == LABEL_PARTIAL_IV && take_counter(&in, &out->counter) &&
	       take_string(&in, &out->text) && out->text.size >= TAG_SIZE &&
	       out->text.size <= COSE_TEXT_MAX && !in.size;
}

void cose_build_aad(struct builder *out, size_t extra_size)
{
	/* ["Encrypt0", h'A10103', … */
	static const uint8_t front[] = {0x83, 0x68, 'E',  'n', 'c',
					'r',  'y',  'p',  't', '0',
					0x43, 0xA1, 0x01, 0x03};

	build_bytes(out, front, sizeof(front));
	build_string_head(out, extra_size);
}
