/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* VERIFY SIGNATURE and the modes of operation: which commands they are, and
 * what the card's verdicts mean. */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "script.h"

#define R    "343A117BF21D74315B9D7C4EB3EAF0CAD125AD98FF0E14A02D9554C6274A663C"
#define S    "E3C0E9E19BEBFF3454694E95D7E1DA7AB79A9242FEE41F063245A2C6B2C91A9B"
#define DER  "3045 0220" R "022100" S /* 71 bytes */
#define HASH "2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824"

#define FIELDS "600101 4A0101 4B0113 610101 920104 91020007"
#define ROW_LIST                                                               \
	{                                                                      \
		"81CB010000", "840101" FIELDS "850101" FIELDS "9000"           \
	}
#define INIT	 "812C0002 0D 850101 A10103 91020001 920104"
#define ONE	 "812D8002 64 9E20" HASH "3340" R S
#define TWO	 "812D8002 65 9E20" HASH "330040" R S
#define IN_DER	 "812D8002 6B 9E20" HASH "3347" DER
#define IN_DER_2 "812D8002 6C 9E20" HASH "330047" DER
#define CLOSE	 "812C010200"
#define SIGN	 "812A0001 0D 840101 A10103 91020001 920104"
#define SIGN_UPD "812B8001 22 9E20" HASH

static int verify(iotsafe_card *card)
{
	uint8_t hash[32], signature[64];

	unhex(HASH, hash, sizeof(hash));
	unhex(R S, signature, sizeof(signature));
	return iotsafe_card_verify(card, "id=01", IOTSAFE_SHA256, hash, 32,
				   signature, 64);
}

/* Verifies once for every code. */
static void expect_verdicts(struct script *script, size_t count, ...)
{
	iotsafe_card *card = script_open(script, NULL);
	va_list args;

	va_start(args, count);
	for (size_t i = 0; i < count; i++) {
		int code = va_arg(args, int);

		expect_error(verify(card), code, code ? "VERIFY" : NULL);
	}
	va_end(args);
	iotsafe_card_free(card);
	script_expect_done(script);
}

Test(verify, is_two_exchanges)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST, {INIT, "9000"},
		       {ONE, "9000"}, {INIT, "9000"}, {ONE, "6D01"},
		       {INIT, "9000"}, {ONE, "9000"}, ROW_CLOSE);

	expect_verdicts(&script, 3, 0, IOTSAFE_ERR_VERIFY, 0);
	cr_assert(iotsafe_last_status() == 0x6D01);
}

Test(verify, tells_a_mismatch_from_a_failure)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST, {INIT, "9000"},
		       {ONE, "6F00"}, {CLOSE, "9000"}, ROW_CLOSE);

	expect_verdicts(&script, 1, IOTSAFE_ERR_CARD);
	cr_assert(iotsafe_last_status() == 0x6F00);
}

Test(verify, believes_no_verdict_that_comes_with_bytes)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST, {INIT, "9000"},
		       {ONE, "C0FFEE 9000"}, {CLOSE, "9000"}, ROW_CLOSE);

	expect_verdicts(&script, 1, IOTSAFE_ERR_FORMAT);
}

Test(verify, says_the_length_as_the_card_reads_it)
{
	static const char *const refusals[] = {"6A80", "6985", "6700"};

	for (size_t i = 0; i < COUNT_OF(refusals); i++) {
		struct script script =
			SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST, {INIT, "9000"},
			       {ONE, refusals[i]}, {CLOSE, "9000"},
			       {INIT, "9000"}, {TWO, "9000"}, {INIT, "9000"},
			       {TWO, "9000"}, ROW_CLOSE);

		expect_verdicts(&script, 2, 0, 0);
	}
}

Test(verify, that_is_refused_in_every_form_tells_the_first_refusal)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT, ROW_LIST, {INIT, "9000"}, {ONE, "6A80"},
		{CLOSE, "9000"}, {INIT, "9000"}, {TWO, "6985"}, {CLOSE, "9000"},
		{INIT, "9000"}, {IN_DER_2, "6985"}, {CLOSE, "9000"},
		{INIT, "9000"}, {IN_DER, "6985"}, {CLOSE, "9000"}, ROW_CLOSE);

	expect_verdicts(&script, 1, IOTSAFE_ERR_CARD);
	cr_assert(iotsafe_last_status() == 0x6A80);
}

