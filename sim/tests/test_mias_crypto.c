// SPDX-License-Identifier: LGPL-2.1-or-later
/* mIAS: hashes and signatures, checked with the card's certificate. */
#include "bench.h"

#include <criterion/criterion.h>
#include <string.h>

#include <openssl/rsa.h>

static struct bench b;
static EVP_PKEY *key; /* of the Signing certificate */

static void open_card(const char *quirks, const char *faults)
{
	bench_open(&b, "trust-onboard", quirks, faults);
	bench_choose(&b, APPLET_MIAS);
	key = bench_signing_key(&b);
	cr_assert_str_eq(bench_send(&b, "012000810430303030"), "9000");
}

static void teardown(void)
{
	EVP_PKEY_free(key);
	key = NULL;
	bench_close(&b);
}

TestSuite(mias_crypto, .fini = teardown);

#define answers(command, expected)                                             \
	cr_assert_str_eq(bench_send(&b, command), expected)

#define USE_SHA256 "012241B606800142840131"
#define COMPUTE	   "012A9E9A00"
#define DIGEST                                                                 \
	"000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F"
#define LOAD "012A90A0229020" DIGEST "00"

/* Is this, in hex with 9000 behind it, a signature of the digest? */
static bool verifies(const char *hex, const EVP_MD *md, const uint8_t *digest)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	size_t length = strlen(hex);
	uint8_t signature[256];
	bool good;

	good = length == 2 * sizeof(signature) + 4 &&
	       strcmp(hex + length - 4, "9000") == 0 &&
	       hex_decode(hex, length - 4, signature, sizeof(signature)) ==
		       256 &&
	       EVP_PKEY_verify_init(ctx) == 1 &&
	       EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_signature_md(ctx, md) == 1 &&
	       EVP_PKEY_verify(ctx, signature, sizeof(signature), digest,
			       (size_t)EVP_MD_get_size(md)) == 1;
	EVP_PKEY_CTX_free(ctx);
	return good;
}

static const uint8_t *digest(void)
{
	static uint8_t bytes[64];

	for (uint8_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = i;
	return bytes;
}

Test(mias_crypto, plays_the_known_signature)
{
	open_card("direct", NULL);
	answers(USE_SHA256, "9000");
	answers(LOAD, "9000");
	cr_assert(verifies(bench_send(&b, COMPUTE), EVP_sha256(), digest()));
	teardown();
	open_card(NULL, NULL);
	answers(USE_SHA256, "9000");
	answers(LOAD, "9000");
	answers(COMPUTE, "6100");
	cr_assert(
		verifies(bench_send(&b, "01C0000000"), EVP_sha256(), digest()));
}

/* Bytes of commands and answers of one signature, as the vendor's client makes
 * it: with a channel of its own each time. */
static void costs(const char *quirks, size_t to_card, size_t from_card)
{
	static const char *const commands[] = {
		"0070000001",
		"01A404000DA0000000188000000006624151",
		"012000810430303030",
		USE_SHA256,
		LOAD,
		COMPUTE,
		"0070800101"};
	size_t to = 0, from = 0;

	bench_open(&b, "trust-onboard", quirks, NULL);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		const char *answer = bench_send(&b, commands[i]);
		char next[] = "01C0000000";

		to += strlen(commands[i]) / 2;
		from += strlen(answer) / 2;
		if (strncmp(answer, "61", 2) != 0)
			continue;
		memcpy(next + 8, answer + 2, 2);
		to += strlen(next) / 2;
		from += strlen(bench_send(&b, next)) / 2;
	}
	cr_assert_eq(to, to_card, "%zu", to);
	cr_assert_eq(from, from_card, "%zu", from);
	bench_close(&b);
}

Test(mias_crypto, costs_what_the_vendors_client_was_seen_to_pay)
{
	costs("direct", 93, 271);
	costs(NULL, 103, 295);
	bench_open(&b, "trust-onboard", NULL, NULL);
}

static const struct {
	const char *set, *use, *load;
	const char *name;
	size_t block;
} hashes[] = {
	{"012241AA03800110", "012241B606800112840131", "90A0169014", "SHA1",
	 64},
	{"012241AA03800130", "012241B606800132840131", "90A01E901C", "SHA224",
	 64},
	{"012241AA03800140", "012241B606800142840131", "90A0229020", "SHA256",
	 64},
	{"012241AA03800150", "012241B606800152840131", "90A0329030", "SHA384",
	 128},
	{"012241AA03800160", "012241B606800162840131", "90A0429040", "SHA512",
	 128},
};

