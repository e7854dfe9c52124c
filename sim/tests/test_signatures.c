// SPDX-License-Identifier: LGPL-2.1-or-later
/* Every algorithm, hash and mode: signed by the card, checked by libcrypto, and
 * verified by the card. */
#include "bench.h"

#include <criterion/criterion.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>

static struct bench b;

static void setup(void)
{
	bench_open(&b, "full", NULL, NULL);
	bench_select(&b);
}

static void teardown(void)
{
	bench_close(&b);
}

static void again(const char *profile, const char *quirks, const char *faults)
{
	bench_close(&b);
	bench_open(&b, profile, quirks, faults);
	bench_select(&b);
}

#define does(header, data, expected)                                           \
	cr_assert_str_eq(bench_do(&b, header, data), expected)

TestSuite(signatures, .init = setup, .fini = teardown);

static const char hello[] = "68656C6C6F";

static const struct scheme_row {
	unsigned int id, algorithm;
	size_t size; /* of the value */
} schemes[] = {{0x01, 0x04, 64},
	       {0x07, 0x04, 64},
	       {0x08, 0x01, 256},
	       {0x08, 0x02, 256}};

static const struct hash_row {
	unsigned int number;
	const char *name, *start;
} hashes[] = {
	{1, "SHA256",
	 "6A09E667BB67AE853C6EF372A54FF53A510E527F9B05688C1F83D9AB5BE0CD19"},
	{2, "SHA384",
	 "CBBB9D5DC1059ED8629A292A367CD5079159015A3070DD17152FECD8F70E5939"
	 "67332667FFC00B318EB44A8768581511DB0C2E0D64F98FA747B5481DBEFA4FA4"},
	{4, "SHA512",
	 "6A09E667F3BCC908BB67AE8584CAA73B3C6EF372FE94F82BA54FF53A5F1D36F1"
	 "510E527FADE682D19B05688C2B3E6C1F1F83D9ABFB41BD6B5BE0CD19137E2179"},
};

static const char *init_of(unsigned int tag, const struct scheme_row *scheme,
			   const struct hash_row *hash, unsigned int mode)
{
	static char text[64];

	snprintf(text, sizeof(text), "%02X01%02X A101%02X 9102%04X 9201%02X",
		 tag, scheme->id, mode, hash->number, scheme->algorithm);
	return text;
}

/* The data of UPDATE for "hello" in a mode. */
static const char *update_of(const struct hash_row *hash, unsigned int mode)
{
	static char text[512];
	uint8_t digest[64];
	size_t size;
	char hex[129];

	EVP_Q_digest(NULL, hash->name, NULL, "hello", 5, digest, &size);
	hex_encode(digest, size, hex);
	if (mode == 1)
		snprintf(text, sizeof(text), "9B05%s", hello);
	else if (mode == 2)
		snprintf(text, sizeof(text), "9A05%s 9C%02zX%s 9D0400000000",
			 hello, strlen(hash->start) / 2, hash->start);
	else
		snprintf(text, sizeof(text), "9E%02zX%s", size, hex);
	return text;
}

static EVP_PKEY *key_of(const struct scheme_row *scheme)
{
	uint8_t id = (uint8_t)scheme->id;
	struct tlv name = {.tag = 0x84, .value = view_of(&id, 1)};

	return b.personal.pairs[personal_find(&b.personal, CLASS_PRIVATE, &name)
					->row->pair];
}

static int der_of(const uint8_t *r_s, uint8_t **der)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	int size;

	ECDSA_SIG_set0(sig, BN_bin2bn(r_s, 32, NULL),
		       BN_bin2bn(r_s + 32, 32, NULL));
	size = i2d_ECDSA_SIG(sig, der);
	ECDSA_SIG_free(sig);
	return size;
}

