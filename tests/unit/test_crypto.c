/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Public keys, certificates and signatures in their forms; signatures that
 * real cards made. */
#include <criterion/criterion.h>
#include <gnutls/crypto.h>
#include <string.h>
#include "base/crypto.h"
#include "base/error.h"
#include "script.h"
#include "softpki.h"

static void sha256(const void *data, size_t size, uint8_t hash[32])
{
	cr_assert(gnutls_hash_fast(GNUTLS_DIG_SHA256, data, size, hash) == 0);
}

/* ---- signatures that were published ---- */

struct published {
	const char *point, *signature;
	const char *message; /* text, or */
	const char *bytes;   /* hexadecimal */
};

static struct published quantag = {
	.point = "04 D569954216F62264F01B78ED599898D1"
		 "2C436A4633505DA18B008D5529E09AF2"
		 "83ED5E453EDC8B5492704C1B8D488958"
		 "57442057335B39078AF27A9008DC1401",
	.signature = "343A117BF21D74315B9D7C4EB3EAF0CA"
		     "D125AD98FF0E14A02D9554C6274A663C"
		     "E3C0E9E19BEBFF3454694E95D7E1DA7A"
		     "B79A9242FEE41F063245A2C6B2C91A9B",
	.bytes = "0102030405060708",
};

static struct published thales = {
	.point = "04 954B6788AE9DB0647A8BFB3F700231C4"
		 "84928D1ECBFA5732E0EE053A54568A55"
		 "BE3B547FFC72E86D1273CCAF2A1153E1"
		 "A77DABF868199FC3BB3A05A88A8E1CFD",
	.signature = "C0C1B4B29EC17DD1838EF5B89C93C4EA"
		     "CC30104D1BED4BCF98C5A26306BBD73B"
		     "8032E0E945B41AB20733DE596CD15D23"
		     "2E1ED78E67E714F6A1491B34121DCE51",
	.message = "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJpZCI6IDQyLCJjbGFpb"
		   "VR5cGUiOiAiY2xhaW1UeXBlIiwiY2xhaW1VcmwiOiJjbGFpbVVybCIgfQ",
};

static void hash_of(const struct published *published, uint8_t hash[32])
{
	uint8_t bytes[16];

	if (published->message)
		sha256(published->message, strlen(published->message), hash);
	else
		sha256(bytes, unhex(published->bytes, bytes, sizeof(bytes)),
		       hash);
}

static void check_published(const struct published *published)
{
	uint8_t point[65], signature[64], hash[32], *der;
	struct bytes spki, hash_bytes = {hash, 32}, rs = {signature, 64};

	unhex(published->signature, signature, sizeof(signature));
	hash_of(published, hash);
	expect_good(crypto_spki_from_point(
		(struct bytes){point,
			       unhex(published->point, point, sizeof(point))},
		false, &der, &spki.size));
	spki.data = der;
	expect_good(crypto_verify(spki, IOTSAFE_ECDSA_SHA256, hash_bytes, rs));
	for (size_t i = 0; i < sizeof(signature); i++) {
		signature[i] ^= 0x10;
		cr_assert(crypto_verify(spki, IOTSAFE_ECDSA_SHA256, hash_bytes,
					rs) == IOTSAFE_ERR_VERIFY,
			  "byte %zu", i);
		signature[i] ^= 0x10;
	}
	hash[31] ^= 1;
	cr_assert(crypto_verify(spki, IOTSAFE_ECDSA_SHA256, hash_bytes, rs) ==
		  IOTSAFE_ERR_VERIFY);
	iotsafe_free(der);
}

Test(crypto, quantag_the_published_signature_verifies)
{
	check_published(&quantag);
}

Test(crypto, thales_the_published_token_verifies)
{
	check_published(&thales);
}

/* ---- signatures of our own making ---- */

static struct identity make(const char *name)
{
	return identity_make((struct identity_wish){.name = name});
}

