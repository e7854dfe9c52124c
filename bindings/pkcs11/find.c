/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Templates become lists of objects. What the card's list tells is compared
 * first: only what may still be meant is read.
 */
#include <stdlib.h>
#include <string.h>
#include "attribute.h"
#include "pair.h"
#include "session.h"

struct template
{
	const struct ck_attribute *attributes;
	unsigned long count;
};

static ck_rv_t compare(struct slot *slot, struct object *object,
		       const struct ck_attribute *wanted, bool *same)
{
	struct value value;
	ck_rv_t result = attribute_get(slot, object, wanted->type, &value);

	*same = false;
	if (result == CKR_ATTRIBUTE_TYPE_INVALID ||
	    result == CKR_ATTRIBUTE_SENSITIVE)
		return CKR_OK;
	TRY(result);
	*same = value.size == wanted->value_len &&
		(!value.size ||
		 (wanted->value &&
		  !memcmp(value.data, wanted->value, value.size)));
	return CKR_OK;
}

static ck_rv_t compare_all(struct slot *slot, struct object *object,
			   const struct template *template, bool cheap,
			   bool *same)
{
	*same = true;
	for (unsigned long i = 0; *same && i < template->count; i++) {
		const struct ck_attribute *wanted = &template->attributes[i];

		if (attribute_is_cheap(object, wanted->type) == cheap)
			TRY(compare(slot, object, wanted, same));
	}
	return CKR_OK;
}

/* What is not to be read is not there. A private key is never read. */
static ck_rv_t is_there(struct slot *slot, struct object *object, bool *there)
{
	*there = true;
	if (object->class == CKO_PRIVATE_KEY || object->session)
		return CKR_OK;
	TRY(object_read(slot, object));
	*there = object->reading == OBJECT_READ;
	return CKR_OK;
}

static ck_rv_t matches(struct slot *slot, struct object *object,
		       const struct template *template, bool *same)
{
	TRY(compare_all(slot, object, template, true, same));
	if (*same)
		TRY(is_there(slot, object, same));
	if (*same)
		TRY(compare_all(slot, object, template, false, same));
	return CKR_OK;
}

static ck_rv_t keep(struct finding *finding, ck_object_handle_t handle)
{
	ck_object_handle_t *found =
		realloc(finding->found, (finding->count + 1) * sizeof(*found));

	if (!found)
		return CKR_HOST_MEMORY;
	finding->found = found;
	found[finding->count++] = handle;
	return CKR_OK;
}

static ck_rv_t collect(struct session *session, const struct template *template,
		       bool of_card)
{
	struct object *object = session->slot->objects;
	bool same;

	for (; object; object = object->next) {
		if (!of_card && !object->session)
			continue;
		TRY(matches(session->slot, object, template, &same));
		if (same)
			TRY(keep(&session->finding, object->handle));
	}
	return CKR_OK;
}

/* Looks for halves without objects of their own where these may be meant: by
 * class, and not by a label, which the others have. */
static ck_rv_t complete(struct slot *slot, const struct template *template)
{
	const struct ck_attribute *label =
		attribute_in(template->attributes, template->count, CKA_LABEL);
	const struct ck_attribute *wanted =
		attribute_in(template->attributes, template->count, CKA_CLASS);
	unsigned long class = CK_UNAVAILABLE_INFORMATION;

	if (wanted && !attribute_ulong(wanted, &class))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	if (label && label->value_len)
		return CKR_OK;
	if (!wanted || class == CKO_CERTIFICATE)
		TRY(pair_complete(slot, CKO_CERTIFICATE));
	if (!wanted || class == CKO_PUBLIC_KEY)
		TRY(pair_complete(slot, CKO_PUBLIC_KEY));
	return CKR_OK;
}

/* Programs that look for authorities or for other things look everywhere; a
 * modem is not woken for what its card cannot have. */
static bool may_be_on_card(const struct slot *slot,
			   const struct template *template)
{
	unsigned long class;
	bool trusted;

	if (attribute_ulong(attribute_in(template->attributes, template->count,
					 CKA_CLASS),
			    &class) &&
	    class != CKO_CERTIFICATE && class != CKO_PUBLIC_KEY &&
	    class != CKO_PRIVATE_KEY)
		return false;
	return slot->config.trusted ||
	       !attribute_bool(attribute_in(template->attributes,
					    template->count, CKA_TRUSTED),
			       &trusted) ||
	       !trusted;
}

static ck_rv_t begin(struct session *session, const struct template *template)
{
	ck_rv_t result;
	bool of_card;

	if (session->finding.active)
		return CKR_OPERATION_ACTIVE;
	if (template->count && !template->attributes)
		return CKR_ARGUMENTS_BAD;
	of_card = may_be_on_card(session->slot, template);
	if (of_card) {
		TRY(object_need_all(session->slot));
		TRY(complete(session->slot, template));
	}
	result = collect(session, template, of_card);
	if (result == CKR_OK)
		session->finding.active = true;
	else
		session_end_finding(session);
	return result;
}

ck_rv_t C_FindObjectsInit(ck_session_handle_t handle,
			  struct ck_attribute *attributes, unsigned long count)
{
	const struct template template = {attributes, count};
	struct session *session;

	TRY(session_enter(handle, &session));
	return session_leave(session, begin(session, &template));
}

static ck_rv_t give(struct finding *finding, ck_object_handle_t *objects,
		    unsigned long room, unsigned long *count)
{
	if (!finding->active)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (!count || (room && !objects))
		return CKR_ARGUMENTS_BAD;
	for (*count = 0; *count < room && finding->next < finding->count;
	     ++*count)
		objects[*count] = finding->found[finding->next++];
	return CKR_OK;
}

ck_rv_t C_FindObjects(ck_session_handle_t handle, ck_object_handle_t *objects,
		      unsigned long room, unsigned long *count)
{
	struct session *session;

	TRY(session_enter(handle, &session));
	return session_leave(session,
			     give(&session->finding, objects, room, count));
}

ck_rv_t C_FindObjectsFinal(ck_session_handle_t handle)
{
	struct session *session;
	bool was;

	TRY(session_enter(handle, &session));
	was = session->finding.active;
	session_end_finding(session);
	return session_leave(session,
			     was ? CKR_OK : CKR_OPERATION_NOT_INITIALIZED);
}
