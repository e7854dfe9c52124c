// SPDX-License-Identifier: LGPL-2.1-or-later
/* The card's cryptography: P-256 pairs, ECDSA and random bytes by libcrypto. */
#include "crypto.h"

#include <limits.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/rand.h>

EVP_PKEY *crypto_pair_new(void)
{
	return EVP_EC_gen("P-256");
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

bool crypto_is_p256(EVP_PKEY *pair)
{
	char group[32];
	size_t size;

	return EVP_PKEY_get_group_name(pair, group, sizeof(group), &size) ==
		       1 &&
	       strcmp(group, "prime256v1") == 0;
}

size_t crypto_sign(EVP_PKEY *pair, const uint8_t *digest, size_t digest_size,
		   uint8_t der[SIGNATURE_DER_MAX])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pair, NULL);
	size_t size = SIGNATURE_DER_MAX;

	/* No hash is named, so libcrypto takes any length and truncates. */
	if (ctx == NULL || EVP_PKEY_sign_init(ctx) != 1 ||
	    EVP_PKEY_sign(ctx, der, &size, digest, digest_size) != 1)
		size = 0;
	EVP_PKEY_CTX_free(ctx);
	return size;
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

bool crypto_random(uint8_t *data, size_t size)
{
	return size <= INT_MAX && RAND_bytes(data, (int)size) == 1;
}
