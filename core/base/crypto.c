/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Public keys, certificates and signatures in the forms that cards, GnuTLS
 * and callers use. The only file below tls/ that includes GnuTLS.
 */
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <nettle/sha2.h>
#include <string.h>
#include "base/crypto.h"
#include "base/error.h"

static const struct algorithm {
	int bit;
	const char *name;
	gnutls_sign_algorithm_t sign;
	size_t hash_size;
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

size_t crypto_hash_block_size(int algorithm)
{
	return crypto_hash_size(algorithm) > SHA256_DIGEST_SIZE
		       ? SHA512_BLOCK_SIZE
		       : SHA256_BLOCK_SIZE;
}

/* GnuTLS's number of the hash. */
static gnutls_digest_algorithm_t digest_of(int algorithm)
{
	switch (crypto_hash_size(algorithm)) {
	case SHA512_DIGEST_SIZE:
		return GNUTLS_DIG_SHA512;
	case SHA384_DIGEST_SIZE:
		return GNUTLS_DIG_SHA384;
	default:
		return GNUTLS_DIG_SHA256;
	}
}

size_t crypto_hash(int algorithm, struct bytes data, uint8_t *out)
{
	gnutls_hash_fast(digest_of(algorithm), data.data, data.size, out);
	return crypto_hash_size(algorithm);
}

/* Without a hash nothing is computed, and `out` stays zero. */
void crypto_hkdf_extract(int algorithm, struct bytes secret, struct bytes salt,
			 uint8_t *out)
{
	/* Extract is an HMAC with the salt for its key. */
	memset(out, 0, CRYPTO_HASH_MAX);
	gnutls_hmac_fast((gnutls_mac_algorithm_t)digest_of(algorithm),
			 salt.data, salt.size, secret.data, secret.size, out);
}

void crypto_prf(struct bytes secret, struct bytes seed, uint8_t *out,
		size_t size)
{
	uint8_t a[SHA256_DIGEST_SIZE + 255], part[SHA256_DIGEST_SIZE];
	size_t seed_size = seed.size < 255 ? seed.size : 255;
	struct bytes in = seed;

	for (size_t done = 0; done < size; done += sizeof(part)) {
		size_t left = size - done;

		/* A(i) = HMAC(A(i - 1)); A(0) is the seed. */
		gnutls_hmac_fast(GNUTLS_MAC_SHA256, secret.data, secret.size,
				 in.data, in.size, part);
		memcpy(a, part, sizeof(part));
		memcpy(a + sizeof(part), seed.data, seed_size);
		gnutls_hmac_fast(GNUTLS_MAC_SHA256, secret.data, secret.size, a,
				 sizeof(part) + seed_size, part);
		memcpy(out + done, part,
		       left < sizeof(part) ? left : sizeof(part));
		in = (struct bytes){a, sizeof(part)};
	}
	bytes_wipe(a, sizeof(a));
	bytes_wipe(part, sizeof(part));
}

/* Big-endian words, in the order of their letters a to h. */
static void put_words(const void *words, size_t size, uint8_t *out)
{
	for (size_t i = 0; i < 8; i++)
		for (size_t j = 0; j < size; j++) {
			uint64_t word = size == 8
						? ((const uint64_t *)words)[i]
						: ((const uint32_t *)words)[i];

			*out++ = (uint8_t)(word >> (8 * (size - 1 - j)));
		}
}

size_t crypto_hash_state(int algorithm, struct bytes blocks, uint8_t *out)
{
	struct sha256_ctx small;
	struct sha512_ctx large;

	if (crypto_hash_size(algorithm) == SHA256_DIGEST_SIZE) {
		sha256_init(&small);
		sha256_update(&small, blocks.size, blocks.data);
		put_words(small.state, sizeof(small.state[0]), out);
		return sizeof(small.state);
	}
	if (crypto_hash_size(algorithm) == SHA384_DIGEST_SIZE)
		sha384_init(&large);
	else
		sha512_init(&large);
	sha512_update(&large, blocks.size, blocks.data);
	put_words(large.state, sizeof(large.state[0]), out);
	return sizeof(large.state);
}

/* GnuTLS only reads what its inputs point to; its type has no const. */
static gnutls_datum_t datum(struct bytes bytes)
{
	union {
		const uint8_t *in;
		uint8_t *out;
	} data = {.in = bytes.data};

	return (gnutls_datum_t){data.out, (unsigned)bytes.size};
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

static bool is_usable(struct bytes spki)
{
	gnutls_datum_t data = datum(spki);
	gnutls_pubkey_t key;
	bool usable;

	if (gnutls_pubkey_init(&key) < 0)
		return false;
	usable = gnutls_pubkey_import(key, &data, GNUTLS_X509_FMT_DER) >= 0 &&
		 gnutls_pubkey_verify_params(key) >= 0;
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
	gnutls_datum_t n = datum(modulus), e = datum(exponent);
	gnutls_datum_t der = {NULL, 0};
	gnutls_pubkey_t key;
	int result = gnutls_pubkey_init(&key);

	if (result < 0)
		return error_set(IOTSAFE_ERR_MEMORY, "public key: no memory");
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

/* Whether bytes are a certificate is a question, so that no is no error. */
static bool import_certificate(struct bytes der, gnutls_x509_crt_t *out)
{
	gnutls_datum_t data = datum(der);

	if (gnutls_x509_crt_init(out) < 0)
		return false;
	if (gnutls_x509_crt_import(*out, &data, GNUTLS_X509_FMT_DER) >= 0)
		return true;
	gnutls_x509_crt_deinit(*out);
	return false;
}

/* RFC 5280 4.1: Certificate { tbsCertificate { [0] version, serialNumber,
 * signature, issuer, validity, subject, subjectPublicKeyInfo … } … }. Taken
 * as it stands there, so that keys GnuTLS cannot use are told apart too. */
int crypto_spki_of_certificate(struct bytes certificate, uint8_t **out,
			       size_t *out_size)
{
	struct tlv outer, tbs, field = {0};
	const uint8_t *start;
	struct bytes rest;

	if (!tlv_next(&certificate, &outer) || outer.tag != 0x30 ||
	    !tlv_next(&outer.value, &tbs) || tbs.tag != 0x30)
		goto bad;
	rest = tbs.value;
	if (rest.size && rest.data[0] == 0xA0)
		tlv_next(&rest, &field);
	for (int i = 0; i < 5; i++)
		if (!tlv_next(&rest, &field))
			goto bad;
	start = rest.data;
	if (!tlv_next(&rest, &field) || field.tag != 0x30)
		goto bad;
	return bytes_give(start, (size_t)(rest.data - start), out, out_size);
bad:
	return error_set(IOTSAFE_ERR_FORMAT,
			 "certificate: its public key cannot be found");
}

static bool import_spki(struct bytes spki, gnutls_pubkey_t *key)
{
	gnutls_datum_t data = datum(spki);

	if (gnutls_pubkey_init(key) < 0)
		return false;
	if (gnutls_pubkey_import(*key, &data, GNUTLS_X509_FMT_DER) >= 0)
		return true;
	gnutls_pubkey_deinit(*key);
	return false;
}

int crypto_spki_algorithms(struct bytes spki, unsigned *bits)
{
	gnutls_pubkey_t key;
	int algorithm;

	*bits = 0;
	if (!spki.size || !import_spki(spki, &key))
		return 0;
	algorithm = gnutls_pubkey_get_pk_algorithm(key, bits);
	gnutls_pubkey_deinit(key);
	switch (algorithm) {
	case GNUTLS_PK_ECDSA:
		return IOTSAFE_ECDSA_SHA256 | IOTSAFE_ECDSA_SHA384 |
		       IOTSAFE_ECDSA_SHA512;
	case GNUTLS_PK_RSA:
		return 0x770;
	default:
		return 0;
	}
}

int crypto_verify(struct bytes spki, int algorithm, struct bytes hash,
		  struct bytes signature)
{
	const struct algorithm *found = find(algorithm);
	gnutls_datum_t hash_datum = datum(hash);
	gnutls_datum_t signature_datum = datum(signature);
	uint8_t der[CRYPTO_RS_MAX + 16];
	struct builder builder = {der, 0, sizeof(der), false};
	gnutls_pubkey_t key;
	int result;

	if (!found || !import_spki(spki, &key))
		return IOTSAFE_ERR_VERIFY;
	if (algorithm & 0x007) {
		if (!crypto_rs_to_der(signature, &builder))
			builder.size = 0;
		signature_datum = (gnutls_datum_t){der, (unsigned)builder.size};
	}
	/* 3.7.9 answers 0, 3.8.9 answers 1 for a good signature. */
	result = gnutls_pubkey_verify_hash2(key, found->sign, 0, &hash_datum,
					    &signature_datum);
	gnutls_pubkey_deinit(key);
	return result >= 0 ? IOTSAFE_OK : IOTSAFE_ERR_VERIFY;
}

bool crypto_rs_to_der(struct bytes rs, struct builder *out)
{
	gnutls_datum_t r, s, der;

	if (!rs.size || rs.size % 2 || rs.size > CRYPTO_RS_MAX)
		return false;
	r = datum((struct bytes){rs.data, rs.size / 2});
	s = datum((struct bytes){rs.data + rs.size / 2, rs.size / 2});
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

int iotsafe_hkdf_expand(int algorithm, const uint8_t *secret,
			size_t secret_size, const uint8_t *data,
			size_t data_size, size_t size, uint8_t **out,
			size_t *out_size)
{
	const int bit = algorithm & 0x7;
	gnutls_datum_t key = datum((struct bytes){secret, secret_size});
	gnutls_datum_t info = datum((struct bytes){data, data_size});
	int error;

	if (!bytes_ready(out, out_size) || !secret || (data_size && !data) ||
	    !crypto_hash_size(bit) || !size ||
	    size > 255 * crypto_hash_size(bit))
		return error_set(IOTSAFE_ERR_ARG,
				 "HKDF-Expand: a hash, a secret, and 1 to 255 "
				 "times the hash's size");
	*out = bytes_room(size);
	if (!*out)
		return IOTSAFE_ERR_MEMORY;
	/* Their numbers of a hash and of its HMAC are the same. */
	error = gnutls_hkdf_expand((gnutls_mac_algorithm_t)digest_of(bit), &key,
				   &info, *out, size);
	if (error < 0) {
		iotsafe_free(*out);
		*out = NULL;
		return error_set(IOTSAFE_ERR_ARG, "HKDF-Expand: %s",
				 gnutls_strerror(error));
	}
	*out_size = size;
	return IOTSAFE_OK;
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
	gnutls_datum_t data = datum(der);
	gnutls_datum_t r, s;
	bool fits;

	if (gnutls_decode_rs_value(&data, &r, &s) < 0)
		return false;
	fits = pad_number(&r, half, rs) && pad_number(&s, half, rs + half);
	gnutls_free(r.data);
	gnutls_free(s.data);
	return fits;
}

bool crypto_certificate_trim(struct bytes *certificate)
{
	struct bytes rest = *certificate;
	struct tlv outer;
	gnutls_x509_crt_t crt;

	if (!tlv_next(&rest, &outer) || outer.tag != 0x30)
		return false;
	rest = (struct bytes){certificate->data,
			      (size_t)(rest.data - certificate->data)};
	if (!import_certificate(rest, &crt))
		return false;
	gnutls_x509_crt_deinit(crt);
	*certificate = rest;
	return true;
}

bool crypto_certificate_issued(struct bytes issuer, struct bytes certificate)
{
	gnutls_x509_crt_t upper, lower;
	bool issued;

	if (!import_certificate(issuer, &upper))
		return false;
	if (!import_certificate(certificate, &lower)) {
		gnutls_x509_crt_deinit(upper);
		return false;
	}
	issued = gnutls_x509_crt_check_issuer(lower, upper) == 1;
	gnutls_x509_crt_deinit(upper);
	gnutls_x509_crt_deinit(lower);
	return issued;
}

/* RFC 5280 4.2.1.9. */
static bool is_ca(gnutls_x509_crt_t crt)
{
	unsigned critical, ca = 0;

	return gnutls_x509_crt_get_basic_constraints(crt, &critical, &ca,
						     NULL) >= 0 &&
	       ca;
}

bool crypto_certificate_is_ca(struct bytes certificate)
{
	gnutls_x509_crt_t crt;
	bool ca;

	if (!import_certificate(certificate, &crt))
		return false;
	ca = is_ca(crt);
	gnutls_x509_crt_deinit(crt);
	return ca;
}

bool crypto_certificate_is_root(struct bytes certificate)
{
	gnutls_x509_crt_t crt;
	unsigned status = 0;
	bool root;

	if (!import_certificate(certificate, &crt))
		return false;
	/* The time is the verifier's business, not ours. */
	root = gnutls_x509_crt_check_issuer(crt, crt) == 1 && is_ca(crt) &&
	       gnutls_x509_crt_verify(crt, &crt, 1,
				      GNUTLS_VERIFY_DISABLE_TIME_CHECKS,
				      &status) >= 0 &&
	       !status;
	gnutls_x509_crt_deinit(crt);
	return root;
}

static int give_each(gnutls_x509_crt_t *list, unsigned count,
		     int (*each)(void *self, struct bytes certificate),
		     void *self)
{
	int result = IOTSAFE_OK;

	for (unsigned i = 0; i < count; i++) {
		gnutls_datum_t der;

		if (result >= 0 &&
		    gnutls_x509_crt_export2(list[i], GNUTLS_X509_FMT_DER,
					    &der) >= 0) {
			result = each(self, (struct bytes){der.data, der.size});
			gnutls_free(der.data);
		}
		gnutls_x509_crt_deinit(list[i]);
	}
	gnutls_free(list);
	return result;
}

int crypto_certificates_read(struct bytes data,
			     int (*each)(void *self, struct bytes certificate),
			     void *self)
{
	gnutls_datum_t text = datum(data);
	gnutls_x509_crt_t *list;
	unsigned count;
	int error;

	if (crypto_certificate_trim(&data))
		return each(self, data);
	error = gnutls_x509_crt_list_import2(&list, &count, &text,
					     GNUTLS_X509_FMT_PEM, 0);
	if (error < 0)
		return error_set(IOTSAFE_ERR_FORMAT,
				 "certificate: neither DER nor PEM (%s)",
				 gnutls_strerror(error));
	return give_each(list, count, each, self);
}
