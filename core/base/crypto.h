/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files that use GnuTLS's primitives: public keys, certificates,
 * verification, and the encodings of signatures. */
#ifndef BASE_CRYPTO_H
#define BASE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <iotsafe/iotsafe.h>
#include "base/bytes.h"
#include "base/secret.h"

/* An uncompressed point 04 X Y of a 256-bit curve. */
#define CRYPTO_POINT_SIZE 65
#define CRYPTO_RS_MAX	  132

/* Kinds of algorithms, as bits. */
#define CRYPTO_ECDSA 0x0007
#define CRYPTO_PKCS1 0x6070
#define CRYPTO_PSS   0x0700

/* Records a code with GnuTLS's words for an error of its own behind ours. */
int crypto_failed(int code, int error, const char *what);

/* The hash's size in bytes for one algorithm, 0 for none. */
size_t crypto_hash_size(int algorithm);

/* The same for the block that its hash works on. */
size_t crypto_hash_block_size(int algorithm);

#define CRYPTO_HASH_MAX	 64
#define CRYPTO_STATE_MAX 64

/* Hashes data for one algorithm; `out` has CRYPTO_HASH_MAX bytes, or what the
 * algorithm's hash has. Gives that size; 0 where GnuTLS has no such hash. */
size_t crypto_hash(int algorithm, struct bytes data, uint8_t *out)
	FOR_MODULES(crypto_hash);

/* HKDF-Extract (RFC 5869) with the hash of an algorithm; `out` has
 * CRYPTO_HASH_MAX bytes. */
void crypto_hkdf_extract(int algorithm, struct bytes secret, struct bytes salt,
			 uint8_t *out);

/* P_SHA256 (RFC 5246 section 5); `seed` has the label in front. */
void crypto_prf(struct bytes secret, struct bytes seed, uint8_t *out,
		size_t size);

/* The chaining value behind whole blocks (FIPS 180-4): 32 bytes of SHA-256, 64
 * of the others. */
size_t crypto_hash_state(int algorithm, struct bytes blocks, uint8_t *out);

/*
 * DER SubjectPublicKeyInfo from an uncompressed point on P-256, or, as asked,
 * brainpoolP256r1. IOTSAFE_ERR_FORMAT if the point is not on P-256; whether
 * it is on the other curve GnuTLS cannot tell.
 */
int crypto_spki_from_point(struct bytes point, bool brainpool, uint8_t **out,
			   size_t *out_size);

/* The same from an RSA key's numbers, big-endian. */
int crypto_spki_from_rsa(struct bytes modulus, struct bytes exponent,
			 uint8_t **out, size_t *out_size);

/* The opposite, for either curve: the point, CRYPTO_POINT_SIZE bytes.
 * IOTSAFE_ERR_SUPPORT if it is another kind of key, IOTSAFE_ERR_ARG if the
 * point is not on P-256. */
int crypto_point_of_spki(struct bytes spki, uint8_t *point);

/* The SubjectPublicKeyInfo of a DER certificate, as it stands there. */
int crypto_spki_of_certificate(struct bytes certificate, uint8_t **out,
			       size_t *out_size)
	FOR_MODULES(crypto_spki_of_certificate);

/* Algorithms (enum iotsafe_algorithm) that a public key of this kind may
 * serve, and its size; 0 where GnuTLS cannot use the key. */
int crypto_spki_algorithms(struct bytes spki, unsigned *bits);

/* GnuTLS's number of the kind of key, and its size; GNUTLS_PK_UNKNOWN or less
 * where GnuTLS cannot use the key. */
int crypto_spki_kind(struct bytes spki, unsigned *bits);

/* Verifies r‖s (ECDSA) or a block (RSA) over a hash with one algorithm.
 * IOTSAFE_OK, or IOTSAFE_ERR_VERIFY without recording an error. */
int crypto_verify(struct bytes spki, int algorithm, struct bytes hash,
		  struct bytes signature);

/* DER ECDSA-Sig-Value from r‖s in two equal halves, and back into halves of
 * `half` bytes. False if it is none. */
bool crypto_rs_to_der(struct bytes rs, struct builder *out);
bool crypto_der_to_rs(struct bytes der, size_t half, uint8_t *rs);

/* False where r or s is zero or not below the curve's order: no signature. */
bool crypto_rs_is_possible(struct bytes rs, bool brainpool);

/* True if the bytes are one DER certificate, perhaps followed by padding;
 * cuts the padding off. */
bool crypto_certificate_trim(struct bytes *certificate);

/* Of the beginning of a certificate: false where it shows already that it is no
 * issuer of another one, or that it is a root. */
bool crypto_certificate_may_issue(struct bytes start, struct bytes certificate);
bool crypto_certificate_issued(struct bytes issuer, struct bytes certificate);
/* The same by its signature, and not by names alone. */
bool crypto_certificate_signed(struct bytes issuer, struct bytes certificate)
	FOR_MODULES(crypto_certificate_signed);
/* A certificate that may issue others (RFC 5280 4.2.1.9). */
bool crypto_certificate_is_ca(struct bytes certificate);
/* True where its time has passed, by the clock of the system. */
bool crypto_certificate_is_over(struct bytes certificate)
	FOR_MODULES(crypto_certificate_is_over);
/* A CA certificate signed by itself. */
bool crypto_certificate_is_root(struct bytes certificate)
	FOR_MODULES(crypto_certificate_is_root);

/* crypto_private.c: a private key as a card has it (PKCS #1, PKCS #8 or RFC
 * 5915, DER with anything behind it, or PEM), kept as PKCS #1 or RFC 5915.
 * IOTSAFE_ERR_FORMAT if it is none. */
int crypto_private_read(struct bytes raw, struct secret **out);
/* A hash becomes r‖s or a block; `room` bytes at most. */
int crypto_private_sign(const struct secret *key, int algorithm,
			struct bytes hash, uint8_t *out, size_t room,
			size_t *out_size);
/* PKCS#1 v1.5. */
int crypto_private_decrypt(const struct secret *key, struct bytes in,
			   uint8_t *out, size_t room, size_t *out_size);

/* GnuTLS's number of an algorithm. */
int crypto_sign_id(int algorithm);

/* Reads PEM or DER, all certificates that stand behind one another. Calls
 * `each` with the DER of every one, in order; ends with the first negative
 * result. */
int crypto_certificates_read(struct bytes data,
			     int (*each)(void *self, struct bytes certificate),
			     void *self) FOR_MODULES(crypto_certificates_read);

#endif
