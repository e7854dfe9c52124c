// SPDX-License-Identifier: LGPL-2.1-or-later
/* What the options of personalise name: a file or hex in, bytes to load out. */
#include "personalise_source.h"

#include "problem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/x509.h>

#define SECRET_MAX 128
#define CMAC_SIZE  16

static bool put_data(struct load *load, const void *data, size_t size)
{
	load->data = OPENSSL_memdup(data, size);
	load->size = size;
	return load->data != NULL || problem("out of memory");
}

/* What there is of a file, and one byte more than is allowed to see that. */
static bool read_file(const char *path, struct load *load)
{
	static uint8_t bytes[LOAD_DATA_MAX + 1];
	FILE *file = fopen(path, "rb");
	bool done = false;
	size_t size;

	if (file == NULL)
		return problem("%s: %s", path, strerror(errno));
	size = fread(bytes, 1, sizeof(bytes), file);
	if (ferror(file))
		problem("%s: cannot read", path);
	else if (size == 0)
		problem("%s: empty", path);
	else if (size > LOAD_DATA_MAX)
		problem("%s: more than %d bytes", path, LOAD_DATA_MAX);
	else
		done = put_data(load, bytes, size);
	fclose(file);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return done;
}

/* Puts the DER that libcrypto made in the place of what was read. */
static bool put_der(struct load *load, uint8_t *der, int size)
{
	if (size <= 0)
		return false;
	OPENSSL_clear_free(load->data, load->size);
	load->data = der;
	load->size = (size_t)size;
	return true;
}

/* Nobody is asked for a password. */
static int no_password(char *buffer, int size, int writing, void *context)
{
	(void)buffer;
	(void)size;
	(void)writing;
	(void)context;
	return -1;
}

static bool read_key(const char *path, struct load *load)
{
	EVP_PKEY *key = NULL;
	uint8_t *der = NULL;
	int size = 0;
	BIO *bio;

	if (!read_file(path, load))
		return false;
	bio = BIO_new_mem_buf(load->data, (int)load->size);
	if (bio != NULL)
		key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	BIO_free(bio);
	if (key != NULL && crypto_kind(key) != KEY_NONE)
		size = i2d_PrivateKey(key, &der);
	EVP_PKEY_free(key);
	return put_der(load, der, size) ||
	       problem("%s: not a private key of P-256, brainpoolP256r1 or "
		       "RSA-2048 in PEM without a password",
		       path);
}

static X509 *certificate_in(const struct load *load)
{
	const uint8_t *der = load->data;
	BIO *bio = BIO_new_mem_buf(load->data, (int)load->size);
	X509 *cert = NULL;

	if (bio != NULL)
		cert = PEM_read_bio_X509(bio, NULL, no_password, NULL);
	BIO_free(bio);
	return cert ? cert : d2i_X509(NULL, &der, (long)load->size);
}

static bool read_certificate(const char *path, struct load *load)
{
	uint8_t *der = NULL;
	X509 *cert;
	int size;

	if (!read_file(path, load))
		return false;
	cert = certificate_in(load);
	if (cert == NULL)
		return problem("%s: not a certificate", path);
	size = i2d_X509(cert, &der);
	X509_free(cert);
	return put_der(load, der, size) || problem("out of memory");
}

static EVP_PKEY *public_in(const struct load *load)
{
	X509 *cert = certificate_in(load);
	EVP_PKEY *key = NULL;
	BIO *bio;

	if (cert != NULL) {
		key = X509_get_pubkey(cert);
		X509_free(cert);
		return key;
	}
	bio = BIO_new_mem_buf(load->data, (int)load->size);
	if (bio != NULL)
		key = PEM_read_bio_PUBKEY(bio, NULL, no_password, NULL);
	BIO_free(bio);
	return key;
}

static bool read_public(const char *path, struct load *load)
{
	uint8_t *der = NULL;
	EVP_PKEY *key;
	int size = 0;

	if (!read_file(path, load))
		return false;
	key = public_in(load);
	if (key != NULL && crypto_kind(key) != KEY_NONE)
		size = i2d_PUBKEY(key, &der);
	EVP_PKEY_free(key);
	return put_der(load, der, size) ||
	       problem("%s: not a certificate or public key of P-256, "
		       "brainpoolP256r1 or RSA-2048",
		       path);
}

static bool read_hex(const char *text, struct load *load)
{
	uint8_t bytes[SECRET_MAX];
	int size = hex_decode(text, strlen(text), bytes, sizeof(bytes));
	bool done;

	/* not shown: it is a secret, but for a mistake */
	if (size < 1)
		return problem("a secret is 1 to %d bytes of hex", SECRET_MAX);
	done = put_data(load, bytes, (size_t)size);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return done;
}

static bool fits(const struct load *load)
{
	if (load->kind == LOAD_CMAC && load->size != CMAC_SIZE)
		return problem("a key for AES-128-CMAC has %d bytes, not %zu",
			       CMAC_SIZE, load->size);
	if (load->kind == LOAD_SECRET && load->size > SECRET_MAX)
		return problem("a secret of %zu bytes: more than %d",
			       load->size, SECRET_MAX);
	return true;
}

const struct source sources[SOURCE_COUNT] = {
	{"key", LOAD_KEY, read_key},
	{"certificate", LOAD_CERTIFICATE, read_certificate},
	{"file", LOAD_FILE, read_file},
	{"secret", LOAD_SECRET, read_hex},
	{"secret-file", LOAD_SECRET, read_file},
	{"cmac-key", LOAD_CMAC, read_hex},
	{"cmac-key-file", LOAD_CMAC, read_file},
	{"ca", LOAD_PUBLIC, read_public},
};

bool source_read(const struct source *source, const char *text,
		 struct load *load)
{
	load->kind = source->kind;
	return source->read(text, load) && fits(load);
}
