/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answers to GET DATA, as a list and as application data. Records stay inside
 * their bounds, and a list written again from them reads back as the same. */
#include <string.h>
#include "applet/iotsafe.h"
#include "check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A record as large as one can be: wrapper, label, id, six fields. */
#define OBJECT_MAX 128

struct list {
	uint8_t data[APPLET_OBJECTS_MAX * OBJECT_MAX];
	size_t size;
	struct record records[APPLET_OBJECTS_MAX];
	size_t count, compared;
};

static void put(struct list *list, uint8_t tag, const uint8_t *data,
		size_t size)
{
	list->data[list->size++] = tag;
	list->data[list->size++] = (uint8_t)size;
	if (size)
		memcpy(list->data + list->size, data, size);
	list->size += size;
}

static void put_record(struct list *list, const struct record *record)
{
	static const uint8_t ids[] = {0, 0x84, 0x85, 0x83, 0x86};
	const uint8_t id = ids[record->class];
	const uint8_t type = record->key_type;
	size_t wrapper = list->size;

	list->data[list->size] = (uint8_t)(id == 0x83	? 0xC3
					   : id == 0x86 ? 0xC4
							: 0xC1 + (id - 0x84));
	list->size += 2;
	put(list, (uint8_t)(id - 0x10), record->label, record->label_size);
	if (record->id_size)
		put(list, id, record->id, record->id_size);
	put(list, 0x4B, &type, 1);
	list->data[wrapper + 1] = (uint8_t)(list->size - wrapper - 2);
}

static int check_record(void *self, const struct record *record)
{
	struct list *list = self;

	CHECK(record->class >= IOTSAFE_CLASS_PRIVATE_KEY);
	CHECK(record->class <= IOTSAFE_CLASS_SECRET_KEY);
	CHECK(record->id_size <= APPLET_ID_MAX);
	CHECK(record->label_size <= APPLET_LABEL_MAX);
	CHECK(!(record->flags & ~0xF1Fu));
	CHECK(!(record->algorithms & ~0x777) ||
	      (record->class == IOTSAFE_CLASS_SECRET_KEY &&
	       record->algorithms == IOTSAFE_AES_CMAC));
	CHECK(record->class != IOTSAFE_CLASS_FILE || !record->algorithms);
	if (list->count < APPLET_OBJECTS_MAX) {
		list->records[list->count++] = *record;
		put_record(list, record);
	}
	return 0;
}

static int compare_record(void *self, const struct record *record)
{
	struct list *list = self;
	const struct record *first = &list->records[list->compared++];

	CHECK(list->compared <= list->count);
	CHECK(record->class == first->class);
	CHECK(record->key_type == first->key_type);
	CHECK(record->id_size == first->id_size);
	CHECK(!memcmp(record->id, first->id, first->id_size));
	CHECK(record->label_size == first->label_size);
	CHECK(!memcmp(record->label, first->label, first->label_size));
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct list list;
	struct capabilities capabilities;

	gsma_decode_capabilities((struct bytes){data, size}, &capabilities);
	list.size = list.count = list.compared = 0;
	if (gsma_decode_objects((struct bytes){data, size}, check_record,
				&list) < 0) {
		CHECK(!list.count);
		return 0;
	}
	CHECK(list.count <= size / 2);
	CHECK(!gsma_decode_objects((struct bytes){list.data, list.size},
				   compare_record, &list));
	CHECK(list.compared == list.count);
	return 0;
}
