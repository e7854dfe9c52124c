/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_PKI_H
#define SIM_PKI_H

#include "crypto.h"
#include "store.h"

#include <openssl/x509.h>

/* The test certification authority: a root and one intermediate below it. */
struct pki {
	EVP_PKEY *root_key;
	X509 *root;
	EVP_PKEY *intermediate_key;
	X509 *intermediate;
};

/* Takes the authority from the store, or makes it and keeps it there. */
bool pki_open(struct pki *pki, struct store *store);
void pki_close(struct pki *pki);

/* Certificates of the intermediate; NULL on failure. */
X509 *pki_issue_client(struct pki *pki, EVP_PKEY *subject, const char *name);
X509 *pki_issue_server(struct pki *pki, EVP_PKEY *subject,
		       const char *const *names, size_t count);

/* `iotsafe-sim pki`: server.pem and server-key.pem for test servers. */
bool pki_make_server(struct store *store, const char *const *names,
		     size_t count);

/* pki_files.c */

/* Writes `leaf` and the intermediate, as PEM; without `pki` the leaf alone. */
bool pki_write_chain(struct pki *pki, struct store *store, const char *file,
		     X509 *leaf);

/* NULL, and `failed`, when there is something else than such a key. */
EVP_PKEY *pki_read_key(struct store *store, const char *file,
		       enum key_kind kind, bool *failed);
EVP_PKEY *pki_read_public(struct store *store, const char *file,
			  enum key_kind kind, bool *failed);
bool pki_write_key(struct store *store, const char *file, EVP_PKEY *key);
bool pki_write_public(struct store *store, const char *file, EVP_PKEY *key);

/* NULL, and `failed`, when it is not the certificate of `key`. */
X509 *pki_read_certificate(struct store *store, const char *file, EVP_PKEY *key,
			   bool *failed);
/* `second` may be NULL. */
bool pki_write_certificates(struct store *store, const char *file, X509 *first,
			    X509 *second);

#endif
