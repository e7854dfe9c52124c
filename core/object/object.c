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

bool record_is_same(const struct record *a, const struct record *b)
{
	return a->applet == b->applet && a->class == b->class &&
	       bytes_equal(record_id(a), record_id(b)) &&
	       bytes_equal(record_label(a), record_label(b));
}

bool record_matches(const struct record *record, const struct name *name)
{
	if (name->class && name->class != record->class)
		return false;
	if (name->id_size &&
	    !bytes_equal(record_id(record),
			 (struct bytes){name->id, name->id_size}))
		return false;
	if (name->label_size &&
	    !bytes_equal(record_label(record),
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

	if (is_readable(record_label(record))) {
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
		    record->label_size,
		    record->applet ? applet_rows[record->applet].name : NULL,
		    out, size);
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

const char *class_words(int class)
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

bool record_is_brainpool(const struct record *record)
{
	const char *type = applet_iotsafe.key_type_name(record->key_type);

	return type && !strcmp(type, "brainpoolP256r1");
}

/* Why a refusal is what the object's record lets expect; NULL if it is not. */
static const char *reason(const struct record *record, unsigned flags)
{
	bool access =
		flags & (IOTSAFE_OBJECT_READABLE | IOTSAFE_OBJECT_UPDATABLE);

	if (record->has_state && !(record->flags & IOTSAFE_OBJECT_ACTIVE) &&
	    flags != IOTSAFE_OBJECT_UPDATABLE)
		return "not activated";
	if (!flags || record->flags & flags ||
	    !(access ? record->has_access : record->has_functions))
		return NULL;
	if (!access)
		return "not made for this";
	return flags == IOTSAFE_OBJECT_READABLE ? "not readable"
						: "not updatable";
}

int record_explain(int result, const struct record *record, unsigned flags)
{
	unsigned status = iotsafe_last_status();
	const char *why = reason(record, flags);
	bool is_key = record->class == IOTSAFE_CLASS_PRIVATE_KEY;
	char title[RECORD_TITLE_MAX];
	struct error error;

	if (result >= 0)
		return result;
	if (status != 0x6982 && status != 0x6985 && status != 0x6986)
		why = NULL;
	error_save(&error);
	if (why && record->flags & IOTSAFE_OBJECT_ACTIVE)
		error.code = IOTSAFE_ERR_DENIED;
	error_restore(&error);
	record_title(record, title, sizeof(title));
	error_append(" (%s %s%s%s)",
		     is_key ? "key" : class_words(record->class), title,
		     why ? ", " : "", why ? why : "");
	return error.code;
}

/* ---- the public record ---- */

static void fill(const iotsafe_card *card, const struct record *record,
		 iotsafe_object *object)
{
	const struct applet_kind *kind =
		card->holdings[record->applet].applet.kind;
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

int object_new(const iotsafe_card *card, const struct record *record,
	       iotsafe_object **out)
{
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return error_no_memory("object");
	fill(card, record, *out);
	return IOTSAFE_OK;
}

struct listing {
	const struct name *name;
	iotsafe_list *list;
};

static int add_matching(iotsafe_card *card, struct listing *listing)
{
	size_t count = listing->list ? listing->list->count : 0;
	iotsafe_list *list =
		realloc(listing->list,
			sizeof(*list) + (count + card->at->entries_count) *
						sizeof(iotsafe_object));

	if (!list)
		return error_no_memory("list");
	listing->list = list;
	for (size_t i = 0; i < card->at->entries_count; i++) {
		const struct record *record = &card->at->entries[i].record;

		if (record_matches(record, listing->name))
			fill(card, record, &list->objects[count++]);
	}
	list->count = count;
	list->next = 0;
	return IOTSAFE_OK;
}

/* Objects that say only behind a PIN what they are go by the names of their
 * files where none was sent: a list must not fail for that. One that was, and
 * cost a try, is told. */
static int name_what_can_be(iotsafe_card *card, const struct deadline *deadline)
{
	int result = card_name_objects(card, 0, deadline);

	if (!record_is_locked(result))
		return result;
	if (card_has_pin(card)) {
		result = card_unlock(card, deadline);
		if (result == IOTSAFE_ERR_PIN && !iotsafe_last_status())
			return IOTSAFE_OK;
		if (result >= 0)
			result = card_name_objects(card, 0, deadline);
	}
	return record_is_locked(result) ? IOTSAFE_OK : result;
}

static int list_here(iotsafe_card *card, struct listing *listing,
		     const struct deadline *deadline)
{
	TRY(card_need_whole_list(card, deadline));
	TRY(name_what_can_be(card, deadline));
	if (card->at->no_list)
		return error_set_status(
			IOTSAFE_ERR_SUPPORT, card->at->no_list,
			"GET DATA object list: card answered %04X; "
			"name its objects by id",
			card->at->no_list);
	return add_matching(card, listing);
}

static int list_others(iotsafe_card *card, struct listing *listing,
		       const struct deadline *deadline)
{
	const struct holding *begun = card->at;
	int result;

	TRY(card_look_for_others(card, deadline));
	for (unsigned i = 0; i < APPLETS; i++) {
		if (&card->holdings[i] == begun || card->holdings[i].absent)
			continue;
		TRY(card_go_to(card, i, deadline));
		result = list_here(card, listing, deadline);
		if (!card_is_no_applet(card, result))
			TRY(result);
	}
	return IOTSAFE_OK;
}

static int make_list(iotsafe_card *card, void *self,
		     const struct deadline *deadline)
{
	struct listing *listing = self;
	const struct name *name = listing->name;

	free(listing->list);
	listing->list = NULL;
	TRY(card_go_to_named(card, name, deadline));
	TRY(list_here(card, listing, deadline));
	if (*name->applet || (!name_is_empty(name) && listing->list->count))
		return IOTSAFE_OK;
	return list_others(card, listing, deadline);
}

int iotsafe_card_list(iotsafe_card *card, const char *name, iotsafe_list **list)
{
	struct name parsed;
	struct listing listing = {&parsed, NULL};
	int result;

	if (list)
		*list = NULL;
	if (!card || !list)
		return error_null("list");
	TRY(name_parse(name, &parsed));
	result = card_run(card, NULL, make_list, &listing);
	if (result < 0) {
		free(listing.list);
		return result;
	}
	*list = listing.list;
	return IOTSAFE_OK;
}

int iotsafe_list_next(iotsafe_list *list, iotsafe_object **object)
{
	if (object)
		*object = NULL;
	if (!list || !object)
		return error_null("list");
	if (list->next == list->count)
		return IOTSAFE_OK;
	*object = malloc(sizeof(**object));
	if (!*object)
		return error_no_memory("object");
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
		return error_null("object");
	return bytes_give(object->record.id, object->record.id_size, out,
			  out_size);
}

int iotsafe_object_label(const iotsafe_object *object, uint8_t **out,
			 size_t *out_size)
{
	if (!bytes_ready(out, out_size) || !object)
		return error_null("object");
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