/* Is this a signature of "hello", says libcrypto, hashing itself? */
static bool good(const struct scheme_row *scheme, const struct hash_row *hash,
		 const uint8_t *value, size_t size)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *more;
	uint8_t *der = NULL;
	int result;

	if (scheme->algorithm == 0x04) {
		size = (size_t)der_of(value, &der);
		value = der;
	}
	EVP_DigestVerifyInit_ex(ctx, &more, hash->name, NULL, NULL,
				key_of(scheme), NULL);
	if (scheme->algorithm == 0x02) {
		EVP_PKEY_CTX_set_rsa_padding(more, RSA_PKCS1_PSS_PADDING);
		EVP_PKEY_CTX_set_rsa_pss_saltlen(more, RSA_PSS_SALTLEN_DIGEST);
	}
	result =
		EVP_DigestVerify(ctx, value, size, (const uint8_t *)"hello", 5);
	EVP_MD_CTX_free(ctx);
	OPENSSL_free(der);
	return result == 1;
}

/* Signs in a mode; the value of tag 33 in hex behind its two-byte length. */
static const char *sign(const struct scheme_row *scheme,
			const struct hash_row *hash, unsigned int mode)
{
	const char *answer;

	does("812A0001", init_of(0x84, scheme, hash, mode), "9000");
	answer = bench_do(&b, "812B8001", update_of(hash, mode));
	cr_assert_eq(strlen(answer), 2 * (3 + scheme->size) + 4, "%s", answer);
	cr_assert_str_eq(answer + strlen(answer) - 4, "9000");
	return answer;
}

Test(signatures, are_good_in_every_mode_hash_and_algorithm)
{
	for (size_t s = 0; s < 4; s++)
		for (size_t h = 0; h < 3; h++)
			for (unsigned int mode = 1; mode <= 3; mode++) {
				uint8_t value[256];
				const char *answer =
					sign(&schemes[s], &hashes[h], mode);

				hex_decode(answer + 6, 2 * schemes[s].size,
					   value, sizeof(value));
				cr_assert(good(&schemes[s], &hashes[h], value,
					       schemes[s].size),
					  "%zu %s %u", s, hashes[h].name, mode);
			}
}

/* One UPDATE for ECDSA; RSA's signature comes in two pieces of its own. */
static const char *verify(const struct scheme_row *scheme,
			  const struct hash_row *hash, unsigned int mode,
			  const char *tag33)
{
	static char data[2048];

	does("812C0002", init_of(0x85, scheme, hash, mode), "9000");
	if (scheme->size == 64) {
		snprintf(data, sizeof(data), "%s %s", update_of(hash, mode),
			 tag33);
		return bench_do(&b, "812D8002", data);
	}
	does("812D0002", update_of(hash, mode), "9000");
	snprintf(data, sizeof(data), "%.300s", tag33);
	does("812D0002", data, "9000");
	return bench_do(&b, "812D8002", tag33 + 300);
}

static void swap_last(char *hex)
{
	char *last = hex + strlen(hex) - 1;

	*last = *last == '0' ? '1' : '0';
}

Test(signatures, are_verified_in_every_mode_hash_and_algorithm)
{
	for (size_t s = 0; s < 4; s++)
		for (size_t h = 0; h < 3; h++)
			for (unsigned int mode = 1; mode <= 3; mode++) {
				char tag33[600];

				snprintf(tag33, sizeof(tag33), "%s",
					 sign(&schemes[s], &hashes[h], mode));
				tag33[strlen(tag33) - 4] = '\0';
				cr_assert_str_eq(verify(&schemes[s], &hashes[h],
							mode, tag33),
						 "9000", "%zu %s %u", s,
						 hashes[h].name, mode);
				swap_last(tag33);
				cr_assert_str_eq(verify(&schemes[s], &hashes[h],
							mode, tag33),
						 "6D01", "%zu %s %u", s,
						 hashes[h].name, mode);
			}
}

#define INIT_1 "850101 A10101 91020001 920104"
#define INIT_3 "850101 A10103 91020001 920104"
#define DIGEST                                                                 \
	"9E20 2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824"

