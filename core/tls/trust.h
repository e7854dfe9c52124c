/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whom to trust: CA certificates from a file, from memory, from the card or
 * from the system, put into GnuTLS's credentials. */
#ifndef TLS_TRUST_H
#define TLS_TRUST_H

#include <gnutls/gnutls.h>
#include <iotsafe/iotsafe.h>
#include "base/bytes.h"
#include "base/deadline.h"

/* PEM (all certificates) or DER (one). */
int trust_add(gnutls_certificate_credentials_t cred, struct bytes data);

/* The certificate with this name on the card; NULL or "": every CA certificate
 * that is signed by itself, one at least. */
int trust_add_card(gnutls_certificate_credentials_t cred, iotsafe_card *card,
		   const char *name, const struct deadline *limit);
/* Every CA certificate on the card that is signed by itself; returns how
 * many. */
int trust_add_card_roots(gnutls_certificate_credentials_t cred,
			 iotsafe_card *card, const struct deadline *limit);

/* The system's; IOTSAFE_ERR_ABSENT if it has none. */
int trust_add_system(gnutls_certificate_credentials_t cred);

/* Frees what was trusted, once the server is authenticated: the system's CA
 * certificates are some 4 MiB for each session. Nobody is trusted then. */
void trust_release(gnutls_certificate_credentials_t cred);

/* A whole regular file; `what` says in an error what it was to be. */
int trust_read_file(const char *what, const char *path, uint8_t **out,
		    size_t *out_size) FOR_MODULES(trust_read_file);

#endif
