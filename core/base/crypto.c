/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Public keys and signatures in the forms that cards, GnuTLS and callers use.
 */
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <string.h>
#include "base/crypto.h"
#include "base/crypto_datum.h"
#include "base/error.h"

static const struct algorithm {
	int bit;
	const char *name;
	gnutls_sign_algorithm_t sign;
	unsigned hash_size;
} algorithms[] = {
	{IOTSAFE_ECDSA_SHA256, "ecdsa-sha256", GNUTLS_SIGN_ECDSA_SHA256, 32},
	{IOTSAFE_ECDSA_SHA384, "ecdsa-sha384", GNUTLS_SIGN_ECDSA_SHA384, 48},
	{IOTSAFE_ECDSA_SHA512, "ecdsa-sha512", GNUTLS_SIGN_ECDSA_SHA512, 64},
	{IOTSAFE_RSA_PKCS1_SHA256, "rsa-pkcs1-sha256", GNUTLS_SIGN_RSA_SHA256,
	 32},
	{IOTSAFE_RSA_PKCS1_SHA384, "rsa-pkcs1-sha384", GNUTLS_SIGN_RSA_SHA384,
	 48},
	{IOTSAFE_RSA_PKCS1_SHA512, "rsa-pkcs1-sha512", GNUTLS_SIGN_RSA_SHA512,
	 64},
	{IOTSAFE_RSA_PKCS1_SHA1, "rsa-pkcs1-sha1", GNUTLS_SIGN_RSA_SHA1, 20},
	{IOTSAFE_RSA_PKCS1_SHA224, "rsa-pkcs1-sha224", GNUTLS_SIGN_RSA_SHA224,
	 28},
	{IOTSAFE_RSA_PSS_SHA256, "rsa-pss-sha256",
	 GNUTLS_SIGN_RSA_PSS_RSAE_SHA256, 32},
	{IOTSAFE_RSA_PSS_SHA384, "rsa-pss-sha384",
	 GNUTLS_SIGN_RSA_PSS_RSAE_SHA384, 48},
	{IOTSAFE_RSA_PSS_SHA512, "rsa-pss-sha512",
	 GNUTLS_SIGN_RSA_PSS_RSAE_SHA512, 64},
};

static const struct {
	int bits;
	const char *name;
} hashes[] = {
	{IOTSAFE_SHA256, "sha256"},
	{IOTSAFE_SHA384, "sha384"},
	{IOTSAFE_SHA512, "sha512"},
	{IOTSAFE_AES_CMAC, "aes-cmac"},
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const struct algorithm *find(int bit)
{
	for (size_t i = 0; i < COUNT_OF(algorithms); i++)
		if (algorithms[i].bit == bit)
			return &algorithms[i];
	return NULL;
}

const char *iotsafe_algorithm_name(int algorithm)
{
	const struct algorithm *found = find(algorithm);

	if (found)
		return found->name;
	for (size_t i = 0; i < COUNT_OF(hashes); i++)
		if (hashes[i].bits == algorithm)
			return hashes[i].name;
	return NULL;
}

int iotsafe_algorithm_from_name(const char *name)
{
	if (!name)
		return 0;
	for (size_t i = 0; i < COUNT_OF(algorithms); i++)
		if (!strcmp(algorithms[i].name, name))
			return algorithms[i].bit;
	for (size_t i = 0; i < COUNT_OF(hashes); i++)
		if (!strcmp(hashes[i].name, name))
			return hashes[i].bits;
	return 0;
}

size_t crypto_hash_size(int algorithm)
{
	const struct algorithm *found = find(algorithm);

	return found ? found->hash_size : 0;
}

int crypto_sign_id(int algorithm)
{
	const struct algorithm *found = find(algorithm);

	return found ? (int)found->sign : GNUTLS_SIGN_UNKNOWN;
}

int crypto_failed(int code, int error, const char *what)
{
	return error_set(code, "%s: %s", what, gnutls_strerror(error));
}

int datum_give(struct bytes from, gnutls_datum_t *out)
{
	out->data = gnutls_malloc(from.size ? from.size : 1);
	if (!out->data)
		return error_set(IOTSAFE_ERR_MEMORY, "no memory for %zu bytes",
				 from.size);
	memcpy(out->data, from.data, from.size);
	out->size = (unsigned)from.size;
	return IOTSAFE_OK;
}

/* AlgorithmIdentifier ecPublicKey with the curve's OID, and the head of the
 * bit string that holds the point (RFC 5480). */
static const uint8_t spki_p256[] = {
	0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48,
	0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86, 0x48,
	0xCE, 0x3D, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
};
/* brainpoolP256r1: RFC 5639 */
static const uint8_t spki_brainpool[] = {
	0x30, 0x5A, 0x30, 0x14, 0x06, 0x07, 0x2A, 0x86, 0x48,
	0xCE, 0x3D, 0x02, 0x01, 0x06, 0x09, 0x2B, 0x24, 0x03,
	0x03, 0x02, 0x08, 0x01, 0x01, 0x07, 0x03, 0x42, 0x00,
};

static bool import_spki(struct bytes spki, gnutls_pubkey_t *key)
{
	gnutls_datum_t data = datum_of(spki);

	if (gnutls_pubkey_init(key) < 0)
		return false;
	if (gnutls_pubkey_import(*key, &data, GNUTLS_X509_FMT_DER) >= 0)
		return true;
	gnutls_pubkey_deinit(*key);
	return false;
}

static bool is_usable(struct bytes spki)
{
	gnutls_pubkey_t key;
	bool usable;

	if (!import_spki(spki, &key))
		return false;
	usable = gnutls_pubkey_verify_params(key) >= 0;
	gnutls_pubkey_deinit(key);
	return usable;
}

int crypto_spki_from_point(struct bytes point, bool brainpool, uint8_t **out,
			   size_t *out_size)
{
	uint8_t der[sizeof(spki_brainpool) + CRYPTO_POINT_SIZE];
	struct builder spki = {der, 0, sizeof(der), false};

	if (point.size != CRYPTO_POINT_SIZE || point.data[0] != 0x04)
		return error_set(IOTSAFE_ERR_FORMAT,
				 "public key: %zu bytes are no uncompressed "
				 "point of 256 bits",
				 point.size);
	if (brainpool)
		build_bytes(&spki, spki_brainpool, sizeof(spki_brainpool));
	else
		build_bytes(&spki, spki_p256, sizeof(spki_p256));
	build_bytes(&spki, point.data, point.size);
	if (!brainpool && !is_usable((struct bytes){der, spki.size}))
		return error_set(IOTSAFE_ERR_FORMAT,
				 "public key: the point is not on P-256");
	return bytes_give(der, spki.size, out, out_size);
}

int crypto_spki_from_rsa(struct bytes modulus, struct bytes exponent,
			 uint8_t **out, size_t *out_size)
{
	gnutls_datum_t n = datum_of(modulus), e = datum_of(exponent);
	gnutls_datum_t der = {NULL, 0};
	gnutls_pubkey_t key;
	int result = gnutls_pubkey_init(&key);

	if (result < 0)
		return error_no_memory("public key");
	result = gnutls_pubkey_import_rsa_raw(key, &n, &e);
	if (result >= 0)
		result = gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &der);
	gnutls_pubkey_deinit(key);
	if (result < 0)
		return error_set(IOTSAFE_ERR_FORMAT,
				 "public key: no RSA key of %zu bytes",
				 modulus.size);
	result = bytes_give(der.data, der.size, out, out_size);
	gnutls_free(der.data);
	return result;
}

