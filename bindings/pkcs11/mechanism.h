/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What keys of the card can do, by the names of PKCS #11. */
#ifndef PKCS11_MECHANISM_H
#define PKCS11_MECHANISM_H

#include "object.h"

/* The mechanisms that a key of this kind has, as bits of a table. */
unsigned mechanism_bits(ck_key_type_t key_type, int flags, int algorithms);

/* Writes CKA_ALLOWED_MECHANISMS; gives its size. */
size_t mechanism_allowed(const struct object *object, void *out);

/* Checks a mechanism for signatures with this key. `algorithm` is what the
 * parameters of CKM_RSA_PKCS_PSS choose, 0 with the others. */
ck_rv_t mechanism_check(const struct object *key,
			const struct ck_mechanism *mechanism, int *algorithm);

#endif
