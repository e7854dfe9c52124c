/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The card's algorithms become mechanisms, and their parameters are checked.
 */
#include <string.h>
#include "mechanism.h"
#include "module.h"

#define ECDSA                                                                  \
	(IOTSAFE_ECDSA_SHA256 | IOTSAFE_ECDSA_SHA384 | IOTSAFE_ECDSA_SHA512)
#define PKCS1                                                                  \
	(IOTSAFE_RSA_PKCS1_SHA1 | IOTSAFE_RSA_PKCS1_SHA224 |                   \
	 IOTSAFE_RSA_PKCS1_SHA256 | IOTSAFE_RSA_PKCS1_SHA384 |                 \
	 IOTSAFE_RSA_PKCS1_SHA512)
#define PSS                                                                    \
	(IOTSAFE_RSA_PSS_SHA256 | IOTSAFE_RSA_PSS_SHA384 |                     \
	 IOTSAFE_RSA_PSS_SHA512)
#define CURVE (CKF_EC_F_P | CKF_EC_NAMEDCURVE | CKF_EC_UNCOMPRESS)

/* What a key must be, may do and can compute to have the mechanism; and of
 * those that hash the data first, how they go on and by what. Of RSA the card
 * must have that very hash. */
static const struct mechanism {
	ck_mechanism_type_t type;
	ck_key_type_t key_type;
	unsigned long bits;
	ck_flags_t flags;
	int use, algorithms;
	ck_mechanism_type_t base;
	gnutls_digest_algorithm_t digest;
} mechanisms[] = {
#define EC(type, digest)                                                       \
	{                                                                      \
		type, CKK_EC, 256, CKF_SIGN | CURVE, IOTSAFE_OBJECT_SIGN,      \
			ECDSA, CKM_ECDSA, digest,                              \
	}
#define RSA(type, algorithms, base, digest)                                    \
	{                                                                      \
		type, CKK_RSA, 2048, CKF_SIGN, IOTSAFE_OBJECT_SIGN,            \
			algorithms, base, digest,                              \
	}
	EC(CKM_ECDSA, GNUTLS_DIG_UNKNOWN),
	EC(CKM_ECDSA_SHA1, GNUTLS_DIG_SHA1),
	EC(CKM_ECDSA_SHA224, GNUTLS_DIG_SHA224),
	EC(CKM_ECDSA_SHA256, GNUTLS_DIG_SHA256),
	EC(CKM_ECDSA_SHA384, GNUTLS_DIG_SHA384),
	EC(CKM_ECDSA_SHA512, GNUTLS_DIG_SHA512),
	RSA(CKM_RSA_PKCS, PKCS1, CKM_RSA_PKCS, GNUTLS_DIG_UNKNOWN),
	RSA(CKM_SHA1_RSA_PKCS, IOTSAFE_RSA_PKCS1_SHA1, CKM_RSA_PKCS,
	    GNUTLS_DIG_SHA1),
	RSA(CKM_SHA224_RSA_PKCS, IOTSAFE_RSA_PKCS1_SHA224, CKM_RSA_PKCS,
	    GNUTLS_DIG_SHA224),
	RSA(CKM_SHA256_RSA_PKCS, IOTSAFE_RSA_PKCS1_SHA256, CKM_RSA_PKCS,
	    GNUTLS_DIG_SHA256),
	RSA(CKM_SHA384_RSA_PKCS, IOTSAFE_RSA_PKCS1_SHA384, CKM_RSA_PKCS,
	    GNUTLS_DIG_SHA384),
	RSA(CKM_SHA512_RSA_PKCS, IOTSAFE_RSA_PKCS1_SHA512, CKM_RSA_PKCS,
	    GNUTLS_DIG_SHA512),
	RSA(CKM_RSA_PKCS_PSS, PSS, CKM_RSA_PKCS_PSS, GNUTLS_DIG_UNKNOWN),
	RSA(CKM_SHA256_RSA_PKCS_PSS, IOTSAFE_RSA_PSS_SHA256, CKM_RSA_PKCS_PSS,
	    GNUTLS_DIG_SHA256),
	RSA(CKM_SHA384_RSA_PKCS_PSS, IOTSAFE_RSA_PSS_SHA384, CKM_RSA_PKCS_PSS,
	    GNUTLS_DIG_SHA384),
	RSA(CKM_SHA512_RSA_PKCS_PSS, IOTSAFE_RSA_PSS_SHA512, CKM_RSA_PKCS_PSS,
	    GNUTLS_DIG_SHA512),
	{CKM_ECDH1_DERIVE, CKK_EC, 256, CKF_DERIVE | CURVE,
	 IOTSAFE_OBJECT_AGREE, 0, 0, GNUTLS_DIG_UNKNOWN},
	{CKM_EC_KEY_PAIR_GEN, CKK_EC, 256, CKF_GENERATE_KEY_PAIR | CURVE,
	 IOTSAFE_OBJECT_GENERATE, 0, 0, GNUTLS_DIG_UNKNOWN},
};

#define MECHANISMS_COUNT (sizeof(mechanisms) / sizeof(mechanisms[0]))

unsigned mechanism_bits(ck_key_type_t key_type, int flags, int algorithms)
{
	unsigned bits = 0;

	for (size_t i = 0; i < MECHANISMS_COUNT; i++) {
		const struct mechanism *each = &mechanisms[i];

		if (each->key_type == key_type && flags & each->use &&
		    (!each->algorithms || algorithms & each->algorithms))
			bits |= 1U << i;
	}
	return bits;
}