static char value[129];

static void sign_hello(void)
{
	snprintf(value, sizeof(value), "%.128s",
		 sign(&schemes[0], &hashes[0], 1) + 6);
}

static const char *verifies(const char *init, const char *message,
			    const char *head)
{
	char data[512];

	does("812C0002", init, "9000");
	snprintf(data, sizeof(data), "%s %s %s", message, head, value);
	return bench_do(&b, "812D8002", data);
}

Test(signatures, are_verified_with_every_length_of_tag_33)
{
	static const char *const heads[] = {"3340", "330040", "338140",
					    "33820040"};
	static const char *const texts[] = {
		"9B05 68656C6C6F", "9B8105 68656C6C6F", "9B820005 68656C6C6F",
		"9B000005 68656C6C6F"};

	sign_hello();
	for (size_t i = 0; i < 4; i++) {
		cr_assert_str_eq(verifies(INIT_3, DIGEST, heads[i]), "9000");
		for (size_t k = 0; k < 4; k++)
			cr_assert_str_eq(verifies(INIT_1, texts[k], heads[i]),
					 "9000", "%s %s", texts[k], heads[i]);
	}
	again("full", "strict-33", NULL);
	sign_hello();
	cr_assert_str_eq(verifies(INIT_3, DIGEST, "330040"), "9000");
	cr_assert_str_eq(verifies(INIT_3, DIGEST, "3340"), "6A80");
	again("full", "strict-33,sig8", NULL);
	does("812A0001", "840101 A10103 91020001 920104", "9000");
	snprintf(value, sizeof(value), "%.128s",
		 bench_do(&b, "812B8001", DIGEST) + 4);
	cr_assert_str_eq(verifies(INIT_3, DIGEST, "3340"), "9000");
	cr_assert_str_eq(verifies(INIT_3, DIGEST, "330040"), "6A80");
}

Test(signatures, of_a_text_in_several_commands_are_verified)
{
	char data[256];

	sign_hello();
	does("812C0002", INIT_1, "9000");
	does("812D0002", "9B02 6865", "9000");
	snprintf(data, sizeof(data), "9B03 6C6C6F 3340 %s", value);
	does("812D8002", data, "9000");
	does("812C0002", INIT_1, "9000");
	does("812D0002", "9B05 6865", "9000");
	snprintf(data, sizeof(data), "6C6C6F 330040 %s", value);
	does("812D8002", data, "9000");
	does("812C0002", INIT_1, "9000");
	does("812D0002", "9B05 68656C6C6F", "9000");
	snprintf(data, sizeof(data), "330040 %s", value);
	does("812D8002", data, "9000");
}

Test(signatures, that_are_no_signatures_do_not_match)
{
	static const char zero[] = "00000000000000000000000000000000"
				   "00000000000000000000000000000000";
	static const char order[] = "FFFFFFFF00000000FFFFFFFFFFFFFFFF"
				    "BCE6FAADA7179E84F3B9CAC2FC632551";
	char good_value[129];

	sign_hello();
	strcpy(good_value, value);
	memcpy(value, zero, 64);
	cr_assert_str_eq(verifies(INIT_3, DIGEST, "3340"), "6D01");
	strcpy(value, good_value);
	memcpy(value + 64, zero, 64);
	cr_assert_str_eq(verifies(INIT_3, DIGEST, "3340"), "6D01");
	strcpy(value, good_value);
	memcpy(value + 64, order, 64);
	cr_assert_str_eq(verifies(INIT_3, DIGEST, "3340"), "6D01");
	/* of another key */
	strcpy(value, good_value);
	cr_assert_str_eq(
		verifies("85010B A10103 91020001 920104", DIGEST, "3340"),
		"6D01");
	cr_assert_str_eq(verifies(INIT_3, DIGEST, "3340"), "9000");
}

