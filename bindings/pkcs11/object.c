/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The card's list becomes objects with handles.
 */
#include <stdlib.h>
#include <string.h>
#include "error.h"
#include "login.h"
#include "mechanism.h"
#include "object.h"

/* ---- one object ---- */

struct object *object_find(struct slot *slot, ck_object_handle_t handle)
{
	struct object *object = slot->objects;

	while (object && object->handle != handle)
		object = object->next;
	return object;
}

ck_rv_t object_private(struct slot *slot, ck_object_handle_t handle,
		       struct object **key)
{
	*key = object_find(slot, handle);
	if (!*key || (*key)->class != CKO_PRIVATE_KEY)
		return CKR_KEY_HANDLE_INVALID;
	return login_hides(slot, CKO_PRIVATE_KEY) ? CKR_USER_NOT_LOGGED_IN
						  : CKR_OK;
}

struct object *object_add(struct slot *slot, ck_object_class_t class)
{
	/* Never used twice, so that a stale handle means nothing. */
	static _Atomic ck_object_handle_t handles;
	struct object *object = calloc(1, sizeof(*object));
	struct object **end = &slot->objects;

	if (!object)
		return NULL;
	object->class = class;
	object->handle = ++handles;
	while (*end)
		end = &(*end)->next;
	return *end = object;
}

static void free_object(struct object *object)
{
	iotsafe_key_free(object->key);
	iotsafe_file_free(object->file);
	blob_free(&object->spki_front);
	blob_free(&object->id);
	blob_free(&object->label);
	blob_free(&object->value);
	blob_free(&object->spki);
	blob_free(&object->subject);
	blob_free(&object->issuer);
	blob_free(&object->serial);
	free(object->name);
	free(object);
}

void object_drop(struct slot *slot, struct object *object)
{
	struct object **at = &slot->objects;

	while (*at != object)
		at = &(*at)->next;
	*at = object->next;
	for (struct object *other = slot->objects; other; other = other->next)
		if (other->pair == object) {
			other->pair = NULL;
			other->paired = false;
		}
	free_object(object);
}

void object_drop_of_session(struct slot *slot, ck_session_handle_t session)
{
	struct object *object, *next;

	for (object = slot->objects; object; object = next) {
		next = object->next;
		if (object->session == session)
			object_drop(slot, object);
	}
}

void object_drop_all(struct slot *slot)
{
	while (slot->objects) {
		struct object *object = slot->objects;

		slot->objects = object->next;
		free_object(object);
	}
	slot->listed = slot->identified = false;
	slot->mechanisms = 0;
	slot->decrypts = false;
	slot->locked = NULL;
}

/* ---- the list ---- */

/* Nothing is in a slot that is not active. Keys that only derive (HMAC, AES)
 * and files that are no certificates are not for PKCS #11. */
static bool is_shown(const iotsafe_object *record)
{
	int flags = iotsafe_object_flags(record);

	if (!(flags & IOTSAFE_OBJECT_ACTIVE))
		return false;
	switch (iotsafe_object_class(record)) {
	case IOTSAFE_CLASS_PRIVATE_KEY:
	case IOTSAFE_CLASS_PUBLIC_KEY:
		return flags & (IOTSAFE_OBJECT_SIGN | IOTSAFE_OBJECT_AGREE);
	case IOTSAFE_CLASS_FILE:
		return flags & IOTSAFE_OBJECT_CERTIFICATE;
	default:
		return false;
	}
}

static ck_object_class_t class_of(const iotsafe_object *record)
{
	switch (iotsafe_object_class(record)) {
	case IOTSAFE_CLASS_PRIVATE_KEY:
		return CKO_PRIVATE_KEY;
	case IOTSAFE_CLASS_PUBLIC_KEY:
		return CKO_PUBLIC_KEY;
	default:
		return CKO_CERTIFICATE;
	}
}

static bool copy_names(struct object *object, const iotsafe_object *record)
{
	uint8_t *data;
	size_t size;

	object->name = strdup(iotsafe_object_name(record));
	return object->name && iotsafe_object_id(record, &data, &size) >= 0 &&
	       blob_take(&object->id, data, size) &&
	       iotsafe_object_label(record, &data, &size) >= 0 &&
	       blob_take(&object->label, data, size);
}

static ck_key_type_t key_type_of(const iotsafe_object *record)
{
	const char *type = iotsafe_object_key_type(record);

	return strncmp(type, "RSA", 3) ? CKK_EC : CKK_RSA;
}

