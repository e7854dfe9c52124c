/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * C_DeriveKey: key agreement on the card. What comes out is a secret object of
 * the session, whose value may be read: the card gives it out anyway.
 */
#include <string.h>
#include "attribute.h"
#include "public.h"
#include "session.h"

#define SECRET_SIZE 32

static ck_rv_t read_peer(const struct object *key,
			 const struct ck_mechanism *mechanism,
			 uint8_t spki[PUBLIC_SPKI_MAX], size_t *size)
{
	struct ck_ecdh1_derive_params params;

	if (!mechanism->parameter || mechanism->parameter_len != sizeof(params))
		return CKR_MECHANISM_PARAM_INVALID;
	memcpy(&params, mechanism->parameter, sizeof(params));
	if (params.kdf != CKD_NULL || params.shared_data_len ||
	    !params.public_data)
		return CKR_MECHANISM_PARAM_INVALID;
	*size = public_from_point(key->brainpool, params.public_data,
				  params.public_data_len, spki);
	return *size ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}

/* Names are kept, and lengths may lie. */
static bool is_short(const struct ck_attribute *attribute)
{
	return !attribute || attribute->value_len <= 255;
}

/* How much is wanted of the secret, and that nothing is that cannot be. */
static ck_rv_t read_template(const struct ck_attribute *template,
			     unsigned long count, unsigned long *size)
{
	static const struct {
		ck_attribute_type_t type;
		unsigned long only;
	} rules[] = {{CKA_CLASS, CKO_SECRET_KEY},
		     {CKA_KEY_TYPE, CKK_GENERIC_SECRET}};
	const struct ck_attribute *given;
	unsigned long value;
	bool on_token;

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		given = attribute_in(template, count, rules[i].type);
		if (given &&
		    (!attribute_ulong(given, &value) || value != rules[i].only))
			return CKR_TEMPLATE_INCONSISTENT;
	}
	if (!is_short(attribute_in(template, count, CKA_ID)) ||
	    !is_short(attribute_in(template, count, CKA_LABEL)))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	given = attribute_in(template, count, CKA_TOKEN);
	if (given && (!attribute_bool(given, &on_token) || on_token))
		return CKR_TEMPLATE_INCONSISTENT;
	*size = SECRET_SIZE;
	given = attribute_in(template, count, CKA_VALUE_LEN);
	if (given &&
	    (!attribute_ulong(given, size) || !*size || *size > SECRET_SIZE))
		return CKR_KEY_SIZE_RANGE;
	return CKR_OK;
}

static bool copy_attribute(struct blob *blob,
			   const struct ck_attribute *template,
			   unsigned long count, ck_attribute_type_t type)
{
	const struct ck_attribute *given = attribute_in(template, count, type);

	if (!given || !given->value)
		return blob_copy(blob, "", 0);
	return blob_copy(blob, given->value, given->value_len);
}

/* Shortening takes bytes away from the front (PKCS #11 2.40 CM 2.3.8). */
static ck_rv_t add_secret(struct session *session, const uint8_t *secret,
			  size_t size, const struct ck_attribute *template,
			  unsigned long count, ck_object_handle_t *handle)
{
	struct object *object = object_add(session->slot, CKO_SECRET_KEY);

	if (!object)
		return CKR_HOST_MEMORY;
	object->session = session->handle;
	object->key_type = CKK_GENERIC_SECRET;
	object->reading = OBJECT_READ;
	if (!blob_copy(&object->value, secret + SECRET_SIZE - size, size) ||
	    !copy_attribute(&object->id, template, count, CKA_ID) ||
	    !copy_attribute(&object->label, template, count, CKA_LABEL)) {
		object_drop(session->slot, object);
		return CKR_HOST_MEMORY;
	}
	*handle = object->handle;
	return CKR_OK;
}

static ck_rv_t derive(struct session *session,
		      const struct ck_mechanism *mechanism,
		      ck_object_handle_t base,
		      const struct ck_attribute *template, unsigned long count,
		      ck_object_handle_t *handle)
{
	struct slot *slot = session->slot;
	struct object *key;
	uint8_t spki[PUBLIC_SPKI_MAX], *secret;
	size_t spki_size, secret_size;
	unsigned long size;
	ck_rv_t result;
	int code;

	if (mechanism->mechanism != CKM_ECDH1_DERIVE)
		return CKR_MECHANISM_INVALID;
	TRY(object_private(slot, base, &key));
	if (!(key->flags & IOTSAFE_OBJECT_AGREE))
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	TRY(read_peer(key, mechanism, spki, &spki_size));
	TRY(read_template(template, count, &size));
	TRY(object_open_key(slot, key));
	code = iotsafe_key_agree(key->key, NULL, spki, spki_size, &secret,
				 &secret_size);
	/* The card has no place to put the peer's key into. */
	if (code == IOTSAFE_ERR_ABSENT || code == IOTSAFE_ERR_AMBIGUOUS)
		return CKR_FUNCTION_FAILED;
	if (code < 0)
		return slot_failed(slot, code);
	result = secret_size == SECRET_SIZE
			 ? add_secret(session, secret, size, template, count,
				      handle)
			 : CKR_DEVICE_ERROR;
	iotsafe_free(secret);
	return result;
}

ck_rv_t C_DeriveKey(ck_session_handle_t handle, struct ck_mechanism *mechanism,
		    ck_object_handle_t base, struct ck_attribute *template,
		    unsigned long count, ck_object_handle_t *key)
{
	struct session *session;

	TRY(session_enter(handle, &session));
	if (!mechanism || !key || (count && !template))
		return session_leave(session, CKR_ARGUMENTS_BAD);
	return session_leave(session, derive(session, mechanism, base, template,
					     count, key));
}

/* ---- what goes away ---- */

ck_rv_t C_DestroyObject(ck_session_handle_t handle, ck_object_handle_t object)
{
	struct session *session;
	struct object *found;

	TRY(session_enter(handle, &session));
	found = object_find(session->slot, object);
	if (!found)
		return session_leave(session, CKR_OBJECT_HANDLE_INVALID);
	/* Nothing of the card's can be taken off it. */
	if (!found->session)
		return session_leave(session, CKR_ACTION_PROHIBITED);
	object_drop(session->slot, found);
	return session_leave(session, CKR_OK);
}
