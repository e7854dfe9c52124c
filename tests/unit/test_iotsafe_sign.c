/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* COMPUTE SIGNATURE: the forms of its answer, and its sessions. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "applet/iotsafe.h"
#include "base/error.h"
#include "script.h"

/* ---- decoding ---- */

#define R   "343A117BF21D74315B9D7C4EB3EAF0CAD125AD98FF0E14A02D9554C6274A663C"
#define S   "E3C0E9E19BEBFF3454694E95D7E1DA7AB79A9242FEE41F063245A2C6B2C91A9B"
#define DER "3045 0220" R "022100" S /* 71 bytes */

struct form {
	const char *answer;
	bool good;
};

static const struct form forms[] = {
	/* one byte of length, two, and BER */
	{"33 40" R S, true},
	{"33 0040" R S, true},
	{"33 8140" R S, true},
	{"33 820040" R S, true},
	/* DER inside each */
	{"33 47" DER, true},
	{"33 0047" DER, true},
	{"33 8147" DER, true},
	/* near misses */
	{"", false},
	{"33", false},
	{"33 00", false},
	{"33 0000", false},
	{"33 40", false},
	{"34 40" R S, false},
	{R S, false},
	{"33 40" R S "00", false},
	{"33 0040" R S "00", false},
	{"33 8140" R S "00", false},
	{"33 41 00" R S, false},
	{"33 3F 3A117BF21D74315B9D7C4EB3EAF0CAD125AD98FF0E14A02D9554C6274A663C" S,
	 false},
	{"33 41" R S, false},
	{"33 0041" R S, false},
	{"33 003F" R S, false},
	{"33 0000" R S, false},
	{"33 0140" R S, false},
	{"33 80" R S, false},
	{"840101 33 40" R S, false},
	/* DER that is none */
	{"33 47 3145 0220" R "022100" S, false},
	{"33 48" DER "00", false},
	{"33 47 3044 0220" R "022100" S, false},
	{"33 25 3023 022100" S, false},
	{"33 48 3046 0221FF" R "022100" S, false}, /* negative */
	{"33 08 3006 020101 020101", true},
};

static bool decode(const char *hex, int algorithm, struct signature *out)
{
	uint8_t data[400];

	return gsma_decode_signature(
		(struct bytes){data, unhex(hex, data, sizeof(data))}, algorithm,
		out);
}

Test(signature, comes_in_every_form_that_cards_know)
{
	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		struct signature signature;
		uint8_t wanted[64] = {0};
		bool good = decode(forms[i].answer, IOTSAFE_ECDSA_SHA256,
				   &signature);

		cr_assert(good == forms[i].good, "%s", forms[i].answer);
		if (!good)
			continue;
		cr_assert(signature.size == 64);
		if (strstr(forms[i].answer, R))
			unhex(R S, wanted, sizeof(wanted));
		else
			wanted[31] = wanted[63] = 1;
		cr_assert(!memcmp(signature.data, wanted, 64), "%s",
			  forms[i].answer);
	}
}

Test(signature, cut_at_any_byte_is_none)
{
	static const char *const whole[] = {"33 40" R S, "33 0040" R S,
					    "33 47" DER};

	for (size_t i = 0; i < COUNT_OF(whole); i++) {
		uint8_t data[100];
		size_t size = unhex(whole[i], data, sizeof(data));

		for (size_t cut = 0; cut < size; cut++) {
			uint8_t *copy = malloc(cut ? cut : 1);
			struct signature out;

			memcpy(copy, data, cut);
			cr_assert(!gsma_decode_signature(
					  (struct bytes){copy, cut},
					  IOTSAFE_ECDSA_SHA256, &out),
				  "%zu bytes of %s", cut, whole[i]);
			free(copy);
		}
	}
}

static bool decode_block(const char *head, size_t size)
{
	uint8_t data[600];
	size_t used = unhex(head, data, sizeof(data));
	struct signature signature;

	memset(data + used, 0xA5, size);
	if (!gsma_decode_signature((struct bytes){data, used + size},
				   IOTSAFE_RSA_PKCS1_SHA256, &signature))
		return false;
	return signature.size == size && signature.data[0] == 0xA5;
}

