/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Objects become values of attributes: PKCS #11 2.40 sections 4.4 to 4.10.
 */
#include <string.h>
#include "attribute.h"
#include "mechanism.h"
#include "pair.h"
#include "public.h"
#include "session.h"

/* ---- booleans ---- */

enum {
	CERTIFICATE = 1 << CKO_CERTIFICATE,
	PUBLIC = 1 << CKO_PUBLIC_KEY,
	PRIVATE = 1 << CKO_PRIVATE_KEY,
	SECRET = 1 << CKO_SECRET_KEY,
	KEYS = PUBLIC | PRIVATE | SECRET,
	ALL = KEYS | CERTIFICATE
};

/* Who has the attribute, and for whom it is true. */
static const struct {
	ck_attribute_type_t type;
	int classes, truth;
} booleans[] = {
	{CKA_TOKEN, ALL, CERTIFICATE | PUBLIC | PRIVATE},
	{CKA_PRIVATE, ALL, 0},
	{CKA_MODIFIABLE, ALL, 0},
	{CKA_COPYABLE, ALL, 0},
	{CKA_DESTROYABLE, ALL, SECRET},
	{CKA_ENCRYPT, PUBLIC | SECRET, 0},
	{CKA_DECRYPT, SECRET, 0},
	{CKA_SIGN_RECOVER, PRIVATE, 0},
	{CKA_VERIFY_RECOVER, PUBLIC, 0},
	{CKA_WRAP, PUBLIC | SECRET, 0},
	{CKA_UNWRAP, PRIVATE | SECRET, 0},
	{CKA_SENSITIVE, PRIVATE | SECRET, PRIVATE},
	{CKA_EXTRACTABLE, PRIVATE | SECRET, SECRET},
	{CKA_WRAP_WITH_TRUSTED, PRIVATE, 0},
	{CKA_ALWAYS_AUTHENTICATE, PRIVATE, 0},
};

static ck_rv_t put_bool(struct value *value, bool truth)
{
	value->store[0] = truth;
	value->size = 1;
	return CKR_OK;
}

static ck_rv_t put_ulong(struct value *value, unsigned long number)
{
	memcpy(value->store, &number, sizeof(number));
	value->size = sizeof(number);
	return CKR_OK;
}

static ck_rv_t put_blob(struct value *value, const struct blob *blob)
{
	value->data = blob->data;
	value->size = blob->size;
	return blob->data ? CKR_OK : CKR_ATTRIBUTE_TYPE_INVALID;
}

static ck_rv_t get_fixed(const struct object *object, ck_attribute_type_t type,
			 struct value *value)
{
	int class = 1 << object->class;

	for (size_t i = 0; i < sizeof(booleans) / sizeof(booleans[0]); i++)
		if (booleans[i].type == type && booleans[i].classes & class)
			return put_bool(value, booleans[i].truth & class);
	return CKR_ATTRIBUTE_TYPE_INVALID;
}

/* ---- each kind ---- */

static bool is_of_front(ck_attribute_type_t type)
{
	return type == CKA_SUBJECT || type == CKA_ISSUER ||
	       type == CKA_SERIAL_NUMBER;
}

static ck_rv_t get_of_certificate(struct slot *slot, struct object *object,
				  ck_attribute_type_t type, struct value *value)
{
	if (type == CKA_CERTIFICATE_TYPE)
		return put_ulong(value, CKC_X_509);
	TRY(is_of_front(type) ? object_begin(slot, object)
			      : object_read(slot, object));
	switch (type) {
	case CKA_VALUE:
		return put_blob(value, &object->value);
	case CKA_SUBJECT:
		return put_blob(value, &object->subject);
	case CKA_ISSUER:
		return put_blob(value, &object->issuer);
	case CKA_SERIAL_NUMBER:
		return put_blob(value, &object->serial);
	case CKA_PUBLIC_KEY_INFO:
		return put_blob(value, &object->spki);
	case CKA_TRUSTED:
		return put_bool(value, object->is_ca && slot->config.trusted);
	case CKA_CERTIFICATE_CATEGORY:
		/* 1: the token's user, 2: an authority, 0: neither. */
		TRY(pair_need(slot, object));
		return put_ulong(value, object->pair	? 1
					: object->is_ca ? 2
							: 0);
	default:
		return CKR_ATTRIBUTE_TYPE_INVALID;
	}
}