Test(verify, tries_der_before_it_believes_the_first_mismatch)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST, {INIT, "9000"},
		       {ONE, "6D01"}, {INIT, "9000"}, {IN_DER, "9000"},
		       {INIT, "9000"}, {IN_DER, "6D01"}, ROW_CLOSE);

	expect_verdicts(&script, 2, 0, IOTSAFE_ERR_VERIFY);
}

Test(verify, is_a_mismatch_where_der_does_not_match_either)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT, ROW_LIST, {INIT, "9000"}, {ONE, "6D01"},
		{INIT, "9000"}, {IN_DER, "6A80"}, {CLOSE, "9000"}, ROW_CLOSE);

	expect_verdicts(&script, 1, IOTSAFE_ERR_VERIFY);
	cr_assert(iotsafe_last_status() == 0x6D01);
}

struct form_case {
	const char *given, *wanted; /* by SIGN, by VERIFY */
	int verdict;
};

Test(verify, gives_signatures_back_in_the_form_they_came)
{
	static const struct form_case cases[] = {
		{"3340" R S, "64 9E20" HASH "3340" R S, IOTSAFE_ERR_VERIFY},
		{"330040" R S, "65 9E20" HASH "330040" R S, IOTSAFE_ERR_VERIFY},
		{"338140" R S, "65 9E20" HASH "338140" R S, IOTSAFE_ERR_VERIFY},
		{"3347" DER, "6B 9E20" HASH "3347" DER, 0},
		{"330047" DER, "6C 9E20" HASH "330047" DER, 0},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char signed_[200], update[300];
		struct script script = SCRIPT(
			ROW_OPEN, ROW_SELECT,
			{"81CB010000", "840101" FIELDS "850102" FIELDS "9000"},
			{"81CD000003 850102", "6985"}, {SIGN, "9000"},
			{SIGN_UPD, signed_},
			{"812C0002 0D 850102 A10103 91020001 920104", "9000"},
			{update, cases[i].verdict ? "6D01" : "9000"},
			ROW_CLOSE);
		uint8_t hash[32], *out;
		iotsafe_card *card;
		iotsafe_key *key;
		size_t size;

		sprintf(signed_, "%s9000", cases[i].given);
		sprintf(update, "812D8002 %s", cases[i].wanted);
		unhex(HASH, hash, sizeof(hash));
		card = script_open(&script, NULL);
		expect_good(iotsafe_key_open(card, "id=01", &key));
		expect_good(iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32,
					     &out, &size));
		/* A mismatch is believed: the form is known. */
		expect_error(iotsafe_card_verify(card, "id=02", IOTSAFE_SHA256,
						 hash, 32, out, size),
			     cases[i].verdict,
			     cases[i].verdict ? "6D01" : NULL);
		iotsafe_free(out);
		iotsafe_key_free(key);
		iotsafe_card_free(card);
		script_expect_done(&script);
	}
}

static void sign(iotsafe_card *card)
{
	uint8_t hash[32], *out;
	iotsafe_key *key;
	size_t size;

	unhex(HASH, hash, sizeof(hash));
	expect_good(iotsafe_key_open(card, "id=01", &key));
	expect_good(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size));
	expect_bytes(out, size, R S);
	iotsafe_key_free(key);
}

/* The form of what comes out need not be that of what goes in. */
Test(verify, takes_r_and_s_on_a_card_that_gives_der)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT, ROW_LIST, {"81CD000003 850101", "6985"},
		{SIGN, "9000"}, {SIGN_UPD, "3347" DER "9000"}, {INIT, "9000"},
		{IN_DER, "6D01"}, {INIT, "9000"}, {ONE, "9000"}, {SIGN, "9000"},
		{SIGN_UPD, "3347" DER "9000"}, {INIT, "9000"}, {ONE, "9000"},
		{INIT, "9000"}, {ONE, "6D01"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);

	sign(card);
	expect_good(verify(card));
	sign(card);
	expect_good(verify(card));
	expect_error(verify(card), IOTSAFE_ERR_VERIFY, "6D01");
	iotsafe_card_free(card);
	script_expect_done(&script);
}

Test(verify, takes_the_length_that_the_address_says)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST, {INIT, "9000"},
		       {TWO, "6A80"}, {CLOSE, "9000"}, {INIT, "9000"},
		       {IN_DER_2, "6A80"}, {CLOSE, "9000"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, "signature-length=2");

	expect_error(verify(card), IOTSAFE_ERR_CARD, "6A80");
	iotsafe_card_free(card);
	script_expect_done(&script);
}

/* ---- what is no signature ---- */

