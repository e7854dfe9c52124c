// SPDX-License-Identifier: LGPL-2.1-or-later
/* The keys of a card: from the store, from the authority, or made. */
#include "personal_parts.h"

#include "problem.h"

#include <string.h>

#define SECRET_SIZE 32
#define CMAC_SIZE   16 /* AES-128 */

enum key_kind object_kind(const struct object *object)
{
	switch (object->row->type) {
	case TYPE_RSA:
		return KEY_RSA;
	case TYPE_P256_PERSISTENT:
	case TYPE_P256_VOLATILE:
		return KEY_P256;
	case TYPE_BRAINPOOL_PERSISTENT:
	case TYPE_BRAINPOOL_VOLATILE:
		return KEY_BRAINPOOL;
	default:
		return KEY_NONE;
	}
}

static bool is_persistent(const struct object_row *row)
{
	return row->type == TYPE_RSA || row->type == TYPE_P256_PERSISTENT ||
	       row->type == TYPE_BRAINPOOL_PERSISTENT;
}

static bool is_kept(const struct object_row *row)
{
	return row->class == CLASS_PRIVATE && is_persistent(row);
}

static EVP_PKEY **pair_of(struct personal *personal,
			  const struct object *object)
{
	return &personal->pairs[object->row->pair];
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

/* The private half of this object's pair, or NULL. */
static const struct object *private_half(const struct personal *personal,
					 const struct object *object)
{
	for (size_t i = 0; i < personal->object_count; i++) {
		const struct object_row *row = personal->objects[i].row;

		if (row->class == CLASS_PRIVATE &&
		    row->pair == object->row->pair)
			return &personal->objects[i];
	}
	return NULL;
}

/* A key that the card comes with. */
static bool comes_with_key(const struct personal *personal,
			   const struct object *object)
{
	const struct object *half = private_half(personal, object);

	return half != NULL && is_kept(half->row) && !half->row->empty;
}

bool object_active(const struct personal *personal, const struct object *object)
{
	if (object->row->inactive)
		return false;
	if (object->row->class == CLASS_FILE ||
	    object->row->class == CLASS_SECRET)
		return object->content_size > 0;
	return object->row->pair != 0 &&
	       (personal->pairs[object->row->pair] != NULL ||
		comes_with_key(personal, object));
}

static bool make_pair(struct personal *personal, const struct object *object)
{
	EVP_PKEY **pair = pair_of(personal, object);
	char name[STORE_NAME_MAX];

	personal_name(personal, "key", object->row->id, "pem", name);
	*pair = crypto_pair_new(object_kind(object));
	return *pair != NULL && pki_write_key(personal->store, name, *pair);
}

EVP_PKEY *personal_key(struct personal *personal, const struct object *object)
{
	EVP_PKEY **pair = pair_of(personal, object);

	if (*pair == NULL && comes_with_key(personal, object)) {
		if (store_lock(personal->store))
			make_pair(personal, private_half(personal, object));
		store_unlock(personal->store);
	}
	return *pair;
}

EVP_PKEY *personal_identity(struct personal *personal)
{
	for (size_t i = 0; i < personal->object_count; i++) {
		const struct object *object = &personal->objects[i];

		if (!is_kept(object->row) || object->row->empty)
			continue;
		if (*pair_of(personal, object) == NULL)
			make_pair(personal, object);
		return *pair_of(personal, object);
	}
	return NULL;
}

static bool open_private(struct personal *personal, const struct object *object)
{
	EVP_PKEY **pair = pair_of(personal, object);
	enum key_kind kind = object_kind(object);
	char name[STORE_NAME_MAX];
	bool failed;

	if (!is_kept(object->row))
		return true;
	personal_name(personal, "key", object->row->id, "pem", name);
	*pair = pki_read_key(personal->store, name, kind, &failed);
	if (*pair != NULL || failed || object->row->empty)
		return !failed;
	/* RSA takes its time, so it is made when it is used */
	return kind == KEY_RSA || make_pair(personal, object);
}

/* An authority's key, or what was put into a persistent slot. */
static bool open_public(struct personal *personal, struct pki *pki,
			const struct object *object)
{
	EVP_PKEY **pair = pair_of(personal, object);
	char name[STORE_NAME_MAX];
	bool failed = false;

	if (private_half(personal, object) != NULL || object->row->pair == 0)
		return true;
	if (object->row->content == CONTENT_NONE) {
		if (!is_persistent(object->row))
			return true;
		personal_name(personal, "public", object->row->id, "pem", name);
		*pair = pki_read_public(personal->store, name,
					object_kind(object), &failed);
		return !failed;
	}
	*pair = X509_get_pubkey(object->row->content == CONTENT_CA
					? pki->root
					: pki->intermediate);
	return *pair != NULL;
}

static bool open_secret(struct personal *personal, struct object *object)
{
	size_t size = object->row->type == TYPE_CMAC ? CMAC_SIZE : SECRET_SIZE;
	uint8_t bytes[SECRET_SIZE];
	char name[STORE_NAME_MAX];
	enum store_found found;
	bool done;

	if (object->row->empty)
		return true;
	personal_name(personal, "secret", object->row->id, "bin", name);
	found = object_read(personal, name, object);
	if (found != STORE_ABSENT)
		return found == STORE_FOUND;
	done = crypto_random(bytes, size) && object_fill(object, bytes, size) &&
	       store_write(personal->store, name, bytes, size, 0600);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return done;
}

static void put_hex(struct writer *out, struct view bytes)
{
	char pair[3];

	for (size_t i = 0; i < bytes.size; i++) {
		hex_encode(bytes.data + i, 1, pair);
		put_bytes(out, pair, 2);
	}
	OPENSSL_cleanse(pair, sizeof(pair));
}

/* "NAME:HEX", the name being the label, or the id in hex. */
static void put_secret(struct writer *out, const struct object *object)
{
	if (object->row->label.size > 0)
		put_bytes(out, object->row->label.data,
			  object->row->label.size);
	else
		put_hex(out, object->row->id);
	put_byte(out, ':');
	put_hex(out, view_of(object->content, object->content_size));
	put_byte(out, '\n');
}

/* DIR/psk.txt, for a test server: a line a key, as gnutls-serv takes it with
 * --pskpasswd. */
static bool publish_secrets(struct personal *personal)
{
	char text[0x4000];
	struct writer out = writer_on(text, sizeof(text));
	bool done;

	for (size_t i = 0; i < personal->object_count; i++)
		if (personal->objects[i].row->class == CLASS_SECRET &&
		    personal->objects[i].row->derivation != 0 &&
		    personal->objects[i].content_size > 0)
			put_secret(&out, &personal->objects[i]);
	done = !out.overflow &&
	       (out.size == 0 ||
		store_write(personal->store, "psk.txt", text, out.size, 0600));
	OPENSSL_cleanse(text, sizeof(text));
	return done;
}

static bool open_object(struct personal *personal, struct pki *pki,
			struct object *object)
{
	if (object->given)
		return true;
	switch (object->row->class) {
	case CLASS_PRIVATE:
		return open_private(personal, object);
	case CLASS_PUBLIC:
		return open_public(personal, pki, object);
	case CLASS_SECRET:
		return open_secret(personal, object);
	case CLASS_FILE:
		break;
	}
	return true;
}

bool personal_open_keys(struct personal *personal, struct pki *pki)
{
	for (size_t i = 0; i < personal->object_count; i++)
		if (!open_object(personal, pki, &personal->objects[i]))
			return false;
	return publish_secrets(personal);
}

static void replace(EVP_PKEY **pair, EVP_PKEY *key)
{
	EVP_PKEY_free(*pair);
	*pair = key;
}

bool personal_generate(struct personal *personal, const struct object *object)
{
	EVP_PKEY *fresh = crypto_pair_new(object_kind(object));
	char name[STORE_NAME_MAX];
	bool done = fresh != NULL;

	personal_name(personal, "key", object->row->id, "pem", name);
	if (done && is_kept(object->row)) {
		done = store_lock(personal->store) &&
		       pki_write_key(personal->store, name, fresh);
		store_unlock(personal->store);
	}
	if (done)
		replace(pair_of(personal, object), fresh);
	else
		EVP_PKEY_free(fresh);
	return done;
}

bool personal_put(struct personal *personal, const struct object *object,
		  EVP_PKEY *key)
{
	char name[STORE_NAME_MAX];
	bool done = true;

	personal_name(personal, "public", object->row->id, "pem", name);
	if (is_persistent(object->row)) {
		done = store_lock(personal->store) &&
		       pki_write_public(personal->store, name, key);
		store_unlock(personal->store);
	}
	if (done)
		replace(pair_of(personal, object), key);
	else
		EVP_PKEY_free(key);
	return done;
}
