/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* GENERATE KEY PAIR, PUT PUBLIC KEY and COMPUTE DH: their answers, and what
 * they make of what was read before. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include "applet/iotsafe.h"
#include "script.h"

/* On P-256. */
#define X   "8782CB263ACF47DB6EF7EB9C4369828C5F74E7FAB1719A0AD2036712CA58D936"
#define Y   "789A264ACB413A1599115D16457D694FAF2B3E763C3F049679E8256DFE53D64F"
#define KEY "34454943864104" X Y
/* Another one. */
#define OTHER                                                                  \
	"34454943864104"                                                       \
	"9E5B7F778B7997617C8993B6406608EFE2D3F2D6751D6B3F5F5320FFFD6A7DC9"     \
	"A8F6C5C1474F64D668364AE2ED8DC4C1C6C4767423B013937B4499F52C4F89A0"
#define SPKI "3059301306072A8648CE3D020106082A8648CE3D030107034200 04" X Y
#define SHARED                                                                 \
	"C14EEE514B404DA37CF00B97F4C470361D6DA4EBA889F7C665B7005C0041392C"

/* ---- the answer to GENERATE KEY PAIR ---- */

struct pair_case {
	const char *answer;
	const char *private, *public; /* ids; "" for none */
	bool has_key, good;
};

static const struct pair_case pairs[] = {
	{"8403303031 8503303032" KEY, "303031", "303032", true, true},
	{KEY "850102 840101", "01", "02", true, true},
	{"840101" KEY, "01", "", true, true},
	{KEY, "", "", true, true},
	{"04" X Y, "", "", true, true},
	{X Y, "", "", true, true},
	{"840101 850102 04" X Y, "01", "02", true, true},
	{"840101 850102" X Y, "01", "02", true, true},
	{"840101 850101", "01", "01", false, true},
	{"", "", "", false, true},
	/* unknown tags are passed over */
	{"840101 4A0101 850102" KEY, "01", "02", true, true},
	/* nothing and too much for an id, two of a kind, half a key */
	{"8400" KEY, "", "", true, false},
	{"8415 000102030405060708090A0B0C0D0E0F1011121314" KEY, "", "", true,
	 false},
	{"840101 840102" KEY, "", "", true, false},
	{"850101 850102" KEY, "", "", true, false},
	{"840101 3423 4921 861F 04" X, "", "", false, false},
	{"840101 3402 0400", "", "", false, false},
	/* lengths that lie */
	{"840201", "", "", false, false},
	{"8480 01" KEY, "", "", false, false},
	{"84FF 01" KEY, "", "", false, false},
	{"840101 8583000001", "", "", false, false},
};

static bool decode(struct bytes answer, struct record *private,
		   struct record *public, bool *has_key)
{
	struct public_key key;

	return gsma_decode_pair(answer, private, public, &key, has_key);
}

static void expect_id(const struct record *record, const char *hex)
{
	uint8_t id[20];
	size_t size = unhex(hex, id, sizeof(id));

	cr_assert(record->id_size == size && !memcmp(record->id, id, size));
}

Test(pair, comes_in_every_form_and_no_other)
{
	for (size_t i = 0; i < COUNT_OF(pairs); i++) {
		uint8_t data[200];
		struct bytes answer = {
			data, unhex(pairs[i].answer, data, sizeof(data))};
		struct record private, public;
		bool has_key;

		cr_assert(decode(answer, &private, &public, &has_key) ==
				  pairs[i].good,
			  "%s", pairs[i].answer);
		if (!pairs[i].good)
			continue;
		cr_assert(has_key == pairs[i].has_key, "%s", pairs[i].answer);
		expect_id(&private, pairs[i].private);
		expect_id(&public, pairs[i].public);
	}
}

Test(pair, cut_at_any_byte_has_no_key_that_is_not_there)
{
	uint8_t data[100];
	size_t size = unhex(pairs[0].answer, data, sizeof(data));

	for (size_t cut = 0; cut < size; cut++) {
		uint8_t *copy = malloc(cut ? cut : 1);
		struct record private, public;
		bool has_key = false;
		bool good;

		memcpy(copy, data, cut);
		good = decode((struct bytes){copy, cut}, &private, &public,
			      &has_key);
		cr_assert(!good || !has_key, "%zu bytes", cut);
		/* Between two TLVs it is whole as far as it goes. */
		cr_assert(good == (cut == 0 || cut == 5 || cut == 10),
			  "%zu bytes", cut);
		free(copy);
	}
}