#define ZERO  "0000000000000000000000000000000000000000000000000000000000000000"
#define ONES  "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
#define ORDER "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551"

Test(verify, does_not_ask_the_card_about_what_none_can_have_signed)
{
	static const char *const none[] = {
		ZERO S, R ZERO, ZERO ZERO, ORDER S,  R ORDER,
		ONES S, R ONES, R,	   R S "00",
	};
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	uint8_t hash[32] = {0}, signature[80];

	for (size_t i = 0; i < COUNT_OF(none); i++)
		expect_error(iotsafe_card_verify(card, "id=01", IOTSAFE_SHA256,
						 hash, 32, signature,
						 unhex(none[i], signature,
						       sizeof(signature))),
			     IOTSAFE_ERR_VERIFY,
			     "are not r and s below the curve");
	iotsafe_card_free(card);
	script_expect_done(&script);
}

Test(verify, refuses_what_the_key_cannot_before_asking_the_card)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	uint8_t hash[64] = {0}, signature[64];

	unhex(R S, signature, sizeof(signature));
	expect_error(iotsafe_card_verify(card, "id=01", IOTSAFE_RSA_PSS_SHA256,
					 hash, 32, signature, 64),
		     IOTSAFE_ERR_SUPPORT, "cannot verify rsa-pss-sha256");
	expect_error(iotsafe_card_verify(card, "id=01", IOTSAFE_SHA384, hash,
					 32, signature, 64),
		     IOTSAFE_ERR_ARG, "over a hash of 48 bytes, not 32");
	expect_error(iotsafe_card_verify(card, "id=07", IOTSAFE_SHA256, hash,
					 32, signature, 64),
		     IOTSAFE_ERR_ABSENT, "no public key id 07");
	expect_error(iotsafe_card_verify(card, "id=01", IOTSAFE_SHA256, hash,
					 32, NULL, 64),
		     IOTSAFE_ERR_ARG, "NULL");
	expect_error(iotsafe_card_verify_data(card, "id=01", IOTSAFE_SHA256, 4,
					      hash, 32, signature, 64),
		     IOTSAFE_ERR_ARG, "mode 4");
	iotsafe_card_free(card);
	script_expect_done(&script);
}

Test(verify, of_an_rsa_block_finds_no_room_in_a_command)
{
	static const uint8_t hash[32], block[256];
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT,
		       {"81CB010000",
			"850101 4A0101 4B0103 610101 920103 91020007 9000"},
		       ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);

	expect_error(iotsafe_card_verify(card, "id=01",
					 IOTSAFE_RSA_PKCS1_SHA256, hash, 32,
					 block, 256),
		     IOTSAFE_ERR_SUPPORT, "does not fit one command");
	iotsafe_card_free(card);
	script_expect_done(&script);
}

/* ---- one session in all ---- */

Test(verify, ends_a_signature_s_session_on_a_card_with_a_single_one)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT,
		       {"81CB010000", "840101" FIELDS "850102" FIELDS "9000"},
		       {"81CD000003 850102", "6985"}, {SIGN, "9000"},
		       {SIGN_UPD, "3340" R S "9000"},
		       {"812C0002 0D 850102 A10103 91020001 920104", "6985"},
		       {"812A010100", "9000"}, {CLOSE, "6985"},
		       {"812C0002 0D 850102 A10103 91020001 920104", "9000"},
		       {ONE, "9000"}, {CLOSE, "9000"}, {SIGN, "9000"},
		       {SIGN_UPD, "3340" R S "9000"}, {"812A010100", "9000"},
		       ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	uint8_t hash[32], *out;
	iotsafe_key *key;
	size_t size;

	unhex(HASH, hash, sizeof(hash));
	expect_good(iotsafe_key_open(card, "id=01", &key));
	expect_good(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size));
	expect_good(iotsafe_card_verify(card, "id=02", IOTSAFE_SHA256, hash, 32,
					out, size));
	iotsafe_free(out);
	expect_good(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size));
	iotsafe_free(out);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

/* ---- modes ---- */

/* Behind one block of "a" (FIPS 180-4, computed by another program). */
#define STATE_256                                                              \
	"DF5BB81CE81E0626FB45A8944FD40F31B25E6816D6D499C1AB90492900635E66"
#define STATE_384                                                              \
	"91041F93C7C2E25C37D9FABFBB83072317339410CB8BBB2FA170BB5BB5276A67"     \
	"D6357DE121728231BE53CDEFE6337828AB890C97626558C450EFA72BDD496605"
