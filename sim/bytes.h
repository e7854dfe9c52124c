/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_BYTES_H
#define SIM_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes being read: a window that only shrinks. */
struct view {
	const uint8_t *data;
	size_t size;
};

/* Bytes being written into memory of fixed size; says when it was too small. */
struct writer {
	uint8_t *data;
	size_t size;
	size_t capacity;
	bool overflow;
};

struct tlv {
	uint8_t tag;
	struct view value;
};

struct view view_of(const void *data, size_t size);
bool view_equal(struct view a, struct view b);
bool view_take(struct view *view, size_t size, struct view *out);

/*
 * Takes one TLV off the front. A length of 80..FF is read as one raw byte when
 * the TLV then fills the view exactly, and as BER (81, 82) otherwise.
 */
bool tlv_take(struct view *view, struct tlv *out);

/* One of the fields a command may carry, and what it brought. */
struct field {
	uint8_t tag;
	bool there;
	struct view value;
};

/* Fills the fields in any order; false for unknown, repeated, broken ones. */
bool fields_take(struct view data, struct field *fields, size_t count);

/* A number of exactly `size` bytes, big-endian, that is there. */
bool field_number(const struct field *field, size_t size, unsigned int *out);

struct writer writer_on(void *data, size_t capacity);
void put_byte(struct writer *writer, unsigned int byte);
void put_bytes(struct writer *writer, const void *data, size_t size);
void put_u16(struct writer *writer, unsigned int value);
/* Values up to 255 bytes, the length in one byte. */
void put_tlv(struct writer *writer, unsigned int tag, struct view value);
/* A length as BER writes it, up to 65535. */
void put_length(struct writer *writer, size_t length);
void put_tlv_byte(struct writer *writer, unsigned int tag, unsigned int value);

/* `text` has room for 2 * size + 1 characters. */
void hex_encode(const uint8_t *data, size_t size, char *text);
/* Bytes written, or -1 where it is not hex, odd, or too long. */
int hex_decode(const char *text, size_t length, uint8_t *data, size_t capacity);

#endif
