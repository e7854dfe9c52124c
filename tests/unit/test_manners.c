/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Manners of a card that its address says, and what a remote administration
 * changes behind our back. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include "script.h"

#define R      "343A117BF21D74315B9D7C4EB3EAF0CAD125AD98FF0E14A02D9554C6274A663C"
#define S      "E3C0E9E19BEBFF3454694E95D7E1DA7AB79A9242FEE41F063245A2C6B2C91A9B"
#define HASH   "2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824"
#define FIELDS "600101 4A0101 4B0113 610101 920104 91020001"
#define BODY   "0D 840101 A10103 91020001 920104"
#define DATA   "22 9E20" HASH
#define SIGNED "3340" R S "9000"

static void sign(iotsafe_card *card, int code, const char *words)
{
	uint8_t hash[32], *out;
	iotsafe_key *key;
	size_t size;

	unhex(HASH, hash, sizeof(hash));
	expect_good(iotsafe_key_open(card, "id=01", &key));
	expect_error(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size),
		code, words);
	iotsafe_free(out);
	iotsafe_key_free(key);
}

static void end(iotsafe_card *card, const struct script *script)
{
	iotsafe_card_free(card);
	script_expect_done(script);
}

/* ---- said by the address ---- */

Test(manners, that_make_no_sense_are_refused_before_the_card_is_asked)
{
	static const char *const bad[][2] = {
		{"class=8X", "class=8X is neither 80 nor 00"},
		{"class=", "neither 80 nor 00"},
		{"session=-1", "is not a number from 0 to 255"},
		{"session=256", "is not a number"},
		{"piece=0", "is not a number from 1 to 256"},
		{"piece=257", "is not a number"},
		{"le=maybe", "is neither yes nor no"},
		{"list=2", "is neither yes nor no"},
		{"close=", "is neither yes nor no"},
		{"ahead=soon", "is neither yes nor no"},
		{"signature-length=3", "is not a number from 1 to 2"},
		{"klass=80", "has no attribute \"klass\""},
	};

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct script script = {0};
		iotsafe_link link = script_link(&script);
		iotsafe_card *card;

		expect_error(iotsafe_card_open_link(&link, bad[i][0], &card),
			     IOTSAFE_ERR_ARG, bad[i][1]);
		cr_assert_null(card);
		script_expect_done(&script);
	}
}

Test(manners, of_the_class_byte_are_not_tried_out_where_said)
{
	struct script with_00 = SCRIPT(ROW_OPEN, ROW_SELECT,
				       {"01CB010000", "840101" FIELDS "9000"},
				       {"012A0001" BODY, "9000"},
				       {"012B8001" DATA, SIGNED}, ROW_CLOSE);
	struct script with_80 = SCRIPT(
		ROW_OPEN, ROW_SELECT, {"8184000001", "6E00"}, ROW_OPEN,
		ROW_SELECT, {"8184000001", "6E00"}, ROW_CLOSE, ROW_CLOSE);
	iotsafe_card *card = script_open(&with_00, "class=00");
	uint8_t *out;
	size_t size;

	sign(card, 0, NULL);
	end(card, &with_00);
	card = script_open(&with_80, "class=80");
	expect_error(iotsafe_card_random(card, 1, &out, &size),
		     IOTSAFE_ERR_CARD, "6E00");
	end(card, &with_80);
}

Test(manners, of_le_are_not_tried_out_where_said)
{
	struct script yes = SCRIPT(ROW_OPEN, ROW_SELECT,
				   {"81CB010000", "840101" FIELDS "9000"},
				   {"812A0001" BODY, "9000"},
				   {"812B8001" DATA "00", SIGNED}, ROW_CLOSE);
	struct script no = SCRIPT(ROW_OPEN, ROW_SELECT,
				  {"81CB010000", "840101" FIELDS "9000"},
				  {"812A0001" BODY, "9000"},
				  {"812B8001" DATA, "9000"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&yes, "le=yes");

	sign(card, 0, NULL);
	end(card, &yes);
	card = script_open(&no, "le=no");
	sign(card, IOTSAFE_ERR_FORMAT, "without a signature");
	end(card, &no);
}

Test(manners, of_pieces_are_kept)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT, {"8184000004", "01020304 9000"},
		{"8184000004", "01020304 9000"}, {"8184000001", "05 9000"},
		{"81CB010004", "83010160 9000"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, "piece=4");
	uint8_t *out;
	size_t size;
	iotsafe_list *list;

	expect_good(iotsafe_card_random(card, 9, &out, &size));
	expect_bytes(out, size, "010203040102030405");
	expect_error(iotsafe_card_list(card, NULL, &list), IOTSAFE_ERR_FORMAT,
		     "4 bytes cannot be understood");
	end(card, &script);
}