#define STATE_512                                                              \
	"03BF7C6E55C11B040D48757F45285FDCED46689BFC9026C0281701A1424C80F5"     \
	"CA31738BEFE6AFEE30F5FE8D4E41E2489379D57C74895AF44B1E84EBC1BAB8B0"
/* Before any. */
#define INITIAL_256                                                            \
	"6A09E667BB67AE853C6EF372A54FF53A510E527F9B05688C1F83D9AB5BE0CD19"

struct mode_case {
	int mode, algorithm;
	size_t size;		/* of a text of "a" */
	const char *init;	/* A1, 91 */
	const char *updates[4]; /* P1, Lc and data */
};

static const char *as(size_t count)
{
	static char text[2 * 260 + 1];

	for (size_t i = 0; i < count; i++)
		memcpy(text + 2 * i, "61", 3);
	text[2 * count] = '\0';
	return text;
}

/* "*N" in an update stands for N bytes of "a". */
static void expand(const char *update, char *out)
{
	unsigned count;

	for (; *update; update++) {
		if (*update != '*') {
			*out++ = *update;
			continue;
		}
		sscanf(update + 1, "%3u", &count);
		out = stpcpy(out, as(count));
		update += 3;
	}
	*out = '\0';
}

static const struct mode_case modes[] = {
	{1, IOTSAFE_SHA256, 0, "A10101 91020001", {"80 02 9B00"}},
	{1, IOTSAFE_SHA256, 127, "A10101 91020001", {"80 81 9B7F *127"}},
	/* 81 80 could be read as 129 bytes behind 81. */
	{1,
	 IOTSAFE_SHA256,
	 128,
	 "A10101 91020001",
	 {"00 81 9B7F *127", "80 03 9B01 *001"}},
	{1, IOTSAFE_SHA384, 129, "A10101 91020002", {"80 84 9B8181 *129"}},
	{1, IOTSAFE_SHA512, 252, "A10101 91020004", {"80 FF 9B81FC *252"}},
	{1,
	 IOTSAFE_SHA256,
	 253,
	 "A10101 91020001",
	 {"00 81 9B7F *127", "80 80 9B7E *126"}},
	{1,
	 IOTSAFE_SHA256,
	 255,
	 "A10101 91020001",
	 {"00 81 9B7F *127", "00 81 9B7F *127", "80 03 9B01 *001"}},
	{2,
	 IOTSAFE_SHA256,
	 0,
	 "A10102 91020001",
	 {"80 2A 9A00 9C20" INITIAL_256 "9D0400000000"}},
	{2,
	 IOTSAFE_SHA256,
	 64,
	 "A10102 91020001",
	 {"80 6A 9A40 *064 9C20" INITIAL_256 "9D0400000000"}},
	{2,
	 IOTSAFE_SHA256,
	 65,
	 "A10102 91020001",
	 {"80 2B 9A01 *001 9C20" STATE_256 "9D0400000040"}},
	{2,
	 IOTSAFE_SHA384,
	 138,
	 "A10102 91020002",
	 {"80 54 9A0A *010 9C40" STATE_384 "9D0400000080"}},
	{2,
	 IOTSAFE_SHA512,
	 129,
	 "A10102 91020004",
	 {"80 4B 9A01 *001 9C40" STATE_512 "9D0400000080"}},
};

Test(mode, is_what_the_card_gets)
{
	for (size_t i = 0; i < COUNT_OF(modes); i++) {
		const struct mode_case *c = &modes[i];
		struct script_row rows[12] = {
			ROW_OPEN,
			ROW_SELECT,
			{"81CB010000", "840101" FIELDS "9000"}};
		struct script script = {.rows = rows, .count = 4};
		char init[80], updates[4][600];
		uint8_t text[300], *out;
		iotsafe_card *card;
		iotsafe_key *key;
		size_t size;

		memset(text, 'a', sizeof(text));
		sprintf(init, "812A0001 0D 840101 %s 920104", c->init);
		rows[3] = (struct script_row){init, "9000"};
		for (size_t n = 0; n < 4 && c->updates[n]; n++) {
			bool last = n == 3 || !c->updates[n + 1];

			sprintf(updates[n], "812B%.2s01", c->updates[n]);
			expand(c->updates[n] + 2,
			       updates[n] + strlen(updates[n]));
			rows[script.count++] = (struct script_row){
				updates[n], last ? "3340" R S "9000" : "9000"};
		}
		rows[script.count++] = (struct script_row)ROW_CLOSE;
		card = script_open(&script, NULL);
		expect_good(iotsafe_key_open(card, "id=01", &key));
		expect_good(iotsafe_key_sign_data(key, c->algorithm, c->mode,
						  text, c->size, &out, &size));
		expect_bytes(out, size, R S);
		iotsafe_key_free(key);
		iotsafe_card_free(card);
		script_expect_done(&script);
	}
}

