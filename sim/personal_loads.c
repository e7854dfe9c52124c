// SPDX-License-Identifier: LGPL-2.1-or-later
/* Puts what a user loaded onto a card in the place of the profile's objects. */
#include "personal_parts.h"

#include "problem.h"

#include <openssl/x509.h>

static struct object *find(struct personal *personal, enum object_class class,
			   struct view id)
{
	for (size_t i = 0; i < personal->object_count; i++) {
		const struct object_row *row = personal->objects[i].row;

		if (row->class == class && view_equal(row->id, id))
			return &personal->objects[i];
	}
	return NULL;
}

static uint8_t free_pair(const struct personal *personal)
{
	bool taken[PROFILE_PAIRS_MAX] = {true};

	for (size_t i = 0; i < personal->object_count; i++)
		taken[personal->objects[i].row->pair] = true;
	for (uint8_t pair = 1; pair < PROFILE_PAIRS_MAX; pair++)
		if (!taken[pair])
			return pair;
	return 0;
}

/*
 * The row for a load: that of the object with its id, which keeps its label
 * when none is given, or a new one.
 */
static struct object_row *row_for(struct personal *personal,
				  enum object_class class,
				  const struct load *load, struct view id,
				  struct object **object)
{
	struct object_row *row = &personal->own[personal->own_count];

	*object = find(personal, class, id);
	if ((*object == NULL &&
	     personal->object_count == PROFILE_OBJECTS_MAX) ||
	    personal->own_count == PERSONAL_OWN_MAX) {
		problem("no room for more than %d objects",
			PROFILE_OBJECTS_MAX);
		return NULL;
	}
	*row = (struct object_row){.class = class,
				   .id = id,
				   .label = load_label(load),
				   .access = ACCESS_READ};
	if (*object == NULL)
		*object = &personal->objects[personal->object_count++];
	else if (row->label.size == 0)
		row->label = (*object)->row->label;
	(*object)->row = row;
	(*object)->given = true;
	personal->own_count++;
	return row;
}

static uint8_t type_of(enum key_kind kind)
{
	switch (kind) {
	case KEY_RSA:
		return TYPE_RSA;
	case KEY_BRAINPOOL:
		return TYPE_BRAINPOOL_PERSISTENT;
	default:
		return TYPE_P256_PERSISTENT;
	}
}

static void describe_key(struct object_row *row, enum key_kind kind,
			 uint8_t pair)
{
	row->type = type_of(kind);
	row->usage = USAGE_GENERAL;
	row->functions = FUNCTION_SIGN;
	row->hash = HASH_ALL;
	row->signature = kind == KEY_RSA
				 ? SIGNATURE_RSA_PKCS1 | SIGNATURE_RSA_PSS
				 : SIGNATURE_ECDSA;
	row->pair = pair;
}

static bool take_key(struct personal *personal, uint8_t pair, EVP_PKEY *key)
{
	if (key == NULL || crypto_kind(key) == KEY_NONE || pair == 0) {
		EVP_PKEY_free(key);
		return problem("a key of the user's is broken, or one too "
			       "many");
	}
	EVP_PKEY_free(personal->pairs[pair]);
	personal->pairs[pair] = key;
	return true;
}

/* Where the public half stands: where the profile has it, or at the same id. */
static struct view public_id(struct personal *personal, const struct load *load)
{
	struct object *old = find(personal, CLASS_PRIVATE, load_id(load));
	struct object *half = old ? personal_other_half(personal, old) : NULL;

	return half ? half->row->id : load_id(load);
}

static bool apply_key(struct personal *personal, const struct load *load)
{
	const uint8_t *der = load->data;
	EVP_PKEY *key = d2i_AutoPrivateKey(NULL, &der, (long)load->size);
	struct view half = public_id(personal, load);
	uint8_t pair = free_pair(personal);
	struct object_row *private, *public;
	struct object *object;

	if (!take_key(personal, pair, key))
		return false;
	private =
		row_for(personal, CLASS_PRIVATE, load, load_id(load), &object);
	public = row_for(personal, CLASS_PUBLIC, load, half, &object);
	if (private == NULL || public == NULL)
		return false;
	describe_key(private, crypto_kind(key), pair);
	describe_key(public, crypto_kind(key), pair);
	return true;
}

static bool apply_public(struct personal *personal, const struct load *load)
{
	const uint8_t *der = load->data;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &der, (long)load->size);
	uint8_t pair = free_pair(personal);
	struct object *object;
	struct object_row *row;

	if (!take_key(personal, pair, key))
		return false;
	row = row_for(personal, CLASS_PUBLIC, load, load_id(load), &object);
	if (row != NULL)
		describe_key(row, crypto_kind(key), pair);
	return row != NULL;
}

static void describe_secret(struct object_row *row, enum load_kind kind)
{
	row->access = 0;
	row->type = kind == LOAD_CMAC ? TYPE_CMAC : TYPE_HMAC;
	row->functions = kind == LOAD_CMAC ? FUNCTION_SIGN : FUNCTION_DERIVE;
	if (kind == LOAD_CMAC)
		row->signature = SIGNATURE_CMAC;
	else
		row->derivation = DERIVATION_PRF | DERIVATION_HKDF;
}

static bool apply_content(struct personal *personal, const struct load *load)
{
	struct object *object;
	const struct object *old =
		find(personal, load_class(load->kind), load_id(load));
	enum content content = old ? old->row->content : CONTENT_NONE;
	struct object_row *row = row_for(personal, load_class(load->kind), load,
					 load_id(load), &object);

	if (row == NULL || !object_fill(object, load->data, load->size))
		return false;
	if (row->class == CLASS_SECRET)
		describe_secret(row, load->kind);
	else
		row->file_usage = load->kind == LOAD_CERTIFICATE
					  ? FILE_CERTIFICATE
					  : FILE_GENERAL;
	if (load->kind == LOAD_CERTIFICATE && content == CONTENT_CLIENT)
		row->content = CONTENT_CLIENT;
	return true;
}

/* A label names one object of its class. */
static bool labels_differ(const struct personal *personal)
{
	for (size_t i = 0; i < personal->object_count; i++)
		for (size_t k = 0; k < i; k++) {
			const struct object_row *a = personal->objects[i].row;
			const struct object_row *c = personal->objects[k].row;

			if (a->class == c->class && a->label.size > 0 &&
			    view_equal(a->label, c->label))
				return problem("label \"%.*s\" is there twice",
					       (int)a->label.size,
					       (const char *)a->label.data);
		}
	return true;
}

bool personal_apply(struct personal *personal, const struct loads *loads)
{
	for (size_t i = 0; i < loads->count; i++) {
		const struct load *load = &loads->items[i];
		bool done;

		if (load->kind == LOAD_KEY)
			done = apply_key(personal, load);
		else if (load->kind == LOAD_PUBLIC)
			done = apply_public(personal, load);
		else
			done = apply_content(personal, load);
		if (!done)
			return false;
	}
	return labels_differ(personal);
}