static gnutls_privkey_t signer_of(const struct identity *identity)
{
	gnutls_privkey_t key;

	cr_assert(gnutls_privkey_init(&key) >= 0);
	cr_assert(gnutls_privkey_import_x509(key, identity->key, 0) >= 0);
	return key;
}

static struct bytes spki_of(const struct identity *identity, uint8_t **der)
{
	struct bytes spki;

	expect_good(crypto_spki_of_certificate(
		(struct bytes){identity->der.data, identity->der.size}, der,
		&spki.size));
	spki.data = *der;
	return spki;
}

struct size_case {
	int algorithm;
	gnutls_sign_algorithm_t sign;
	unsigned size;
};

static const struct size_case crypto_size_cases[] = {
	{IOTSAFE_ECDSA_SHA256, GNUTLS_SIGN_ECDSA_SHA256, 32},
	{IOTSAFE_ECDSA_SHA384, GNUTLS_SIGN_ECDSA_SHA384, 48},
	{IOTSAFE_ECDSA_SHA512, GNUTLS_SIGN_ECDSA_SHA512, 64},
};

static void check_crypto_size_case(const struct size_case *c)
{
	struct identity identity = make("a");
	gnutls_privkey_t key = signer_of(&identity);
	uint8_t hash[64], rs[64], *der;
	struct bytes spki = spki_of(&identity, &der);
	gnutls_datum_t data = {hash, c->size}, signature;

	memset(hash, 0xA5, sizeof(hash));
	cr_assert(gnutls_privkey_sign_hash2(key, c->sign, 0, &data,
					    &signature) >= 0);
	cr_assert(crypto_der_to_rs(
		(struct bytes){signature.data, signature.size}, 32, rs));
	expect_good(crypto_verify(spki, c->algorithm,
				  (struct bytes){hash, c->size},
				  (struct bytes){rs, 64}));
	gnutls_free(signature.data);
	gnutls_privkey_deinit(key);
	identity_free(&identity);
	iotsafe_free(der);
}

Test(crypto, p256_verifies_hashes_of_three_sizes)
{
	for (size_t i = 0; i < COUNT_OF(crypto_size_cases); i++)
		check_crypto_size_case(&crypto_size_cases[i]);
}

Test(crypto, rsa_verifies_a_block)
{
	struct identity identity =
		identity_make((struct identity_wish){.name = "a", .rsa = true});
	gnutls_privkey_t key = signer_of(&identity);
	uint8_t hash[32] = {1}, *der;
	struct bytes spki = spki_of(&identity, &der);
	gnutls_datum_t data = {hash, 32}, signature;
	struct bytes block;
	unsigned bits;

	cr_assert(crypto_spki_algorithms(spki, &bits) ==
		  (CRYPTO_PKCS1 | CRYPTO_PSS));
	cr_assert(bits == 2048);
	cr_assert(gnutls_privkey_sign_hash2(key, GNUTLS_SIGN_RSA_SHA256, 0,
					    &data, &signature) >= 0);
	block = (struct bytes){signature.data, signature.size};
	expect_good(crypto_verify(spki, IOTSAFE_RSA_PKCS1_SHA256,
				  (struct bytes){hash, 32}, block));
	cr_assert(crypto_verify(spki, IOTSAFE_RSA_PSS_SHA256,
				(struct bytes){hash, 32},
				block) == IOTSAFE_ERR_VERIFY);
	cr_assert(crypto_verify(spki, IOTSAFE_ECDSA_SHA256,
				(struct bytes){hash, 32},
				block) == IOTSAFE_ERR_VERIFY);
	gnutls_free(signature.data);
	gnutls_privkey_deinit(key);
	identity_free(&identity);
	iotsafe_free(der);
}