Test(mode, of_the_host_is_a_hash)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT, {"81CB010000", "840101" FIELDS "9000"},
		{SIGN, "9000"}, {SIGN_UPD, "3340" R S "9000"}, {SIGN, "9000"},
		{SIGN_UPD, "3340" R S "9000"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	iotsafe_key *key;
	uint8_t *out;
	size_t size;

	expect_good(iotsafe_key_open(card, "id=01", &key));
	for (int mode = 0; mode <= 3; mode += 3) {
		expect_good(iotsafe_key_sign_data(key, IOTSAFE_SHA256, mode,
						  (const uint8_t *)"hello", 5,
						  &out, &size));
		expect_bytes(out, size, R S);
	}
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

Test(mode, that_the_card_does_not_know_is_not_supported)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT, {"81CB010000", "840101" FIELDS "9000"},
		{"812A0001 0D 840101 A10102 91020001 920104", "6A80"},
		ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	iotsafe_key *key;
	uint8_t *out;
	size_t size;

	expect_good(iotsafe_key_open(card, "id=01", &key));
	expect_error(iotsafe_key_sign_data(key, IOTSAFE_SHA256, 2,
					   (const uint8_t *)"hello", 5, &out,
					   &size),
		     IOTSAFE_ERR_SUPPORT, "6A80 incorrect data (mode 2)");
	expect_error(iotsafe_key_sign_data(key, IOTSAFE_SHA256, 1, NULL,
					   0x1000000, &out, &size),
		     IOTSAFE_ERR_ARG, "NULL");
	expect_error(iotsafe_key_sign_data(key, IOTSAFE_SHA256, 1,
					   (const uint8_t *)"", 0x1000000, &out,
					   &size),
		     IOTSAFE_ERR_ARG, "16777216 bytes");
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

Test(mode, takes_short_pieces_where_the_card_cannot_read_a_long_one)
{
	char whole[700], first[400], second[300];
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT, {"81CB010000", "840101" FIELDS "9000"},
		{"812A0001 0D 840101 A10101 91020001 920104", "9000"},
		{whole, "6A80"}, {"812A010100", "9000"},
		{"812A0001 0D 840101 A10101 91020001 920104", "9000"},
		{first, "9000"}, {second, "3340" R S "9000"}, ROW_CLOSE);
	iotsafe_card *card;
	uint8_t text[200], *out;
	iotsafe_key *key;
	size_t size;

	memset(text, 'a', sizeof(text));
	expand("812B8001 CB 9B81C8 *200", whole);
	expand("812B0001 81 9B7F *127", first);
	expand("812B8001 4B 9B49 *073", second);
	card = script_open(&script, NULL);
	expect_good(iotsafe_key_open(card, "id=01", &key));
	expect_good(iotsafe_key_sign_data(key, IOTSAFE_SHA256, 1, text, 200,
					  &out, &size));
	iotsafe_free(out);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

Test(mode, of_a_verification_has_the_signature_behind_its_last_data)
{
	char first[400], second[500];
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT, ROW_LIST,
		{"812C0002 0D 850101 A10101 91020001 920104", "9000"},
		{first, "9000"}, {second, "9000"},
		{"812C0002 0D 850101 A10102 91020001 920104", "9000"},
		{"812D8002 6D 9A01 61 9C20" STATE_256 "9D0400000040 3340" R S,
		 "9000"},
		ROW_CLOSE);
	iotsafe_card *card;
	uint8_t text[200], signature[64];

	memset(text, 'a', sizeof(text));
	unhex(R S, signature, sizeof(signature));
	expand("812D0002 81 9B7F *127", first);
	expand("812D8002 8D 9B49 *073 3340" R S, second);
	card = script_open(&script, NULL);
	expect_good(iotsafe_card_verify_data(card, "id=01", IOTSAFE_SHA256, 1,
					     text, 200, signature, 64));
	expect_good(iotsafe_card_verify_data(card, "id=01", IOTSAFE_SHA256, 2,
					     text, 65, signature, 64));
	iotsafe_card_free(card);
	script_expect_done(&script);
}