Test(manners, of_sessions_are_kept)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT, {"81CB010000", "840101" FIELDS "9000"},
		{"812A0004" BODY, "9000"}, {"812B8004" DATA, SIGNED},
		{"812A010400", "9000"}, {"812A0004" BODY, "9000"},
		{"812B8004" DATA, SIGNED}, {"812A010400", "6985"}, ROW_CLOSE);
	struct script open = SCRIPT(
		ROW_OPEN, ROW_SELECT, {"81CB010000", "840101" FIELDS "9000"},
		{"812A0001" BODY, "9000"}, {"812B8001" DATA, SIGNED},
		{"812A0001" BODY, "6985"}, {"812A010100", "9000"},
		{"812A0001" BODY, "9000"}, {"812B8001" DATA, SIGNED},
		ROW_CLOSE);
	iotsafe_card *card = script_open(&script, "session=4&close=yes");

	sign(card, 0, NULL);
	sign(card, 0, NULL);
	end(card, &script);
	card = script_open(&open, "close=no");
	sign(card, 0, NULL);
	sign(card, 0, NULL);
	end(card, &open);
}

Test(manners, of_a_card_without_list_name_objects_alone)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT,
		       {"81CBC10003 840101", "840101" FIELDS "9000"},
		       {"812A0001" BODY, "9000"}, {"812B8001" DATA, SIGNED},
		       ROW_CLOSE);
	iotsafe_card *card = script_open(&script, "list=no");
	iotsafe_list *list;

	sign(card, 0, NULL);
	expect_error(iotsafe_card_list(card, NULL, &list), IOTSAFE_ERR_SUPPORT,
		     "name its objects by id");
	end(card, &script);
}

static const char *value_of(const iotsafe_info *info, const char *name)
{
	for (size_t i = 0; i < iotsafe_info_count(info); i++)
		if (!strcmp(iotsafe_info_name(info, i), name))
			return iotsafe_info_value(info, i);
	return "";
}

Test(manners, that_were_found_out_are_shown)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT, {"81CB010000", "6E00"},
		{"01CB010000", "840101" FIELDS "9000"},
		{"012A0001" BODY, "6A86"}, {"012A010100", "6A86"},
		{"012A0001" BODY, "6A86"}, {"012A0000" BODY, "9000"},
		{"012B8000" DATA, "6700"}, {"012B8000" DATA "00", SIGNED},
		{"01CB000044", "6D00"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	iotsafe_info *info;

	sign(card, 0, NULL);
	expect_good(iotsafe_card_info(card, &info));
	cr_assert_str_eq(value_of(info, "class"), "0X");
	cr_assert_str_eq(value_of(info, "le-behind-data"), "yes");
	cr_assert_str_eq(value_of(info, "session-numbers"), "0");
	cr_assert_str_eq(value_of(info, "signature-length"), "1");
	cr_assert_str_eq(value_of(info, "signature-form"), "rs");
	cr_assert_str_eq(value_of(info, "object-list"), "bare");
	iotsafe_info_free(info);
	end(card, &script);
}

/* ---- lists that are refused ---- */

Test(list, that_is_refused_leaves_a_key_to_its_name)
{
	static const char *const refusals[] = {"6A82", "6A88", "6985",
					       "6982", "6700", "6D00",
					       "6A86", "6A81", "6B00"};

	for (size_t i = 0; i < COUNT_OF(refusals); i++) {
		struct script script = SCRIPT(
			ROW_OPEN, ROW_SELECT, {"81CB010000", refusals[i]},
			{"81CBC10003 840101", refusals[i]},
			{"812A0001" BODY, "9000"}, {"812B8001" DATA, SIGNED},
			ROW_CLOSE);
		iotsafe_card *card;

		/* 6700 is also answered with Le. */
		if (!strcmp(refusals[i], "6700"))
			continue;
		card = script_open(&script, NULL);
		sign(card, 0, NULL);
		end(card, &script);
	}
}

Test(list, that_is_refused_does_not_hide_that_an_object_is_not_there)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, {"81CB010000", "6985"},
		       {"81CBC10003 840101", "6A82"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	iotsafe_key *key;

	expect_error(iotsafe_key_open(card, "id=01", &key), IOTSAFE_ERR_ABSENT,
		     "GET DATA object: card answered 6A82");
	expect_error(iotsafe_key_open(card, NULL, &key), IOTSAFE_ERR_SUPPORT,
		     "(card answered 6985); name the key by id");
	end(card, &script);
}

/* Sequans cuts what is longer than its buffer, and a card gives a list whole
 * or not at all. */
Test(list, that_arrives_cut_leaves_a_key_to_its_name)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, {"81CB010000", "C121 8401"},
		       {"81CB010080", "C121 8401"}, {"81CB010032", "C121 8401"},
		       {"81CBC10003 840101", "840101" FIELDS "9000"},
		       {"812A0001" BODY, "9000"}, {"812B8001" DATA, SIGNED},
		       /* Who wants the list is told what is wrong with it. */
		       {"81CB010032", "C121 8401"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	iotsafe_list *list;

	sign(card, 0, NULL);
	expect_error(iotsafe_card_list(card, NULL, &list), IOTSAFE_ERR_FORMAT,
		     "GET DATA object list: the answer is cut");
	end(card, &script);
}