Test(crypto, nothing_verifies_without_a_key_or_an_algorithm)
{
	struct identity identity = make("a");
	uint8_t hash[32] = {1}, rs[64] = {1}, *der;
	struct bytes spki = spki_of(&identity, &der);
	struct bytes none = {NULL, 0};

	cr_assert(crypto_verify(none, IOTSAFE_ECDSA_SHA256,
				(struct bytes){hash, 32},
				(struct bytes){rs, 64}) == IOTSAFE_ERR_VERIFY);
	cr_assert(crypto_verify(spki, IOTSAFE_SHA256, (struct bytes){hash, 32},
				(struct bytes){rs, 64}) == IOTSAFE_ERR_VERIFY);
	cr_assert(crypto_verify(spki, IOTSAFE_ECDSA_SHA256,
				(struct bytes){hash, 32},
				none) == IOTSAFE_ERR_VERIFY);
	cr_assert(crypto_verify(spki, IOTSAFE_ECDSA_SHA256,
				(struct bytes){hash, 32},
				(struct bytes){rs, 63}) == IOTSAFE_ERR_VERIFY);
	identity_free(&identity);
	iotsafe_free(der);
}

/* ---- r and s ---- */

struct rs_case {
	const char *r, *s, *der;
};

static const struct rs_case crypto_rs_cases[] = {
	{"0000000000000000000000000000000000000000000000000000000000000"
	 "001",
	 "0000000000000000000000000000000000000000000000000000000000000"
	 "080",
	 "3007 020101 02020080"},
	{"7F00000000000000000000000000000000000000000000000000000000000"
	 "001",
	 "8000000000000000000000000000000000000000000000000000000000000"
	 "001",
	 "3045 "
	 "02207F0000000000000000000000000000000000000000000000000000000"
	 "0000001 "
	 "022100800000000000000000000000000000000000000000000000000000"
	 "0000000001"},
};

static void check_crypto_rs_case(const struct rs_case *c)
{
	uint8_t rs[64], back[64], wanted[80], *out;
	size_t size, wanted_size = unhex(c->der, wanted, sizeof(wanted));

	unhex(c->r, rs, 32);
	unhex(c->s, rs + 32, 32);
	expect_good(iotsafe_signature_to_der(rs, 64, &out, &size));
	cr_assert(size == wanted_size && !memcmp(out, wanted, size));
	cr_assert(crypto_der_to_rs((struct bytes){out, size}, 32, back));
	cr_assert(!memcmp(rs, back, 64));
	iotsafe_free(out);
}

Test(crypto, r_and_s_become_the_shortest_der)
{
	for (size_t i = 0; i < COUNT_OF(crypto_rs_cases); i++)
		check_crypto_rs_case(&crypto_rs_cases[i]);
}

Test(crypto, r_and_s_of_odd_sizes_are_refused)
{
	static const uint8_t rs[200];
	static const size_t bad[] = {0, 1, 63, 131, 133, 134, 200};
	uint8_t *out = (uint8_t *)1;
	size_t size = 1;

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		expect_error(iotsafe_signature_to_der(rs, bad[i], &out, &size),
			     IOTSAFE_ERR_ARG, "are not r and s");
		cr_assert(!out && !size);
	}
	expect_error(iotsafe_signature_to_der(NULL, 64, &out, &size),
		     IOTSAFE_ERR_ARG, "are not r and s");
	expect_good(iotsafe_signature_to_der(rs, 132, &out, &size));
	iotsafe_free(out);
}

struct der_case {
	const char *der;
	bool good;
};

static const struct der_case crypto_der_cases[] = {
	{"3006 020101 020101", true},
	/* needless zeros, which some applets write */
	{"3008 02020001 02020001", true},
	{"3006 020101 0201", false},
	{"3003 020101", false},
	{"3006 020101 040101", false},
	{"3106 020101 020101", false},
	{"", false},
	{"30", false},
	{"3026 020101 0221"
	 "01000000000000000000000000000000"
	 "0000000000000000000000000000000000",
	 false}, /* 33 bytes */
	{"3026 020101 0221"
	 "00FF0000000000000000000000000000"
	 "0000000000000000000000000000000000",
	 true},
};

