/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* COMPUTE PRF, COMPUTE HKDF and CMAC: what the card gets, and what comes of
 * its answers. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "script.h"

#define SECRET "760370736B 860101 4A0101 4B01A0 610108 940103"
#define CMAC   "7604636D6163 860102 4A0101 4B01B0 610101 920108"
#define ROW_LIST                                                               \
	{                                                                      \
		"81CB010000", SECRET CMAC "9000"                               \
	}
#define OUT "00112233445566778899AABBCCDDEEFF"
/* Of secret, label "lab" and seed below: RFC 5246, by another program. */
#define PRF "7D74AD7B4270FBDBE16ED58F58C68C5D"

static const uint8_t secret[] = {0xAA, 0xBB}, seed[] = {1, 2, 3};

struct prf_case {
	const char *name;
	bool has_secret;
	const char *command, *out;
};

Test(prf, has_a_mode_for_what_it_is_given)
{
	static const struct prf_case cases[] = {
		{NULL, true, "81480000 0F D102AABB D206 6C6162 010203 D30110",
		 PRF "9000"},
		{"psk", false, "81480100 0E 860101 D206 6C6162 010203 D30110",
		 OUT "9000"},
		{"psk", true,
		 "81480200 12 860101 D402AABB D206 6C6162 010203 D30110",
		 OUT "9000"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct script script = {0};
		struct script_row rows[] = {
			ROW_OPEN,  ROW_SELECT,
			ROW_LIST,  {cases[i].command, cases[i].out},
			ROW_CLOSE,
		};
		iotsafe_card *card;
		uint8_t *out;
		size_t size;

		script.rows = rows;
		script.count = COUNT_OF(rows);
		/* Without a key nobody asks for the list. */
		if (!cases[i].name) {
			memmove(&rows[2], &rows[3], 2 * sizeof(rows[0]));
			script.count--;
		}
		card = script_open(&script, NULL);
		expect_good(
			iotsafe_card_prf(card, cases[i].name,
					 cases[i].has_secret ? secret : NULL,
					 cases[i].has_secret ? 2 : 0, "lab",
					 seed, 3, 16, &out, &size));
		expect_bytes(out, size, cases[i].name ? OUT : PRF);
		iotsafe_card_free(card);
		script_expect_done(&script);
	}
}

Test(prf, of_an_id_alone_or_a_label_alone_names_the_key_so)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT,
		{"81CB010000", "760370736B 4A0101 4B01A0 610108 9000"},
		{"81480100 0D 760370736B D203 6C6162 D30110", OUT "9000"},
		ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	uint8_t *out;
	size_t size;

	expect_good(iotsafe_card_prf(card, "psk", NULL, 0, "lab", NULL, 0, 16,
				     &out, &size));
	expect_bytes(out, size, OUT);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

struct refusal_case {
	const char *answer;
	int code;
	const char *words;
};

Test(prf, gives_as_much_as_asked_or_an_error)
{
	static const struct refusal_case cases[] = {
		{"0011 9000", IOTSAFE_ERR_FORMAT, "has 2 bytes, not 16"},
		{OUT "00 9000", IOTSAFE_ERR_FORMAT, "has 17 bytes, not 16"},
		{"6A80", IOTSAFE_ERR_CARD,
		 "COMPUTE PRF: card answered 6A80 incorrect data (secret key "
		 "\"psk\")"},
		{"6982", IOTSAFE_ERR_DENIED, "6982"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct script script =
			SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST,
			       {"81480100 0E 860101 D206 6C6162 010203 D30110",
				cases[i].answer},
			       ROW_CLOSE);
		iotsafe_card *card = script_open(&script, NULL);
		uint8_t *out = (uint8_t *)1;
		size_t size = 1;

		expect_error(iotsafe_card_prf(card, "psk", NULL, 0, "lab", seed,
					      3, 16, &out, &size),
			     cases[i].code, cases[i].words);
		cr_assert(!out && !size);
		iotsafe_card_free(card);
		script_expect_done(&script);
	}
}

#define FIVE	  "0102030405"
#define FIVES_125 FIVES_25 FIVES_25 FIVES_25 FIVES_25 FIVES_25
#define FIVES_25  FIVE FIVE FIVE FIVE FIVE

/* BER counts 128 bytes in two, the applets in one. */
Test(prf, takes_the_shorter_length_where_the_card_reads_no_ber)
{
	static const char *const refusals[] = {"6A80", "6985", "6700"};

	for (size_t i = 0; i < COUNT_OF(refusals); i++) {
		struct script script = SCRIPT(
			ROW_OPEN, ROW_SELECT, ROW_LIST,
			{"81480100 89 860101 D28180 6C6162" FIVES_125 "D30110",
			 refusals[i]},
			{"81480100 88 860101 D280 6C6162" FIVES_125 "D30110",
			 OUT "9000"},
			ROW_CLOSE);
		iotsafe_card *card = script_open(&script, "le=no");
		uint8_t data[125], *out;
		size_t size;

		unhex(FIVES_125, data, sizeof(data));
		expect_good(iotsafe_card_prf(card, "psk", NULL, 0, "lab", data,
					     sizeof(data), 16, &out, &size));
		expect_bytes(out, size, OUT);
		iotsafe_card_free(card);
		script_expect_done(&script);
	}
}

Test(prf, is_checked_before_the_card_is_asked)
{
	static const uint8_t long_seed[260];
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	uint8_t *out;
	size_t size;

	expect_error(iotsafe_card_prf(card, NULL, NULL, 0, "l", seed, 3, 16,
				      &out, &size),
		     IOTSAFE_ERR_ARG, "neither a secret key nor a secret");
	expect_error(iotsafe_card_prf(card, NULL, secret, 2, "l", seed, 3, 0,
				      &out, &size),
		     IOTSAFE_ERR_ARG, "1 to 255 bytes, not 0");
	expect_error(iotsafe_card_prf(card, NULL, secret, 2, "l", seed, 3, 256,
				      &out, &size),
		     IOTSAFE_ERR_ARG, "1 to 255 bytes, not 256");
	expect_error(iotsafe_card_prf(card, NULL, secret, 2, NULL, seed, 3, 1,
				      &out, &size),
		     IOTSAFE_ERR_ARG, "NULL");
	for (size_t n = 243; n <= sizeof(long_seed); n++)
		expect_error(iotsafe_card_prf(card, NULL, secret, 2, "lab",
					      long_seed, n, 1, &out, &size),
			     IOTSAFE_ERR_ARG, "do not fit one command");
	expect_error(iotsafe_card_prf(card, "client", NULL, 0, "l", seed, 3, 16,
				      &out, &size),
		     IOTSAFE_ERR_ABSENT, "no secret key \"client\"");
	iotsafe_card_free(card);
	script_expect_done(&script);
}

static void collect(void *self, const char *line)
{
	char *all = self;

	if (strlen(all) + strlen(line) < 4000)
		strcat(all, line);
}

Test(prf, leaves_no_secret_in_the_trace)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT,
		{"81480000 0F D102AABB D206 6C6162 010203 D30110", PRF "9000"},
		ROW_CLOSE);
	char all[4096] = "";
	iotsafe_card *card;
	uint8_t *out;
	size_t size;

	iotsafe_trace_set(IOTSAFE_TRACE_APDU, collect, all);
	card = script_open(&script, NULL);
	expect_good(iotsafe_card_prf(card, NULL, secret, 2, "lab", seed, 3, 16,
				     &out, &size));
	iotsafe_trace_set(0, NULL, NULL);
	cr_assert(strstr(all, "COMPUTE PRF: 81480000 -> 16 bytes, 9000"));
	cr_assert(!strstr(all, "AABB") && !strstr(all, "7D74AD7B"));
	iotsafe_free(out);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

