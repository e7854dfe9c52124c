/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_CRYPTO_H
#define SIM_CRYPTO_H

#include "bytes.h"

#include <openssl/evp.h>

#define POINT_SIZE	   65 /* 04 X Y */
#define SIGNATURE_RAW_SIZE 64
#define SIGNATURE_DER_MAX  72
#define SIGNATURE_MAX	   256 /* RSA-2048 */
#define DIGEST_MAX	   64
#define SHARED_SIZE	   32
#define MAC_SIZE	   16
#define RSA_PUBLIC_MAX	   280

/* The kinds of key pair a card may have. */
enum key_kind { KEY_NONE, KEY_P256, KEY_BRAINPOOL, KEY_RSA };

/* How a key signs: the bits of tag 92. */
enum {
	SIGNATURE_RSA_PKCS1 = 0x01,
	SIGNATURE_RSA_PSS = 0x02,
	SIGNATURE_ECDSA = 0x04,
	SIGNATURE_CMAC = 0x08
};

struct scheme {
	unsigned int algorithm;
	const EVP_MD *hash;
};

/* A new key pair; NULL when libcrypto fails. */
EVP_PKEY *crypto_pair_new(enum key_kind kind);
/* KEY_NONE when no card has such a key. */
enum key_kind crypto_kind(EVP_PKEY *pair);
const char *crypto_kind_name(enum key_kind kind);
bool crypto_point(EVP_PKEY *pair, uint8_t point[POINT_SIZE]);
/* The key of the point 04 X Y; NULL when that is not on the curve. */
EVP_PKEY *crypto_public(enum key_kind kind, struct view point);
/* Modulus and exponent of an RSA key: 81 82 01 00 n 82 03 e. */
bool crypto_rsa_public(EVP_PKEY *pair, struct writer *out);

/*
 * ECDSA takes a digest of 1 to 64 bytes, and of more than 32 bytes the leftmost
 * 256 bits count; RSA takes one of the hash's length. An ECDSA signature is in
 * DER here. The size of the signature, or 0.
 */
size_t crypto_sign(EVP_PKEY *pair, const struct scheme *scheme,
		   struct view digest, uint8_t signature[SIGNATURE_MAX]);
bool crypto_verify(EVP_PKEY *pair, const struct scheme *scheme,
		   struct view digest, struct view signature);
bool crypto_signature_raw(const uint8_t *der, size_t der_size,
			  uint8_t raw[SIGNATURE_RAW_SIZE]);
/* The other way; the size, or 0. */
size_t crypto_signature_der(const uint8_t raw[SIGNATURE_RAW_SIZE],
			    uint8_t der[SIGNATURE_DER_MAX]);

bool crypto_random(uint8_t *data, size_t size);

#endif
