// SPDX-License-Identifier: LGPL-2.1-or-later
/* Makes the test authority and the certificates of clients and servers. */
#include "pki.h"

#include "problem.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/x509v3.h>

#define DAYS_AUTHORITY (20 * 365)
#define DAYS_LEAF      (12 * 365)

struct extension {
	int nid;
	const char *value;
};

static const struct extension root_extensions[] = {
	{NID_basic_constraints, "critical,CA:TRUE"},
	{NID_key_usage, "critical,keyCertSign,cRLSign"},
	{NID_subject_key_identifier, "hash"},
	{0, NULL},
};

static const struct extension intermediate_extensions[] = {
	{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
	{NID_key_usage, "critical,keyCertSign,cRLSign"},
	{NID_subject_key_identifier, "hash"},
	{NID_authority_key_identifier, "keyid:always"},
	{0, NULL},
};

static const struct extension client_extensions[] = {
	{NID_basic_constraints, "critical,CA:FALSE"},
	{NID_key_usage, "critical,digitalSignature"},
	{NID_ext_key_usage, "clientAuth"},
	{NID_subject_key_identifier, "hash"},
	{NID_authority_key_identifier, "keyid:always"},
	{0, NULL},
};

static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX ctx;
	bool done;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	extension = X509V3_EXT_nconf_nid(NULL, &ctx, nid, value);
	done = extension != NULL && X509_add_ext(cert, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return done;
}

static bool add_extensions(X509 *cert, X509 *issuer,
			   const struct extension *list)
{
	for (; list->value != NULL; list++)
		if (!add_extension(cert, issuer, list->nid, list->value))
			return false;
	return true;
}

static bool set_serial(X509 *cert)
{
	uint8_t bytes[16];
	BIGNUM *number;
	bool done;

	if (!crypto_random(bytes, sizeof(bytes)))
		return false;
	bytes[0] = (uint8_t)((bytes[0] & 0x7F) | 0x40); /* positive, 16 bytes */
	number = BN_bin2bn(bytes, sizeof(bytes), NULL);
	done = number != NULL &&
	       BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;
	BN_free(number);
	return done;
}

static bool fill(X509 *cert, EVP_PKEY *subject, const char *name, X509 *issuer,
		 long days)
{
	X509_NAME *own = X509_get_subject_name(cert);

	return X509_set_version(cert, X509_VERSION_3) == 1 &&
	       set_serial(cert) && X509_set_pubkey(cert, subject) == 1 &&
	       X509_time_adj_ex(X509_getm_notBefore(cert), -1, 0, NULL) &&
	       X509_time_adj_ex(X509_getm_notAfter(cert), (int)days, 0, NULL) &&
	       X509_NAME_add_entry_by_txt(own, "CN", MBSTRING_UTF8,
					  (const unsigned char *)name, -1, -1,
					  0) == 1 &&
	       X509_set_issuer_name(cert, X509_get_subject_name(issuer)) == 1;
}

/* An unsigned certificate; with `issuer` NULL it names itself as issuer. */
static X509 *draft(EVP_PKEY *subject, const char *name, X509 *issuer, long days,
		   const struct extension *extensions)
{
	X509 *cert = X509_new();

	if (cert != NULL &&
	    fill(cert, subject, name, issuer ? issuer : cert, days) &&
	    add_extensions(cert, issuer ? issuer : cert, extensions))
		return cert;
	X509_free(cert);
	return NULL;
}

static X509 *sign(X509 *cert, EVP_PKEY *key)
{
	if (cert != NULL && X509_sign(cert, key, EVP_sha256()) > 0)
		return cert;
	X509_free(cert);
	return NULL;
}

static EVP_PKEY *key_from_store(struct store *store, const char *file)
{
	bool failed;
	EVP_PKEY *key = pki_read_key(store, file, KEY_P256, &failed);

	if (key != NULL || failed)
		return key;
	key = crypto_pair_new(KEY_P256);
	if (key != NULL && pki_write_key(store, file, key))
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

/*
 * The key is kept before its certificate, so after a crash between the two the
 * next start finds the key and makes the certificate for it.
 */
static bool open_root(struct pki *pki, struct store *store)
{
	bool failed;

	pki->root_key = key_from_store(store, "ca-key.pem");
	if (pki->root_key == NULL)
		return false;
	pki->root =
		pki_read_certificate(store, "ca.pem", pki->root_key, &failed);
	if (pki->root != NULL || failed)
		return !failed;
	pki->root = sign(draft(pki->root_key, "iotsafe-sim test root CA", NULL,
			       DAYS_AUTHORITY, root_extensions),
			 pki->root_key);
	return pki->root != NULL &&
	       pki_write_certificates(store, "ca.pem", pki->root, NULL);
}

static bool open_intermediate(struct pki *pki, struct store *store)
{
	bool failed;

	pki->intermediate_key = key_from_store(store, "intermediate-key.pem");
	if (pki->intermediate_key == NULL)
		return false;
	pki->intermediate = pki_read_certificate(
		store, "intermediate.pem", pki->intermediate_key, &failed);
	if (pki->intermediate != NULL || failed)
		return !failed;
	pki->intermediate = sign(
		draft(pki->intermediate_key, "iotsafe-sim test intermediate CA",
		      pki->root, DAYS_AUTHORITY, intermediate_extensions),
		pki->root_key);
	return pki->intermediate != NULL &&
	       pki_write_certificates(store, "intermediate.pem",
				      pki->intermediate, NULL);
}

bool pki_open(struct pki *pki, struct store *store)
{
	*pki = (struct pki){0};
	if (open_root(pki, store) && open_intermediate(pki, store))
		return true;
	pki_close(pki);
	return problem("cannot make or read the test authority");
}

void pki_close(struct pki *pki)
{
	EVP_PKEY_free(pki->root_key);
	X509_free(pki->root);
	EVP_PKEY_free(pki->intermediate_key);
	X509_free(pki->intermediate);
	*pki = (struct pki){0};
}

X509 *pki_issue_client(struct pki *pki, EVP_PKEY *subject, const char *name)
{
	return sign(draft(subject, name, pki->intermediate, DAYS_LEAF,
			  client_extensions),
		    pki->intermediate_key);
}

/* The value is given to libcrypto's little language, so no commas in it. */
static bool name_is_safe(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789.-_:*";

	return *name != '\0' && strlen(name) < 250 &&
	       name[strspn(name, allowed)] == '\0';
}

static bool is_address(const char *name)
{
	uint8_t address[16];

	return inet_pton(AF_INET, name, address) == 1 ||
	       inet_pton(AF_INET6, name, address) == 1;
}

static char *alternative_names(const char *const *names, size_t count)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	char *data;
	long size;

	if (bio == NULL)
		return NULL;
	for (size_t i = 0; i < count; i++)
		BIO_printf(bio, "%s%s:%s", i ? "," : "",
			   is_address(names[i]) ? "IP" : "DNS", names[i]);
	size = BIO_get_mem_data(bio, &data);
	if (size > 0)
		text = strndup(data, (size_t)size);
	BIO_free(bio);
	return text;
}

X509 *pki_issue_server(struct pki *pki, EVP_PKEY *subject,
		       const char *const *names, size_t count)
{
	char *alternatives = alternative_names(names, count);
	const struct extension extensions[] = {
		{NID_basic_constraints, "critical,CA:FALSE"},
		{NID_key_usage, "critical,digitalSignature"},
		{NID_ext_key_usage, "serverAuth"},
		{NID_subject_alt_name, alternatives},
		{NID_subject_key_identifier, "hash"},
		{NID_authority_key_identifier, "keyid:always"},
		{0, NULL},
	};
	X509 *cert = NULL;

	if (alternatives != NULL)
		cert = sign(draft(subject, "iotsafe-sim test server",
				  pki->intermediate, DAYS_LEAF, extensions),
			    pki->intermediate_key);
	free(alternatives);
	return cert;
}

static bool issue_and_write(struct pki *pki, struct store *store,
			    const char *const *names, size_t count)
{
	EVP_PKEY *key = crypto_pair_new(KEY_P256);
	X509 *cert = key ? pki_issue_server(pki, key, names, count) : NULL;
	bool done;

	done = cert != NULL && pki_write_key(store, "server-key.pem", key) &&
	       pki_write_chain(pki, store, "server.pem", cert);
	X509_free(cert);
	EVP_PKEY_free(key);
	return done || problem("cannot make the server's certificate");
}

bool pki_make_server(struct store *store, const char *const *names,
		     size_t count)
{
	struct pki pki;
	bool done;

	for (size_t i = 0; i < count; i++)
		if (!name_is_safe(names[i]))
			return problem("\"%s\" is not a host name", names[i]);
	if (!store_lock(store))
		return false;
	done = pki_open(&pki, store) &&
	       issue_and_write(&pki, store, names, count);
	pki_close(&pki);
	store_unlock(store);
	return done;
}
