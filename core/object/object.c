/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Records of objects: the card's list becomes copies that callers read field
 * by field, and names find the one that is meant.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "object/card.h"

#define NAME_SIZE 256

struct iotsafe_object {
	struct record record;
	const char *applet;
	char key_type[24];
	char name[NAME_SIZE];
};

struct iotsafe_list {
	size_t count, next;
	iotsafe_object objects[];
};

/* ---- records ---- */

static struct bytes id_of(const struct record *record)
{
	return (struct bytes){record->id, record->id_size};
}

static struct bytes label_of(const struct record *record)
{
	return (struct bytes){record->label, record->label_size};
}

bool record_matches(const struct record *record, const struct name *name)
{
	if (name->class && name->class != record->class)
		return false;
	if (name->has_id &&
	    !bytes_equal(id_of(record),
			 (struct bytes){name->id, name->id_size}))
		return false;
	if (name->has_label &&
	    !bytes_equal(label_of(record),
			 (struct bytes){name->label, name->label_size}))
		return false;
	/* type=cert alone asks for certificates; with id or label it says no
	 * more than "file", since cards do not mark all of them. */
	return !name->certificate || !name_is_empty(name) ||
	       record->flags & IOTSAFE_OBJECT_CERTIFICATE;
}

static bool is_readable(struct bytes label)
{
	for (size_t i = 0; i < label.size; i++)
		if (label.data[i] < 0x20 || label.data[i] > 0x7E ||
		    label.data[i] == '"')
			return false;
	return label.size > 0;
}

void record_title(const struct record *record, char *out, size_t size)
{
	char digits[2 * APPLET_LABEL_MAX + 1];

	if (is_readable(label_of(record))) {
		snprintf(out, size, "\"%.*s\"", record->label_size,
			 (const char *)record->label);
		return;
	}
	if (record->id_size)
		hex_encode(record->id, record->id_size, digits);
	else
		hex_encode(record->label, record->label_size, digits);
	snprintf(out, size, "%s %s", record->id_size ? "id" : "label", digits);
}

static void record_name(const struct record *record, char *out, size_t size)
{
	name_format(record->class, record->flags & IOTSAFE_OBJECT_CERTIFICATE,
		    record->id, record->id_size, record->label,
		    record->label_size, out, size);
}

void titles_add(struct titles *titles, const struct record *record)
{
	size_t used = strlen(titles->text);
	char name[NAME_SIZE], title[RECORD_TITLE_MAX];

	record_name(record, name, sizeof(name));
	record_title(record, title, sizeof(title));
	/* The title helps where the name is a bare id. */
	snprintf(titles->text + used, sizeof(titles->text) - used, "%s%s%s%s%s",
		 titles->count ? ", " : "", name + strlen("iotsafe:"),
		 title[0] == '"' ? " (" : "", title[0] == '"' ? title : "",
		 title[0] == '"' ? ")" : "");
	titles->count++;
}

/* ---- finding ---- */

static const char *class_words(int class)
{
	switch (class) {
	case IOTSAFE_CLASS_PRIVATE_KEY:
		return "private key";
	case IOTSAFE_CLASS_PUBLIC_KEY:
		return "public key";
	case IOTSAFE_CLASS_SECRET_KEY:
		return "secret key";
	case IOTSAFE_CLASS_FILE:
		return "file";
	default:
		return "object";
	}
}

static void record_of_name(const struct name *name, int class,
			   struct record *out)
{
	memset(out, 0, sizeof(*out));
	out->class = class;
	out->id_size = (uint8_t)name->id_size;
	memcpy(out->id, name->id, name->id_size);
	out->label_size = (uint8_t)name->label_size;
	memcpy(out->label, name->label, name->label_size);
}

/* Where even one object's data is refused, its name is all there is; it is
 * taken to be what the applet's keys mostly are. */
static void assume(struct record *record)
{
	record->flags = IOTSAFE_OBJECT_ACTIVE | IOTSAFE_OBJECT_READABLE;
	if (record->class == IOTSAFE_CLASS_FILE)
		return;
	record->flags |= IOTSAFE_OBJECT_SIGN;
	record->algorithms = IOTSAFE_ECDSA_SHA256;
	record->key_type = 0x13;
}

static int add_entry(iotsafe_card *card, const struct record *record,
		     struct entry **out)
{
	struct entry *entries = realloc(
		card->entries, (card->entries_count + 1) * sizeof(*entries));