#define HASHES (sizeof(hashes) / sizeof(*hashes))

Test(mias_crypto, signs_with_every_hash)
{
	open_card(NULL, NULL);
	for (size_t i = 0; i < HASHES; i++) {
		const EVP_MD *md = EVP_get_digestbyname(hashes[i].name);
		char command[256], text[129];

		hex_encode(digest(), (size_t)EVP_MD_get_size(md), text);
		snprintf(command, sizeof(command), "012A%s%s00", hashes[i].load,
			 text);
		answers(hashes[i].use, "9000");
		answers(command, "9000");
		cr_assert(verifies(bench_fetch(&b, COMPUTE), md, digest()),
			  "%s", hashes[i].name);
	}
}

Test(mias_crypto, does_not_sign_with_sha512_where_told)
{
	open_card("no-sha512", NULL);
	answers("012241B606800162840131", "6A80");
	answers("012241B606800152840131", "9000");
}

/* Sends `size` bytes in blocks, and wants the digest of the same. */
static void hashes_well(size_t at, size_t size)
{
	const EVP_MD *md = EVP_get_digestbyname(hashes[at].name);
	uint8_t text[512], expected[EVP_MAX_MD_SIZE];
	char command[600], hex[2 * EVP_MAX_MD_SIZE + 5];
	unsigned int digest_size;

	for (size_t i = 0; i < size; i++)
		text[i] = (uint8_t)(i * 7);
	EVP_Digest(text, size, expected, &digest_size, md, NULL);
	answers(hashes[at].set, "9000");
	for (size_t from = 0; from < size; from += hashes[at].block) {
		size_t piece = size - from < hashes[at].block
				       ? size - from
				       : hashes[at].block;

		snprintf(command, sizeof(command), "012A9080%02zX", piece);
		hex_encode(text + from, piece, command + strlen(command));
		answers(command, "9000");
	}
	hex_encode(expected, digest_size, hex);
	strcat(hex, "9000");
	cr_assert_str_eq(bench_fetch(&b, "012A90A002800000"), hex);
}

Test(mias_crypto, hashes_by_blocks_as_a_host_does)
{
	open_card(NULL, NULL);
	for (size_t i = 0; i < HASHES; i++) {
		hashes_well(i, 27);
		hashes_well(i, hashes[i].block);
		hashes_well(i, 3 * hashes[i].block + 1);
		hashes_well(i, 0);
	}
}

Test(mias_crypto, takes_blocks_of_their_length_only)
{
	char command[300] = "012A908041";

	open_card(NULL, NULL);
	answers("012A90800141", "6985");
	answers("012241AA03800140", "9000");
	memset(command + 10, '5', 2 * 0x41);
	answers(command, "6700");
	answers("012A908000", "6700");
	answers("012A90800141", "9000");
	answers("012A90800141", "6985");
	answers("012241AA03800140", "9000");
	answers("012A90800141", "9000");
}

Test(mias_crypto, signs_what_it_has_hashed_itself)
{
	uint8_t expected[32];

	open_card(NULL, NULL);
	EVP_Digest("A", 1, expected, NULL, EVP_sha256(), NULL);
	answers("012241AA03800140", "9000");
	answers(USE_SHA256, "9000");
	answers("012A90800141", "9000");
	bench_fetch(&b, "012A90A002800000");
	cr_assert(verifies(bench_fetch(&b, COMPUTE), EVP_sha256(), expected));
}

Test(mias_crypto, signs_each_digest_once)
{
	open_card(NULL, NULL);
	answers(COMPUTE, "6985");
	answers(USE_SHA256, "9000");
	answers(COMPUTE, "6985");
	answers(LOAD, "9000");
	answers(COMPUTE, "6100");
	answers(COMPUTE, "6985");
	answers(LOAD, "9000");
	answers(USE_SHA256, "9000");
	answers(COMPUTE, "6985");
}

