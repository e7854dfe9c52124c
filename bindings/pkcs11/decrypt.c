/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * C_Decrypt becomes one decryption by the library. How long the text will be
 * is not known before, so that there has to be room for the longest.
 */
#include <string.h>
#include "object.h"
#include "session.h"

/* RFC 8017 section 7.2: so much at least is padding. */
#define PADDING_MIN 11

static ck_rv_t begin(struct session *session,
		     const struct ck_mechanism *mechanism,
		     ck_object_handle_t handle)
{
	struct object *key;

	if (session->decrypting.active)
		return CKR_OPERATION_ACTIVE;
	TRY(object_private(session->slot, handle, &key));
	if (mechanism->mechanism != CKM_RSA_PKCS)
		return CKR_MECHANISM_INVALID;
	if (mechanism->parameter_len)
		return CKR_MECHANISM_PARAM_INVALID;
	if (key->key_type != CKK_RSA)
		return CKR_KEY_TYPE_INCONSISTENT;
	if (!(key->flags & IOTSAFE_OBJECT_DECRYPT))
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	session->decrypting = (struct decrypting){
		.active = true, .key = handle, .size = key->modulus_size};
	return CKR_OK;
}

ck_rv_t C_DecryptInit(ck_session_handle_t handle,
		      struct ck_mechanism *mechanism, ck_object_handle_t key)
{
	struct session *session;

	TRY(session_enter(handle, &session));
	if (mechanism)
		return session_leave(session, begin(session, mechanism, key));
	session->decrypting.active = false;
	return session_leave(session, CKR_OK);
}

/* A cryptogram that is not this key's, whatever is wrong with it, is told by
 * one code: more would help who tries many (RFC 8017 section 7.2.2). */
static ck_rv_t failed(struct slot *slot, int code)
{
	switch (code) {
	case IOTSAFE_ERR_ARG:
	case IOTSAFE_ERR_CARD:
	case IOTSAFE_ERR_FORMAT:
	case IOTSAFE_ERR_VERIFY:
		slot_failed(slot, code);
		return CKR_ENCRYPTED_DATA_INVALID;
	default:
		return slot_failed(slot, code);
	}
}

static ck_rv_t decrypt(struct session *session, const uint8_t *data,
		       size_t size, uint8_t *out, unsigned long *out_size)
{
	struct slot *slot = session->slot;
	struct object *key = object_find(slot, session->decrypting.key);
	size_t text_size;
	uint8_t *text;
	int code;

	if (!key)
		return CKR_KEY_HANDLE_INVALID;
	if (size != session->decrypting.size)
		return CKR_ENCRYPTED_DATA_LEN_RANGE;
	TRY(object_open_key(slot, key));
	code = iotsafe_key_decrypt(key->key, data, size, &text, &text_size);
	if (code < 0)
		return failed(slot, code);
	if (text_size <= *out_size)
		memcpy(out, text, text_size);
	iotsafe_free(text);
	if (text_size > *out_size)
		return CKR_DEVICE_ERROR;
	*out_size = text_size;
	return CKR_OK;
}

static ck_rv_t finish(struct session *session, const uint8_t *data, size_t size,
		      uint8_t *out, unsigned long *out_size)
{
	struct decrypting *decrypting = &session->decrypting;
	const size_t longest = decrypting->size - PADDING_MIN;
	ck_rv_t result = CKR_ARGUMENTS_BAD;

	/* The length is asked for, or there is no room: nothing happens. */
	if (out_size && (!out || *out_size < longest)) {
		*out_size = longest;
		return out ? CKR_BUFFER_TOO_SMALL : CKR_OK;
	}
	if (out_size && data)
		result = decrypt(session, data, size, out, out_size);
	decrypting->active = false;
	return result;
}

ck_rv_t C_Decrypt(ck_session_handle_t handle, unsigned char *data,
		  unsigned long size, unsigned char *out,
		  unsigned long *out_size)
{
	struct session *session;
	ck_rv_t result = CKR_OPERATION_NOT_INITIALIZED;

	TRY(session_enter(handle, &session));
	if (session->decrypting.active)
		result = finish(session, data, size, out, out_size);
	return session_leave(session, result);
}
