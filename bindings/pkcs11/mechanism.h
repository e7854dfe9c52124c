/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What keys of the card can do, by the names of PKCS #11. */
#ifndef PKCS11_MECHANISM_H
#define PKCS11_MECHANISM_H

#include <gnutls/gnutls.h>
#include "object.h"

/* The mechanisms that a key of this kind has, as bits of a table. */
unsigned mechanism_bits(ck_key_type_t key_type, int flags, int algorithms);

/* Writes CKA_ALLOWED_MECHANISMS; gives its size. */
size_t mechanism_allowed(const struct object *object, void *out);

/* How a signature is made, as its mechanism says. */
struct signing_way {
	ck_mechanism_type_t base; /* CKM_ECDSA, CKM_RSA_PKCS or _PSS */
	/* Of RSA where mechanism or parameters tell it; else the data does. */
	int algorithm;
	/* That is made here of the data; GNUTLS_DIG_UNKNOWN: the data is one.
	 */
	gnutls_digest_algorithm_t digest;
};

/* Checks a mechanism for signatures with this key. */
ck_rv_t mechanism_check(const struct object *key,
			const struct ck_mechanism *mechanism,
			struct signing_way *way);

#endif