/* SHA-256 of "dev" and of nothing. */
#define DEV "EF260E9AA3C673AF240D17A2660480361A8E081D1FFECA2A5ED0E3219FC18567"
#define NOTHING                                                                \
	"E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"

Test(psk, is_the_prf_of_identity_and_context)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT, ROW_LIST,
		{"81480100 53 860101 D24B 696F74736166652070736B" DEV NOTHING
		 "D30120",
		 OUT OUT "9000"},
		{"81480100 53 860101 D24B 696F74736166652070736B" DEV DEV
		 "D30120",
		 OUT OUT "9000"},
		ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	uint8_t *out;
	size_t size;

	/* The only secret key that derives. */
	expect_good(iotsafe_card_psk(card, NULL, "dev", NULL, 0, &out, &size));
	expect_bytes(out, size, OUT OUT);
	expect_good(iotsafe_card_psk(card, "psk", "dev", (const uint8_t *)"dev",
				     3, &out, &size));
	expect_bytes(out, size, OUT OUT);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

/* ---- HKDF: RFC 5869 appendix A.1 and A.3 ---- */

#define IKM   "0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B0B"
#define PRK_1 "077709362C2E32DF0DDC3F0DC47BBA6390B6C73BB50F9C3122EC844AD7C2B3E5"
#define PRK_3 "19EF24A32C717B167F33A91D6F648BDF96596776AFDB6377AC434C1C293CCB04"
/* HMAC-SHA256 of zeros with zeros, by another program. */
#define PRK_0 "33AD0A1C607EC03B09E6CD9893680CE210ADF300AA1F2660E1B22E10F170F92A"
#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

