/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files of the mIAS applet become containers, entries of its directory and
 * data objects of PKCS #11. Pure.
 */
#include <string.h>
#include "applet/mias.h"

#define DIRECTORY_ENTRY_SIZE 21
#define OBJECT_HEADER_SIZE   16

static unsigned number(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

/* The upper half of a key's reference tells its size and what it is for. */
static uint8_t reference(const struct mias_container *container, size_t index)
{
	uint8_t kind = container->exchange ? 0x10 : 0x20;

	if (container->bits == 2048)
		kind = (uint8_t)(kind + 0x20);
	return (uint8_t)(kind | (index + 1));
}

bool mias_decode_container(struct bytes map, size_t index,
			   struct mias_container *out)
{
	const uint8_t *at;
	unsigned signs;

	memset(out, 0, sizeof(*out));
	if (index >= map.size / MIAS_CONTAINER_SIZE ||
	    index >= MIAS_CONTAINERS_MAX)
		return false;
	at = map.data + index * MIAS_CONTAINER_SIZE;
	signs = number(at + 4);
	out->used = at[0] != 0;
	out->exchange = !signs;
	out->bits = signs ? signs : number(at + 6);
	out->key = reference(out, index);
	return true;
}

bool mias_decode_count(struct bytes directory, size_t *count)
{
	size_t room;

	if (!directory.size)
		return false;
	*count = directory.data[0];
	room = (directory.size - 1) / DIRECTORY_ENTRY_SIZE;
	if (*count && !room)
		return false;
	if (*count > room)
		*count = room;
	return true;
}

/* Filled with NULs, and perhaps with blanks. */
static void take_name(const uint8_t *at, char out[MIAS_NAME_MAX + 1])
{
	size_t size = 0;

	while (size < MIAS_NAME_MAX && at[size])
		size++;
	while (size && at[size - 1] == ' ')
		size--;
	memcpy(out, at, size);
	out[size] = '\0';
}

bool mias_decode_file(struct bytes directory, size_t index,
		      struct mias_file *out)
{
	const uint8_t *at = directory.data + 1 + index * DIRECTORY_ENTRY_SIZE;

	memcpy(out->id, at, sizeof(out->id));
	out->size = number(at + 2);
	take_name(at + 4, out->name);
	take_name(at + 12, out->directory);
	/* In a place that was erased, or never used, there is no name. */
	return out->name[0] > ' ' && out->name[0] < 0x7F;
}

int mias_container_of(const struct mias_file *file)
{
	const char *digits = file->name + 3;

	if ((strncmp(file->name, "kxc", 3) != 0 &&
	     strncmp(file->name, "ksc", 3) != 0) ||
	    strlen(digits) != 2 || strspn(digits, "0123456789") != 2)
		return -1;
	return 10 * (digits[0] - '0') + digits[1] - '0';
}

/* A length of one byte, and so many bytes. */
static bool take_counted(struct bytes *in, struct bytes *out)
{
	uint8_t size;

	return bytes_take_u8(in, &size) && bytes_take(in, size, out);
}

/* A length of BER: short, or 81 to 84. */
static bool take_length(struct bytes *in, size_t *size)
{
	uint8_t first, byte;

	if (!bytes_take_u8(in, &first))
		return false;
	*size = first;
	if (first < 0x80)
		return true;
	if (first == 0x80 || first > 0x84)
		return false;
	*size = 0;
	for (int i = 0; i < (first & 0x0F); i++) {
		if (!bytes_take_u8(in, &byte))
			return false;
		*size = *size << 8 | byte;
	}
	return true;
}

bool mias_decode_object(struct bytes in, struct mias_object *out)
{
	struct bytes rest = in, skipped;

	if (!bytes_take(&rest, OBJECT_HEADER_SIZE, &skipped) ||
	    !take_counted(&rest, &out->label) ||
	    !take_counted(&rest, &skipped) || /* CKA_APPLICATION */
	    !take_counted(&rest, &skipped) || /* CKA_OBJECT_ID */
	    !take_length(&rest, &out->value_size))
		return false;
	out->value_at = in.size - rest.size;
	while (out->label.size && out->label.data[out->label.size - 1] == ' ')
		out->label.size--;
	return true;
}