Test(signature, of_rsa_is_a_block)
{
	cr_assert(decode_block("33 0100", 256));
	cr_assert(decode_block("33 820100", 256));
	cr_assert(decode_block("33 0080", 128));
	cr_assert(decode_block("33 8180", 128));
	cr_assert(!decode_block("33 0100", 255));
	cr_assert(!decode_block("33 0100", 257));
	cr_assert(!decode_block("33 40", 64), "too short for RSA");
	cr_assert(!decode_block("33 0180", 384), "longer than any key");
}

/* ---- the commands ---- */

#define HASH "2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824"

#define PRIVATE_FIELDS "4A0101 4B0113 610101 920104 91020007"
#define ROW_LIST                                                               \
	{                                                                      \
		"81CB010000", "840101" PRIVATE_FIELDS "9000"                   \
	}
#define INIT	"812A0001 0D 840101 A10103 91020001 920104"
#define UPDATE	"812B8001 22 9E20" HASH
#define SESSION "812A010100" /* close */
#define SIGNED	"33 40" R S "9000"

/* Signs once for each row of UPDATE that gives a signature. */
static void expect_signatures(struct script *script, int count)
{
	iotsafe_card *card = script_open(script, NULL);
	uint8_t hash[32], *out;
	iotsafe_key *key;
	size_t size;

	unhex(HASH, hash, sizeof(hash));
	expect_good(iotsafe_key_open(card, "id=01", &key));
	for (int i = 0; i < count; i++) {
		expect_good(iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32,
					     &out, &size));
		expect_bytes(out, size, R S);
	}
	cr_assert(iotsafe_card_counter(card, IOTSAFE_SIGNATURES) ==
		  (uint64_t)count);
	cr_assert(iotsafe_card_counter(card, IOTSAFE_EXCHANGES) ==
		  script->exchanges + script->numbers);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	script_expect_done(script);
}

static void expect_no_signature(struct script *script, int code,
				const char *words)
{
	iotsafe_card *card = script_open(script, NULL);
	uint8_t hash[32], *out = (uint8_t *)1;
	iotsafe_key *key;
	size_t size = 1;

	unhex(HASH, hash, sizeof(hash));
	expect_good(iotsafe_key_open(card, "id=01", &key));
	expect_error(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size),
		code, words);
	cr_assert(!out && !size);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	script_expect_done(script);
}

Test(sign, is_two_exchanges_where_the_answer_comes_at_once)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT, ROW_LIST, {INIT, "9000"},
		{UPDATE, SIGNED}, {INIT, "9000"}, {UPDATE, SIGNED}, ROW_CLOSE);

	expect_signatures(&script, 2);
}

Test(sign, is_three_exchanges_with_61xx)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST, {INIT, "9000"},
		       {UPDATE, "6142"}, {"81C0000042", SIGNED}, {INIT, "9000"},
		       {UPDATE, "6142"}, {"81C0000042", SIGNED}, ROW_CLOSE);

	expect_signatures(&script, 2);
}

Test(sign, names_a_key_without_id_by_its_label)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT,
		{"81CB010000", "74036B6579" PRIVATE_FIELDS "9000"},
		{"812A0001 0F 74036B6579 A10103 91020001 920104", "9000"},
		{UPDATE, SIGNED}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	uint8_t hash[32], *out;
	iotsafe_key *key;
	size_t size;

	unhex(HASH, hash, sizeof(hash));
	expect_good(iotsafe_key_open(card, NULL, &key));
	expect_good(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size));
	iotsafe_free(out);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

struct coding_case {
	int algorithm;
	const char *type;
	const char *coding; /* tags 91 and 92 */
	size_t size;
};