Test(pair, is_none_in_noise)
{
	uint8_t *noise = malloc(65536);
	struct record private, public;
	bool has_key;

	srandom(3);
	for (size_t i = 0; i < 65536; i++)
		noise[i] = (uint8_t)random();
	for (size_t size = 0; size <= 65536; size += 1 + size / 3)
		if (decode((struct bytes){noise, size}, &private, &public,
			   &has_key))
			cr_assert(size == 0 || size == 64 || has_key == false);
	free(noise);
}

/* ---- the commands ---- */

#define FIELDS "600103 4A0101 4B0114 610106"
#define LIST   "840104" FIELDS "850104" FIELDS "850105" FIELDS
#define ROW_LIST                                                               \
	{                                                                      \
		"81CB010000", LIST "9000"                                      \
	}
#define ROW_GENERATE                                                           \
	{                                                                      \
		"81B9000003 840104", "840104 850104" KEY "9000"                \
	}
#define PUT	"81240003 03 850105"
#define PUT_KEY "81D88003 47" KEY
#define DH	"81460000 06 840104 850105"

Test(generate, gives_the_key_of_the_answer)
{
	struct script script = SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST,
				      ROW_GENERATE, ROW_LIST, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	iotsafe_key *key;
	uint8_t *out;
	size_t size;

	expect_good(iotsafe_key_generate(card, NULL, &key));
	cr_assert_eq(iotsafe_key_verifies(key), 1);
	expect_good(iotsafe_key_public_key(key, &out, &size));
	expect_bytes(out, size, SPKI);
	expect_good(iotsafe_card_public_key(card, "id=04", &out, &size));
	expect_bytes(out, size, SPKI);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

Test(generate, takes_the_ids_of_the_answer)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST,
		       {"81B9000003 840104", "840107 850108" KEY "9000"},
		       {"81CB010000", "840107" FIELDS "850108" FIELDS "9000"},
		       ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	iotsafe_object *object;
	iotsafe_key *key;

	expect_good(iotsafe_key_generate(card, "id=04", &key));
	expect_good(iotsafe_key_object(key, &object));
	cr_assert_str_eq(iotsafe_object_name(object),
			 "iotsafe:id=07;type=private");
	iotsafe_object_free(object);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

Test(generate, reads_the_key_that_the_answer_does_not_have)
{
	static const char *const answers[] = {"9000", "840104 850104 9000"};

	for (size_t i = 0; i < COUNT_OF(answers); i++) {
		struct script script = SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST,
					      {"81B9000003 840104", answers[i]},
					      {"81CD000003 850104", KEY "9000"},
					      ROW_LIST, ROW_CLOSE);
		iotsafe_card *card = script_open(&script, NULL);
		iotsafe_key *key;
		uint8_t *out;
		size_t size;

		expect_good(iotsafe_key_generate(card, "id=04", &key));
		expect_good(iotsafe_key_public_key(key, &out, &size));
		expect_bytes(out, size, SPKI);
		iotsafe_key_free(key);
		iotsafe_card_free(card);
		script_expect_done(&script);
	}
}