static const struct mechanism *find(ck_mechanism_type_t type, unsigned bits)
{
	for (size_t i = 0; i < MECHANISMS_COUNT; i++)
		if (mechanisms[i].type == type && bits & 1U << i)
			return &mechanisms[i];
	return NULL;
}

size_t mechanism_allowed(const struct object *object, void *out)
{
	unsigned bits = mechanism_bits(object->key_type, object->flags,
				       object->algorithms);
	size_t size = 0;

	for (size_t i = 0; i < MECHANISMS_COUNT; i++) {
		/* Pairs are not made of keys. */
		if (!(bits & 1U << i) ||
		    mechanisms[i].use == IOTSAFE_OBJECT_GENERATE)
			continue;
		memcpy((uint8_t *)out + size, &mechanisms[i].type,
		       sizeof(mechanisms[i].type));
		size += sizeof(mechanisms[i].type);
	}
	return size;
}

/* ---- parameters ---- */

/* Cards know PSS with one hash all through and a salt of its size. */
static const struct {
	ck_mechanism_type_t hash, mgf;
	unsigned long salt;
	int algorithm;
} pss[] = {
	{CKM_SHA256, CKG_MGF1_SHA256, 32, IOTSAFE_RSA_PSS_SHA256},
	{CKM_SHA384, CKG_MGF1_SHA384, 48, IOTSAFE_RSA_PSS_SHA384},
	{CKM_SHA512, CKG_MGF1_SHA512, 64, IOTSAFE_RSA_PSS_SHA512},
};

static ck_rv_t check_pss(int algorithms, const struct ck_mechanism *mechanism,
			 int *algorithm)
{
	struct ck_rsa_pkcs_pss_params params;

	if (!mechanism->parameter || mechanism->parameter_len != sizeof(params))
		return CKR_MECHANISM_PARAM_INVALID;
	memcpy(&params, mechanism->parameter, sizeof(params));
	for (size_t i = 0; i < sizeof(pss) / sizeof(pss[0]); i++)
		if (pss[i].hash == params.hash_alg &&
		    pss[i].mgf == params.mgf && pss[i].salt == params.s_len &&
		    algorithms & pss[i].algorithm) {
			*algorithm = pss[i].algorithm;
			return CKR_OK;
		}
	return CKR_MECHANISM_PARAM_INVALID;
}

ck_rv_t mechanism_check(const struct object *key,
			const struct ck_mechanism *mechanism,
			struct signing_way *way)
{
	unsigned bits =
		mechanism_bits(key->key_type, key->flags, key->algorithms);
	const struct mechanism *known = find(mechanism->mechanism, ~0U);

	if (!known || !(known->flags & CKF_SIGN))
		return CKR_MECHANISM_INVALID;
	if (known->key_type != key->key_type)
		return CKR_KEY_TYPE_INCONSISTENT;
	if (!find(mechanism->mechanism, bits))
		return CKR_KEY_FUNCTION_NOT_PERMITTED;
	*way = (struct signing_way){.base = known->base,
				    .digest = known->digest};
	if (known->base == CKM_RSA_PKCS_PSS)
		return check_pss(key->algorithms & known->algorithms, mechanism,
				 &way->algorithm);
	if (known->base == CKM_RSA_PKCS && known->digest)
		way->algorithm = known->algorithms;
	return mechanism->parameter_len ? CKR_MECHANISM_PARAM_INVALID : CKR_OK;
}

/* ---- what the token has ---- */

/* Locks the slot; its list of objects tells. */
static ck_rv_t begin(ck_slot_id_t id, const void *out, struct slot **slot)
{
	ck_rv_t result;

	TRY(module_enter());
	*slot = slot_find(id);
	if (!*slot || !out)
		return module_leave(*slot ? CKR_ARGUMENTS_BAD
					  : CKR_SLOT_ID_INVALID);
	pthread_mutex_lock(&(*slot)->lock);
	result = object_need_all(*slot);
	if (result == CKR_OK)
		return CKR_OK;
	pthread_mutex_unlock(&(*slot)->lock);
	return module_leave(result);
}

static ck_rv_t end(struct slot *slot, ck_rv_t result)
{
	pthread_mutex_unlock(&slot->lock);
	return module_leave(result);
}

static ck_rv_t list(unsigned bits, ck_mechanism_type_t *out,
		    unsigned long *count)
{
	unsigned long room = *count;

	*count = 0;
	for (size_t i = 0; i < MECHANISMS_COUNT; i++) {
		if (!(bits & 1U << i))
			continue;
		if (out && *count < room)
			out[*count] = mechanisms[i].type;
		++*count;
	}
	return out && *count > room ? CKR_BUFFER_TOO_SMALL : CKR_OK;
}

ck_rv_t C_GetMechanismList(ck_slot_id_t id, ck_mechanism_type_t *out,
			   unsigned long *count)
{
	struct slot *slot;

	TRY(begin(id, count, &slot));
	return end(slot, list(slot->mechanisms, out, count));
}

ck_rv_t C_GetMechanismInfo(ck_slot_id_t id, ck_mechanism_type_t type,
			   struct ck_mechanism_info *info)
{
	const struct mechanism *known;
	struct slot *slot;

	TRY(begin(id, info, &slot));
	known = find(type, slot->mechanisms);
	if (!known)
		return end(slot, CKR_MECHANISM_INVALID);
	*info = (struct ck_mechanism_info){known->bits, known->bits,
					   known->flags | CKF_HW};
	if (type == CKM_RSA_PKCS && slot->decrypts)
		info->flags |= CKF_DECRYPT;
	return end(slot, CKR_OK);
}