static void check_crypto_der_case(const struct der_case *c)
{
	uint8_t der[64], rs[64];
	struct bytes in = {der, unhex(c->der, der, sizeof(der))};

	cr_assert(crypto_der_to_rs(in, 32, rs) == c->good, "%s", c->der);
}

Test(crypto, der_of_two_integers_is_read)
{
	for (size_t i = 0; i < COUNT_OF(crypto_der_cases); i++)
		check_crypto_der_case(&crypto_der_cases[i]);
}

/* ---- public keys ---- */

Test(crypto, a_point_must_be_on_its_curve)
{
	uint8_t point[66], *out = NULL;
	size_t size;

	unhex(quantag.point, point, sizeof(point));
	expect_good(crypto_spki_from_point((struct bytes){point, 65}, false,
					   &out, &size));
	cr_assert(size == 91 && !memcmp(out + 26, point, 65));
	iotsafe_free(out);
	expect_error(crypto_spki_from_point((struct bytes){point, 64}, false,
					    &out, &size),
		     IOTSAFE_ERR_FORMAT, "64 bytes are no uncompressed point");
	expect_error(crypto_spki_from_point((struct bytes){point, 0}, false,
					    &out, &size),
		     IOTSAFE_ERR_FORMAT, "no uncompressed point");
	point[40] ^= 1;
	expect_error(crypto_spki_from_point((struct bytes){point, 65}, false,
					    &out, &size),
		     IOTSAFE_ERR_FORMAT, "is not on P-256");
	point[40] ^= 1;
	point[0] = 0x03;
	expect_error(crypto_spki_from_point((struct bytes){point, 65}, false,
					    &out, &size),
		     IOTSAFE_ERR_FORMAT, "no uncompressed point");
}

Test(crypto, a_brainpool_key_has_a_form_but_no_use)
{
	/* The generator of brainpoolP256r1, RFC 5639 3.4. */
	static const char generator[] = "04 8BD2AEB9CB7E57CB2C4B482FFC81B7AF"
					"B9DE27E1E3BD23C23A4453BD9ACE3262"
					"547EF835C3DAC4FD97F8461A14611DC9"
					"C27745132DED8E545C1D54C72F046997";
	uint8_t point[65], *out;
	unsigned bits;
	size_t size;

	unhex(generator, point, sizeof(point));
	expect_good(crypto_spki_from_point((struct bytes){point, 65}, true,
					   &out, &size));
	cr_assert(size == 92);
	cr_assert(crypto_spki_algorithms((struct bytes){out, size}, &bits) ==
		  0);
	iotsafe_free(out);
}

Test(crypto, algorithms_have_names)
{
	for (int bit = 1; bit <= 0x400; bit <<= 1) {
		const char *name = iotsafe_algorithm_name(bit);

		if (bit & 0x777)
			cr_assert(name &&
				  iotsafe_algorithm_from_name(name) == bit);
		else
			cr_assert_null(name);
	}
	cr_assert_str_eq(iotsafe_algorithm_name(IOTSAFE_SHA384), "sha384");
	cr_assert(iotsafe_algorithm_from_name("sha512") == IOTSAFE_SHA512);
	cr_assert(iotsafe_algorithm_from_name("md5") == 0);
	cr_assert(iotsafe_algorithm_from_name(NULL) == 0);
	cr_assert_null(iotsafe_algorithm_name(0));
	cr_assert_null(iotsafe_algorithm_name(3));
}

/* ---- certificates ---- */

struct family {
	struct identity root, issuer, leaf;
};

static struct family make_family(void)
{
	struct family family;

	family.root = identity_make(
		(struct identity_wish){.name = "root", .ca = true});
	family.issuer = identity_make((struct identity_wish){
		.name = "issuer", .issuer = &family.root, .ca = true});
	family.leaf = identity_make((struct identity_wish){
		.name = "leaf", .issuer = &family.issuer});
	return family;
}