/* A label ties the two where ids differ and the answer tells none. */
Test(generate, finds_the_public_key_that_has_another_id)
{
	static const char list[] =
		"740164 840106" FIELDS "750164 850107" FIELDS "9000";
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, {"81CB010000", list},
		       {"81B9000003 840106", "840106 9000"},
		       {"81CD000003 850106", "6A82"}, {"81CB010000", list},
		       {"81CD000003 850107", KEY "9000"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	iotsafe_key *key;
	uint8_t *out;
	size_t size;

	expect_good(iotsafe_key_generate(card, "id=06", &key));
	expect_good(iotsafe_key_public_key(key, &out, &size));
	expect_bytes(out, size, SPKI);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

/* What the list does not have is no name for the next command. */
Test(generate, goes_on_by_label_on_a_card_that_lists_labels_alone)
{
	static const char list[] = "740164" FIELDS "750165" FIELDS "9000";
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, {"81CB010000", list},
		       {"81B9000003 740164", "840106 850107" KEY "9000"},
		       {"81CB010000", list},
		       {"81B9000003 740164", "840106 850107" KEY "9000"},
		       {"81CB010000", list}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	iotsafe_object *object;
	iotsafe_key *key;

	for (int i = 0; i < 2; i++) {
		expect_good(iotsafe_key_generate(card, "label=d", &key));
		expect_good(iotsafe_key_object(key, &object));
		cr_assert_str_eq(iotsafe_object_name(object),
				 "iotsafe:label=d;type=private");
		iotsafe_object_free(object);
		iotsafe_key_free(key);
	}
	iotsafe_card_free(card);
	script_expect_done(&script);
}

Test(generate, leaves_a_handle_of_the_former_key_that_says_so)
{
	static const uint8_t hash[32];
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT,
		{"81CB010000", "840104 4A0101 4B0114 610103 920104 91020001"
			       "9000"},
		{"81B9000003 840104", KEY "9000"},
		{"81CB010000", "840104 4A0101 4B0114 610103 920104 91020001"
			       "9000"},
		ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	iotsafe_key *former, *key;
	uint8_t *out;
	size_t size;

	expect_good(iotsafe_key_open(card, "id=04", &former));
	expect_good(iotsafe_key_generate(card, "id=04", &key));
	expect_error(
		iotsafe_key_sign(former, IOTSAFE_SHA256, hash, 32, &out, &size),
		IOTSAFE_ERR_ABSENT,
		"key id 04: another one was made in its place");
	iotsafe_key_free(former);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

static void expect_no_pair(struct script *script, const char *name, int code,
			   const char *words)
{
	iotsafe_card *card = script_open(script, NULL);
	iotsafe_key *key = (iotsafe_key *)1;

	expect_error(iotsafe_key_generate(card, name, &key), code, words);
	cr_assert_null(key);
	iotsafe_card_free(card);
	script_expect_done(script);
}

Test(generate, in_a_slot_that_does_not_allow_it_asks_no_card)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT,
		{"81CB010000", "840101 600101 4A0101 4B0113 610101 9000"},
		ROW_CLOSE);

	expect_no_pair(&script, "id=01", IOTSAFE_ERR_SUPPORT,
		       "key id 01: its slot does not let a pair be made");
}

Test(generate, that_is_refused_is_told)
{
	struct script refused =
		SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST,
		       {"81B9000003 840104", "6A80"}, ROW_CLOSE);
	struct script off_curve =
		SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST,
		       {"81B9000003 840104", "840104"
					     "34454943864104" X X "9000"},
		       ROW_CLOSE);
	struct script noise =
		SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST,
		       {"81B9000003 840104", "8499 9000"}, ROW_CLOSE);

	expect_no_pair(&refused, NULL, IOTSAFE_ERR_CARD,
		       "GENERATE KEY PAIR: card answered 6A80 incorrect data "
		       "(key id 04)");
	expect_no_pair(&off_curve, NULL, IOTSAFE_ERR_FORMAT, "not on P-256");
	expect_no_pair(&noise, NULL, IOTSAFE_ERR_FORMAT, "2 bytes is no key");
}

