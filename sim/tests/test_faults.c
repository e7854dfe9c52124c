// SPDX-License-Identifier: LGPL-2.1-or-later
/* What is broken on request is broken in the way told, and nothing else is. */
#include "bench.h"

#include <criterion/criterion.h>
#include <string.h>

#include <openssl/x509.h>

static struct bench b;

static void open_card(const char *quirks, const char *faults)
{
	bench_open(&b, "full", quirks, faults);
	bench_select(&b);
}

#define does(header, data, expected)                                           \
	cr_assert_str_eq(bench_do(&b, header, data), expected)

#define SIGN   "840101 A10103 91020001 920104"
#define VERIFY "850101 A10103 91020001 920104"
#define HELLO  "2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824"

static const char *point(const char *id)
{
	static char text[131];

	snprintf(text, sizeof(text), "%.130s",
		 bench_do(&b, "81CD0000", id) + 12);
	return text;
}

/* Signs and says whether the signature is good. */
static bool signs(void)
{
	static char value[129];

	does("812A0001", SIGN, "9000");
	snprintf(value, sizeof(value), "%.128s",
		 bench_do(&b, "812B8001", "9E20" HELLO) + 6);
	return bench_verifies(point("850101"), HELLO, value);
}

/* Has the card say what it thinks of a good signature of its own. */
static const char *verifies(void)
{
	char data[512];

	does("812A0001", SIGN, "9000");
	snprintf(data, sizeof(data), "9E20" HELLO "%s",
		 bench_do(&b, "812B8001", "9E20" HELLO));
	data[strlen(data) - 4] = '\0';
	does("812C0002", VERIFY, "9000");
	return bench_do(&b, "812D8002", data);
}

Test(faults, corrupt_a_signature_in_either_of_its_commands)
{
	open_card(NULL, "corrupt=2B@2");
	cr_assert(signs());
	cr_assert_not(signs());
	bench_close(&b);
	open_card(NULL, "corrupt=2A");
	cr_assert_not(signs());
	bench_close(&b);
	open_card("sig-der", "corrupt=2B");
	does("812A0001", SIGN, "9000");
	cr_assert_not_null(
		strstr(bench_do(&b, "812B8001", "9E20" HELLO), "9000"));
	bench_close(&b);
}

Test(faults, corrupt_a_verification_in_either_of_its_commands)
{
	open_card(NULL, "corrupt=2D@2");
	cr_assert_str_eq(verifies(), "9000");
	cr_assert_str_eq(verifies(), "6D01");
	bench_close(&b);
	open_card(NULL, "corrupt=2C");
	cr_assert_str_eq(verifies(), "6D01");
	bench_close(&b);
}

#define PEER                                                                   \
	"049E5B7F778B7997617C8993B6406608EFE2D3F2D6751D6B3F5F5320FFFD6A7DC9"   \
	"A8F6C5C1474F64D668364AE2ED8DC4C1C6C4767423B013937B4499F52C4F89A0"

Test(faults, corrupt_a_key_that_is_put)
{
	static const char *const faults[] = {"corrupt=24", "corrupt=D8"};

	for (size_t i = 0; i < 2; i++) {
		open_card(NULL, faults[i]);
		does("81240003", "850105", "9000");
		does("81D88003", "344549438641" PEER, "9000");
		cr_assert_str_neq(point("850105"), PEER);
		cr_assert_eq(strncmp(point("850105"), "04", 2), 0);
		bench_close(&b);
	}
}

/* The last byte only, and the length as ever. */
static bool differs_in_the_end(const char *a, const char *c)
{
	size_t size = strlen(a);

	return size == strlen(c) && strncmp(a, c, size - 6) == 0 &&
	       strcmp(a, c) != 0 && strcmp(a + size - 4, "9000") == 0;
}

Test(faults, corrupt_what_is_read_or_derived)
{
	static const char *const commands[][2] = {
		{"81CD0000", "850101"},
		{"81480000", "D10161 D20162 D30120"},
		{"814A0000", "D10161 D50162 91020001"},
	};

	open_card(NULL, "corrupt=CD@2,corrupt=48@2,corrupt=4A@2");
	for (size_t i = 0; i < 3; i++) {
		char first[300];

		snprintf(first, sizeof(first), "%s",
			 bench_do(&b, commands[i][0], commands[i][1]));
		cr_assert(differs_in_the_end(
			first, bench_do(&b, commands[i][0], commands[i][1])));
	}
	bench_close(&b);
}

Test(faults, corrupt_a_shared_secret)
{
	char first[80];

	open_card(NULL, "corrupt=46@2");
	does("81240003", "850105", "9000");
	does("81D88003", "344549438641" PEER, "9000");
	bench_do(&b, "81B90000", "840104");
	snprintf(first, sizeof(first), "%s",
		 bench_do(&b, "81460000", "840104 850105"));
	cr_assert(differs_in_the_end(
		first, bench_do(&b, "81460000", "840104 850105")));
	bench_close(&b);
}