static void free_family(struct family *family)
{
	identity_free(&family->root);
	identity_free(&family->issuer);
	identity_free(&family->leaf);
}

static struct bytes der_of(const struct identity *identity)
{
	return (struct bytes){identity->der.data, identity->der.size};
}

Test(crypto, a_certificate_is_found_in_front_of_its_padding)
{
	struct identity identity = make("a");
	uint8_t file[2048] = {0};
	struct bytes in = {file, sizeof(file)};

	memcpy(file, identity.der.data, identity.der.size);
	cr_assert(crypto_certificate_trim(&in));
	cr_assert(in.size == identity.der.size);
	in = (struct bytes){file, identity.der.size - 1};
	cr_assert(!crypto_certificate_trim(&in));
	file[0] = 0x31;
	in = (struct bytes){file, sizeof(file)};
	cr_assert(!crypto_certificate_trim(&in) && in.size == sizeof(file));
	in.size = 0;
	cr_assert(!crypto_certificate_trim(&in));
	identity_free(&identity);
}

Test(crypto, looking_for_a_certificate_leaves_the_last_error_alone)
{
	uint8_t file[] = {0x30, 0x02, 0x05, 0x00};
	struct bytes in = {file, sizeof(file)};

	error_set(IOTSAFE_ERR_BUSY, "of before");
	cr_assert(!crypto_certificate_trim(&in));
	cr_assert(!crypto_certificate_is_root(in));
	cr_assert(!crypto_certificate_issued(in, in));
	cr_assert_str_eq(iotsafe_last_error(), "of before");
}

Test(crypto, knows_who_issued_whom)
{
	struct family family = make_family();

	cr_assert(crypto_certificate_issued(der_of(&family.issuer),
					    der_of(&family.leaf)));
	cr_assert(crypto_certificate_issued(der_of(&family.root),
					    der_of(&family.issuer)));
	cr_assert(!crypto_certificate_issued(der_of(&family.root),
					     der_of(&family.leaf)));
	cr_assert(!crypto_certificate_issued(der_of(&family.leaf),
					     der_of(&family.issuer)));
	free_family(&family);
}

Test(crypto, a_root_is_a_ca_that_signed_itself)
{
	struct family family = make_family();
	struct identity alone = make("alone");

	cr_assert(crypto_certificate_is_root(der_of(&family.root)));
	cr_assert(!crypto_certificate_is_root(der_of(&family.issuer)));
	cr_assert(!crypto_certificate_is_root(der_of(&family.leaf)));
	cr_assert(!crypto_certificate_is_root(der_of(&alone)), "no CA");
	identity_free(&alone);
	free_family(&family);
}

static int count_certificate(void *self, struct bytes certificate)
{
	unsigned *count = self;

	cr_assert(certificate.size > 100);
	return ++*count == 3 ? IOTSAFE_ERR_SUPPORT : IOTSAFE_OK;
}

Test(crypto, certificates_are_read_as_pem_or_der)
{
	struct family family = make_family();
	unsigned count = 0;
	uint8_t pem[8192];
	size_t size;

	expect_good(crypto_certificates_read(der_of(&family.leaf),
					     count_certificate, &count));
	cr_assert(count == 1);
	size = family.leaf.pem.size + family.issuer.pem.size;
	cr_assert(size < sizeof(pem));
	memcpy(pem, family.leaf.pem.data, family.leaf.pem.size);
	memcpy(pem + family.leaf.pem.size, family.issuer.pem.data,
	       family.issuer.pem.size);
	count = 0;
	expect_good(crypto_certificates_read((struct bytes){pem, size},
					     count_certificate, &count));
	cr_assert(count == 2);
	/* The first failure ends it, and nothing leaks. */
	count = 2;
	cr_assert(crypto_certificates_read((struct bytes){pem, size},
					   count_certificate,
					   &count) == IOTSAFE_ERR_SUPPORT);
	cr_assert(count == 3);
	expect_error(crypto_certificates_read((struct bytes){pem, 20},
					      count_certificate, &count),
		     IOTSAFE_ERR_FORMAT, "neither DER nor PEM");
	expect_error(crypto_certificates_read((struct bytes){pem, 0},
					      count_certificate, &count),
		     IOTSAFE_ERR_FORMAT, "neither DER nor PEM");
	free_family(&family);
}