int crypto_point_of_spki(struct bytes spki, uint8_t *point)
{
	static const struct bytes heads[] = {
		{spki_p256, sizeof(spki_p256)},
		{spki_brainpool, sizeof(spki_brainpool)},
	};

	for (size_t i = 0; i < COUNT_OF(heads); i++) {
		if (spki.size != heads[i].size + CRYPTO_POINT_SIZE ||
		    memcmp(spki.data, heads[i].data, heads[i].size) != 0 ||
		    spki.data[heads[i].size] != 0x04)
			continue;
		/* The other curve only the card knows. */
		if (!i && !is_usable(spki))
			return error_set(IOTSAFE_ERR_ARG,
					 "public key: the point is not on "
					 "P-256");
		memcpy(point, spki.data + heads[i].size, CRYPTO_POINT_SIZE);
		return IOTSAFE_OK;
	}
	return error_set(IOTSAFE_ERR_SUPPORT,
			 "public key: %zu bytes are no SubjectPublicKeyInfo of "
			 "P-256 or brainpoolP256r1 with an uncompressed point",
			 spki.size);
}

int crypto_spki_kind(struct bytes spki, unsigned *bits)
{
	gnutls_pubkey_t key;
	int kind;

	*bits = 0;
	if (!spki.size || !import_spki(spki, &key))
		return GNUTLS_PK_UNKNOWN;
	kind = gnutls_pubkey_get_pk_algorithm(key, bits);
	gnutls_pubkey_deinit(key);
	return kind;
}

int crypto_spki_algorithms(struct bytes spki, unsigned *bits)
{
	switch (crypto_spki_kind(spki, bits)) {
	case GNUTLS_PK_ECDSA:
		return CRYPTO_ECDSA;
	case GNUTLS_PK_RSA:
		return CRYPTO_PKCS1 | CRYPTO_PSS;
	default:
		return 0;
	}
}

int crypto_verify(struct bytes spki, int algorithm, struct bytes hash,
		  struct bytes signature)
{
	const struct algorithm *found = find(algorithm);
	gnutls_datum_t hash_datum = datum_of(hash);
	gnutls_datum_t signature_datum = datum_of(signature);
	uint8_t der[CRYPTO_RS_MAX + 16];
	struct builder builder = {der, 0, sizeof(der), false};
	gnutls_pubkey_t key;
	int result;