Test(faults, corrupt_a_key_pair_that_is_made)
{
	const char *made;

	open_card(NULL, "corrupt=B9");
	made = bench_do(&b, "81B90000", "840104");
	cr_assert_eq(strlen(made), 2 * 77 + 4);
	cr_assert_neq(strncmp(made + 24, point("850104"), 130), 0);
	bench_close(&b);
}

Test(faults, make_random_bytes_too_few)
{
	open_card(NULL, "corrupt=84");
	cr_assert_eq(strlen(bench_fetch(&b, "8184000010")), 2 * 8 + 4);
	bench_close(&b);
}

static size_t read_file(const char *id, uint8_t *file, size_t most)
{
	size_t size = 0;

	for (;;) {
		char header[16];
		const char *answer;

		snprintf(header, sizeof(header), "81B0%04zX", size);
		answer = bench_do(&b, header, id);
		if (strcmp(answer, "6A86") == 0)
			return size;
		size += (size_t)hex_decode(answer, strlen(answer) - 4,
					   file + size, most - size);
	}
}

Test(faults, corrupt_the_key_in_a_certificate)
{
	uint8_t good[1024], bad[1024];
	const uint8_t *der = bad;
	size_t size, bits = 0;
	X509 *cert;

	open_card(NULL, "corrupt=B0@10");
	size = read_file("830102", good, sizeof(good));
	/* the certificate is read in two pieces and an end */
	for (size_t seen = 3; seen < 9; seen++)
		bench_do(&b, "81B00000", "830102");
	cr_assert_eq(read_file("830102", bad, sizeof(bad)), size);
	for (size_t i = 0; i < size; i++)
		bits += (size_t)__builtin_popcount(good[i] ^ bad[i]);
	cr_assert_eq(bits, 1);
	cert = d2i_X509(NULL, &der, (long)size);
	cr_assert_not_null(cert);
	X509_free(cert);
	/* a text becomes none */
	cr_assert_eq(strncmp(bench_do(&b, "81B00000", "830108"), "FB", 2), 0);
	bench_close(&b);
}

Test(faults, corrupt_a_list_and_an_application)
{
	open_card(NULL, "corrupt=CB");
	cr_assert_eq(strncmp(bench_fetch(&b, "81CB010000"), "C161", 4), 0);
	cr_assert_eq(strncmp(bench_fetch(&b, "81CB000000"), "1041", 4), 0);
	bench_close(&b);
}

Test(faults, answer_with_noise)
{
	char first[80];

	open_card(NULL, "garbage=48,garbage=2A");
	snprintf(first, sizeof(first), "%s",
		 bench_do(&b, "81480000", "D10161 D20162 D30120"));
	cr_assert_eq(strlen(first), 68);
	does("81480000", "D10162 D20162 D30120", first);
	cr_assert_eq(strlen(bench_do(&b, "812A0001", SIGN)), 36);
	bench_close(&b);
}

Test(faults, tell_of_remote_administration_one_time)
{
	open_card(NULL, "after=2B:63CF@2,once=2A:6984,once=24:6989");
	does("812A0001", SIGN, "6984");
	cr_assert(signs());
	does("812A0001", SIGN, "9000");
	cr_assert_eq(strlen(bench_do(&b, "812B8001", "9E20" HELLO)), 138);
	cr_assert(signs());
	does("81240003", "850105", "6989");
	does("81240003", "850105", "9000");
	bench_close(&b);
	/* the status word comes with the data */
	open_card(NULL, "after=2B:63CF");
	does("812A0001", SIGN, "9000");
	cr_assert_str_eq(bench_do(&b, "812B8001", "9E20" HELLO) + 134, "63CF");
	bench_close(&b);
}

Test(faults, renew_the_certificate_by_remote_administration)
{
	uint8_t old[1024], new[1024];
	const uint8_t *der = new;
	size_t size, new_size;
	X509 *cert;

	open_card(NULL, "after=2B:63CF");
	size = read_file("830102", old, sizeof(old));
	does("812A0001", SIGN, "9000");
	bench_do(&b, "812B8001", "9E20" HELLO);
	new_size = read_file("830102", new, sizeof(new));
	cr_assert(new_size != size || memcmp(old, new, size) != 0);
	cert = d2i_X509(NULL, &der, (long)new_size);
	cr_assert_eq(EVP_PKEY_eq(X509_get0_pubkey(cert), b.personal.pairs[1]),
		     1);
	X509_free(cert);
	bench_close(&b);
}

Test(faults, shrink_a_file_between_two_reads)
{
	open_card(NULL, "shrink@2");
	cr_assert_eq(strlen(bench_do(&b, "81B00000", "830108")), 2 * 35 + 4);
	cr_assert_eq(strlen(bench_do(&b, "81B00000", "830108")), 2 * 17 + 4);
	does("81B00011", "830108", "6A86");
	bench_close(&b);
}