Test(sign, tells_the_card_hash_and_algorithm)
{
	static const struct coding_case cases[] = {
		{IOTSAFE_ECDSA_SHA384, "13", "91020002 920104", 48},
		{IOTSAFE_SHA512, "13", "91020004 920104", 64},
		{IOTSAFE_RSA_PKCS1_SHA256, "03", "91020001 920101", 32},
		{IOTSAFE_RSA_PSS_SHA384, "03", "91020002 920102", 48},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct coding_case *c = &cases[i];
		char list[128], init[128], update[256], answer[600] = "33";
		struct script script =
			SCRIPT(ROW_OPEN, ROW_SELECT, {"81CB010000", list},
			       {init, "9000"}, {update, answer}, ROW_CLOSE);
		static const uint8_t hash[64];
		iotsafe_card *card;
		iotsafe_key *key;
		uint8_t *out;
		size_t size;

		sprintf(list, "840101 4A0101 4B01%s 920107 91020007 9000",
			c->type);
		sprintf(init, "812A0001 0D 840101 A10103 %s", c->coding);
		sprintf(update, "812B8001 %02zX 9E%02zX", c->size + 2, c->size);
		for (size_t n = 0; n < c->size; n++)
			strcat(update, "00");
		strcat(answer, *c->type == '1' ? "0040" : "0080");
		for (size_t n = 0; n < (*c->type == '1' ? 64u : 128u); n++)
			strcat(answer, "77");
		strcat(answer, "9000");
		card = script_open(&script, NULL);
		expect_good(iotsafe_key_open(card, "id=01", &key));
		expect_good(iotsafe_key_sign(key, c->algorithm, hash, c->size,
					     &out, &size));
		iotsafe_free(out);
		iotsafe_key_free(key);
		iotsafe_card_free(card);
		script_expect_done(&script);
	}
}

Test(sign, refuses_what_the_key_cannot_before_asking_the_card)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT,
		{"81CB010000", "840101 4A0101 4B0113 920104 91020001 9000"},
		ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	static const uint8_t hash[64];
	iotsafe_key *key;
	uint8_t *out;
	size_t size;

	expect_good(iotsafe_key_open(card, "id=01", &key));
	expect_error(
		iotsafe_key_sign(key, IOTSAFE_SHA384, hash, 48, &out, &size),
		IOTSAFE_ERR_SUPPORT, "key id 01 cannot sign with sha384");
	expect_error(iotsafe_key_sign(key, IOTSAFE_RSA_PSS_SHA256, hash, 32,
				      &out, &size),
		     IOTSAFE_ERR_SUPPORT, "cannot sign with rsa-pss-sha256");
	expect_error(iotsafe_key_sign(key, 0, hash, 32, &out, &size),
		     IOTSAFE_ERR_SUPPORT, "the algorithms asked for");
	expect_error(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 20, &out, &size),
		IOTSAFE_ERR_ARG, "signs a hash of 32 bytes, not 20");
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

/* ---- sessions ---- */

Test(sign, closes_a_session_that_somebody_left_open)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST, {INIT, "6985"},
		       {SESSION, "9000"}, {INIT, "9000"}, {UPDATE, SIGNED},
		       {INIT, "9000"}, {UPDATE, SIGNED}, ROW_CLOSE);

	expect_signatures(&script, 2);
}

Test(sign, closes_each_session_from_then_on_behind_the_answer)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT, ROW_LIST, {INIT, "9000"},
		{UPDATE, SIGNED}, {INIT, "6A86"}, {SESSION, "9000"},
		{INIT, "9000"}, {UPDATE, SIGNED}, {SESSION, "9000"},
		{INIT, "9000"}, {UPDATE, SIGNED}, {SESSION, "6985"}, ROW_CLOSE);

	expect_signatures(&script, 3);
}

#define ROWS_CLOSE(ins)                                                        \
	{"81" ins "010000", "6985"}, {"81" ins "010100", "6985"},              \
		{"81" ins "010200", "6985"}, {"81" ins "010300", "6985"},      \
		{"81" ins "010400", "6985"},                                   \
	{                                                                      \
		"81" ins "010500", "6985"                                      \
	}
/* All that may end what is open: number 0, every number of every use, a last
 * UPDATE. */
#define ROWS_EFFORT                                                            \
	{INIT_0, "6985"}, {"812A010000", "6985"}, {INIT_0, "6985"},            \
		ROWS_CLOSE("2A"), ROWS_CLOSE("2C"), ROWS_CLOSE("24")
#define INIT_0 "812A0000 0D 840101 A10103 91020001 920104"
#define ENDING(number, status)                                                 \
	{"812B80" number " 06 9B0401020304", "6985"},                          \
	{                                                                      \
		"812B90" number " 06 9B0401020304", status                     \
	}
#define ROWS_ENDING(status)                                                    \
	ENDING("00", status), ENDING("01", "6985"), ENDING("02", "6985"),      \
		ENDING("03", "6985")

