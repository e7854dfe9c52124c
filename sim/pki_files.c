// SPDX-License-Identifier: LGPL-2.1-or-later
/* Keys and certificates as PEM files of the store, and back. */
#include "pki.h"

#include "problem.h"

#include <stdlib.h>

#include <openssl/bio.h>
#include <openssl/pem.h>

typedef EVP_PKEY *read_pem(BIO *bio, EVP_PKEY **key, pem_password_cb *ask,
			   void *context);

static EVP_PKEY *read_key(struct store *store, const char *file,
			  enum key_kind kind, read_pem *read, bool *failed)
{
	enum store_found found;
	EVP_PKEY *key = NULL;
	uint8_t *data;
	size_t size;
	BIO *bio;

	found = store_read(store, file, &data, &size);
	*failed = found == STORE_ERROR;
	if (found != STORE_FOUND)
		return NULL;
	bio = BIO_new_mem_buf(data, (int)size);
	if (bio != NULL)
		key = read(bio, NULL, NULL, NULL);
	BIO_free(bio);
	OPENSSL_cleanse(data, size);
	free(data);
	if (key != NULL && crypto_kind(key) == kind)
		return key;
	EVP_PKEY_free(key);
	*failed = true;
	problem("%s/%s: not a %s key", store->path, file,
		crypto_kind_name(kind));
	return NULL;
}

EVP_PKEY *pki_read_key(struct store *store, const char *file,
		       enum key_kind kind, bool *failed)
{
	return read_key(store, file, kind, PEM_read_bio_PrivateKey, failed);
}

EVP_PKEY *pki_read_public(struct store *store, const char *file,
			  enum key_kind kind, bool *failed)
{
	return read_key(store, file, kind, PEM_read_bio_PUBKEY, failed);
}

X509 *pki_read_certificate(struct store *store, const char *file, EVP_PKEY *key,
			   bool *failed)
{
	enum store_found found;
	X509 *cert = NULL;
	uint8_t *data;
	size_t size;
	BIO *bio;

	found = store_read(store, file, &data, &size);
	*failed = found == STORE_ERROR;
	if (found != STORE_FOUND)
		return NULL;
	bio = BIO_new_mem_buf(data, (int)size);
	if (bio != NULL)
		cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	free(data);
	if (cert != NULL && X509_check_private_key(cert, key) == 1)
		return cert;
	X509_free(cert);
	*failed = true;
	problem("%s/%s: not the certificate of the key beside it", store->path,
		file);
	return NULL;
}

static bool write_bio(struct store *store, const char *file, BIO *bio,
		      unsigned int mode)
{
	char *data;
	long size = BIO_get_mem_data(bio, &data);

	return size > 0 && store_write(store, file, data, (size_t)size, mode);
}

bool pki_write_key(struct store *store, const char *file, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_secmem());
	bool done;

	done = bio != NULL &&
	       PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) ==
		       1 &&
	       write_bio(store, file, bio, 0600);
	BIO_free(bio);
	return done;
}

bool pki_write_public(struct store *store, const char *file, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	bool done;

	done = bio != NULL && PEM_write_bio_PUBKEY(bio, key) == 1 &&
	       write_bio(store, file, bio, 0600);
	BIO_free(bio);
	return done;
}

bool pki_write_certificates(struct store *store, const char *file, X509 *first,
			    X509 *second)
{
	BIO *bio = BIO_new(BIO_s_mem());
	bool done;

	done = bio != NULL && PEM_write_bio_X509(bio, first) == 1 &&
	       (second == NULL || PEM_write_bio_X509(bio, second) == 1) &&
	       write_bio(store, file, bio, 0644);
	BIO_free(bio);
	return done;
}

bool pki_write_chain(struct pki *pki, struct store *store, const char *file,
		     X509 *leaf)
{
	return pki_write_certificates(store, file, leaf,
				      pki ? pki->intermediate : NULL);
}
