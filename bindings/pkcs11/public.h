/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Public keys (SubjectPublicKeyInfo) taken apart and put together. */
#ifndef PKCS11_PUBLIC_H
#define PKCS11_PUBLIC_H

#include "attribute.h"

/* The attributes that a key's public half has: point, parameters, modulus. */
ck_rv_t public_get(struct slot *slot, struct object *object,
		   ck_attribute_type_t type, struct value *value);

/* The curve's OID as DER. */
struct blob public_curve(bool brainpool);

#define PUBLIC_SPKI_MAX 96

/* A point of that curve (65 bytes, or as an OCTET STRING) as an SPKI; 0 where
 * it is none. */
size_t public_from_point(bool brainpool, const uint8_t *point, size_t size,
			 uint8_t out[PUBLIC_SPKI_MAX]);

#endif