	if (!found || !import_spki(spki, &key))
		return IOTSAFE_ERR_VERIFY;
	if (algorithm & CRYPTO_ECDSA) {
		if (!crypto_rs_to_der(signature, &builder))
			builder.size = 0;
		signature_datum = (gnutls_datum_t){der, (unsigned)builder.size};
	}
	/* Who asked for SHA-1 gets it checked; 3.7.9 answers 0, 3.8.9 answers 1
	 * for a good signature. */
	result = gnutls_pubkey_verify_hash2(key, found->sign,
					    GNUTLS_VERIFY_ALLOW_BROKEN,
					    &hash_datum, &signature_datum);
	gnutls_pubkey_deinit(key);
	return result >= 0 ? IOTSAFE_OK : IOTSAFE_ERR_VERIFY;
}

bool crypto_rs_to_der(struct bytes rs, struct builder *out)
{
	gnutls_datum_t r, s, der;

	if (!rs.size || rs.size % 2 || rs.size > CRYPTO_RS_MAX)
		return false;
	r = datum_of((struct bytes){rs.data, rs.size / 2});
	s = datum_of((struct bytes){rs.data + rs.size / 2, rs.size / 2});
	if (gnutls_encode_rs_value(&der, &r, &s) < 0)
		return false;
	build_bytes(out, der.data, der.size);
	gnutls_free(der.data);
	return !out->failed;
}

int iotsafe_signature_from_der(const uint8_t *data, size_t data_size,
			       size_t size, uint8_t **out, size_t *out_size)
{
	uint8_t rs[CRYPTO_RS_MAX], der[CRYPTO_RS_MAX + 16];
	struct builder again = {der, 0, sizeof(der), false};
	struct bytes in = {data, data_size};

	if (!bytes_ready(out, out_size))
		return error_set(IOTSAFE_ERR_ARG, "signature: no room given");
	/* DER has one form for everything: GnuTLS reads BER's others too. */
	if (!data || !size || size > CRYPTO_RS_MAX / 2 ||
	    data_size > sizeof(der) || !crypto_der_to_rs(in, size, rs) ||
	    !crypto_rs_to_der((struct bytes){rs, 2 * size}, &again) ||
	    !bytes_equal(in, (struct bytes){der, again.size}))
		return error_set(IOTSAFE_ERR_ARG,
				 "signature: %zu bytes are not the DER of r "
				 "and s of %zu bytes each",
				 data_size, size);
	return bytes_give(rs, 2 * size, out, out_size);
}

int iotsafe_signature_to_der(const uint8_t *data, size_t data_size,
			     uint8_t **out, size_t *out_size)
{
	uint8_t der[CRYPTO_RS_MAX + 16];
	struct builder builder = {der, 0, sizeof(der), false};

	if (!bytes_ready(out, out_size))
		return error_set(IOTSAFE_ERR_ARG, "signature: no room given");
	if (!data ||
	    !crypto_rs_to_der((struct bytes){data, data_size}, &builder))
		return error_set(IOTSAFE_ERR_ARG,
				 "signature: %zu bytes are not r and s",
				 data_size);
	return bytes_give(der, builder.size, out, out_size);
}

bool crypto_rs_is_possible(struct bytes rs, bool brainpool)
{
	/* SP 800-186 3.2.1.3, RFC 5639 3.4 */
	static const uint8_t orders[2][32] = {
		{0xFF, 0xFF, 0xFF, 0xFF, 0x00, 0x00, 0x00, 0x00,
		 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
		 0xBC, 0xE6, 0xFA, 0xAD, 0xA7, 0x17, 0x9E, 0x84,
		 0xF3, 0xB9, 0xCA, 0xC2, 0xFC, 0x63, 0x25, 0x51},
		{0xA9, 0xFB, 0x57, 0xDB, 0xA1, 0xEE, 0xA9, 0xBC,
		 0x3E, 0x66, 0x0A, 0x90, 0x9D, 0x83, 0x8D, 0x71,
		 0x8C, 0x39, 0x7A, 0xA3, 0xB5, 0x61, 0xA6, 0xF7,
		 0x90, 0x1E, 0x0E, 0x82, 0x97, 0x48, 0x56, 0xA7},
	};
	static const uint8_t zero[32];

	if (rs.size != 64)
		return false;
	for (int half = 0; half < 2; half++) {
		const uint8_t *number = rs.data + 32 * half;

		if (!memcmp(number, zero, 32) ||
		    memcmp(number, orders[brainpool], 32) >= 0)
			return false;
	}
	return true;
}

/* Right-aligns a big-endian number without its leading zeros. */
static bool pad_number(const gnutls_datum_t *number, size_t size, uint8_t *out)
{
	const uint8_t *data = number->data;
	size_t left = number->size;

	while (left > 1 && !*data) {
		data++;
		left--;
	}
	if (left > size)
		return false;
	memset(out, 0, size - left);
	memcpy(out + size - left, data, left);
	return true;
}

bool crypto_der_to_rs(struct bytes der, size_t half, uint8_t *rs)
{
	gnutls_datum_t data = datum_of(der);
	gnutls_datum_t r, s;
	bool fits;

	if (gnutls_decode_rs_value(&data, &r, &s) < 0)
		return false;
	fits = pad_number(&r, half, rs) && pad_number(&s, half, rs + half);
	gnutls_free(r.data);
	gnutls_free(s.data);
	return fits;
}