/* ---- remote administration ---- */

#define FILE_LIST(size)                                                        \
	"830102 600101 4A0101 210101 20020" size "840101" FIELDS "9000"

#define PUBLIC_LIST "850101" FIELDS "9000"
#define X	    "8782CB263ACF47DB6EF7EB9C4369828C5F74E7FAB1719A0AD2036712CA58D936"
#define Y	    "789A264ACB413A1599115D16457D694FAF2B3E763C3F049679E8256DFE53D64F"

static void expect_content(iotsafe_file *file, const char *hex)
{
	uint8_t *out;
	size_t size;

	expect_good(iotsafe_file_read(file, &out, &size));
	expect_bytes(out, size, hex);
}

static void keep(void *self, const char *line)
{
	if (strstr(line, "remote administration changed objects"))
		++*(int *)self;
}

Test(administration, that_has_completed_makes_what_was_read_history)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT, {"81CB010000", FILE_LIST("002")},
		{"81B0000003 830102", "AABB 9000"}, {"8184000001", "00 63CF"},
		{"81CB010000", FILE_LIST("003")},
		{"81B0000003 830102", "AABBCC 9000"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	iotsafe_file *file;
	uint8_t *out;
	size_t size;
	int told = 0;

	expect_good(iotsafe_file_open(card, "id=02", &file));
	expect_content(file, "AABB");
	iotsafe_trace_set(IOTSAFE_TRACE_APDU, keep, &told);
	expect_good(iotsafe_card_random(card, 1, &out, &size));
	iotsafe_free(out);
	iotsafe_trace_set(0, NULL, NULL);
	cr_assert(told == 1);
	/* The file has grown, and its handle knows. */
	expect_content(file, "AABBCC");
	iotsafe_file_free(file);
	end(card, &script);
}

Test(administration, that_is_under_way_is_asked_once_more)
{
	static const char *const refusals[] = {"6984", "6989"};

	for (size_t i = 0; i < COUNT_OF(refusals); i++) {
		struct script script = SCRIPT(
			ROW_OPEN, ROW_SELECT, {"81CB010000", FILE_LIST("002")},
			{"81B0000003 830102", refusals[i]},
			{"81CB010000", FILE_LIST("003")},
			{"81B0000003 830102", "AABBCC 9000"}, ROW_CLOSE);
		iotsafe_card *card = script_open(&script, NULL);
		iotsafe_file *file;

		expect_good(iotsafe_file_open(card, "id=02", &file));
		expect_content(file, "AABBCC");
		iotsafe_file_free(file);
		end(card, &script);
	}
}

/* What is refused meanwhile is not taken to be hidden for good. */
Test(administration, of_a_public_key_is_waited_for_as_well)
{
	static const char *const refusals[] = {"6984", "6989"};

	for (size_t i = 0; i < COUNT_OF(refusals); i++) {
		struct script script = SCRIPT(
			ROW_OPEN, ROW_SELECT, {"81CB010000", PUBLIC_LIST},
			{"81CD000003 850101", refusals[i]},
			{"81CB010000", PUBLIC_LIST},
			{"81CD000003 850101", "34454943864104" X Y "9000"},
			ROW_CLOSE);
		iotsafe_card *card = script_open(&script, NULL);
		uint8_t *out;
		size_t size;

		expect_good(
			iotsafe_card_public_key(card, "id=01", &out, &size));
		cr_assert(size > 64);
		iotsafe_free(out);
		end(card, &script);
	}
}

Test(administration, that_stays_under_way_is_told)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT, {"81CB010000", FILE_LIST("002")},
		{"81B0000003 830102", "6984"}, {"81CB010000", FILE_LIST("002")},
		{"81B0000003 830102", "6984"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	iotsafe_file *file;
	uint8_t *out;
	size_t size;

	expect_good(iotsafe_file_open(card, "id=02", &file));
	expect_error(iotsafe_file_read(file, &out, &size), IOTSAFE_ERR_CARD,
		     "a remote administration is under way (file id 02)");
	iotsafe_file_free(file);
	end(card, &script);
}

Test(administration, that_took_an_object_away_is_told)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, {"81CB010000", FILE_LIST("002")},
		       {"8184000001", "00 63CF"},
		       {"81CB010000", "840103" FIELDS "9000"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	uint8_t hash[32] = {0}, *out;
	iotsafe_file *file;
	iotsafe_key *key;
	size_t size;

	expect_good(iotsafe_file_open(card, "id=02", &file));
	expect_good(iotsafe_key_open(card, "id=01", &key));
	expect_good(iotsafe_card_random(card, 1, &out, &size));
	iotsafe_free(out);
	expect_error(iotsafe_file_read(file, &out, &size), IOTSAFE_ERR_ABSENT,
		     "file id 02 is no longer on the card");
	expect_error(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size),
		IOTSAFE_ERR_ABSENT, "key id 01 is no longer on the card");
	iotsafe_key_free(key);
	iotsafe_file_free(file);
	end(card, &script);
}