Test(signatures, to_verify_must_be_well_formed)
{
	sign_hello();
	cr_assert_str_eq(verifies(INIT_3, DIGEST, "3341"), "6985");
	cr_assert_str_eq(verifies(INIT_3, DIGEST, "3440"), "6985");
	cr_assert_str_eq(verifies(INIT_3, "9E1F 00", "3340"), "6985");
	cr_assert_str_eq(verifies(INIT_3, "", "3340"), "6985");
	value[126] = '\0';
	cr_assert_str_eq(verifies(INIT_3, DIGEST, "333F"), "6985");
	does("812C0002", INIT_3, "9000");
	does("812D8002", DIGEST, "6985");
	/* and the session is over */
	does("812D8002", DIGEST, "6985");
	does("812D8001", DIGEST, "6985");
	does("812C0002", "840101 A10103 91020001 920104", "6A80");
	does("812C0002", "850199 A10103 91020001 920104", "6A80");
	does("812C0002", "850101 A10103 91020001 920101", "6A80");
	does("812C0002", "850105 A10103 91020001 920104", "6985");
	does("812C0002", "850106 A10103 91020001 920104", "6985");
	cr_assert_str_eq(bench_fetch(&b, "812C010200"), "9000");
	cr_assert_str_eq(bench_fetch(&b, "812C010200"), "6985");
}

Test(signatures, in_der_are_verified_where_the_card_gives_them_so)
{
	char tag33[256], data[512];

	again("full", "sig-der", NULL);
	does("812A0001", "840101 A10103 91020001 920104", "9000");
	snprintf(tag33, sizeof(tag33), "%s", bench_do(&b, "812B8001", DIGEST));
	tag33[strlen(tag33) - 4] = '\0';
	does("812C0002", INIT_3, "9000");
	snprintf(data, sizeof(data), "%s %s", DIGEST, tag33);
	does("812D8002", data, "9000");
}

Test(signatures, of_keys_that_may_not_are_refused)
{
	does("812A0001", "840109 A10103 91020001 920104", "6985");
	does("812A0001", "840108 A10103 91020001 920104", "6A80");
	does("812A0001", "840101 A10103 91020001 920102", "6A80");
	does("812A0001", "8501 01 A10103 91020001 920104", "6A80");
	again("quantag", "strict-usage", NULL);
	does("812A0001", "84020002 A10101 91020001 920104", "6985");
	does("812A0001", "84020002 A10103 91020001 920104", "9000");
}

/* RSA writes the name of the hash beside the digest. */
Test(signatures, of_rsa_want_the_digest_of_the_hash_named)
{
	does("812A0001", "840108 A10103 91020002 920101", "9000");
	does("812B8001", DIGEST, "6985");
}

static const char *mac_of(const char *text)
{
	does("812A0001", "860102 A10101 920108", "9000");
	return bench_do(&b, "812B8001", text);
}

/* NIST SP 800-38B D.1, with the key of the example put on the card. */
Test(signatures, of_a_secret_key_are_aes_cmac)
{
	uint8_t id = 0x02;
	struct tlv name = {.tag = 0x86, .value = view_of(&id, 1)};
	struct object *secret = personal_find(&b.personal, CLASS_SECRET, &name);

	bench_bytes("2B7E151628AED2A6ABF7158809CF4F3C", secret->content,
		    secret->content_size);
	cr_assert_str_eq(mac_of("9F10 6BC1BEE22E409F96E93D7E117393172A"),
			 "3310070A16B46B4D4144F79BDD9DD04A287C9000");
	does("812A0001", "860102 A10101 920108", "9000");
	does("812B0001", "9F02 6BC1", "9000");
	does("812B8001", "9F0E BEE22E409F96E93D7E117393172A",
	     "3310070A16B46B4D4144F79BDD9DD04A287C9000");
	does("812A0001", "860102 A10103 920108", "6A80");
	does("812A0001", "860101 A10101 920108", "6985");
	does("812A0001", "860102 A10101 920104 91020001", "6A80");
	cr_assert_str_eq(mac_of("9B01 00"), "6985");
}