static ck_rv_t get_of_key(const struct object *object, ck_attribute_type_t type,
			  struct value *value)
{
	bool public = object->class == CKO_PUBLIC_KEY;
	bool local = object->local;

	switch (type) {
	case CKA_KEY_TYPE:
		return put_ulong(value, object->key_type);
	case CKA_LOCAL:
		return put_bool(value, local);
	case CKA_KEY_GEN_MECHANISM:
		return put_ulong(value, local ? CKM_EC_KEY_PAIR_GEN
					      : CK_UNAVAILABLE_INFORMATION);
	case CKA_DERIVE:
		return put_bool(value, !public && object->flags &
							  IOTSAFE_OBJECT_AGREE);
	case CKA_SIGN:
		return put_bool(value,
				!public && object->flags & IOTSAFE_OBJECT_SIGN);
	case CKA_VERIFY:
		return put_bool(value,
				public && object->flags & IOTSAFE_OBJECT_SIGN);
	case CKA_DECRYPT:
		if (public)
			return CKR_ATTRIBUTE_TYPE_INVALID;
		return put_bool(value, object->flags & IOTSAFE_OBJECT_DECRYPT);
	case CKA_ALLOWED_MECHANISMS:
		value->size = mechanism_allowed(object, value->store);
		return CKR_OK;
	default:
		return CKR_ATTRIBUTE_TYPE_INVALID;
	}
}

static ck_rv_t get_of_secret(const struct object *object,
			     ck_attribute_type_t type, struct value *value)
{
	if (type == CKA_VALUE)
		return put_blob(value, &object->value);
	if (type == CKA_VALUE_LEN)
		return put_ulong(value, object->value.size);
	if (type == CKA_ALWAYS_SENSITIVE || type == CKA_NEVER_EXTRACTABLE)
		return put_bool(value, false);
	return get_of_key(object, type, value);
}

static ck_rv_t get_of_private(struct object *object, ck_attribute_type_t type,
			      struct value *value)
{
	switch (type) {
	case CKA_VALUE:
	case CKA_PRIVATE_EXPONENT:
	case CKA_PRIME_1:
	case CKA_PRIME_2:
	case CKA_EXPONENT_1:
	case CKA_EXPONENT_2:
	case CKA_COEFFICIENT:
		return CKR_ATTRIBUTE_SENSITIVE;
	/* Who made a key that came with the card nobody knows. */
	case CKA_ALWAYS_SENSITIVE:
	case CKA_NEVER_EXTRACTABLE:
		return put_bool(value, object->local);
	default:
		return get_of_key(object, type, value);
	}
}

static ck_rv_t get_of_pair(struct slot *slot, struct object *object,
			   ck_attribute_type_t type, struct value *value)
{
	ck_rv_t result = object->class == CKO_PRIVATE_KEY
				 ? get_of_private(object, type, value)
				 : get_of_key(object, type, value);

	if (result != CKR_ATTRIBUTE_TYPE_INVALID)
		return result;
	return public_get(slot, object, type, value);
}

/* ---- all ---- */

ck_rv_t attribute_get(struct slot *slot, struct object *object,
		      ck_attribute_type_t type, struct value *value)
{
	const struct blob *id;
	ck_rv_t result;

	value->data = value->store;
	value->size = 0;
	if (type == CKA_CLASS)
		return put_ulong(value, object->class);
	if (type == CKA_LABEL)
		return put_blob(value, &object->label);
	if (type == CKA_ID) {
		TRY(pair_id(slot, object, &id));
		return put_blob(value, id);
	}
	if (type == CKA_PRIVATE && object->class == CKO_PRIVATE_KEY)
		return put_bool(value, slot->config.login);
	result = get_fixed(object, type, value);
	if (result != CKR_ATTRIBUTE_TYPE_INVALID)
		return result;
	if (object->class == CKO_CERTIFICATE)
		return get_of_certificate(slot, object, type, value);
	if (object->class == CKO_SECRET_KEY)
		return get_of_secret(object, type, value);
	return get_of_pair(slot, object, type, value);
}