Test(hkdf, extracts_on_the_card)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT,
		{"814A0000 2B D116" IKM "D50D 000102030405060708090A0B0C"
		 "91020001",
		 PRK_1 "9000"},
		/* Nothing is as many zeros as the hash has bytes. */
		{"814A0000 3E D116" IKM "D520" ZEROS "91020001", PRK_3 "9000"},
		{"814A0000 48 D120" ZEROS "D520" ZEROS "91020001",
		 PRK_0 "9000"},
		ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	uint8_t ikm[22], salt[13], *out;
	size_t size;

	unhex(IKM, ikm, sizeof(ikm));
	unhex("000102030405060708090A0B0C", salt, sizeof(salt));
	expect_good(iotsafe_card_hkdf_extract(card, IOTSAFE_SHA256, ikm, 22,
					      salt, 13, &out, &size));
	expect_bytes(out, size, PRK_1);
	expect_good(iotsafe_card_hkdf_extract(card, IOTSAFE_SHA256, ikm, 22,
					      NULL, 0, &out, &size));
	expect_bytes(out, size, PRK_3);
	expect_good(iotsafe_card_hkdf_extract(card, IOTSAFE_SHA256, NULL, 0,
					      NULL, 0, &out, &size));
	expect_bytes(out, size, PRK_0);
	expect_error(iotsafe_card_hkdf_extract(card, 0, ikm, 22, salt, 13, &out,
					       &size),
		     IOTSAFE_ERR_ARG, "a hash");
	iotsafe_card_free(card);
	script_expect_done(&script);
}

/* One bit of each is wrong. */
Test(hkdf, and_prf_of_the_host_s_secret_are_compared)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT,
		{"81480000 0F D102AABB D206 6C6162 010203 D30110",
		 "7D74AD7B4270FBDBE16ED58F58C68C5C 9000"},
		{"814A0000 48 D120" ZEROS "D520" ZEROS "91020001",
		 "32AD0A1C607EC03B09E6CD9893680CE210ADF300AA1F2660E1B22E10F170F"
		 "92A 9000"},
		ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	uint8_t *out;
	size_t size;

	expect_error(iotsafe_card_prf(card, NULL, secret, 2, "lab", seed, 3, 16,
				      &out, &size),
		     IOTSAFE_ERR_VERIFY, "COMPUTE PRF: the card's answer is");
	expect_error(iotsafe_card_hkdf_extract(card, IOTSAFE_SHA256, NULL, 0,
					       NULL, 0, &out, &size),
		     IOTSAFE_ERR_VERIFY, "COMPUTE HKDF: the card's answer is");
	cr_assert(!out && !size);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

Test(hkdf, gives_as_many_bytes_as_the_hash_has)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT,
		       {"814A0000 2B D116" IKM "D50D 000102030405060708090A0B0C"
			"91020002",
			PRK_1 "9000"},
		       ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	uint8_t ikm[22], salt[13], *out;
	size_t size;

	unhex(IKM, ikm, sizeof(ikm));
	unhex("000102030405060708090A0B0C", salt, sizeof(salt));
	expect_error(iotsafe_card_hkdf_extract(card, IOTSAFE_SHA384, ikm, 22,
					       salt, 13, &out, &size),
		     IOTSAFE_ERR_FORMAT, "has 32 bytes, not 48");
	iotsafe_card_free(card);
	script_expect_done(&script);
}

