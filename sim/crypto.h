/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_CRYPTO_H
#define SIM_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#define POINT_SIZE	   65 /* 04 X Y */
#define SIGNATURE_RAW_SIZE 64
#define SIGNATURE_DER_MAX  72
#define DIGEST_MAX	   64

/* A new P-256 key pair; NULL when libcrypto fails. */
EVP_PKEY *crypto_pair_new(void);
bool crypto_point(EVP_PKEY *pair, uint8_t point[POINT_SIZE]);
bool crypto_is_p256(EVP_PKEY *pair);

/*
 * ECDSA over a digest of 1 to 64 bytes; of more than 32 bytes the leftmost 256
 * bits count. Gives the DER form; returns its size, or 0.
 */
size_t crypto_sign(EVP_PKEY *pair, const uint8_t *digest, size_t digest_size,
		   uint8_t der[SIGNATURE_DER_MAX]);
bool crypto_signature_raw(const uint8_t *der, size_t der_size,
			  uint8_t raw[SIGNATURE_RAW_SIZE]);

bool crypto_random(uint8_t *data, size_t size);

#endif