Test(sign, that_is_refused_whatever_is_closed_tells_the_refusal)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST, {INIT, "6985"},
		       {SESSION, "6985"}, {INIT, "6985"}, ROWS_EFFORT,
		       {INIT, "6985"}, ROWS_ENDING("6985"), {INIT, "6985"},
		       ROW_CLOSE, ROW_OPEN, ROW_SELECT, {INIT, "6985"},
		       {SESSION, "6985"}, {INIT, "6985"}, ROW_CLOSE);

	expect_no_signature(&script, IOTSAFE_ERR_CARD,
			    "COMPUTE SIGNATURE INIT: card answered 6985 "
			    "conditions not satisfied (key id 01)");
	cr_assert(iotsafe_last_status() == 0x6985);
}

Test(sign, ends_a_session_that_is_stuck_with_a_last_update)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST, {INIT, "6985"},
		       {SESSION, "6985"}, {INIT, "6985"}, ROWS_EFFORT,
		       {INIT, "6985"}, ROWS_ENDING(SIGNED), {INIT, "9000"},
		       {UPDATE, SIGNED}, ROW_CLOSE);

	expect_signatures(&script, 1);
}

Test(sign, takes_a_new_channel_where_a_session_is_stuck_to_the_old)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT, ROW_LIST, {INIT, "6985"},
		{SESSION, "6985"}, {INIT, "6985"}, ROWS_EFFORT, {INIT, "6985"},
		ROWS_ENDING("6985"), {INIT, "6985"}, ROW_CLOSE, ROW_OPEN,
		ROW_SELECT, {INIT, "9000"}, {UPDATE, SIGNED}, ROW_CLOSE);

	expect_signatures(&script, 1);
}

/* Words that say nothing of sessions to who has none open. */
Test(sign, ends_its_own_last_session_whatever_the_card_says_of_it)
{
	static const char *const refusals[] = {"6A80", "6A81", "6900"};

	for (size_t i = 0; i < COUNT_OF(refusals); i++) {
		struct script script =
			SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST, {INIT, "9000"},
			       {UPDATE, SIGNED}, {INIT, refusals[i]},
			       {SESSION, "9000"}, {INIT, "9000"},
			       {UPDATE, SIGNED}, {SESSION, "9000"}, ROW_CLOSE);

		expect_signatures(&script, 2);
	}
}

Test(sign, finds_the_number_of_a_card_that_counts_from_0)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST, {INIT, "6A86"},
		       {SESSION, "6A86"}, {INIT, "6A86"}, {INIT_0, "9000"},
		       {"812B8000 22 9E20" HASH, SIGNED}, {INIT_0, "9000"},
		       {"812B8000 22 9E20" HASH, SIGNED}, ROW_CLOSE);

	expect_signatures(&script, 2);
}

Test(sign, with_a_key_that_is_not_activated_says_so_at_once)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT,
		{"81CB010000", "840101 4A0100 4B0113 610101 920104 9000"},
		{INIT, "6985"}, ROW_CLOSE);

	expect_no_signature(&script, IOTSAFE_ERR_CARD,
			    "(key id 01, not activated)");
}

Test(sign, that_is_denied_is_told_at_once)
{
	struct script script = SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST,
				      {INIT, "6982"}, ROW_CLOSE);

	expect_no_signature(&script, IOTSAFE_ERR_DENIED,
			    "6982 security status not satisfied");
}

Test(sign, closes_the_session_where_update_fails)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST, {INIT, "9000"},
		       {UPDATE, "6F00"}, {SESSION, "9000"}, ROW_CLOSE);

	expect_no_signature(&script, IOTSAFE_ERR_CARD,
			    "COMPUTE SIGNATURE UPDATE: card answered 6F00");
}

Test(sign, closes_the_session_where_the_answer_is_none)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST, {INIT, "9000"},
		       {UPDATE, "3301AA 9000"}, {SESSION, "9000"}, ROW_CLOSE);

	expect_no_signature(&script, IOTSAFE_ERR_FORMAT,
			    "COMPUTE SIGNATURE UPDATE: the card's answer of 3 "
			    "bytes is no signature (key id 01)");
}

Test(sign, asks_nothing_more_where_the_time_is_up)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST, {INIT, "9000"},
		       {UPDATE, "ERR_TIMEOUT"}, ROW_CLOSE);

	expect_no_signature(&script, IOTSAFE_ERR_TIMEOUT,
			    "COMPUTE SIGNATURE UPDATE: ");
}

