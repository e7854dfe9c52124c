// SPDX-License-Identifier: LGPL-2.1-or-later
/* GET DATA: what the card tells about itself and its objects. */
#include "iotsafe_parts.h"

#define LIST_MAX 2048
#define PAGE_MAX 255

enum { GET_APPLICATION = 0x00, GET_LIST = 0x01 };

/* The wrong length of tag 92 on quantag's card: 02, and one byte follows. */
static void put_signature_algorithms(const struct card *card,
				     struct writer *out, unsigned int value)
{
	put_byte(out, 0x92);
	put_byte(out, quirk_on(&card->quirks, QUIRK_TAG92) ? 2 : 1);
	put_byte(out, value);
}

static void put_name(const struct object_row *row, struct writer *out)
{
	unsigned int tag = label_tag(row->class);

	if (row->label.size > 0)
		put_tlv(out, tag, row->label);
	put_tlv(out, tag + 0x10, row->id);
}

static void put_key(const struct card *card, const struct object_row *row,
		    struct writer *out)
{
	uint8_t hash[] = {(uint8_t)(row->hash >> 8), (uint8_t)row->hash};

	put_tlv_byte(out, 0x4B, row->type);
	if (row->class != CLASS_SECRET)
		put_tlv_byte(out, 0x4E, row->usage);
	put_tlv_byte(out, 0x61, row->functions);
	if (row->signature != 0)
		put_signature_algorithms(card, out, row->signature);
	if (row->hash != 0)
		put_tlv(out, 0x91, view_of(hash, sizeof(hash)));
	if (row->agreement != 0)
		put_tlv_byte(out, 0x6F, row->agreement);
	if (row->derivation != 0)
		put_tlv_byte(out, 0x94, row->derivation);
}

static void put_file(const struct object *object, struct writer *out)
{
	put_tlv_byte(out, 0x21, object->row->file_usage);
	put_byte(out, 0x20);
	put_byte(out, 2);
	put_u16(out, (unsigned int)object->content_size);
}

static void put_object(const struct card *card, const struct object *object,
		       struct writer *out)
{
	const struct object_row *row = object->row;
	bool active = object_active(card->personal, object);
	size_t start = out->size;

	if (!quirk_on(&card->quirks, QUIRK_BARE_LIST)) {
		put_byte(out, row->class);
		put_byte(out, 0);
	}
	put_name(row, out);
	put_tlv_byte(out, 0x60, row->access);
	put_tlv_byte(out, 0x4A, active ? 1 : 0);
	if (row->class == CLASS_FILE)
		put_file(object, out);
	else
		put_key(card, row, out);
	if (!quirk_on(&card->quirks, QUIRK_BARE_LIST) && !out->overflow)
		out->data[start + 1] = (uint8_t)(out->size - start - 2);
}

/*
 * The end of the page that begins at `from`: at whole objects, or anywhere
 * when a page size was asked for.
 */
static size_t page_end(const struct card *card, const size_t *ends,
		       size_t count, size_t from)
{
	size_t total = count ? ends[count - 1] : 0;
	size_t most = from + (size_t)quirk_value(&card->quirks,
						 QUIRK_PAGED_LIST, PAGE_MAX);
	size_t end = from;

	if (quirk_on(&card->quirks, QUIRK_PAGED_LIST))
		return most < total ? most : total;
	for (size_t i = 0; i < count; i++)
		if (ends[i] <= most)
			end = ends[i];
	return end;
}

static uint16_t object_list(struct card *card, struct channel *channel,
			    bool first, struct writer *out)
{
	struct personal *personal = card->personal;
	size_t *from = &channel->iotsafe.list_from;
	size_t ends[PROFILE_OBJECTS_MAX];
	uint8_t bytes[LIST_MAX];
	struct writer all = writer_on(bytes, sizeof(bytes));
	size_t count = 0;
	size_t end;

	for (size_t i = 0; i < personal->object_count; i++) {
		if (personal->objects[i].absent)
			continue;
		put_object(card, &personal->objects[i], &all);
		ends[count++] = all.size;
	}
	if (first)
		*from = 0;
	else if (*from == 0 || *from >= all.size)
		return SW_CONDITIONS;
	end = page_end(card, ends, count, *from);
	put_bytes(out, bytes + *from, end - *from);
	*from = end;
	return end < all.size ? SW_MORE_DATA : SW_OK;
}

static uint16_t one_object(struct card *card, const struct command *command,
			   struct writer *out)
{
	struct object *object;

	if (command->data.size == 0)
		return SW_WRONG_LENGTH;
	object = iotsafe_named(card, (enum object_class)command->p1,
			       command->data);
	if (object == NULL)
		return SW_NOT_FOUND;
	put_object(card, object, out);
	return SW_OK;
}

uint16_t iotsafe_get_data(struct card *card, struct channel *channel,
			  const struct command *command, struct writer *out)
{
	struct view application = card->personal->profile->application;

	if (quirk_on(&card->quirks, QUIRK_NO_GET_DATA))
		return SW_UNKNOWN_INS;
	if (command->p1 >= CLASS_PRIVATE && command->p1 <= CLASS_SECRET &&
	    command->p2 == 0)
		return one_object(card, command, out);
	if (command->p1 > GET_LIST || command->p2 > command->p1)
		return SW_WRONG_P1P2;
	if (command->data.size != 0)
		return SW_WRONG_LENGTH;
	if (command->p1 == GET_LIST)
		return object_list(card, channel, command->p2 == 0, out);
	put_bytes(out, application.data, application.size);
	return SW_OK;
}