Test(agree, puts_the_peer_s_key_and_computes_in_one_turn)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST, {PUT, "9000"},
		       {PUT_KEY, "9000"}, {DH, SHARED "9000"},
		       {DH, SHARED "9000"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	uint8_t spki[91], *out;
	iotsafe_key *key;
	size_t size;

	unhex(SPKI, spki, sizeof(spki));
	expect_good(iotsafe_key_open(card, "id=04", &key));
	expect_good(iotsafe_key_agree(key, NULL, spki, 91, &out, &size));
	expect_bytes(out, size, SHARED);
	/* With what is in the slot by now. */
	expect_good(iotsafe_key_agree(key, "id=05", NULL, 0, &out, &size));
	expect_bytes(out, size, SHARED);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

struct agree_case {
	const char *answer;
	int code;
	const char *words;
};

Test(agree, gives_a_whole_secret_or_an_error)
{
	static const struct agree_case cases[] = {
		{SHARED "00 9000", IOTSAFE_ERR_FORMAT, "33 bytes, not 32"},
		{"C14E 9000", IOTSAFE_ERR_FORMAT, "2 bytes, not 32"},
		{"6A80", IOTSAFE_ERR_CARD, "COMPUTE DH: card answered 6A80"},
		{"6985", IOTSAFE_ERR_CARD, "6985"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct script script = SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST,
					      {DH, cases[i].answer}, ROW_CLOSE);
		iotsafe_card *card = script_open(&script, NULL);
		uint8_t *out = (uint8_t *)1;
		size_t size = 1;
		iotsafe_key *key;

		expect_good(iotsafe_key_open(card, "id=04", &key));
		expect_error(
			iotsafe_key_agree(key, "id=05", NULL, 0, &out, &size),
			cases[i].code, cases[i].words);
		cr_assert(!out && !size);
		iotsafe_key_free(key);
		iotsafe_card_free(card);
		script_expect_done(&script);
	}
}

static void expect_not_put(iotsafe_card *card, const char *hex, int code,
			   const char *words)
{
	uint8_t spki[200];

	expect_error(
		iotsafe_card_put_public_key(card, "id=05", spki,
					    unhex(hex, spki, sizeof(spki))),
		code, words);
}

Test(put, takes_points_on_the_curve_alone)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);

	expect_not_put(
		card,
		"3059301306072A8648CE3D020106082A8648CE3D030107034200 04" Y X,
		IOTSAFE_ERR_ARG, "not on P-256");
	/* compressed; cut; nothing; P-384's OID */
	expect_not_put(
		card,
		"3039301306072A8648CE3D020106082A8648CE3D030107032200 03" X,
		IOTSAFE_ERR_SUPPORT, "are no SubjectPublicKeyInfo");
	expect_not_put(
		card,
		"3059301306072A8648CE3D020106082A8648CE3D030107034200 04" X,
		IOTSAFE_ERR_SUPPORT, "are no SubjectPublicKeyInfo");
	expect_not_put(card, "", IOTSAFE_ERR_SUPPORT, "0 bytes are no");
	iotsafe_card_free(card);
	script_expect_done(&script);
}

Test(put, into_a_slot_that_is_not_updatable_is_denied)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT,
		{"81CB010000", "850105 600101 4A0101 4B0113 610101 9000"},
		{PUT, "6982"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);

	expect_not_put(card, SPKI, IOTSAFE_ERR_DENIED,
		       "PUT PUBLIC KEY INIT: card answered 6982 security "
		       "status not satisfied (public key id 05, not "
		       "updatable)");
	iotsafe_card_free(card);
	script_expect_done(&script);
}

Test(put, reads_back_what_the_card_has_by_then)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST,
		       {"81CD000003 850105", KEY "9000"}, {PUT, "9000"},
		       {PUT_KEY, "9000"}, {"81CD000003 850105", "6985"},
		       {"81CD000003 850105", "6985"}, {PUT, "9000"},
		       {PUT_KEY, "9000"}, {"81CD000003 850105", KEY "9000"},
		       {PUT, "9000"}, {PUT_KEY, "9000"},
		       {"81CD000003 850105", OTHER "9000"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	uint8_t spki[91], *out;
	size_t size;

	unhex(SPKI, spki, sizeof(spki));
	expect_good(iotsafe_card_public_key(card, "id=05", &out, &size));
	expect_bytes(out, size, SPKI);
	/* What was read before is history, and may not be read again. */
	expect_good(iotsafe_card_put_public_key(card, NULL, spki, 91));
	expect_error(iotsafe_card_public_key(card, "id=05", &out, &size),
		     IOTSAFE_ERR_ABSENT, "does not give it out");
	expect_good(iotsafe_card_put_public_key(card, NULL, spki, 91));
	expect_error(iotsafe_card_put_public_key(card, "id=05", spki, 91),
		     IOTSAFE_ERR_VERIFY,
		     "the card has another key than was put (public key id "
		     "05)");
	iotsafe_card_free(card);
	script_expect_done(&script);
}
