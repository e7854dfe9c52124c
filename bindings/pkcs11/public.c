/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Public keys: RFC 5480 for the two curves of IoT SAFE, whose keys have one
 * form each, and GnuTLS for RSA.
 */
#include <gnutls/abstract.h>
#include <string.h>
#include "public.h"

#define POINT_SIZE 65

/* What stands in front of the point, and the curve in it. */
static const uint8_t p256_front[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A,
				     0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06,
				     0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03,
				     0x01, 0x07, 0x03, 0x42, 0x00};
static const uint8_t brainpool_front[] = {
	0x30, 0x5A, 0x30, 0x14, 0x06, 0x07, 0x2A, 0x86, 0x48,
	0xCE, 0x3D, 0x02, 0x01, 0x06, 0x09, 0x2B, 0x24, 0x03,
	0x03, 0x02, 0x08, 0x01, 0x01, 0x07, 0x03, 0x42, 0x00};

#define CURVE_OFFSET 13

static struct blob front_of(bool brainpool)
{
	if (brainpool)
		return (struct blob){(uint8_t *)(uintptr_t)brainpool_front,
				     sizeof(brainpool_front)};
	return (struct blob){(uint8_t *)(uintptr_t)p256_front,
			     sizeof(p256_front)};
}

struct blob public_curve(bool brainpool)
{
	struct blob front = front_of(brainpool);

	return (struct blob){front.data + CURVE_OFFSET,
			     2 + (size_t)front.data[CURVE_OFFSET + 1]};
}

size_t public_from_point(bool brainpool, const uint8_t *point, size_t size,
			 uint8_t out[PUBLIC_SPKI_MAX])
{
	struct blob front = front_of(brainpool);

	if (size == POINT_SIZE + 2 && point[0] == 0x04 &&
	    point[1] == POINT_SIZE) {
		point += 2;
		size -= 2;
	}
	if (size != POINT_SIZE || point[0] != 0x04)
		return 0;
	memcpy(out, front.data, front.size);
	memcpy(out + front.size, point, POINT_SIZE);
	return front.size + POINT_SIZE;
}

/* ---- attributes ---- */

static ck_rv_t get_point(const struct object *object, struct value *value)
{
	struct blob front = front_of(object->brainpool);
	const struct blob *spki = &object->spki;

	if (spki->size != front.size + POINT_SIZE ||
	    memcmp(spki->data, front.data, front.size) != 0)
		return CKR_ATTRIBUTE_TYPE_INVALID;
	value->store[0] = 0x04; /* OCTET STRING */
	value->store[1] = POINT_SIZE;
	memcpy(value->store + 2, spki->data + front.size, POINT_SIZE);
	value->size = 2 + POINT_SIZE;
	return CKR_OK;
}

static ck_rv_t put_number(const gnutls_datum_t *number, struct value *value)
{
	if (number->size > sizeof(value->store))
		return CKR_ATTRIBUTE_TYPE_INVALID;
	memcpy(value->store, number->data, number->size);
	value->size = number->size;
	return CKR_OK;
}

static ck_rv_t put_bits(const gnutls_datum_t *modulus, struct value *value)
{
	unsigned long bits = modulus->size * 8UL;

	for (int i = 7; modulus->size && i && !(modulus->data[0] >> i); i--)
		bits--;
	memcpy(value->store, &bits, sizeof(bits));
	value->size = sizeof(bits);
	return CKR_OK;
}

static ck_rv_t put_rsa(gnutls_pubkey_t pubkey, ck_attribute_type_t type,
		       struct value *value)
{
	gnutls_datum_t modulus, exponent;
	ck_rv_t result;

	if (gnutls_pubkey_export_rsa_raw2(pubkey, &modulus, &exponent,
					  GNUTLS_EXPORT_FLAG_NO_LZ) < 0)
		return CKR_ATTRIBUTE_TYPE_INVALID;
	if (type == CKA_MODULUS_BITS)
		result = put_bits(&modulus, value);
	else
		result = put_number(type == CKA_MODULUS ? &modulus : &exponent,
				    value);
	gnutls_free(modulus.data);
	gnutls_free(exponent.data);
	return result;
}

static ck_rv_t get_rsa(const struct object *object, ck_attribute_type_t type,
		       struct value *value)
{
	gnutls_datum_t spki = {object->spki.data, (unsigned)object->spki.size};
	ck_rv_t result = CKR_ATTRIBUTE_TYPE_INVALID;
	gnutls_pubkey_t pubkey;

	if (!spki.data)
		return CKR_ATTRIBUTE_TYPE_INVALID;
	if (gnutls_pubkey_init(&pubkey) < 0)
		return CKR_HOST_MEMORY;
	if (gnutls_pubkey_import(pubkey, &spki, GNUTLS_X509_FMT_DER) >= 0)
		result = put_rsa(pubkey, type, value);
	gnutls_pubkey_deinit(pubkey);
	return result;
}

static bool is_of_type(const struct object *object, ck_attribute_type_t type)
{
	bool public = object->class == CKO_PUBLIC_KEY;

	switch (type) {
	case CKA_EC_POINT:
		return public && object->key_type == CKK_EC;
	case CKA_MODULUS_BITS:
		return public && object->key_type == CKK_RSA;
	case CKA_MODULUS:
	case CKA_PUBLIC_EXPONENT:
		return object->key_type == CKK_RSA;
	default:
		return type == CKA_PUBLIC_KEY_INFO;
	}
}

ck_rv_t public_get(struct slot *slot, struct object *object,
		   ck_attribute_type_t type, struct value *value)
{
	struct blob curve = public_curve(object->brainpool);

	if (type == CKA_EC_PARAMS && object->key_type == CKK_EC) {
		value->data = curve.data;
		value->size = curve.size;
		return CKR_OK;
	}
	if (!is_of_type(object, type))
		return CKR_ATTRIBUTE_TYPE_INVALID;
	TRY(object_read(slot, object));
	if (type == CKA_EC_POINT)
		return get_point(object, value);
	if (type != CKA_PUBLIC_KEY_INFO)
		return get_rsa(object, type, value);
	value->data = object->spki.data;
	value->size = object->spki.size;
	return object->spki.data ? CKR_OK : CKR_ATTRIBUTE_TYPE_INVALID;
}