Test(hkdf, expands_on_the_host)
{
	uint8_t prk[32], info[10], *out;
	size_t size;

	unhex(PRK_1, prk, sizeof(prk));
	unhex("F0F1F2F3F4F5F6F7F8F9", info, sizeof(info));
	expect_good(iotsafe_hkdf_expand(IOTSAFE_SHA256, prk, 32, info, 10, 42,
					&out, &size));
	expect_bytes(out, size,
		     "3CB25F25FAACD57A90434F64D0362F2A2D2D0A90CF1A5A4C5DB02D56"
		     "ECC4C5BF34007208D5B887185865");
	unhex(PRK_3, prk, sizeof(prk));
	expect_good(iotsafe_hkdf_expand(IOTSAFE_SHA256, prk, 32, NULL, 0, 42,
					&out, &size));
	expect_bytes(out, size,
		     "8DA4E775A563C18F715F802A063C5A31B8A11F5C5EE1879EC3454E5F"
		     "3C738D2D9D201395FAA4B61A96C8");
	expect_good(iotsafe_hkdf_expand(IOTSAFE_SHA512, prk, 32, NULL, 0, 16320,
					&out, &size));
	iotsafe_free(out);
	expect_error(iotsafe_hkdf_expand(IOTSAFE_SHA512, prk, 32, NULL, 0,
					 16321, &out, &size),
		     IOTSAFE_ERR_ARG, "255 times");
	expect_error(iotsafe_hkdf_expand(IOTSAFE_SHA256, prk, 32, NULL, 0, 0,
					 &out, &size),
		     IOTSAFE_ERR_ARG, "1 to 255");
	expect_error(iotsafe_hkdf_expand(7, NULL, 0, NULL, 0, 1, &out, &size),
		     IOTSAFE_ERR_ARG, "a hash");
}

/* ---- CMAC ---- */

#define MAC_INIT "812A0001 09 860102 A10101 920108"

Test(mac, takes_whole_blocks_and_a_rest)
{
	char first[300], answer[60] = "3310" OUT "9000";
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT, ROW_LIST, {MAC_INIT, "9000"},
		{"812B8001 05 9F03 010203", answer}, {MAC_INIT, "9000"},
		{"812B8001 02 9F00", "330010" OUT "9000"}, {MAC_INIT, "9000"},
		{first, "9000"}, {"812B8001 03 9F01 5A", answer}, ROW_CLOSE);
	uint8_t data[113], *out;
	iotsafe_card *card;
	size_t size;

	memset(data, 0x5A, sizeof(data));
	strcpy(first, "812B0001 72 9F70");
	for (int i = 0; i < 112; i++)
		strcat(first, "5A");
	card = script_open(&script, NULL);
	expect_good(iotsafe_card_mac(card, "cmac", seed, 3, &out, &size));
	expect_bytes(out, size, OUT);
	expect_good(iotsafe_card_mac(card, "", NULL, 0, &out, &size));
	expect_bytes(out, size, OUT);
	expect_good(iotsafe_card_mac(card, NULL, data, 113, &out, &size));
	expect_bytes(out, size, OUT);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

Test(mac, has_sixteen_bytes)
{
	static const char *const answers[] = {"330F" OUT, "3311" OUT "00",
					      "3340" OUT OUT OUT OUT, OUT};

	for (size_t i = 0; i < COUNT_OF(answers); i++) {
		char answer[200];
		struct script script = SCRIPT(
			ROW_OPEN, ROW_SELECT, ROW_LIST, {MAC_INIT, "9000"},
			{"812B8001 05 9F03 010203", answer},
			{"812A010100", "9000"}, ROW_CLOSE);
		iotsafe_card *card;
		uint8_t *out;
		size_t size;

		sprintf(answer, "%s9000", answers[i]);
		card = script_open(&script, NULL);
		expect_error(
			iotsafe_card_mac(card, "cmac", seed, 3, &out, &size),
			IOTSAFE_ERR_FORMAT, "is no signature");
		iotsafe_card_free(card);
		script_expect_done(&script);
	}
}
