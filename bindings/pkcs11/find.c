/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Templates become lists of objects. What the card's list tells is compared
 * first: only what may still be meant is read.
 */
#include <stdlib.h>
#include <string.h>
#include "attribute.h"
#include "login.h"
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
			   const struct template *template,
			   enum attribute_cost cost, bool *same)
{
	*same = true;
	for (unsigned long i = 0; *same && i < template->count; i++) {
		const struct ck_attribute *wanted = &template->attributes[i];

		if (attribute_cost(object, wanted->type) == cost)
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
	TRY(compare_all(slot, object, template, ATTRIBUTE_LISTED, same));
	if (*same)
		TRY(compare_all(slot, object, template, ATTRIBUTE_BEGUN, same));
	if (*same)
		TRY(is_there(slot, object, same));
	if (*same)
		TRY(compare_all(slot, object, template, ATTRIBUTE_WHOLE, same));
	return CKR_OK;
}

/* A half without an object of its own has its key's label. */
static bool may_be_half(const struct slot *slot, ck_object_class_t class,
			const struct ck_attribute *label)
{
	bool of_key = false;

	if (!label || !label->value_len || !label->value)
		return true;
	for (const struct object *object = slot->objects; object;
	     object = object->next) {
		if (!blob_equal(&object->label,
				&(struct blob){label->value, label->value_len}))
			continue;
		if (object->class == class)
			return false;
		of_key |= object->class == CKO_PRIVATE_KEY;
	}
	return of_key;
}

/* Looks for halves without objects of their own where these may be meant. */
static ck_rv_t complete(struct slot *slot, const struct template *template)
{
	static const ck_object_class_t halves[] = {CKO_CERTIFICATE,
						   CKO_PUBLIC_KEY};
	const struct ck_attribute *label =
		attribute_in(template->attributes, template->count, CKA_LABEL);
	const struct ck_attribute *wanted =
		attribute_in(template->attributes, template->count, CKA_CLASS);
	unsigned long class = CK_UNAVAILABLE_INFORMATION;

	if (wanted && !attribute_ulong(wanted, &class))
		return CKR_ATTRIBUTE_VALUE_INVALID;
	for (size_t i = 0; i < 2; i++)
		if ((!wanted || class == halves[i]) &&
		    may_be_half(slot, halves[i], label))
			TRY(pair_complete(slot, halves[i]));
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

/* ---- the template, kept until the search is over ---- */

/* No value of ours is longer: what is cannot be meant, and is not looked at. */
#define VALUE_MAX 65535

static void free_template(struct ck_attribute *attributes, unsigned long count)
{
	for (unsigned long i = 0; attributes && i < count; i++)
		free(attributes[i].value);
	free(attributes);
}

static bool copy_value(struct ck_attribute *copy,
		       const struct ck_attribute *attribute)
{
	*copy = (struct ck_attribute){attribute->type, NULL,
				      attribute->value_len};
	if (!attribute->value || !attribute->value_len ||
	    attribute->value_len > VALUE_MAX)
		return true;
	copy->value = malloc(attribute->value_len);
	if (!copy->value)
		return false;
	memcpy(copy->value, attribute->value, attribute->value_len);
	return true;
}

static struct ck_attribute *copy_template(const struct template *template)
{
	struct ck_attribute *copy = calloc(template->count + 1, sizeof(*copy));

	for (unsigned long i = 0; copy && i < template->count; i++)
		if (!copy_value(&copy[i], &template->attributes[i])) {
			free_template(copy, i);
			copy = NULL;
		}
	return copy;
}

void find_end(struct finding *finding)
{
	free_template(finding->attributes, finding->count);
	*finding = (struct finding){0};
}

/* ---- the search ---- */

static ck_rv_t begin(struct session *session, const struct template *template)
{
	struct ck_attribute *copy;
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
	copy = copy_template(template);
	if (!copy)
		return CKR_HOST_MEMORY;
	session->finding = (struct finding){
		.active = true,
		.of_card = of_card,
		.attributes = copy,
		.count = template->count,
	};
	return CKR_OK;
}

ck_rv_t C_FindObjectsInit(ck_session_handle_t handle,
			  struct ck_attribute *attributes, unsigned long count)
{
	const struct template template = {attributes, count};
	struct session *session;

	TRY(session_enter(handle, &session));
	return session_leave(session, begin(session, &template));
}

/* The next one behind what was looked at; 0: there is none. Handles grow along
 * the list, so that objects may come and go meanwhile. */
static ck_rv_t find_next(struct session *session, ck_object_handle_t *found)
{
	struct finding *finding = &session->finding;
	const struct template template = {finding->attributes, finding->count};
	struct object *object = session->slot->objects;
	bool same = false;

	*found = 0;
	for (; object && !same; object = object->next) {
		if (object->handle <= finding->looked_at ||
		    (!finding->of_card && !object->session) ||
		    login_hides(session->slot, object->class))
			continue;
		TRY(matches(session->slot, object, &template, &same));
		finding->looked_at = object->handle;
		if (same)
			*found = object->handle;
	}
	return CKR_OK;
}

/* No more is read than it takes to find as many as are asked for. Those that
 * were found are given; a failure behind them is met again. */
static ck_rv_t give(struct session *session, ck_object_handle_t *objects,
		    unsigned long room, unsigned long *count)
{
	ck_rv_t result = CKR_OK;
	ck_object_handle_t found = 1;

	if (!session->finding.active)
		return CKR_OPERATION_NOT_INITIALIZED;
	if (!count || (room && !objects))
		return CKR_ARGUMENTS_BAD;
	*count = 0;
	while (*count < room && found && result == CKR_OK) {
		result = find_next(session, &found);
		if (found)
			objects[(*count)++] = found;
	}
	return *count ? CKR_OK : result;
}

ck_rv_t C_FindObjects(ck_session_handle_t handle, ck_object_handle_t *objects,
		      unsigned long room, unsigned long *count)
{
	struct session *session;

	TRY(session_enter(handle, &session));
	return session_leave(session, give(session, objects, room, count));
}

ck_rv_t C_FindObjectsFinal(ck_session_handle_t handle)
{
	struct session *session;
	bool was;

	TRY(session_enter(handle, &session));
	was = session->finding.active;
	find_end(&session->finding);
	return session_leave(session,
			     was ? CKR_OK : CKR_OPERATION_NOT_INITIALIZED);
}