	if (!entries)
		return error_set(IOTSAFE_ERR_MEMORY, "card: no memory");
	card->entries = entries;
	*out = &entries[card->entries_count++];
	**out = (struct entry){.record = *record};
	return IOTSAFE_OK;
}

/* A card without a list still knows its objects one by one. */
static int ask_for_one(iotsafe_card *card, const struct name *name, int class,
		       struct entry **out, const struct deadline *deadline)
{
	struct record wanted, record;
	int result;

	record_of_name(name, class, &wanted);
	result = card->applet.kind->object(&card->applet, &wanted, &record,
					   deadline);
	if (result == IOTSAFE_ERR_CARD) {
		record = wanted;
		assume(&record);
		result = IOTSAFE_OK;
	}
	TRY(result);
	return add_entry(card, &record, out);
}

static int none_found(const struct name *name, int class,
		      const struct titles *others)
{
	struct record wanted;
	char title[RECORD_TITLE_MAX];

	record_of_name(name, class, &wanted);
	record_title(&wanted, title, sizeof(title));
	return error_set(IOTSAFE_ERR_ABSENT, "no %s %s on the card%s%s",
			 class_words(class), name_is_empty(name) ? "" : title,
			 others->count ? "; it has " : "", others->text);
}

int card_find(iotsafe_card *card, const struct name *name, int class,
	      struct entry **out, const struct deadline *deadline)
{
	struct titles found = {{0}, 0}, others = {{0}, 0};

	TRY(card_need_list(card, deadline));
	if (name->class && name->class != class)
		return error_set(IOTSAFE_ERR_ARG,
				 "name: its type is not that of a %s",
				 class_words(class));
	for (size_t i = 0; i < card->entries_count; i++) {
		struct entry *entry = &card->entries[i];

		if (entry->record.class != class)
			continue;
		if (!record_matches(&entry->record, name)) {
			titles_add(&others, &entry->record);
			continue;
		}
		*out = entry;
		titles_add(&found, &entry->record);
	}
	if (found.count == 1)
		return IOTSAFE_OK;
	if (found.count > 1)
		return error_set(IOTSAFE_ERR_AMBIGUOUS,
				 "%zu %ss match; choose one of: %s",
				 found.count, class_words(class), found.text);
	if (card->no_list && !name_is_empty(name))
		return ask_for_one(card, name, class, out, deadline);
	return none_found(name, class, &others);
}

/* ---- reading ---- */

void card_forget(iotsafe_card *card)
{
	for (size_t i = 0; i < card->entries_count; i++) {
		iotsafe_free(card->entries[i].spki);
		iotsafe_free(card->entries[i].content);
	}
	free(card->entries);
	card->entries = NULL;
	card->entries_count = 0;
	card->listed = card->no_list = false;
}

static int keep_records(iotsafe_card *card, struct records *records)
{
	struct entry *entries;

	card_forget(card);
	entries = calloc(records->count + 1, sizeof(*entries));
	if (!entries)
		return error_set(IOTSAFE_ERR_MEMORY, "card: no memory");
	for (size_t i = 0; i < records->count; i++)
		entries[i].record = records->items[i];
	card->entries = entries;
	card->entries_count = records->count;
	card->listed = true;
	return IOTSAFE_OK;
}

/* Status words by which a card says that it does not know the command. */
static bool is_unknown_command(int result)
{
	unsigned status = iotsafe_last_status();

	return result == IOTSAFE_ERR_CARD &&
	       (status == 0x6D00 || status == 0x6A86 || status == 0x6A81 ||
		status == 0x6B00);
}

int card_need_list(iotsafe_card *card, const struct deadline *deadline)
{
	struct records records;
	int result;

	if (card->applet.channel.administered) {
		/* 63CF: what was read may be history. */
		card->applet.channel.administered = false;
		card_forget(card);
	}
	if (card->listed)
		return IOTSAFE_OK;
	result = card->applet.kind->list(&card->applet, &records, deadline);
	if (is_unknown_command(result)) {
		records = (struct records){NULL, 0};
		result = keep_records(card, &records);
		card->no_list = true;
		return result;
	}
	TRY(result);
	result = keep_records(card, &records);
	free(records.items);
	return result;
}

/* ---- the public record ---- */

