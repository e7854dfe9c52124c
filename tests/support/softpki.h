/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Certificates for tests, made while the tests run. */
#ifndef SUPPORT_SOFTPKI_H
#define SUPPORT_SOFTPKI_H

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdbool.h>

struct identity {
	gnutls_x509_privkey_t key;
	gnutls_datum_t der; /* the certificate */
	gnutls_datum_t pem;
};

struct identity_wish {
	const char *name;	       /* common name */
	const struct identity *issuer; /* NULL: signed by itself */
	bool ca;
	bool rsa; /* instead of P-256 */
	bool p384;
	const char *dns;
	const char *ip;	     /* IPv4 */
	const char *purpose; /* OID of extended key usage */
	bool expired;
	bool old;	    /* version 1 of X.509: no extensions */
	int longest;	    /* path length: one more than that; 0: any */
	const char *allows; /* the only domain below a CA */
};

struct identity identity_make(struct identity_wish wish);
void identity_free(struct identity *identity);

#endif
