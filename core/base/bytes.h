/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bounds-checked building and reading of bytes: cursor, hex, BER-TLV. Pure:
 * no I/O, no state, no heap but bytes_give(). */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/module.h"

/* What is left to read. A failed read changes nothing. */
struct bytes {
	const uint8_t *data;
	size_t size;
};

/* What is being built. Writing past the end only sets `failed`, so a column
 * of writes is checked once. */
struct builder {
	uint8_t *data;
	size_t size;
	size_t room;
	bool failed;
};

bool bytes_take(struct bytes *in, size_t size, struct bytes *out)
	FOR_MODULES(bytes_take);
bool bytes_take_u8(struct bytes *in, uint8_t *out) FOR_MODULES(bytes_take_u8);
bool bytes_equal(struct bytes a, struct bytes b) FOR_MODULES(bytes_equal);

void build_byte(struct builder *out, uint8_t byte) FOR_MODULES(build_byte);
void build_bytes(struct builder *out, const uint8_t *data, size_t size)
	FOR_MODULES(build_bytes);
/* Tag of one byte, BER length, value. */
void build_tlv(struct builder *out, uint8_t tag, const uint8_t *data,
	       size_t size);

struct tlv {
	uint8_t tag;
	struct bytes value;
};

/* The next BER-TLV with a tag of one byte and a length in short form or 81,
 * 82, 83. False at the end and where the bytes are no TLV. */
bool tlv_next(struct bytes *in, struct tlv *out);

/* The first TLV with this tag, on this level. */
bool tlv_find(struct bytes in, uint8_t tag, struct bytes *value)
	FOR_MODULES(tlv_find);

/* Hexadecimal digits of either case, an even number of them; `out` has room
 * for digits / 2. False on anything else. */
bool hex_decode(const char *digits, size_t digits_size, uint8_t *out);

/* Writes 2 * size upper-case digits and a NUL. */
void hex_encode(const uint8_t *data, size_t size, char *out)
	FOR_MODULES(hex_encode);

/* Makes the caller's copy behind uint8_t **out, size_t *out_size; released
 * by iotsafe_free(). Returns IOTSAFE_OK or IOTSAFE_ERR_MEMORY. */
int bytes_give(const uint8_t *data, size_t size, uint8_t **out,
	       size_t *out_size) FOR_MODULES(bytes_give);

/* Makes ready what a function gives out, NULL and 0 until then; false if the
 * caller gave no room for it. */
bool bytes_ready(uint8_t **out, size_t *out_size) FOR_MODULES(bytes_ready);

/* Room of that kind, zeroed, to be filled; NULL (error recorded) if none. */
uint8_t *bytes_room(size_t size) FOR_MODULES(bytes_room);

/* What was written into `*out`, room of that kind: given out, or away with it
 * where that failed. */
int bytes_settle(int result, size_t size, uint8_t **out, size_t *out_size);

/* memset that the compiler may not drop. */
void bytes_wipe(void *data, size_t size) FOR_MODULES(bytes_wipe);

#endif
