/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Key pairs made on the card, in slots that are there for it, and the card's
 * random numbers.
 */
#include <stdlib.h>
#include <string.h>
#include "attribute.h"
#include "pair.h"
#include "public.h"
#include "session.h"

struct template
{
	const struct ck_attribute *attributes;
	unsigned long count;
};

/* ---- which slot ---- */

/* A key that is there is lost: it must have been named. */
struct choice {
	const struct ck_attribute *id, *label;
	bool brainpool;
	iotsafe_object *found;
	size_t count;
};

static bool is_equal(const struct ck_attribute *wanted,
		     int (*get)(const iotsafe_object *object, uint8_t **out,
				size_t *out_size),
		     const iotsafe_object *object)
{
	uint8_t *data;
	size_t size;
	bool same;

	if (get(object, &data, &size) < 0)
		return false;
	same = size == wanted->value_len && !memcmp(data, wanted->value, size);
	iotsafe_free(data);
	return same;
}

static bool is_meant(const struct choice *choice, const iotsafe_object *object)
{
	const char *type = iotsafe_object_key_type(object);
	int flags = iotsafe_object_flags(object);

	if (iotsafe_object_class(object) != IOTSAFE_CLASS_PRIVATE_KEY ||
	    !(flags & IOTSAFE_OBJECT_GENERATE) ||
	    strcmp(type, choice->brainpool ? "brainpoolP256r1" : "P-256") != 0)
		return false;
	if (choice->id)
		return is_equal(choice->id, iotsafe_object_id, object);
	if (choice->label)
		return is_equal(choice->label, iotsafe_object_label, object);
	return !(flags & IOTSAFE_OBJECT_ACTIVE);
}

static ck_rv_t choose(struct slot *slot, struct choice *choice)
{
	iotsafe_object *object;
	iotsafe_list *list;
	int code;

	code = iotsafe_card_list(slot->card, "type=private", &list);
	while (code >= 0 && (code = iotsafe_list_next(list, &object)) >= 0 &&
	       object) {
		if (!is_meant(choice, object)) {
			iotsafe_object_free(object);
			continue;
		}
		iotsafe_object_free(choice->found);
		choice->found = object;
		choice->count++;
	}
	iotsafe_list_free(list);
	if (code < 0)
		return slot_failed(slot, code);
	if (choice->count == 1)
		return CKR_OK;
	if (choice->count)
		return CKR_TEMPLATE_INCOMPLETE;
	/* None that is free, or none of that name that lets a pair be made. */
	return choice->id || choice->label ? CKR_ATTRIBUTE_VALUE_INVALID
					   : CKR_DEVICE_MEMORY;
}

/* ---- templates ---- */

static const struct ck_attribute *named(const struct template *public,
					const struct template *private,
					ck_attribute_type_t type)
{
	const struct ck_attribute *found =
		attribute_in(private->attributes, private->count, type);

	if (!found || !found->value || !found->value_len)
		found = attribute_in(public->attributes, public->count, type);
	return found && found->value && found->value_len ? found : NULL;
}

static ck_rv_t read_curve(const struct template *public, bool *brainpool)
{
	const struct ck_attribute *params =
		attribute_in(public->attributes, public->count, CKA_EC_PARAMS);

	if (!params || !params->value)
		return CKR_TEMPLATE_INCOMPLETE;
	for (int i = 0; i < 2; i++) {
		struct blob curve = public_curve(i);

		*brainpool = i;
		if (curve.size == params->value_len &&
		    !memcmp(curve.data, params->value, curve.size))
			return CKR_OK;
	}
	return CKR_CURVE_NOT_SUPPORTED;
}

/* What no slot of a card can be. */
static ck_rv_t check_private(const struct template *private)
{
	static const struct {
		ck_attribute_type_t type;
		bool only;
	} rules[] = {{CKA_TOKEN, true},
		     {CKA_EXTRACTABLE, false},
		     {CKA_SENSITIVE, true}};
	bool value;

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		const struct ck_attribute *given = attribute_in(
			private->attributes, private->count, rules[i].type);

		if (given && !attribute_bool(given, &value))
			return CKR_ATTRIBUTE_VALUE_INVALID;
		if (given && value != rules[i].only)
			return CKR_TEMPLATE_INCONSISTENT;
	}
	return CKR_OK;
}

/* ---- C_GenerateKeyPair ---- */

