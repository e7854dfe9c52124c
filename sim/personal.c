// SPDX-License-Identifier: LGPL-2.1-or-later
/* Turns a profile and a store into one card: its number and its objects. */
#include "personal_parts.h"

#include "problem.h"

#include <stdlib.h>
#include <string.h>

void personal_name(const struct personal *personal, const char *kind,
		   struct view id, const char *suffix,
		   char name[STORE_NAME_MAX])
{
	char hex[2 * 20 + 1];

	hex_encode(id.data, id.size, hex);
	snprintf(name, STORE_NAME_MAX, "%s/%s-%s.%s", personal->profile->name,
		 kind, hex, suffix);
}

/* The ICCID: 89, a country nobody has, a random number and a Luhn digit. */
static bool make_iccid(uint8_t iccid[ICCID_SIZE])
{
	uint8_t digits[20] = {8, 9, 9, 9, 9};
	unsigned int sum = 0;

	if (!crypto_random(digits + 5, 14))
		return false;
	for (size_t i = 5; i < 19; i++)
		digits[i] %= 10;
	for (size_t i = 0; i < 19; i++) {
		unsigned int digit = digits[18 - i];

		if (i % 2 == 0)
			digit = digit * 2 > 9 ? digit * 2 - 9 : digit * 2;
		sum += digit;
	}
	digits[19] = (uint8_t)((10 - sum % 10) % 10);
	for (size_t i = 0; i < ICCID_SIZE; i++)
		iccid[i] = (uint8_t)(digits[2 * i + 1] << 4 | digits[2 * i]);
	return true;
}

/* Finds `size` bytes in the store; STORE_ERROR when there are others. */
static enum store_found read_exactly(struct store *store, const char *name,
				     uint8_t *out, size_t size)
{
	uint8_t *data;
	size_t have;
	enum store_found found = store_read(store, name, &data, &have);

	if (found != STORE_FOUND)
		return found;
	if (have == size)
		memcpy(out, data, size);
	free(data);
	if (have == size)
		return STORE_FOUND;
	problem("%s/%s: not %zu bytes", store->path, name, size);
	return STORE_ERROR;
}

static bool open_iccid(struct personal *personal)
{
	char name[STORE_NAME_MAX];
	enum store_found found;

	snprintf(name, sizeof(name), "%s/iccid", personal->profile->name);
	found = read_exactly(personal->store, name, personal->iccid,
			     ICCID_SIZE);
	if (found != STORE_ABSENT)
		return found == STORE_FOUND;
	return make_iccid(personal->iccid) &&
	       store_write(personal->store, name, personal->iccid, ICCID_SIZE,
			   0600);
}

bool object_fill(struct object *object, const void *data, size_t size)
{
	OPENSSL_clear_free(object->content, object->content_size);
	object->content = OPENSSL_memdup(data, size);
	object->content_size = object->content ? size : 0;
	return object->content != NULL;
}

enum store_found object_read(struct personal *personal, const char *name,
			     struct object *object)
{
	uint8_t *data;
	size_t size;
	enum store_found found =
		store_read(personal->store, name, &data, &size);

	if (found != STORE_FOUND)
		return found;
	if (size > 0 && !object_fill(object, data, size))
		found = STORE_ERROR;
	OPENSSL_cleanse(data, size);
	free(data);
	return found;
}

static bool open_tob(struct personal *personal, const struct faults *faults,
		     enum tob_set set)
{
	if (!personal->profile->mias)
		return true;
	personal->tob = tob_open(personal->store, personal->profile->name, set,
				 personal->quirks, faults);
	return personal->tob != NULL;
}

static bool open_locked(struct personal *personal, const struct faults *faults,
			enum tob_set set)
{
	struct pki pki;
	bool done;

	if (!pki_open(&pki, personal->store))
		return false;
	done = loads_read(&personal->loads, personal->store,
			  personal->profile->name) != STORE_ERROR &&
	       personal_apply(personal, &personal->loads) &&
	       open_iccid(personal) && personal_open_keys(personal, &pki) &&
	       personal_open_files(personal, &pki) &&
	       open_tob(personal, faults, set) &&
	       personal_spoil(personal, &pki, faults);
	pki_close(&pki);
	return done;
}

static void begin(struct personal *personal, const struct profile *profile,
		  struct store *store)
{
	*personal = (struct personal){.profile = profile, .store = store};
	for (size_t i = 0; i < profile->row_count; i++)
		personal->objects[i].row = &profile->rows[i];
	personal->object_count = profile->row_count;
}

bool personal_takes(const struct profile *profile, const struct loads *loads)
{
	struct personal personal;
	bool takes;

	begin(&personal, profile, NULL);
	takes = personal_apply(&personal, loads);
	personal_close(&personal);
	return takes;
}

static bool open_set(struct personal *personal, const struct profile *profile,
		     struct store *store, const struct quirks *quirks,
		     const struct faults *faults, enum tob_set set)
{
	unsigned int bytes;
	bool done;

	begin(personal, profile, store);
	personal->quirks = quirks;
	if (fault_value(faults, FAULT_POWER_CUT, &bytes))
		store_cut(store, bytes);
	if (!store_lock(store))
		return false;
	done = open_locked(personal, faults, set);
	store_unlock(store);
	if (!done)
		personal_close(personal);
	return done;
}

bool personal_open(struct personal *personal, const struct profile *profile,
		   struct store *store, const struct quirks *quirks,
		   const struct faults *faults)
{
	return open_set(personal, profile, store, quirks, faults, TOB_FIRST);
}

void personal_close(struct personal *personal)
{
	for (size_t i = 0; i < personal->object_count; i++) {
		OPENSSL_clear_free(personal->objects[i].content,
				   personal->objects[i].content_size);
		OPENSSL_free(personal->objects[i].renewed);
	}
	for (size_t i = 0; i < PROFILE_PAIRS_MAX; i++)
		EVP_PKEY_free(personal->pairs[i]);
	loads_clear(&personal->loads);
	tob_close(personal->tob);
	*personal = (struct personal){0};
}

unsigned int label_tag(enum object_class class)
{
	switch (class) {
	case CLASS_FILE:
		return 0x73;
	case CLASS_PRIVATE:
		return 0x74;
	case CLASS_PUBLIC:
		return 0x75;
	case CLASS_SECRET:
		break;
	}
	return 0x76;
}

struct object *personal_find(struct personal *personal, enum object_class class,
			     const struct tlv *name)
{
	unsigned int label = label_tag(class);

	if (name->value.size == 0)
		return NULL;
	for (size_t i = 0; i < personal->object_count; i++) {
		struct object *object = &personal->objects[i];
		const struct object_row *row = object->row;

		if (row->class != class || object->absent)
			continue;
		if ((name->tag == label + 0x10 &&
		     view_equal(name->value, row->id)) ||
		    (name->tag == label && view_equal(name->value, row->label)))
			return object;
	}
	return NULL;
}

void personal_renew(struct personal *personal)
{
	for (size_t i = 0; i < personal->object_count; i++) {
		struct object *object = &personal->objects[i];

		if (object->renewed == NULL)
			continue;
		OPENSSL_free(object->content);
		object->content = object->renewed;
		object->content_size = object->renewed_size;
		object->renewed = NULL;
	}
}

void personal_swap(struct personal *personal)
{
	static struct store nowhere;
	const struct faults none = {0};
	struct personal other;

	if (!store_open(&nowhere, NULL) ||
	    !open_set(&other, personal->profile, &nowhere, personal->quirks,
		      &none, TOB_SECOND))
		return;
	personal_close(personal);
	*personal = other;
}
