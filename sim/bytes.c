// SPDX-License-Identifier: LGPL-2.1-or-later
/* Reads and writes bytes, tag-length-value fields and hex, within bounds. */
#include "bytes.h"

#include <string.h>

struct view view_of(const void *data, size_t size)
{
	return (struct view){data, size};
}

bool view_equal(struct view a, struct view b)
{
	return a.size == b.size &&
	       (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool view_take(struct view *view, size_t size, struct view *out)
{
	if (size > view->size)
		return false;
	*out = view_of(view->data, size);
	view->data += size;
	view->size -= size;
	return true;
}

static bool length_take(struct view *view, size_t *length)
{
	struct view field;

	if (!view_take(view, 1, &field))
		return false;
	*length = field.data[0];
	if (*length < 0x80 || *length == view->size)
		return true;
	if (*length != 0x81 && *length != 0x82)
		return false;
	if (!view_take(view, *length - 0x80, &field))
		return false;
	*length = 0;
	for (size_t i = 0; i < field.size; i++)
		*length = *length << 8 | field.data[i];
	return true;
}

bool tlv_take(struct view *view, struct tlv *out)
{
	struct view tag;
	size_t length;

	if (!view_take(view, 1, &tag) || !length_take(view, &length))
		return false;
	out->tag = tag.data[0];
	return view_take(view, length, &out->value);
}

static struct field *field_of(struct field *fields, size_t count, uint8_t tag)
{
	for (size_t i = 0; i < count; i++)
		if (fields[i].tag == tag)
			return &fields[i];
	return NULL;
}

bool fields_take(struct view data, struct field *fields, size_t count)
{
	struct field *field;
	struct tlv tlv;

	while (data.size > 0) {
		if (!tlv_take(&data, &tlv))
			return false;
		field = field_of(fields, count, tlv.tag);
		if (field == NULL || field->there)
			return false;
		field->there = true;
		field->value = tlv.value;
	}
	return true;
}

bool field_number(const struct field *field, size_t size, unsigned int *out)
{
	if (!field->there || field->value.size != size)
		return false;
	*out = 0;
	for (size_t i = 0; i < size; i++)
		*out = *out << 8 | field->value.data[i];
	return true;
}

struct writer writer_on(void *data, size_t capacity)
{
	return (struct writer){data, 0, capacity, false};
}

void put_bytes(struct writer *writer, const void *data, size_t size)
{
	if (size > writer->capacity - writer->size) {
		writer->overflow = true;
		return;
	}
	if (size > 0)
		memcpy(writer->data + writer->size, data, size);
	writer->size += size;
}

void put_byte(struct writer *writer, unsigned int byte)
{
	uint8_t value = (uint8_t)byte;

	put_bytes(writer, &value, 1);
}

void put_u16(struct writer *writer, unsigned int value)
{
	put_byte(writer, value >> 8);
	put_byte(writer, value);
}

void put_tlv(struct writer *writer, unsigned int tag, struct view value)
{
	if (value.size > 0xFF) {
		writer->overflow = true;
		return;
	}
	put_byte(writer, tag);
	put_byte(writer, (unsigned int)value.size);
	put_bytes(writer, value.data, value.size);
}

void put_length(struct writer *writer, size_t length)
{
	if (length > 0xFFFF)
		writer->overflow = true;
	if (length > 0xFF)
		put_byte(writer, 0x82);
	else if (length > 0x7F)
		put_byte(writer, 0x81);
	if (length > 0xFF)
		put_byte(writer, (unsigned int)(length >> 8));
	put_byte(writer, (unsigned int)length & 0xFF);
}

void put_tlv_byte(struct writer *writer, unsigned int tag, unsigned int value)
{
	uint8_t byte = (uint8_t)value;

	put_tlv(writer, tag, view_of(&byte, 1));
}

void hex_encode(const uint8_t *data, size_t size, char *text)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < size; i++) {
		*text++ = digits[data[i] >> 4];
		*text++ = digits[data[i] & 0x0F];
	}
	*text = '\0';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int hex_decode(const char *text, size_t length, uint8_t *data, size_t capacity)
{
	if (length % 2 != 0 || length / 2 > capacity)
		return -1;
	for (size_t i = 0; i < length / 2; i++) {
		int high = hex_digit(text[2 * i]);
		int low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return -1;
		data[i] = (uint8_t)(high << 4 | low);
	}
	return (int)(length / 2);
}
