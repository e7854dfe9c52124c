/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bytes to values and back: cursor, hexadecimal digits, BER-TLV (ISO/IEC
 * 7816-4, ITU-T X.690), and the memory that leaves the library.
 */
#include <stdlib.h>
#include <string.h>
#include "base/bytes.h"
#include "base/error.h"

bool bytes_take(struct bytes *in, size_t size, struct bytes *out)
{
	if (size > in->size)
		return false;
	*out = (struct bytes){in->data, size};
	in->data += size;
	in->size -= size;
	return true;
}

bool bytes_take_u8(struct bytes *in, uint8_t *out)
{
	struct bytes one;

	if (!bytes_take(in, 1, &one))
		return false;
	*out = one.data[0];
	return true;
}

bool bytes_equal(struct bytes a, struct bytes b)
{
	return a.size == b.size && (!a.size || !memcmp(a.data, b.data, a.size));
}

void build_bytes(struct builder *out, const uint8_t *data, size_t size)
{
	if (out->failed || size > out->room - out->size) {
		out->failed = true;
		return;
	}
	if (size)
		memcpy(out->data + out->size, data, size);
	out->size += size;
}

void build_byte(struct builder *out, uint8_t byte)
{
	build_bytes(out, &byte, 1);
}

void build_tlv(struct builder *out, uint8_t tag, const uint8_t *data,
	       size_t size)
{
	build_byte(out, tag);
	if (size > 0xFFFF) {
		out->failed = true;
		return;
	}
	if (size > 0xFF)
		build_byte(out, 0x82);
	else if (size > 0x7F)
		build_byte(out, 0x81);
	if (size > 0xFF)
		build_byte(out, (uint8_t)(size >> 8));
	build_byte(out, (uint8_t)size);
	build_bytes(out, data, size);
}

/* X.690 8.1.3 with at most three bytes of length; no indefinite form. */
static bool take_length(struct bytes *in, size_t *length)
{
	uint8_t first, byte;

	if (!bytes_take_u8(in, &first))
		return false;
	if (first < 0x80) {
		*length = first;
		return true;
	}
	if (first == 0x80 || first > 0x83)
		return false;
	*length = 0;
	for (int i = 0; i < first - 0x80; i++) {
		if (!bytes_take_u8(in, &byte))
			return false;
		*length = *length << 8 | byte;
	}
	return true;
}

bool tlv_next(struct bytes *in, struct tlv *out)
{
	struct bytes rest = *in;
	size_t length;

	if (!bytes_take_u8(&rest, &out->tag) || !take_length(&rest, &length) ||
	    !bytes_take(&rest, length, &out->value))
		return false;
	*in = rest;
	return true;
}

bool tlv_find(struct bytes in, uint8_t tag, struct bytes *value)
{
	struct tlv tlv;

	while (tlv_next(&in, &tlv))
		if (tlv.tag == tag) {
			*value = tlv.value;
			return true;
		}
	return false;
}

static int digit_value(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	return -1;
}

bool hex_decode(const char *digits, size_t digits_size, uint8_t *out)
{
	if (digits_size % 2)
		return false;
	for (size_t i = 0; i < digits_size; i += 2) {
		int high = digit_value(digits[i]);
		int low = digit_value(digits[i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i / 2] = (uint8_t)(high << 4 | low);
	}
	return true;
}

void hex_encode(const uint8_t *data, size_t size, char *out)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < size; i++) {
		*out++ = digits[data[i] >> 4];
		*out++ = digits[data[i] & 0x0F];
	}
	*out = '\0';
}

/* What leaves the library carries its size in front, so that iotsafe_free()
 * can wipe it without being told. */
struct room {
	size_t size;
	_Alignas(max_align_t) uint8_t data[];
};

uint8_t *bytes_room(size_t size)
{
	struct room *room = calloc(1, sizeof(*room) + size);

	if (!room) {
		error_set(IOTSAFE_ERR_MEMORY, "no memory for %zu bytes", size);
		return NULL;
	}
	room->size = size;
	return room->data;
}

bool bytes_ready(uint8_t **out, size_t *out_size)
{
	if (out)
		*out = NULL;
	if (out_size)
		*out_size = 0;
	return out && out_size;
}

int bytes_give(const uint8_t *data, size_t size, uint8_t **out,
	       size_t *out_size)
{
	/* One byte more, so that text given out always ends. */
	uint8_t *room = bytes_room(size + 1);

	bytes_ready(out, out_size);
	if (!room)
		return IOTSAFE_ERR_MEMORY;
	if (size)
		memcpy(room, data, size);
	*out = room;
	*out_size = size;
	return IOTSAFE_OK;
}

int bytes_settle(int result, size_t size, uint8_t **out, size_t *out_size)
{
	if (result >= 0) {
		*out_size = size;
		return result;
	}
	iotsafe_free(*out);
	*out = NULL;
	return result;
}

void bytes_wipe(void *data, size_t size)
{
	explicit_bzero(data, size);
}

void iotsafe_free(void *data)
{
	struct room *room;

	if (!data)
		return;
	room = (struct room *)(void *)((uint8_t *)data -
				       offsetof(struct room, data));
	bytes_wipe(room->data, room->size);
	free(room);
}
