// SPDX-License-Identifier: LGPL-2.1-or-later
/* The files of a card: certificates and texts, from the store or made. */
#include "personal_parts.h"

#include "problem.h"

#include <string.h>

#include <openssl/x509.h>

#define PADDED_SIZE 1024 /* a file as long as its slot */
#define BLOCK_SIZE  64

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
	uint8_t *der = NULL;
	int size = i2d_X509(cert, &der);
	bool done = size > 0 && object_fill(object, der, (size_t)size);

	OPENSSL_free(der);
	return done;
}

static bool fill_with_client(struct personal *personal, struct pki *pki,
			     struct object *object, EVP_PKEY *key)
{
	X509 *cert = key ? issue_client(personal, pki, key) : NULL;
	bool done = cert != NULL && fill_with_der(object, cert);

	X509_free(cert);
	return done;
}

static bool fill_with_block(struct object *object)
{
	uint8_t block[BLOCK_SIZE];

	for (size_t i = 0; i < BLOCK_SIZE; i++)
		block[i] = (uint8_t)i;
	return object_fill(object, block, sizeof(block));
}

/* C's card has such a file: where its client goes. */
static bool fill_with_config(struct object *object)
{
	static const char text[] = "{\"url\": \"localhost\", \"port\": 8883}\n";

	return object_fill(object, text, sizeof(text) - 1);
}

static bool fill_with_padded(struct object *object, X509 *cert)
{
	uint8_t bytes[PADDED_SIZE] = {0};

	if (!fill_with_der(object, cert) || object->content_size > PADDED_SIZE)
		return false;
	memcpy(bytes, object->content, object->content_size);
	return object_fill(object, bytes, sizeof(bytes));
}

static bool fill(struct personal *personal, struct pki *pki,
		 struct object *object)
{
	switch (object->row->content) {
	case CONTENT_CLIENT:
		return fill_with_client(personal, pki, object,
					personal_identity(personal));
	case CONTENT_INTERMEDIATE:
		return fill_with_der(object, pki->intermediate);
	case CONTENT_CA:
		return fill_with_der(object, pki->root);
	case CONTENT_BLOCK:
		return fill_with_block(object);
	case CONTENT_CONFIG:
		return fill_with_config(object);
	case CONTENT_PADDED:
		return fill_with_padded(object, pki->root);
	case CONTENT_NONE:
		break;
	}
	return true;
}

/* Not after a user has loaded another key. */
static bool is_of_identity(struct personal *personal,
			   const struct object *object)
{
	const uint8_t *der = object->content;
	EVP_PKEY *key = personal_identity(personal);
	X509 *cert = d2i_X509(NULL, &der, (long)object->content_size);
	bool is = key == NULL || cert == NULL ||
		  EVP_PKEY_eq(X509_get0_pubkey(cert), key) == 1;

	X509_free(cert);
	return is;
}

static bool open_file(struct personal *personal, struct pki *pki,
		      struct object *object)
{
	char name[STORE_NAME_MAX];
	enum store_found found;

	if (object->row->class != CLASS_FILE || object->given)
		return true;
	personal_name(personal, "file", object->row->id, "der", name);
	found = object_read(personal, name, object);
	if (found == STORE_FOUND && object->row->content == CONTENT_CLIENT &&
	    !is_of_identity(personal, object))
		found = STORE_ABSENT;
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
	done = pki_write_chain(object->given ? NULL : pki, personal->store,
			       "client.pem", cert);
	X509_free(cert);
	return done;
}

bool personal_open_files(struct personal *personal, struct pki *pki)
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
	EVP_PKEY *other = crypto_pair_new(KEY_P256);
	bool done = fill_with_client(personal, pki, object, other);

	EVP_PKEY_free(other);
	return done;
}

/* Another certificate of the same key, for the end of an administration. */
static bool prepare_renewal(struct personal *personal, struct pki *pki,
			    struct object *object)
{
	struct object next = {.row = object->row};
	EVP_PKEY *key = personal_identity(personal);

	if (!fill_with_client(personal, pki, &next, key))
		return false;
	object->renewed = next.content;
	object->renewed_size = next.content_size;
	return true;
}

bool personal_spoil(struct personal *personal, struct pki *pki,
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
		if (fault_on(faults, FAULT_AFTER) &&
		    !prepare_renewal(personal, pki, object))
			return false;
	}
	return true;
}
