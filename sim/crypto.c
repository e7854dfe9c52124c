// SPDX-License-Identifier: LGPL-2.1-or-later
/* The card's keys and signatures, by libcrypto: elliptic curves and RSA. */
#include "crypto.h"

#include <limits.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/param_build.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#define RSA_BITS 2048

static const char *const groups[] = {
	[KEY_P256] = "prime256v1",
	[KEY_BRAINPOOL] = "brainpoolP256r1",
};

static bool is_curve(enum key_kind kind)
{
	return kind == KEY_P256 || kind == KEY_BRAINPOOL;
}

EVP_PKEY *crypto_pair_new(enum key_kind kind)
{
	if (kind == KEY_RSA)
		return EVP_RSA_gen(RSA_BITS);
	return is_curve(kind) ? EVP_EC_gen(groups[kind]) : NULL;
}

enum key_kind crypto_kind(EVP_PKEY *pair)
{
	char group[32];
	size_t size;

	if (EVP_PKEY_is_a(pair, "RSA"))
		return EVP_PKEY_get_bits(pair) == RSA_BITS ? KEY_RSA : KEY_NONE;
	if (EVP_PKEY_get_group_name(pair, group, sizeof(group), &size) != 1)
		return KEY_NONE;
	for (enum key_kind kind = KEY_P256; kind <= KEY_BRAINPOOL; kind++)
		if (strcmp(group, groups[kind]) == 0)
			return kind;
	return KEY_NONE;
}

const char *crypto_kind_name(enum key_kind kind)
{
	static const char *const names[] = {
		[KEY_NONE] = "unknown",
		[KEY_P256] = "P-256",
		[KEY_BRAINPOOL] = "brainpoolP256r1",
		[KEY_RSA] = "RSA-2048",
	};

	return names[kind];
}

bool crypto_point(EVP_PKEY *pair, uint8_t point[POINT_SIZE])
{
	uint8_t encoded[POINT_SIZE];
	size_t size;

	if (EVP_PKEY_get_octet_string_param(pair, OSSL_PKEY_PARAM_PUB_KEY,
					    encoded, sizeof(encoded),
					    &size) != 1)
		return false;
	if (size != POINT_SIZE || encoded[0] != 0x04)
		return false;
	memcpy(point, encoded, POINT_SIZE);
	return true;
}

static EVP_PKEY *from_params(OSSL_PARAM *params)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;

	/* reading the point checks that it is on the curve */
	if (ctx == NULL || params == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

EVP_PKEY *crypto_public(enum key_kind kind, struct view point)
{
	OSSL_PARAM_BLD *builder;
	OSSL_PARAM *params = NULL;
	EVP_PKEY *key;

	if (!is_curve(kind) || point.size != POINT_SIZE ||
	    point.data[0] != 0x04)
		return NULL;
	builder = OSSL_PARAM_BLD_new();
	if (builder != NULL &&
	    OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME,
					    groups[kind], 0) == 1 &&
	    OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY,
					     point.data, point.size) == 1)
		params = OSSL_PARAM_BLD_to_param(builder);
	key = from_params(params);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	return key;
}

static bool put_number(EVP_PKEY *pair, const char *name, unsigned int tag,
		       struct writer *out)
{
	uint8_t bytes[RSA_BITS / 8];
	BIGNUM *number = NULL;
	int size;

	if (EVP_PKEY_get_bn_param(pair, name, &number) != 1)
		return false;
	size = BN_num_bytes(number);
	if (size > 0 && (size_t)size <= sizeof(bytes)) {
		BN_bn2bin(number, bytes);
		put_byte(out, tag);
		put_length(out, (size_t)size);
		put_bytes(out, bytes, (size_t)size);
	}
	BN_free(number);
	return size > 0 && (size_t)size <= sizeof(bytes);
}

bool crypto_rsa_public(EVP_PKEY *pair, struct writer *out)
{
	return put_number(pair, OSSL_PKEY_PARAM_RSA_N, 0x81, out) &&
	       put_number(pair, OSSL_PKEY_PARAM_RSA_E, 0x82, out);
}

/* For ECDSA no hash is named, so libcrypto takes any length and truncates. */
static bool set_scheme(EVP_PKEY_CTX *ctx, const struct scheme *scheme)
{
	if (scheme->algorithm == SIGNATURE_ECDSA)
		return true;
	if (EVP_PKEY_CTX_set_rsa_padding(ctx,
					 scheme->algorithm == SIGNATURE_RSA_PSS
						 ? RSA_PKCS1_PSS_PADDING
						 : RSA_PKCS1_PADDING) != 1 ||
	    EVP_PKEY_CTX_set_signature_md(ctx, scheme->hash) != 1)
		return false;
	return scheme->algorithm != SIGNATURE_RSA_PSS ||
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) ==
		       1;
}

size_t crypto_sign(EVP_PKEY *pair, const struct scheme *scheme,
		   struct view digest, uint8_t signature[SIGNATURE_MAX])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pair, NULL);
	size_t size = SIGNATURE_MAX;

	if (ctx == NULL || EVP_PKEY_sign_init(ctx) != 1 ||
	    !set_scheme(ctx, scheme) ||
	    EVP_PKEY_sign(ctx, signature, &size, digest.data, digest.size) != 1)
		size = 0;
	EVP_PKEY_CTX_free(ctx);
	return size;
}

bool crypto_verify(EVP_PKEY *pair, const struct scheme *scheme,
		   struct view digest, struct view signature)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pair, NULL);
	bool good;

	good = ctx != NULL && EVP_PKEY_verify_init(ctx) == 1 &&
	       set_scheme(ctx, scheme) &&
	       EVP_PKEY_verify(ctx, signature.data, signature.size, digest.data,
			       digest.size) == 1;
	EVP_PKEY_CTX_free(ctx);
	return good;
}

bool crypto_signature_raw(const uint8_t *der, size_t der_size,
			  uint8_t raw[SIGNATURE_RAW_SIZE])
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)der_size);
	bool done;

	done = sig != NULL &&
	       BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, 32) == 32 &&
	       BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + 32, 32) == 32;
	ECDSA_SIG_free(sig);
	return done;
}

size_t crypto_signature_der(const uint8_t raw[SIGNATURE_RAW_SIZE],
			    uint8_t der[SIGNATURE_DER_MAX])
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(raw, 32, NULL);
	BIGNUM *s = BN_bin2bn(raw + 32, 32, NULL);
	int size = 0;

	if (sig != NULL && r != NULL && s != NULL &&
	    ECDSA_SIG_set0(sig, r, s) == 1) {
		size = i2d_ECDSA_SIG(sig, &der);
	} else {
		BN_free(r);
		BN_free(s);
	}
	ECDSA_SIG_free(sig);
	return size > 0 ? (size_t)size : 0;
}

bool crypto_random(uint8_t *data, size_t size)
{
	return size <= INT_MAX && RAND_bytes(data, (int)size) == 1;
}
