// SPDX-License-Identifier: LGPL-2.1-or-later
/* The applet's commands, good and bad; signatures checked by libcrypto. */
#include "bench.h"

#include <criterion/criterion.h>
#include <string.h>

#include <openssl/x509.h>

#define INIT_3 "812A00010D840101A1010391020001920104"
#define INIT_1 "812A00010D840101A1010191020001920104"
#define INIT_2 "812A00010D840101A1010291020001920104"
#define DIGEST                                                                 \
	"B94D27B9934D3E08A52E52D7DA7DABFAC484EFE37A5380EE9088F7ACE2EFCDE9"
#define UPDATE "812B8001229E20" DIGEST

static struct bench b;

static void setup(void)
{
	bench_open(&b, "gsma", NULL, NULL);
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

#define answers(command, expected)                                             \
	cr_assert_str_eq(bench_fetch(&b, command), expected)

/* The point of public key 01. */
static const char *point(void)
{
	static char text[131];

	snprintf(text, sizeof(text), "%.130s",
		 bench_fetch(&b, "81CD000003850101") + 12);
	return text;
}

/* Signs the digest with key 01 and says whether the signature is good. */
static bool signs(const char *init, const char *update, const char *digest)
{
	char signature[129];
	const char *answer;

	if (strcmp(bench_send(&b, init), "9000") != 0)
		return false;
	answer = bench_fetch(&b, update);
	if (strncmp(answer, "330040", 6) != 0 || strlen(answer) != 138)
		return false;
	snprintf(signature, sizeof(signature), "%.128s", answer + 6);
	return bench_verifies(point(), digest, signature);
}

TestSuite(iotsafe, .init = setup, .fini = teardown);

Test(iotsafe, tells_about_the_application)
{
	const char *answer = bench_fetch(&b, "81CB000044");

	cr_assert_eq(strncmp(answer, "1001101120", 10), 0);
	cr_assert(strstr(answer, "90010F91020007920104"));
	answers("81CB000100", "6A86");
	answers("81CB020000", "6A86");
	answers("81CB01000101", "6700");
}

Test(iotsafe, lists_its_objects)
{
	const char *list = bench_fetch(&b, "81CB010000");

	cr_assert_eq(strncmp(list, "C1217406636C69656E74840101", 26), 0);
	cr_assert(strstr(list, "C31D730B636C69656E742D63657274830102600102"
			       "4A0101") == NULL);
	cr_assert(strstr(list, "C31D730B636C69656E742D63657274830102600101"
			       "4A01012101022002"));
	cr_assert_str_eq(list + strlen(list) - 4, "9000");
	answers("81CB0100", list);
	answers("81CB010100", "6985");
}

Test(iotsafe, pages_a_long_list_at_whole_objects)
{
	char whole[2048];

	again("quantag", NULL, NULL);
	strcpy(whole, bench_fetch(&b, "81CB010000"));
	cr_assert_str_eq(whole + strlen(whole) - 4, "6300");
	whole[strlen(whole) - 4] = '\0';
	strcat(whole, bench_fetch(&b, "81CB010100"));
	cr_assert_str_eq(whole + strlen(whole) - 4, "9000");
	cr_assert(strstr(whole, "84020002600102"));
	cr_assert(strstr(whole, "4B01A061010C9401029000"));
	answers("81CB010100", "6985");
}

Test(iotsafe, pages_a_list_anywhere_when_told_so)
{
	static char whole[2048], pages[2048];
	const char *page;

	strcpy(whole, bench_fetch(&b, "81CB010000"));
	again("gsma", "paged-list=50", NULL);
	page = bench_fetch(&b, "81CB010000");
	while (strcmp(page + strlen(page) - 4, "6300") == 0) {
		cr_assert_eq(strlen(page), 2 * 50 + 4);
		strcat(pages, page);
		pages[strlen(pages) - 4] = '\0';
		page = bench_fetch(&b, "81CB010100");
	}
	strcat(pages, page);
	cr_assert_eq(strlen(pages), strlen(whole));
	cr_assert_eq(strncmp(pages, whole, 300), 0);
}

Test(iotsafe, gives_one_object_by_id_and_label)
{
	answers("81CBC10003840101",
		"C1217406636C69656E748401016001014A01014B01134E0101610101"
		"9201049102"
		"00079000");
	answers("81CBC100087406636C69656E74",
		"C1217406636C69656E748401016001014A01014B01134E0101610101"
		"9201049102"
		"00079000");
	answers("81CBC20003850105",
		"C21B7504706565728501056001034A01004B01144E01016101046F0101"
		"9000");
	answers("81CBC30003830199", "6A82");
	answers("81CBC30003840102", "6A82");
	answers("81CBC100038401010000", "6700");
	answers("81CBC1000684010184 0102", "6A82");
	answers("81CBC10002 8400", "6A82");
	answers("81CBC501", "6A86");
	answers("81CBC100", "6700");
	answers("81CBC10103840101", "6A86");
}

Test(iotsafe, gives_bare_objects_and_a_wrong_92_when_told_so)
{
	again("gsma", "bare-list,tag92", NULL);
	answers("81CBC10003840101",
		"7406636C69656E748401016001014A01014B01134E010161010192020"
		"4910200079000");
	again("gsma", "no-get-data", NULL);
	answers("81CB010000", "6D00");
	answers("81CBC10003840101", "6D00");
}

/* Reads the client's certificate with pieces of at most `le` bytes. */
static size_t read_certificate(unsigned int le, uint8_t *der, size_t most)
{
	size_t size = 0;

	for (;;) {
		char command[32];
		const char *answer;
		int piece;

		snprintf(command, sizeof(command), "81B0%04zX0383010 2%02X",
			 size, le);
		answer = bench_fetch(&b, command);
		if (strcmp(answer, "6A86") == 0)
			return size;
		piece = hex_decode(answer, strlen(answer) - 4, der + size,
				   most - size);
		cr_assert_gt(piece, 0);
		cr_assert(le == 0 || piece <= (int)le);
		size += (size_t)piece;
	}
}

Test(iotsafe, reads_the_certificate_of_its_own_key)
{
	static uint8_t der[2048], other[2048];
	const uint8_t *at = der;
	size_t size = read_certificate(0, der, sizeof(der));
	X509 *cert = d2i_X509(NULL, &at, (long)size);
	uint8_t public[65];
	size_t public_size;
	char text[131];

	cr_assert_not_null(cert);
	cr_assert_eq((size_t)(at - der), size);
	EVP_PKEY_get_octet_string_param(X509_get0_pubkey(cert), "pub", public,
					sizeof(public), &public_size);
	hex_encode(public, public_size, text);
	cr_assert_str_eq(text, point());
	X509_free(cert);
	for (unsigned int le = 1; le <= 255; le += 50) {
		cr_assert_eq(read_certificate(le, other, sizeof(other)), size);
		cr_assert_arr_eq(der, other, size);
	}
}

Test(iotsafe, reads_pieces_as_long_as_told)
{
	cr_assert_eq(strlen(bench_fetch(&b, "81B0000003830102")), 2 * 255 + 4);
	again("gsma", "short-read=100", NULL);
	cr_assert_eq(strlen(bench_fetch(&b, "81B0000003830102")), 2 * 100 + 4);
	again("gsma", "short-read=256", NULL);
	cr_assert_eq(strlen(bench_fetch(&b, "81B000000383010200")),
		     2 * 256 + 4);
}

Test(iotsafe, reads_past_the_end_as_told)
{
	const char *answer;

	answers("81B0FFFF03830102", "6A86");
	answers("81B0000003830199", "6A82");
	again("gsma", "zero-pad", NULL);
	answer = bench_fetch(&b, "81B0070003830102");
	cr_assert_eq(strlen(answer), 2 * 255 + 4);
	cr_assert_eq(strspn(answer, "0"), 2 * 255);
}

Test(iotsafe, reads_public_keys)
{
	cr_assert_eq(strncmp(bench_fetch(&b, "81CD000003850101"),
			     "34454943864104", 14),
		     0);
	cr_assert_eq(strlen(bench_fetch(&b, "81CD0000087506636C69656E74")),
		     2 * 0x47 + 4);
	answers("81CD000003850199", "6A80");
	answers("81CD000003840101", "6A80");
	answers("81CD000003850105", "6985");
	answers("81CD010003850101", "6A86");
	again("gsma", "bare-public-key", NULL);
	cr_assert_eq(strlen(bench_fetch(&b, "81CD000003850101")), 2 * 65 + 4);
	again("gsma", "bare-public-key=64", NULL);
	cr_assert_eq(strlen(bench_fetch(&b, "81CD000003850101")), 2 * 64 + 4);
}

Test(iotsafe, makes_random_bytes)
{
	char first[600];

	strcpy(first, bench_fetch(&b, "8184000000"));
	cr_assert_eq(strlen(first), 2 * 256 + 4);
	cr_assert_str_neq(bench_fetch(&b, "8184000000"), first);
	cr_assert_eq(strlen(bench_fetch(&b, "8184000001")), 2 * 1 + 4);
	answers("81840000", "6700");
	answers("8184000001AA", "6700");
	answers("8184010001", "6A86");
}

Test(iotsafe, signs_digests_of_every_length)
{
	cr_assert(signs(INIT_3, UPDATE, DIGEST));
	cr_assert(signs("812A00010D840101A1010391020002920104",
			"812B8001329E30" DIGEST
			"000102030405060708090A0B0C0D0E0F",
			DIGEST "000102030405060708090A0B0C0D0E0F"));
	cr_assert(signs("812A00010D840101A1010391020004920104",
			"812B8001429E40" DIGEST DIGEST, DIGEST DIGEST));
	/* named SHA-256 and sent SHA-512, as wolfSSL does */
	cr_assert(signs(INIT_3, "812B8001429E40" DIGEST DIGEST, DIGEST DIGEST));
	again("gsma", "strict-hash", NULL);
	cr_assert(signs(INIT_3, UPDATE, DIGEST));
	answers(INIT_3, "9000");
	answers("812B8001429E40" DIGEST DIGEST, "6985");
}

Test(iotsafe, signs_by_label_in_any_session_and_order)
{
	cr_assert(signs("812A0005 12 920104 91020001 A10103 7406636C69656E74",
			"812B8005229E20" DIGEST, DIGEST));
	cr_assert(signs("812A00000D840101A1010391020001920104",
			"012B9000229E20" DIGEST "00", DIGEST));
}

#define HELLO_DIGEST                                                           \
	"2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824"

/* "hello" in the forms of 9B that have been seen or may be read. */
Test(iotsafe, hashes_a_text_in_every_form)
{
	static const char *const forms[] = {
		"812B8001079B0568656C6C6F",
		"812B8001089B810568656C6C6F",
		"812B8001099B82000568656C6C6F",
		"812B80010A9B8300000568656C6C6F",
		"812B8001099B00000568656C6C6F",
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++)
		cr_assert(signs(INIT_1, forms[i], HELLO_DIGEST), "%s",
			  forms[i]);
}

Test(iotsafe, hashes_a_text_in_several_commands)
{
	/* a whole 9B each */
	answers(INIT_1, "9000");
	answers("812B0001049B026865", "9000");
	cr_assert(signs(INIT_1, "812B8001079B0568656C6C6F", HELLO_DIGEST));
	answers(INIT_1, "9000");
	answers("812B0001049B026865", "9000");
	cr_assert_eq(strlen(bench_fetch(&b, "812B8001059B036C6C6F")), 138);
	/* one 9B for all, and raw bytes after it */
	answers(INIT_1, "9000");
	answers("812B0001049B056865", "9000");
	cr_assert_eq(strlen(bench_fetch(&b, "812B8001036C6C6F")), 138);
	/* more than was announced, and less */
	answers(INIT_1, "9000");
	answers("812B0001049B056865", "9000");
	answers("812B8001046C6C6F6F", "6985");
	answers(INIT_1, "9000");
	answers("812B8001049B056865", "6985");
	answers("812B8001036C6C6F", "6985");
}

Test(iotsafe, signs_what_two_commands_brought)
{
	char signature[129];

	answers(INIT_1, "9000");
	answers("812B0001049B056865", "9000");
	snprintf(signature, sizeof(signature), "%.128s",
		 bench_fetch(&b, "812B8001036C6C6F") + 6);
	cr_assert(bench_verifies(point(), HELLO_DIGEST, signature));
}

/* SHA-256's first chaining value (FIPS 180-4 5.3.3), nothing counted. */
#define SHA256_START                                                           \
	"6A09E667BB67AE853C6EF372A54FF53A510E527F9B05688C1F83D9AB5BE0CD19"

Test(iotsafe, finishes_a_hash_begun_elsewhere)
{
	cr_assert(signs(INIT_2,
			"812B80012F 9A0568656C6C6F 9C20" SHA256_START
			"9D0400000000",
			HELLO_DIGEST));
	answers(INIT_2, "9000");
	answers("812B80012F 9A0568656C6C6F 9C20" SHA256_START "9D0400000001",
		"6985");
	answers("812B80012E 9A0568656C6C6F 9C1F" SHA256_START "9D04000000",
		"6985");
}

Test(iotsafe, refuses_a_bad_init)
{
	answers("812A00010D840199A1010391020001920104", "6A80");
	answers("812A00010D850101A1010391020001920104", "6A80");
	answers("812A00010D840101A1010491020001920104", "6A80");
	answers("812A00010D840101A1010391020003920104", "6A80");
	answers("812A00010D840101A1010391020001920108", "6A80");
	answers("812A00010A840101A1010391020001", "6A80");
	answers("812A000110840101840101A1010391020001920104", "6A80");
	answers("812A00010D840104A1010391020001920104", "6985");
	answers("812A00060D840101A1010391020001920104", "6A86");
	answers("812A02010D840101A1010391020001920104", "6A86");
	answers("812A0001", "6700");
}

Test(iotsafe, refuses_a_bad_update)
{
	answers(UPDATE, "6985");
	answers(INIT_3, "9000");
	answers("812B8002229E20" DIGEST, "6985");
	answers("812B0001229E20" DIGEST, "6985");
	answers("812B8001229E1F" DIGEST, "6985");
	answers("812B8001239E21" DIGEST "00", "6985");
	answers("812B8001229B20" DIGEST, "6985");
	answers("812B8006229E20" DIGEST, "6A86");
	answers("812B8001", "6700");
	/* none of these spent the session */
	cr_assert_eq(strlen(bench_fetch(&b, UPDATE)), 138);
	/* and the last UPDATE did */
	answers(UPDATE, "6985");
}

Test(iotsafe, closes_sessions)
{
	answers("812A010100", "6985");
	answers(INIT_3, "9000");
	answers("812A010100", "9000");
	answers(UPDATE, "6985");
	answers(INIT_3, "9000");
	answers("812A0101", "9000");
	answers("812A010100", "6985");
}

Test(iotsafe, begins_a_session_anew)
{
	answers(INIT_3, "9000");
	answers(INIT_3, "9000");
	cr_assert_eq(strlen(bench_fetch(&b, UPDATE)), 138);
	answers(INIT_3, "9000");
	answers("01A4040007A0000005590010", "9000");
	answers(UPDATE, "6985");
}

Test(iotsafe, wants_sessions_closed_when_told_so)
{
	again("gsma", "strict-session,no-session-0", NULL);
	answers("812A00000D840101A1010391020001920104", "6A86");
	answers(INIT_3, "9000");
	cr_assert_eq(strlen(bench_fetch(&b, UPDATE)), 138);
	answers(INIT_3, "6985");
	answers("812A010100", "9000");
	answers(INIT_3, "9000");
}

Test(iotsafe, gives_signatures_in_the_form_told)
{
	static const struct {
		const char *quirks, *start;
		size_t length;
	} forms[] = {
		{"sig8", "3340", 2 * 66 + 4},
		{"sig16", "330040", 2 * 67 + 4},
		{"sig-ber81", "338140", 2 * 67 + 4},
		{"sig8,sig16", "330040", 2 * 67 + 4},
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		const char *answer;

		again("gsma", forms[i].quirks, NULL);
		answers(INIT_3, "9000");
		answer = bench_fetch(&b, UPDATE);
		cr_assert_eq(
			strncmp(answer, forms[i].start, strlen(forms[i].start)),
			0);
		cr_assert_eq(strlen(answer), forms[i].length);
	}
	again("gsma", "sig-der,sig8", NULL);
	answers(INIT_3, "9000");
	cr_assert_eq(strncmp(bench_fetch(&b, UPDATE) + 4, "30", 2), 0);
}

Test(iotsafe, flips_a_bit_of_the_signature_when_told_so)
{
	again("gsma", NULL, "flip-signature@2");
	cr_assert(signs(INIT_3, UPDATE, DIGEST));
	cr_assert_not(signs(INIT_3, UPDATE, DIGEST));
	cr_assert_not(signs(INIT_3, UPDATE, DIGEST));
}

Test(iotsafe, makes_key_pairs_in_slots_that_take_one)
{
	char made[512];

	answers("81CD000003850104", "6985");
	strcpy(made, bench_fetch(&b, "81B9000003840104"));
	cr_assert_eq(strncmp(made, "84010485010434454943864104", 26), 0);
	cr_assert_eq(strlen(made), 2 * 77 + 4);
	answers("81CD000003850104", made + 12);
	cr_assert_str_neq(bench_fetch(&b, "81B9000006740465636468"), made);
	answers("81B9000003840101", "6982");
	answers("81B9000003840199", "6A80");
	answers("81B9010003840104", "6A86");
	answers("81B90000", "6700");
}

/* Is the point of key 01 inside the client's certificate? */
static bool certifies_its_key(void)
{
	char piece[2 * 255 + 5];

	strcpy(piece, bench_fetch(&b, "81B0006403830102"));
	return strstr(piece, point()) != NULL;
}

Test(iotsafe, takes_away_what_a_fault_says)
{
	again("gsma", NULL, "no-certificate");
	answers("81B0000003830102", "6A82");
	cr_assert_null(strstr(bench_fetch(&b, "81CB010000"), "830102"));
	again("gsma", NULL, "no-key");
	answers(INIT_3, "6A80");
	cr_assert_null(strstr(bench_fetch(&b, "81CB010000"), "840101"));
	again("gsma", NULL, "wrong-certificate");
	cr_assert_not(certifies_its_key());
	again("gsma", NULL, NULL);
	cr_assert(certifies_its_key());
}

Test(iotsafe, has_no_applet_when_a_fault_says_so)
{
	bench_close(&b);
	bench_open(&b, "gsma", NULL, "no-applet");
	cr_assert_str_eq(bench_send(&b, "0070000001"), "019000");
	cr_assert_str_eq(bench_send(&b, "01A4040007A0000005590010"), "6A82");
	cr_assert_str_eq(bench_send(&b, "01CB010000"), "6D00");
}