Test(mias_crypto, needs_the_pin_for_the_key_alone)
{
	bench_open(&b, "trust-onboard", NULL, NULL);
	bench_choose(&b, APPLET_MIAS);
	answers(USE_SHA256, "9000");
	answers(LOAD, "9000");
	answers(COMPUTE, "6982");
	answers("012241B80680011A840131", "9000");
	answers("012A8086028155", "6982");
	answers("012000810430303030", "9000");
	answers(COMPUTE, "6100");
}

Test(mias_crypto, refuses_environments_it_does_not_have)
{
	static const char *const rows[][2] = {
		{"012241B606800141840131", "6A80"}, /* ISO 9796-2 */
		{"012241B606800144840131", "6A80"}, /* ECDSA */
		{"012241B606800122840131", "6A80"}, /* no such hash */
		{"012241B606800142840132", "6A88"},
		{"012241B606800142840111", "6A88"},
		{"012241B603800142", "6A80"},
		{"012241B80680011A840131", "9000"},
		{"012241B806800112840131", "6A80"},
		{"012241B80680011A840132", "6A88"},
		{"012241AA03800120", "6A80"},
		{"012241AA03800142", "6A80"},
		{"012241AA06800140840131", "6A80"},
		{"012241A406800142840131", "6A86"},
		{"0122F3B600", "6A86"},
		{"012241B6", "6A80"},
		{"812241B606800142840131", "6E00"},
		{"112241B606800142840131", "6E00"},
	};

	open_card(NULL, NULL);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		answers(rows[i][0], rows[i][1]);
}

Test(mias_crypto, wants_a_digest_of_the_hashs_length)
{
	open_card(NULL, NULL);
	answers(LOAD, "6985");
	answers("012241B606800152840131", "9000");
	answers(LOAD, "6A80");
	answers(USE_SHA256, "9000");
	answers("012A90A022901F" DIGEST "00", "6A80");
	answers("012A90A0229120" DIGEST "00", "6A80");
	answers("112A90A0229020" DIGEST "00", "6E00");
}

Test(mias_crypto, keeps_a_signature_back_where_told)
{
	char all[600];

	open_card("signature-waits", NULL);
	answers(USE_SHA256, "9000");
	answers(LOAD, "9000");
	answers(COMPUTE, "9000");
	strcpy(all, bench_send(&b, "01C0000000"));
	cr_assert(verifies(all, EVP_sha256(), digest()));
}

Test(mias_crypto, breaks_a_signature_in_two_where_told)
{
	char both[1100];

	open_card("split-signature=100", NULL);
	answers(USE_SHA256, "9000");
	answers(LOAD, "9000");
	strcpy(both, bench_send(&b, COMPUTE));
	cr_assert_eq(strlen(both), 204);
	cr_assert_str_eq(both + 200, "619C");
	answers("01C2000000", "6D00");
	strcpy(both + 200, bench_send(&b, "01C000009C"));
	cr_assert_not(verifies(both, EVP_sha256(), digest()));
	/* ENVELOPE, as one client asks, has lost the rest */
	answers(LOAD, "9000");
	strcpy(both, bench_send(&b, COMPUTE));
	strcpy(both + 200, bench_send(&b, "01C000009C"));
	cr_assert(verifies(both, EVP_sha256(), digest()));
}

Test(mias_crypto, gives_signatures_of_a_wrong_size_when_told)
{
	open_card(NULL, "signature-size=255@1-1,signature-size=257@2-2,"
			"signature-size=400@3");
	answers(USE_SHA256, "9000");
	answers(LOAD, "9000");
	cr_assert_eq(strlen(bench_fetch(&b, COMPUTE)), 2 * 255 + 4);
	answers(LOAD, "9000");
	cr_assert_eq(strlen(bench_fetch(&b, COMPUTE)), 2 * 257 + 4);
	answers(LOAD, "9000");
	cr_assert_eq(strlen(bench_fetch(&b, COMPUTE)), 2 * 400 + 4);
}

Test(mias_crypto, gives_wrong_signatures_when_told)
{
	static const char *const faults[] = {"flip-signature", "corrupt=2A@1-1",
					     "corrupt=2A@2-2"};

	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++) {
		open_card(NULL, faults[i]);
		answers(USE_SHA256, "9000");
		answers(LOAD, "9000");
		cr_assert_not(verifies(bench_fetch(&b, COMPUTE), EVP_sha256(),
				       digest()));
		teardown();
	}
	open_card(NULL, "no-key");
	answers(USE_SHA256, "6A88");
}