/* The library's handle of the new key knows both halves. */
static ck_rv_t find_halves(struct slot *slot, iotsafe_key *key,
			   const char *name, ck_object_handle_t *public,
			   ck_object_handle_t *private)
{
	struct object *object;

	*public = *private = CK_INVALID_HANDLE;
	for (object = slot->objects; object; object = object->next)
		if (object->class == CKO_PRIVATE_KEY && object->name &&
		    !strcmp(object->name, name))
			break;
	if (!object) {
		iotsafe_key_free(key);
		return CKR_DEVICE_ERROR;
	}
	iotsafe_key_free(object->key);
	object->key = key;
	object->local = true;
	*private = object->handle;
	TRY(pair_complete(slot, CKO_PUBLIC_KEY));
	for (struct object *half = slot->objects; half; half = half->next)
		if (half->class == CKO_PUBLIC_KEY && half->pair == object) {
			half->local = true;
			*public = half->handle;
		}
	return *public ? CKR_OK : CKR_DEVICE_ERROR;
}

static ck_rv_t generate(struct slot *slot, const char *slot_name,
			ck_object_handle_t *public, ck_object_handle_t *private)
{
	iotsafe_object *record;
	iotsafe_key *key;
	ck_rv_t result;
	int code;

	code = iotsafe_key_generate(slot->card, slot_name, &key);
	if (code >= 0)
		code = iotsafe_key_object(key, &record);
	result = object_renew(slot, slot_name);
	if (code < 0) {
		iotsafe_key_free(key);
		return slot_failed(slot, code);
	}
	if (result == CKR_OK)
		result = find_halves(slot, key, iotsafe_object_name(record),
				     public, private);
	else
		iotsafe_key_free(key);
	iotsafe_object_free(record);
	return result;
}

static ck_rv_t make_pair(struct session *session,
			 const struct ck_mechanism *mechanism,
			 const struct template *public,
			 const struct template *private,
			 ck_object_handle_t *public_key,
			 ck_object_handle_t *private_key)
{
	struct choice choice = {named(public, private, CKA_ID),
				named(public, private, CKA_LABEL), false, NULL,
				0};
	ck_rv_t result;

	if (mechanism->mechanism != CKM_EC_KEY_PAIR_GEN)
		return CKR_MECHANISM_INVALID;
	if (mechanism->parameter_len)
		return CKR_MECHANISM_PARAM_INVALID;
	if (!(session->flags & CKF_RW_SESSION))
		return CKR_SESSION_READ_ONLY;
	TRY(read_curve(public, &choice.brainpool));
	TRY(check_private(private));
	TRY(object_need_all(session->slot));
	result = choose(session->slot, &choice);
	if (result == CKR_OK)
		result = generate(session->slot,
				  iotsafe_object_name(choice.found), public_key,
				  private_key);
	iotsafe_object_free(choice.found);
	return result;
}

ck_rv_t C_GenerateKeyPair(
	ck_session_handle_t handle, struct ck_mechanism *mechanism,
	struct ck_attribute *public_attributes, unsigned long public_count,
	struct ck_attribute *private_attributes, unsigned long private_count,
	ck_object_handle_t *public_key, ck_object_handle_t *private_key)
{
	const struct template public = {public_attributes, public_count},
			      private = {private_attributes, private_count};
	struct session *session;

	TRY(session_enter(handle, &session));
	if (!mechanism || !public_key || !private_key ||
	    (public_count && !public_attributes) ||
	    (private_count && !private_attributes))
		return session_leave(session, CKR_ARGUMENTS_BAD);
	return session_leave(session,
			     make_pair(session, mechanism, &public, &private,
				       public_key, private_key));
}

/* ---- random numbers ---- */

#define RANDOM_MAX 65536

static ck_rv_t fill(struct slot *slot, uint8_t *out, size_t size)
{
	uint8_t *data;
	size_t given;

	TRY(slot_need_card(slot));
	while (size) {
		int code = iotsafe_card_random(
			slot->card, size < RANDOM_MAX ? size : RANDOM_MAX,
			&data, &given);

		if (code < 0)
			return slot_failed(slot, code);
		memcpy(out, data, given);
		iotsafe_free(data);
		out += given;
		size -= given;
	}
	return CKR_OK;
}

ck_rv_t C_GenerateRandom(ck_session_handle_t handle, unsigned char *out,
			 unsigned long size)
{
	struct session *session;

	TRY(session_enter(handle, &session));
	if (size && !out)
		return session_leave(session, CKR_ARGUMENTS_BAD);
	return session_leave(session, fill(session->slot, out, size));
}

ck_rv_t C_SeedRandom(ck_session_handle_t handle, unsigned char *seed,
		     unsigned long size)
{
	struct session *session;

	(void)seed;
	(void)size;
	TRY(session_enter(handle, &session));
	return session_leave(session, CKR_RANDOM_SEED_NOT_SUPPORTED);
}