Test(sign, asks_for_a_signature_that_does_not_come_with_le)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST, {INIT, "9000"},
		       {UPDATE, "9000"}, {INIT, "9000"}, {UPDATE "00", SIGNED},
		       {INIT, "9000"}, {UPDATE "00", SIGNED}, ROW_CLOSE);

	expect_signatures(&script, 2);
}

#define A5_8  "A5A5A5A5A5A5A5A5"
#define A5_47 A5_8 A5_8 A5_8 A5_8 A5_8 "A5A5A5A5A5A5A5"
#define A5_50 A5_47 "A5A5A5"

#define ROW_RSA                                                                \
	{                                                                      \
		"81CB010000",                                                  \
			"840101 4A0101 4B0103 610101 920101 91020001 9000"     \
	}
#define RSA_INIT                                                               \
	{                                                                      \
		"812A0001 0D 840101 A10103 91020001 920101", "9000"            \
	}
#define RSA_END                                                                \
	{                                                                      \
		SESSION, "9000"                                                \
	}
#define CUT "33"
#define REST                                                                   \
	{"81C0000032", A5_50 "619F"}, {"81C0000032", A5_50 "616D"},            \
		{"81C0000032", A5_50 "613B"}, {"81C0000032", A5_50 "6109"},    \
	{                                                                      \
		"81C0000009", A5_8 "A5 9000"                                   \
	}

static void expect_block(struct script *script, int count)
{
	iotsafe_card *card = script_open(script, NULL);
	uint8_t hash[32], *out;
	iotsafe_key *key;
	size_t size;

	unhex(HASH, hash, sizeof(hash));
	expect_good(iotsafe_key_open(card, "id=01", &key));
	while (count--) {
		expect_good(iotsafe_key_sign(key, IOTSAFE_RSA_PKCS1_SHA256,
					     hash, 32, &out, &size));
		cr_assert(size == 256 && out[255] == 0xA5);
		iotsafe_free(out);
	}
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	script_expect_done(script);
}

/* Behind a modem that cuts answers, and lets GET RESPONSE pass. */
Test(sign, of_rsa_is_fetched_in_smaller_pieces)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT, ROW_RSA, RSA_INIT, {UPDATE, "6100"},
		{"81C0000000", CUT}, RSA_END, RSA_INIT, {UPDATE, "6100"},
		{"81C0000080", CUT}, RSA_END, RSA_INIT, {UPDATE, "6100"},
		{"81C0000032", "330100" A5_47 "61D1"}, REST, ROW_CLOSE);

	expect_block(&script, 1);
}

/* Behind one that fetches as much as the command asks for. */
Test(sign, of_rsa_is_asked_for_in_pieces)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, ROW_RSA, RSA_INIT, {UPDATE, CUT},
		       RSA_END, RSA_INIT, {UPDATE, CUT}, RSA_END, RSA_INIT,
		       {UPDATE, CUT}, RSA_END, RSA_INIT,
		       {UPDATE "32", "330100" A5_47 "61D1"}, REST, RSA_INIT,
		       {UPDATE "32", "330100" A5_47 "61D1"}, REST, ROW_CLOSE);

	expect_block(&script, 2);
}

/* Behind one that has put together all that the card gave. */
Test(sign, of_rsa_may_come_in_one_answer)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT, ROW_RSA, RSA_INIT,
		{UPDATE, "330100" A5_47 A5_50 A5_50 A5_50 A5_50 A5_8 "A5 9000"},
		ROW_CLOSE);

	expect_block(&script, 1);
}

Test(sign, that_never_comes_is_told)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST, {INIT, "9000"},
		       {UPDATE, "9000"}, {INIT, "9000"}, {UPDATE "00", "9000"},
		       ROW_CLOSE);

	expect_no_signature(&script, IOTSAFE_ERR_FORMAT,
			    "answered 9000 without a signature");
}

Test(sign, learns_class_and_le_of_a_card_once)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, {"81CB010000", "6E00"},
		       {"01CB010000", "840101" PRIVATE_FIELDS "9000"},
		       {"012A0001 0D 840101 A10103 91020001 920104", "9000"},
		       {"012B8001 22 9E20" HASH, "6700"},
		       {"012B8001 22 9E20" HASH "00", SIGNED},
		       {"012A0001 0D 840101 A10103 91020001 920104", "9000"},
		       {"012B8001 22 9E20" HASH "00", SIGNED}, ROW_CLOSE);

	expect_signatures(&script, 2);
}