enum attribute_cost attribute_cost(const struct object *object,
				   ck_attribute_type_t type)
{
	struct value value = {.size = 0};

	if (type == CKA_CLASS || type == CKA_LABEL || type == CKA_KEY_TYPE ||
	    type == CKA_CERTIFICATE_TYPE || type == CKA_SIGN ||
	    type == CKA_DECRYPT || get_fixed(object, type, &value) == CKR_OK)
		return ATTRIBUTE_LISTED;
	if (type == CKA_ID && object->class == CKO_PRIVATE_KEY)
		return ATTRIBUTE_LISTED;
	return type == CKA_ID || is_of_front(type) ? ATTRIBUTE_BEGUN
						   : ATTRIBUTE_WHOLE;
}

const struct ck_attribute *attribute_in(const struct ck_attribute *template,
					unsigned long count,
					ck_attribute_type_t type)
{
	for (unsigned long i = 0; i < count; i++)
		if (template[i].type == type)
			return &template[i];
	return NULL;
}

bool attribute_ulong(const struct ck_attribute *attribute, unsigned long *out)
{
	if (!attribute || !attribute->value ||
	    attribute->value_len != sizeof(*out))
		return false;
	memcpy(out, attribute->value, sizeof(*out));
	return true;
}

bool attribute_bool(const struct ck_attribute *attribute, bool *out)
{
	if (!attribute || !attribute->value || attribute->value_len != 1)
		return false;
	*out = *(const unsigned char *)attribute->value;
	return true;
}

/* ---- C_GetAttributeValue ---- */

/* PKCS #11 2.40 section 5.7: each gets its answer, whatever the others got. */
static ck_rv_t give(struct slot *slot, struct object *object,
		    struct ck_attribute *attribute)
{
	struct value value;
	ck_rv_t result = attribute_get(slot, object, attribute->type, &value);

	if (result == CKR_OK && attribute->value &&
	    attribute->value_len < value.size)
		result = CKR_BUFFER_TOO_SMALL;
	if (result != CKR_OK) {
		attribute->value_len = CK_UNAVAILABLE_INFORMATION;
		return result;
	}
	if (attribute->value && value.size)
		memcpy(attribute->value, value.data, value.size);
	attribute->value_len = value.size;
	return CKR_OK;
}

static bool is_about_attribute(ck_rv_t result)
{
	return result == CKR_OK || result == CKR_BUFFER_TOO_SMALL ||
	       result == CKR_ATTRIBUTE_SENSITIVE ||
	       result == CKR_ATTRIBUTE_TYPE_INVALID;
}

static ck_rv_t give_all(struct slot *slot, ck_object_handle_t handle,
			struct ck_attribute *template, unsigned long count)
{
	struct object *object = object_find(slot, handle);
	ck_rv_t worst = CKR_OK;

	if (!object)
		return CKR_OBJECT_HANDLE_INVALID;
	for (unsigned long i = 0; i < count; i++) {
		ck_rv_t result = give(slot, object, &template[i]);

		if (!is_about_attribute(result))
			return result;
		if (result != CKR_OK)
			worst = result;
	}
	return worst;
}

ck_rv_t C_GetAttributeValue(ck_session_handle_t handle,
			    ck_object_handle_t object,
			    struct ck_attribute *template, unsigned long count)
{
	struct session *session;

	TRY(session_enter(handle, &session));
	if (!template || !count)
		return session_leave(session, CKR_ARGUMENTS_BAD);
	return session_leave(session,
			     give_all(session->slot, object, template, count));
}