Test(crypto, the_key_of_a_cut_certificate_is_not_found)
{
	struct identity identity = make("a");
	uint8_t *out;
	size_t size;

	for (size_t cut = 0; cut < identity.der.size; cut++)
		cr_assert(crypto_spki_of_certificate(
				  (struct bytes){identity.der.data, cut}, &out,
				  &size) == IOTSAFE_ERR_FORMAT,
			  "%zu", cut);
	identity_free(&identity);
}

struct back_case {
	const char *der;
	size_t half;
	const char *rs; /* NULL: it is none */
};

Test(signature, comes_back_from_der)
{
	static const struct back_case cases[] = {
		{"3006 020101 020102", 1, "0102"},
		{"3006 020101 020102", 3, "000001 000002"},
		{"3008 02020080 02020081", 1, "80 81"},
		/* too long for the halves, negative, padded, cut, more
		 * behind it, indefinite */
		{"3008 02020180 02020181", 1, NULL},
		{"3006 020181 020101", 1, NULL},
		{"3007 02020001 020101", 1, NULL},
		{"3006 020101 0201", 1, NULL},
		{"3006 020101 020102 00", 1, NULL},
		{"3080 020101 020102 0000", 1, NULL},
		{"", 32, NULL},
		{"3006 020101 020102", 0, NULL},
		{"3006 020101 020102", 67, NULL},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint8_t der[32], *out = (uint8_t *)1;
		size_t size = 1;
		int result = iotsafe_signature_from_der(
			der, unhex(cases[i].der, der, sizeof(der)),
			cases[i].half, &out, &size);

		cr_assert((result == 0) == (cases[i].rs != NULL), "%s",
			  cases[i].der);
		if (cases[i].rs)
			expect_bytes(out, size, cases[i].rs);
		else
			expect_error(result, IOTSAFE_ERR_ARG, "not the DER");
		cr_assert(cases[i].rs || (!out && !size));
	}
}

Test(signature, of_r_or_s_out_of_range_is_impossible)
{
	static const char order[] =
		"A9FB57DBA1EEA9BC3E660A909D838D718C397AA3B561A6F7901E0E82974856"
		"A7";
	uint8_t rs[64] = {[31] = 1, [63] = 1};

	cr_assert(crypto_rs_is_possible((struct bytes){rs, 64}, false));
	cr_assert(crypto_rs_is_possible((struct bytes){rs, 64}, true));
	cr_assert(!crypto_rs_is_possible((struct bytes){rs, 63}, false));
	/* The order of brainpoolP256r1 is below that of P-256. */
	unhex(order, rs, 32);
	cr_assert(crypto_rs_is_possible((struct bytes){rs, 64}, false));
	cr_assert(!crypto_rs_is_possible((struct bytes){rs, 64}, true));
	rs[31]--;
	cr_assert(crypto_rs_is_possible((struct bytes){rs, 64}, true));
	memset(rs, 0xFF, 32);
	cr_assert(!crypto_rs_is_possible((struct bytes){rs, 64}, false));
	memset(rs, 0, 32);
	cr_assert(!crypto_rs_is_possible((struct bytes){rs, 64}, false));
}

Test(algorithm, of_a_mac_has_a_name)
{
	cr_assert_str_eq(iotsafe_algorithm_name(IOTSAFE_AES_CMAC), "aes-cmac");
	cr_assert(iotsafe_algorithm_from_name("aes-cmac") == IOTSAFE_AES_CMAC);
	cr_assert(crypto_hash_size(IOTSAFE_AES_CMAC) == 0);
}
