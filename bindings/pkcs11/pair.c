/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Nothing on the card ties a certificate to a private key, and ids are unique
 * within a class only. Here their public keys tie them, and the library's own
 * choice of the identity where these do not.
 */
#include <string.h>
#include "error.h"
#include "pair.h"

static bool may_be_half(const struct object *object, const struct object *key)
{
	/* Of a certificate's key nothing is known but its bytes. */
	return object->class == CKO_CERTIFICATE ||
	       (object->key_type == key->key_type &&
		object->brainpool == key->brainpool);
}

/* A certificate is a signing key's. */
static bool may_be_whole(const struct object *object, const struct object *key)
{
	return key->class == CKO_PRIVATE_KEY &&
	       (object->class != CKO_CERTIFICATE ||
		key->flags & IOTSAFE_OBJECT_SIGN);
}

/* RSA's parameters are NULL (RFC 3279 section 2.3.1); some who write
 * certificates leave them out, and the library's own form of the key has them.
 */
static bool may_be_of_other_form(const struct blob *front)
{
	static const uint8_t bare[] = {0x30, 11,   0x06, 9,    0x2A, 0x86, 0x48,
				       0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01};
	/* Behind a length of two bytes or, of keys of 1024 bits, one. */
	const size_t reach = sizeof(bare) + 4;

	return front->size < reach ||
	       memmem(front->data, reach, bare, sizeof(bare));
}

/* A certificate that was begun shows some of its key, and its subject at
 * least: most are told from a key's own by that. */
static bool may_be_of(const struct object *object, const struct object *key)
{
	const struct blob *front = &object->spki_front, *spki = &key->spki;

	if (object->reading != OBJECT_BEGUN || may_be_of_other_form(front))
		return true;
	return spki->data &&
	       !memcmp(front->data, spki->data,
		       front->size < spki->size ? front->size : spki->size);
}

ck_rv_t pair_need(struct slot *slot, struct object *object)
{
	if (object->paired || object->class == CKO_PRIVATE_KEY ||
	    object->session)
		return CKR_OK;
	TRY(object_begin(slot, object));
	for (struct object *key = slot->objects; key; key = key->next) {
		if (object->reading != OBJECT_BEGUN && !object->spki.data)
			break;
		if (!may_be_whole(object, key) || !may_be_half(object, key))
			continue;
		TRY(object_read(slot, key));
		if (!may_be_of(object, key))
			continue;
		TRY(object_read(slot, object));
		if (!blob_equal(&key->spki, &object->spki))
			continue;
		object->pair = key;
		break;
	}
	object->paired = true;
	return CKR_OK;
}

/* Another pair's id would tie what does not belong together. */
static bool is_taken(const struct slot *slot, const struct blob *id)
{
	for (const struct object *key = slot->objects; key; key = key->next)
		if (key->class == CKO_PRIVATE_KEY && blob_equal(&key->id, id))
			return true;
	return false;
}

ck_rv_t pair_id(struct slot *slot, struct object *object,
		const struct blob **id)
{
	static uint8_t nothing[1];
	static const struct blob none = {nothing, 0};

	TRY(pair_need(slot, object));
	*id = object->pair ? &object->pair->id : &object->id;
	if (!(*id)->data || (object->class != CKO_PRIVATE_KEY &&
			     !object->pair && is_taken(slot, *id)))
		*id = &none;
	return CKR_OK;
}

/* ---- what has no object of its own ---- */

static struct object *half_of(const struct slot *slot, const struct object *key,
			      ck_object_class_t class)
{
	struct object *object = slot->objects;

	while (object && (object->class != class || object->pair != key))
		object = object->next;
	return object;
}

static ck_rv_t pair_public(struct slot *slot)
{
	for (struct object *object = slot->objects; object;
	     object = object->next)
		if (object->class == CKO_PUBLIC_KEY)
			TRY(pair_need(slot, object));
	return CKR_OK;
}