static void fill(const struct applet_kind *kind, const struct record *record,
		 iotsafe_object *object)
{
	const char *type = record->class == IOTSAFE_CLASS_FILE
				   ? ""
				   : kind->key_type_name(record->key_type);

	object->record = *record;
	object->applet = kind->name;
	if (type)
		snprintf(object->key_type, sizeof(object->key_type), "%s",
			 type);
	else
		snprintf(object->key_type, sizeof(object->key_type),
			 "unknown %02X", record->key_type);
	record_name(record, object->name, sizeof(object->name));
}

int object_new(const struct applet_kind *kind, const struct record *record,
	       iotsafe_object **out)
{
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return error_set(IOTSAFE_ERR_MEMORY, "object: no memory");
	fill(kind, record, *out);
	return IOTSAFE_OK;
}

struct listing {
	const struct name *name;
	iotsafe_list *list;
};

static int make_list(iotsafe_card *card, void *self,
		     const struct deadline *deadline)
{
	struct listing *listing = self;
	iotsafe_list *list;

	TRY(card_need_list(card, deadline));
	if (card->no_list)
		return error_set(IOTSAFE_ERR_SUPPORT,
				 "GET DATA object list: the card does not know "
				 "this command; name its objects by id");
	list = calloc(1, sizeof(*list) +
				 card->entries_count * sizeof(iotsafe_object));
	if (!list)
		return error_set(IOTSAFE_ERR_MEMORY, "list: no memory");
	for (size_t i = 0; i < card->entries_count; i++) {
		const struct record *record = &card->entries[i].record;

		if (record_matches(record, listing->name))
			fill(card->applet.kind, record,
			     &list->objects[list->count++]);
	}
	listing->list = list;
	return IOTSAFE_OK;
}

int iotsafe_card_list(iotsafe_card *card, const char *name, iotsafe_list **list)
{
	struct name parsed;
	struct listing listing = {&parsed, NULL};

	if (list)
		*list = NULL;
	if (!card || !list)
		return error_set(IOTSAFE_ERR_ARG, "list: something is NULL");
	TRY(name_parse(name, &parsed));
	TRY(card_run(card, NULL, make_list, &listing));
	*list = listing.list;
	return IOTSAFE_OK;
}

int iotsafe_list_next(iotsafe_list *list, iotsafe_object **object)
{
	if (object)
		*object = NULL;
	if (!list || !object)
		return error_set(IOTSAFE_ERR_ARG, "list: something is NULL");
	if (list->next == list->count)
		return IOTSAFE_OK;
	*object = malloc(sizeof(**object));
	if (!*object)
		return error_set(IOTSAFE_ERR_MEMORY, "object: no memory");
	**object = list->objects[list->next++];
	return IOTSAFE_OK;
}

void iotsafe_list_free(iotsafe_list *list)
{
	free(list);
}

const char *iotsafe_object_applet(const iotsafe_object *object)
{
	return object ? object->applet : "";
}

int iotsafe_object_class(const iotsafe_object *object)
{
	return object ? object->record.class : 0;
}

int iotsafe_object_id(const iotsafe_object *object, uint8_t **out,
		      size_t *out_size)
{
	if (!bytes_ready(out, out_size) || !object)
		return error_set(IOTSAFE_ERR_ARG, "object: something is NULL");
	return bytes_give(object->record.id, object->record.id_size, out,
			  out_size);
}

int iotsafe_object_label(const iotsafe_object *object, uint8_t **out,
			 size_t *out_size)
{
	if (!bytes_ready(out, out_size) || !object)
		return error_set(IOTSAFE_ERR_ARG, "object: something is NULL");
	return bytes_give(object->record.label, object->record.label_size, out,
			  out_size);
}

int iotsafe_object_flags(const iotsafe_object *object)
{
	return object ? (int)object->record.flags : 0;
}

const char *iotsafe_object_key_type(const iotsafe_object *object)
{
	return object ? object->key_type : "";
}

int iotsafe_object_algorithms(const iotsafe_object *object)
{
	return object ? object->record.algorithms : 0;
}

size_t iotsafe_object_size(const iotsafe_object *object)
{
	return object ? object->record.size : 0;
}

const char *iotsafe_object_name(const iotsafe_object *object)
{
	return object ? object->name : "";
}

void iotsafe_object_free(iotsafe_object *object)
{
	free(object);
}
