// SPDX-License-Identifier: LGPL-2.1-or-later
/* Turns a profile and a store into the keys and files of one card. */
#include "personal.h"

#include "crypto.h"
#include "pki.h"
#include "problem.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/x509.h>

#define NAME_MAX_SIZE 80

/* "gsma/key-01.pem": the profile, the kind and the id in hex. */
static void file_name(const struct personal *personal, const char *kind,
		      struct view id, const char *suffix,
		      char name[NAME_MAX_SIZE])
{
	char hex[2 * 20 + 1];

	hex_encode(id.data, id.size, hex);
	snprintf(name, NAME_MAX_SIZE, "%s/%s-%s.%s", personal->profile->name,
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
	char name[NAME_MAX_SIZE];
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

static bool is_kept(const struct object_row *row)
{
	return row->class == CLASS_PRIVATE && row->type == TYPE_P256_PERSISTENT;
}

static bool open_pair(struct personal *personal, const struct object_row *row)
{
	EVP_PKEY **pair = &personal->pairs[row->pair];
	char name[NAME_MAX_SIZE];
	bool failed;

	if (!is_kept(row))
		return true;
	file_name(personal, "key", row->id, "pem", name);
	*pair = pki_read_key(personal->store, name, &failed);
	if (*pair != NULL || failed || row->empty)
		return !failed;
	*pair = crypto_pair_new();
	return *pair != NULL && pki_write_key(personal->store, name, *pair);
}

static bool open_pairs(struct personal *personal)
{
	for (size_t i = 0; i < personal->object_count; i++)
		if (!open_pair(personal, personal->objects[i].row))
			return false;
	return true;
}

/* The pair whose certificate is on the card: the first made with it. */
static EVP_PKEY *identity(const struct personal *personal)
{
	for (size_t i = 0; i < personal->object_count; i++) {
		const struct object_row *row = personal->objects[i].row;

		if (is_kept(row) && !row->empty)
			return personal->pairs[row->pair];
	}
	return NULL;
}

static X509 *issue_client(struct personal *personal, struct pki *pki,
			  EVP_PKEY *key)
{
	char name[64];

	snprintf(name, sizeof(name), "iotsafe-sim %s client",
		 personal->profile->name);
	return pki_issue_client(pki, key, name);
}

static bool fill_with_der(struct object *object, X509 *cert)
{
	int size = i2d_X509(cert, &object->content);

	object->content_size = size > 0 ? (size_t)size : 0;
	return size > 0;
}

static bool fill_with_client(struct personal *personal, struct pki *pki,
			     struct object *object, EVP_PKEY *key)
{
	X509 *cert = issue_client(personal, pki, key);
	bool done = cert != NULL && fill_with_der(object, cert);

	X509_free(cert);
	return done;
}

static bool fill_with_block(struct object *object)
{
	object->content_size = 64;
	object->content = OPENSSL_malloc(object->content_size);
	for (size_t i = 0; object->content != NULL && i < 64; i++)
		object->content[i] = (uint8_t)i;
	return object->content != NULL;
}

static bool fill(struct personal *personal, struct pki *pki,
		 struct object *object)
{
	switch (object->row->content) {
	case CONTENT_CLIENT:
		return fill_with_client(personal, pki, object,
					identity(personal));
	case CONTENT_INTERMEDIATE:
		return fill_with_der(object, pki->intermediate);
	case CONTENT_CA:
		return fill_with_der(object, pki->root);
	case CONTENT_BLOCK:
		return fill_with_block(object);
	case CONTENT_NONE:
		break;
	}
	return true;
}

static enum store_found read_content(struct store *store, const char *name,
				     struct object *object)
{
	uint8_t *data;
	size_t size;
	enum store_found found = store_read(store, name, &data, &size);

	if (found != STORE_FOUND)
		return found;
	object->content = OPENSSL_memdup(data, size);
	object->content_size = size;
	free(data);
	return object->content != NULL ? STORE_FOUND : STORE_ERROR;
}

static bool open_file(struct personal *personal, struct pki *pki,
		      struct object *object)
{
	char name[NAME_MAX_SIZE];
	enum store_found found;

	if (object->row->class != CLASS_FILE)
		return true;
	file_name(personal, "file", object->row->id, "der", name);
	found = read_content(personal->store, name, object);
	if (found != STORE_ABSENT)
		return found == STORE_FOUND;
	return fill(personal, pki, object) &&
	       store_write(personal->store, name, object->content,
			   object->content_size, 0600);
}

/* Leaves the client's certificate where a test server or a person finds it. */
static bool publish(struct personal *personal, struct pki *pki,
		    const struct object *object)
{
	const uint8_t *der = object->content;
	X509 *cert;
	bool done;

	if (object->row->content != CONTENT_CLIENT)
		return true;
	cert = d2i_X509(NULL, &der, (long)object->content_size);
	if (cert == NULL)
		return problem("the client certificate in the store is broken");
	done = pki_write_chain(pki, personal->store, "client.pem", cert);
	X509_free(cert);
	return done;
}

static bool open_files(struct personal *personal, struct pki *pki)
{
	for (size_t i = 0; i < personal->object_count; i++)
		if (!open_file(personal, pki, &personal->objects[i]) ||
		    !publish(personal, pki, &personal->objects[i]))
			return false;
	return true;
}

static bool replace_certificate(struct personal *personal, struct pki *pki,
				struct object *object)
{
	EVP_PKEY *other = crypto_pair_new();
	bool done;

	OPENSSL_free(object->content);
	object->content = NULL;
	done = other != NULL && fill_with_client(personal, pki, object, other);
	EVP_PKEY_free(other);
	return done;
}

static bool spoil(struct personal *personal, struct pki *pki,
		  const struct faults *faults)
{
	for (size_t i = 0; i < personal->object_count; i++) {
		struct object *object = &personal->objects[i];
		const struct object_row *row = object->row;

		if (row->class == CLASS_PRIVATE &&
		    (row->functions & FUNCTION_SIGN) != 0)
			object->absent = fault_on(faults, FAULT_NO_KEY);
		if (row->content != CONTENT_CLIENT)
			continue;
		object->absent = fault_on(faults, FAULT_NO_CERTIFICATE);
		if (fault_on(faults, FAULT_WRONG_CERTIFICATE) &&
		    !replace_certificate(personal, pki, object))
			return false;
	}
	return true;
}

static bool open_locked(struct personal *personal, const struct faults *faults)
{
	struct pki pki;
	bool done;

	if (!pki_open(&pki, personal->store))
		return false;
	done = open_iccid(personal) && open_pairs(personal) &&
	       open_files(personal, &pki) && spoil(personal, &pki, faults);
	pki_close(&pki);
	return done;
}

bool personal_open(struct personal *personal, const struct profile *profile,
		   struct store *store, const struct faults *faults)
{
	bool done;

	*personal = (struct personal){.profile = profile, .store = store};
	for (size_t i = 0; i < profile->row_count; i++)
		personal->objects[i].row = &profile->rows[i];
	personal->object_count = profile->row_count;
	if (!store_lock(store))
		return false;
	done = open_locked(personal, faults);
	store_unlock(store);
	if (!done)
		personal_close(personal);
	return done;
}

void personal_close(struct personal *personal)
{
	for (size_t i = 0; i < personal->object_count; i++)
		OPENSSL_free(personal->objects[i].content);
	for (size_t i = 0; i < PROFILE_PAIRS_MAX; i++)
		EVP_PKEY_free(personal->pairs[i]);
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

bool object_active(const struct personal *personal, const struct object *object)
{
	if (object->row->class == CLASS_FILE)
		return object->content_size > 0;
	return object->row->pair != 0 &&
	       personal->pairs[object->row->pair] != NULL;
}

struct object *personal_other_half(struct personal *personal,
				   const struct object *object)
{
	for (size_t i = 0; i < personal->object_count; i++) {
		struct object *other = &personal->objects[i];

		if (other != object && other->row->pair != 0 &&
		    other->row->pair == object->row->pair)
			return other;
	}
	return NULL;
}

bool personal_generate(struct personal *personal, const struct object *object)
{
	EVP_PKEY **pair = &personal->pairs[object->row->pair];
	EVP_PKEY *fresh = crypto_pair_new();
	char name[NAME_MAX_SIZE];
	bool done = fresh != NULL;

	file_name(personal, "key", object->row->id, "pem", name);
	if (done && is_kept(object->row)) {
		done = store_lock(personal->store) &&
		       pki_write_key(personal->store, name, fresh);
		store_unlock(personal->store);
	}
	if (!done) {
		EVP_PKEY_free(fresh);
		return false;
	}
	EVP_PKEY_free(*pair);
	*pair = fresh;
	return true;
}