/* A half that goes with the key: its id, its label. */
static ck_rv_t add_half(struct slot *slot, struct object *key,
			ck_object_class_t class, struct object **half)
{
	*half = object_add(slot, class);
	if (!*half)
		return CKR_HOST_MEMORY;
	(*half)->flags = key->flags;
	(*half)->algorithms = key->algorithms;
	(*half)->key_type = key->key_type;
	(*half)->brainpool = key->brainpool;
	(*half)->pair = key;
	(*half)->paired = true;
	if (blob_copy(&(*half)->label, key->label.data, key->label.size))
		return CKR_OK;
	object_drop(slot, *half);
	return CKR_HOST_MEMORY;
}

static ck_rv_t complete_public(struct slot *slot, struct object *key)
{
	struct object *half;

	if (half_of(slot, key, CKO_PUBLIC_KEY))
		return CKR_OK;
	TRY(object_read(slot, key));
	if (key->reading != OBJECT_READ)
		return CKR_OK;
	TRY(add_half(slot, key, CKO_PUBLIC_KEY, &half));
	half->reading = OBJECT_READ;
	if (blob_copy(&half->spki, key->spki.data, key->spki.size))
		return CKR_OK;
	object_drop(slot, half);
	return CKR_HOST_MEMORY;
}

static struct object *private_of(struct slot *slot, iotsafe_key *key)
{
	struct object *object = NULL;
	iotsafe_object *record;

	if (iotsafe_key_object(key, &record) < 0)
		return NULL;
	for (object = slot->objects; object; object = object->next)
		if (object->class == CKO_PRIVATE_KEY &&
		    !strcmp(object->name, iotsafe_object_name(record)))
			break;
	iotsafe_object_free(record);
	return object;
}

/* The identity's key takes the place of the one that was opened by name: by it
 * the library also corrects itself with the first signature. */
static ck_rv_t adopt(struct slot *slot, struct object *private,
		     iotsafe_key *key)
{
	iotsafe_key_free(private->key);
	private->key = key;
	object_unread(private);
	return object_read(slot, private);
}

static ck_rv_t add_certificate(struct slot *slot, struct object *private,
			       const uint8_t *data, size_t size)
{
	struct object *half;
	ck_rv_t result;

	/* It may be one of the list's, and tied to nothing yet. */
	for (half = slot->objects; half; half = half->next) {
		if (half->class != CKO_CERTIFICATE)
			continue;
		TRY(object_read(slot, half));
		if (blob_equal(
			    &half->value,
			    &(struct blob){(uint8_t *)(uintptr_t)data, size})) {
			half->pair = private;
			return CKR_OK;
		}
	}
	TRY(add_half(slot, private, CKO_CERTIFICATE, &half));
	result = object_take_certificate(half, data, size);
	if (result != CKR_OK || half->reading != OBJECT_READ)
		object_drop(slot, half);
	return result;
}

static ck_rv_t take_identity(struct slot *slot, iotsafe_key *key)
{
	struct object *private = private_of(slot, key);
	uint8_t *data;
	size_t size;
	int code;
	ck_rv_t result;

	code = iotsafe_key_certificate(key, 0, &data, &size);
	if (code < 0 || !private) {
		iotsafe_key_free(key);
		iotsafe_free(data);
		return CKR_OK;
	}
	result = adopt(slot, private, key);
	if (result == CKR_OK)
		result = add_certificate(slot, private, data, size);
	iotsafe_free(data);
	return result;
}

/* No certificate has the public key of a private one. Names may mislead, and
 * files may lack the mark of a certificate: the library knows of such cards,
 * and is asked once. */
static ck_rv_t complete_certificate(struct slot *slot)
{
	iotsafe_key *key;

	for (struct object *object = slot->objects; object;
	     object = object->next) {
		if (object->class != CKO_CERTIFICATE)
			continue;
		TRY(pair_need(slot, object));
		if (object->pair)
			return CKR_OK;
	}
	if (slot->identified)
		return CKR_OK;
	slot->identified = true;
	/* Without an identity everything is as it was. */
	if (iotsafe_key_open(slot->card, NULL, &key) < 0)
		return CKR_OK;
	return take_identity(slot, key);
}

ck_rv_t pair_complete(struct slot *slot, ck_object_class_t class)
{
	if (class == CKO_CERTIFICATE)
		return complete_certificate(slot);
	TRY(pair_public(slot));
	for (struct object *key = slot->objects; key; key = key->next)
		if (key->class == CKO_PRIVATE_KEY)
			TRY(complete_public(slot, key));
	return CKR_OK;
}
