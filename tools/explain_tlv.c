/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Data of a command or an answer become data objects, with the lengths that
 * cards really write.
 */
#include <stdio.h>
#include "explain.h"

struct object {
	uint8_t tag;
	const uint8_t *data;
	size_t size;
	/* Tag, length and value. */
	size_t whole;
};

/* Tag 33 has one byte of length or two; IoT.05 left that to be guessed. */
static bool read_signature(const uint8_t *data, size_t size,
			   struct object *object)
{
	size_t wide;

	if (size < 4)
		return false;
	wide = (size_t)data[1] << 8 | data[2];
	if (wide + 3 != size || (data[1] != 0x00 && data[1] != 0x01))
		return false;
	*object = (struct object){data[0], data + 3, wide, size};
	return true;
}

/* X.690 8.1.3, and a bare byte of 80 and more where it fits exactly. */
static bool read_object(const uint8_t *data, size_t size, struct object *object)
{
	size_t length, head = 2;

	if (size < 2)
		return false;
	if (data[0] == 0x33 && read_signature(data, size, object))
		return true;
	length = data[1];
	if (length >= 0x80 && length + head != size) {
		size_t count = length & 0x7F;

		if (count < 1 || count > 3 || size < head + count)
			return false;
		length = 0;
		for (size_t i = 0; i < count; i++)
			length = length << 8 | data[head + i];
		head += count;
	}
	/* A signature algorithm has one byte, and a card says two. */
	if (data[0] == 0x92 && length == 2 &&
	    (size == 3 || (size > 4 && explain_knows(data[3]))))
		length = 1;
	if (length > size - head)
		return false;
	*object = (struct object){data[0], data + head, length, head + length};
	return true;
}

static bool can_walk(const uint8_t *data, size_t size)
{
	struct object object;

	for (; size; data += object.whole, size -= object.whole)
		if (!read_object(data, size, &object))
			return false;
	return true;
}

/* Objects that hold objects: C1 to C4, and a public key. */
static bool has_inner(uint8_t tag, unsigned depth)
{
	return depth < EXPLAIN_DEPTH_MAX &&
	       ((tag >= 0xC1 && tag <= 0xC4) || tag == 0x34 || tag == 0x49);
}

/* Where an object stands: inside which other, how deep. */
struct place {
	uint8_t parent;
	unsigned depth;
	bool answer;
};

static void walk(struct explain *explain, const uint8_t *data, size_t size,
		 struct place place);

static void give(struct explain *explain, const struct object *object,
		 struct place place)
{
	/* A secret key's id elsewhere. */
	bool point = place.parent == 0x49 && object->tag == 0x86;
	bool inner = has_inner(object->tag, place.depth) && object->size &&
		     can_walk(object->data, object->size);
	char name[48];
	struct field field = {.depth = place.depth,
			      .name = name,
			      .data = object->data,
			      .size = inner ? 0 : object->size};

	snprintf(name, sizeof(name), "%02X %s", object->tag,
		 point ? "point" : explain_tag(object->tag));
	explain_value(object->tag, object->data, object->size, place.answer,
		      field.words);
	explain->give(explain->self, &field);
	place.parent = object->tag;
	place.depth++;
	if (inner)
		walk(explain, object->data, object->size, place);
}

static void walk(struct explain *explain, const uint8_t *data, size_t size,
		 struct place place)
{
	struct object object;

	while (size && read_object(data, size, &object)) {
		give(explain, &object, place);
		data += object.whole;
		size -= object.whole;
	}
	if (size)
		explain->give(explain->self,
			      &(struct field){.depth = place.depth,
					      .name = "rest",
					      .data = data,
					      .size = size,
					      .words = "no data object"});
}

void explain_objects(struct explain *explain, const uint8_t *data, size_t size,
		     bool answer)
{
	walk(explain, data, size, (struct place){.depth = 1, .answer = answer});
}