static ck_rv_t add_record(struct slot *slot, const iotsafe_object *record)
{
	const char *type = iotsafe_object_key_type(record);
	struct object *object = object_add(slot, class_of(record));

	if (!object)
		return CKR_HOST_MEMORY;
	object->flags = iotsafe_object_flags(record);
	object->algorithms = iotsafe_object_algorithms(record);
	object->key_type = key_type_of(record);
	object->modulus_size = !strcmp(type, "RSA-1024") ? 128 : 256;
	object->brainpool = !strcmp(type, "brainpoolP256r1");
	if (!copy_names(object, record)) {
		object_drop(slot, object);
		return CKR_HOST_MEMORY;
	}
	/* Where a card gives no ids, labels tie what belongs together. */
	if (!object->id.size &&
	    !blob_copy(&object->id, object->label.data, object->label.size))
		return CKR_HOST_MEMORY;
	return CKR_OK;
}

/* A pair that is still to be made counts: the token can. */
static void note_abilities(struct slot *slot, const iotsafe_object *record)
{
	const int flags = iotsafe_object_flags(record);

	login_note(slot, iotsafe_object_applet(record));
	if (iotsafe_object_class(record) != IOTSAFE_CLASS_PRIVATE_KEY)
		return;
	slot->mechanisms |= mechanism_bits(key_type_of(record), flags,
					   iotsafe_object_algorithms(record));
	slot->decrypts |= (flags & IOTSAFE_OBJECT_DECRYPT) != 0;
}

static bool is_known(struct slot *slot, const char *name)
{
	for (struct object *object = slot->objects; object;
	     object = object->next)
		if (object->name && !strcmp(object->name, name))
			return true;
	return false;
}

/* What is behind a PIN says only then what it is called. */
static void rename_known(struct slot *slot, const iotsafe_object *record)
{
	const char *name = iotsafe_object_name(record);
	uint8_t *label;
	size_t size;

	for (struct object *object = slot->objects; object;
	     object = object->next) {
		if (!object->name || strcmp(object->name, name) != 0 ||
		    iotsafe_object_label(record, &label, &size) < 0)
			continue;
		blob_free(&object->label);
		blob_take(&object->label, label, size);
	}
}

static ck_rv_t add_all(struct slot *slot, iotsafe_list *list)
{
	iotsafe_object *record;
	ck_rv_t result = CKR_OK;

	while (result == CKR_OK) {
		int code = iotsafe_list_next(list, &record);

		if (code < 0)
			return slot_failed(slot, code);
		if (!record)
			return CKR_OK;
		note_abilities(slot, record);
		rename_known(slot, record);
		if (is_shown(record) &&
		    !is_known(slot, iotsafe_object_name(record)))
			result = add_record(slot, record);
		iotsafe_object_free(record);
	}
	return result;
}

/* A card with IoT SAFE is not asked for more, unless the user says so: looking
 * costs as much as a signature. */
static int list_card(struct slot *slot, iotsafe_list **list)
{
	int code = IOTSAFE_ERR_ABSENT;

	if (!slot->config.all_applets)
		code = iotsafe_card_list(slot->card, "applet=iotsafe", list);
	if (code == IOTSAFE_ERR_ABSENT)
		code = iotsafe_card_list(slot->card, NULL, list);
	return code;
}

ck_rv_t object_need_all(struct slot *slot)
{
	iotsafe_list *list;
	ck_rv_t result;
	int code;

	if (slot->listed)
		return CKR_OK;
	TRY(slot_need_card(slot));
	code = list_card(slot, &list);
	if (code < 0)
		return slot_failed(slot, code);
	result = add_all(slot, list);
	iotsafe_list_free(list);
	slot->listed = result == CKR_OK;
	if (slot->listed)
		login_count(slot);
	return result;
}

/* Handles of what has not changed stay good. The ids of a pair's halves may
 * differ, so that every public key is read again. */
ck_rv_t object_renew(struct slot *slot, const char *name)
{
	struct object *object, *next;

	for (object = slot->objects; object; object = next) {
		next = object->next;
		if (object->session || object->class == CKO_CERTIFICATE)
			continue;
		if (object->class == CKO_PUBLIC_KEY)
			object_unread(object);
		else if (object->name && !strcmp(object->name, name))
			object_drop(slot, object);
	}
	slot->listed = slot->identified = false;
	return object_need_all(slot);
}
