/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One attribute of one object. */
#ifndef PKCS11_ATTRIBUTE_H
#define PKCS11_ATTRIBUTE_H

#include "object.h"

/* A value: bytes of the object's, or of `store`. */
struct value {
	const void *data;
	size_t size;
	uint8_t store[600];
};

/* CKR_ATTRIBUTE_TYPE_INVALID: objects of this kind have none. */
ck_rv_t attribute_get(struct slot *slot, struct object *object,
		      ck_attribute_type_t type, struct value *value);

/* What has to be read for the answer. */
enum attribute_cost {
	ATTRIBUTE_LISTED, /* nothing: it is known from the card's list */
	ATTRIBUTE_BEGUN,  /* a certificate's beginning */
	ATTRIBUTE_WHOLE
};
enum attribute_cost attribute_cost(const struct object *object,
				   ck_attribute_type_t type);

/* The template's attribute of this type, NULL for none. */
const struct ck_attribute *attribute_in(const struct ck_attribute *template,
					unsigned long count,
					ck_attribute_type_t type);

/* A boolean or number of a template; false where it has none, or one of
 * another size. */
bool attribute_ulong(const struct ck_attribute *attribute, unsigned long *out);
bool attribute_bool(const struct ck_attribute *attribute, bool *out);

#endif
