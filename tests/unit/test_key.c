/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Objects and keys as users see them: lists, names, records. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include "script.h"

#define FIELDS "600101 4A0101 4B0113 4E0101 610101 920104 91020003"

/* Opens a card with this list, in one answer. */
static iotsafe_card *open_with(struct script *script, const char *list)
{
	static char answer[1100];
	static struct script_row rows[] = {
		ROW_OPEN, ROW_SELECT, {"81CB010000", answer}, ROW_CLOSE};

	snprintf(answer, sizeof(answer), "%s9000", list);
	*script = (struct script){.rows = rows, .count = COUNT_OF(rows)};
	return script_open(script, NULL);
}

static void close_it(iotsafe_card *card, const struct script *script)
{
	iotsafe_card_free(card);
	script_expect_done(script);
}

static unsigned count(iotsafe_card *card, const char *name)
{
	iotsafe_object *object;
	iotsafe_list *list;
	unsigned found = 0;

	expect_good(iotsafe_card_list(card, name, &list));
	while (!iotsafe_list_next(list, &object) && object) {
		iotsafe_object_free(object);
		found++;
	}
	iotsafe_list_free(list);
	return found;
}

#define MIXED                                                                  \
	"74036B6579 840101" FIELDS "75036B6579 850101" FIELDS                  \
	"84020102 4A0101 4B0124" FIELDS                                        \
	"7303434131 830101 600101 4A0101 210102 20020200"                      \
	"830102 600103 4A0100 210101 20020010"                                 \
	"7603707368 860105 600100 4A0101 4B01A0 610108 940101"

Test(list, shows_what_a_name_matches)
{
	struct script script;
	iotsafe_card *card = open_with(&script, MIXED);

	cr_assert(count(card, NULL) == 6);
	cr_assert(count(card, "") == 6);
	cr_assert(count(card, "type=private") == 2);
	cr_assert(count(card, "type=public") == 1);
	cr_assert(count(card, "type=cert") == 1);
	cr_assert(count(card, "type=data") == 2);
	cr_assert(count(card, "type=secret-key") == 1);
	cr_assert(count(card, "key") == 2);
	cr_assert(count(card, "key;type=public") == 1);
	cr_assert(count(card, "id=01") == 3);
	cr_assert(count(card, "id=01;label=key;type=private") == 1);
	cr_assert(count(card, "id=0102") == 1);
	cr_assert(count(card, "id=99") == 0);
	cr_assert(count(card, "CA1;type=private") == 0);
	close_it(card, &script);
}

Test(list, gives_records_field_by_field)
{
	struct script script;
	iotsafe_card *card = open_with(&script, MIXED);
	iotsafe_object *object;
	iotsafe_list *list;
	uint8_t *out;
	size_t size;

	expect_good(iotsafe_card_list(card, NULL, &list));
	expect_good(iotsafe_list_next(list, &object));
	cr_assert_str_eq(iotsafe_object_applet(object), "iotsafe");
	cr_assert_str_eq(iotsafe_object_name(object),
			 "iotsafe:id=01;type=private");
	cr_assert_str_eq(iotsafe_object_key_type(object), "P-256");
	cr_assert(iotsafe_object_class(object) == IOTSAFE_CLASS_PRIVATE_KEY);
	cr_assert(iotsafe_object_algorithms(object) ==
		  (IOTSAFE_ECDSA_SHA256 | IOTSAFE_ECDSA_SHA384));
	cr_assert(iotsafe_object_flags(object) ==
		  (IOTSAFE_OBJECT_ACTIVE | IOTSAFE_OBJECT_READABLE |
		   IOTSAFE_OBJECT_SIGN));
	cr_assert(iotsafe_object_size(object) == 0);
	expect_good(iotsafe_object_id(object, &out, &size));
	expect_bytes(out, size, "01");
	expect_good(iotsafe_object_label(object, &out, &size));
	cr_assert_str_eq((char *)out, "key");
	iotsafe_free(out);
	iotsafe_object_free(object);
	for (int i = 0; i < 3; i++) {
		expect_good(iotsafe_list_next(list, &object));
		if (i < 2)
			iotsafe_object_free(object);
	}
	cr_assert_str_eq(iotsafe_object_name(object),
			 "iotsafe:id=01;type=cert");
	cr_assert(iotsafe_object_size(object) == 512);
	cr_assert_str_eq(iotsafe_object_key_type(object), "");
	expect_good(iotsafe_object_label(object, &out, &size));
	cr_assert_str_eq((char *)out, "CA1");
	iotsafe_free(out);
	iotsafe_object_free(object);
	iotsafe_list_free(list);
	close_it(card, &script);
}

Test(list, names_key_types_as_far_as_they_are_known)
{
	static const char *const types[][2] = {
		{"03", "RSA-2048"},	   {"13", "P-256"},
		{"14", "P-256"},	   {"23", "brainpoolP256r1"},
		{"24", "brainpoolP256r1"}, {"A0", "HMAC"},
		{"B0", "AES-128"},	   {"43", "unknown 43"},
		{"00", "unknown 00"},
	};

	for (size_t i = 0; i < COUNT_OF(types); i++) {
		struct script script;
		char text[64];
		iotsafe_object *object;
		iotsafe_list *list;
		iotsafe_card *card;

		sprintf(text, "840101 4A0101 4B01%s", types[i][0]);
		card = open_with(&script, text);
		expect_good(iotsafe_card_list(card, NULL, &list));
		expect_good(iotsafe_list_next(list, &object));
		cr_assert_str_eq(iotsafe_object_key_type(object), types[i][1]);
		iotsafe_object_free(object);
		iotsafe_list_free(list);
		close_it(card, &script);
	}
}

Test(list, every_name_finds_just_its_object)
{
	/* Labels with blanks, quotes, NUL and bytes that are no UTF-8. */
	struct script script;
	iotsafe_card *card =
		open_with(&script, "7403612062" FIELDS "7403612262" FIELDS
				   "7403610062" FIELDS "7403FF8041" FIELDS);
	iotsafe_object *object;
	iotsafe_list *list;
	unsigned seen = 0;

	expect_good(iotsafe_card_list(card, NULL, &list));
	while (!iotsafe_list_next(list, &object) && object) {
		cr_assert(count(card, iotsafe_object_name(object)) == 1, "%s",
			  iotsafe_object_name(object));
		iotsafe_object_free(object);
		seen++;
	}
	cr_assert(seen == 4);
	iotsafe_list_free(list);
	close_it(card, &script);
}

static void expect_key_error(iotsafe_card *card, const char *name, int code,
			     const char *words)
{
	iotsafe_key *key = (iotsafe_key *)1;

	expect_error(iotsafe_key_open(card, name, &key), code, words);
	cr_assert_null(key);
}

Test(key, that_is_not_there_is_told_with_those_that_are)
{
	struct script script;
	iotsafe_card *card = open_with(&script, MIXED);

	expect_key_error(card, "client", IOTSAFE_ERR_ABSENT,
			 "no private key \"client\" on the card; it has "
			 "id=01;type=private (\"key\"), id=0102;type=private");
	expect_key_error(card, "id=77", IOTSAFE_ERR_ABSENT,
			 "no private key id 77 on the card");
	expect_key_error(card, "CA1", IOTSAFE_ERR_ABSENT, "no private key");
	expect_key_error(card, "id=01;type=public", IOTSAFE_ERR_ARG,
			 "its type is not that of a private key");
	close_it(card, &script);
}

Test(key, several_of_one_name_are_told_with_names_that_choose)
{
	struct script script;
	iotsafe_card *card = open_with(&script, "740178 840101" FIELDS
						"740178 840102" FIELDS);
	iotsafe_key *key;

	expect_key_error(card, "x", IOTSAFE_ERR_AMBIGUOUS,
			 "2 private keys match; choose one of: "
			 "id=01;type=private (\"x\"), id=02;type=private "
			 "(\"x\")");
	expect_good(iotsafe_key_open(card, "id=02;type=private", &key));
	iotsafe_key_free(key);
	close_it(card, &script);
}

Test(key, a_label_that_is_no_text_is_shown_in_digits)
{
	struct script script;
	iotsafe_card *card = open_with(&script, "74031B5B4A" FIELDS);

	expect_key_error(card, "x", IOTSAFE_ERR_ABSENT,
			 "it has label=%1B%5BJ;type=private");
	expect_key_error(card, "label=%1B%5B", IOTSAFE_ERR_ABSENT,
			 "no private key label 1B5B on the card");
	close_it(card, &script);
}

Test(key, more_titles_than_fit_are_cut)
{
	char list[1000] = "";
	struct script script;
	iotsafe_card *card;
	iotsafe_key *key;

	for (int i = 0; i < 11; i++)
		sprintf(list + strlen(list), "840E%026X%02X 4A0101", 0, i);
	card = open_with(&script, list);
	expect_error(iotsafe_key_open(card, "x", &key), IOTSAFE_ERR_ABSENT,
		     "it has id=0000");
	cr_assert(strlen(iotsafe_last_error()) < 512);
	close_it(card, &script);
}

Test(key, has_a_record_and_holds_its_card)
{
	struct script script;
	iotsafe_card *card = open_with(&script, MIXED);
	iotsafe_object *object;
	iotsafe_key *key;

	expect_good(iotsafe_key_open(card, "key", &key));
	iotsafe_card_free(card);
	cr_assert(script.closed == 0);
	expect_good(iotsafe_key_object(key, &object));
	iotsafe_key_free(key);
	cr_assert(script.closed == 1);
	cr_assert_str_eq(iotsafe_object_name(object),
			 "iotsafe:id=01;type=private");
	iotsafe_object_free(object);
	script_expect_done(&script);
}

Test(key, the_list_is_read_anew_after_a_remote_administration)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT, {"81CB010000", "840101" FIELDS "9000"},
		{"8184000002", "AABB 63CF"},
		{"81CB010000", "840102" FIELDS "9000"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	uint8_t *out;
	size_t size;

	cr_assert(count(card, "id=01") == 1);
	expect_good(iotsafe_card_random(card, 2, &out, &size));
	iotsafe_free(out);
	cr_assert(count(card, "id=02") == 1);
	cr_assert(count(card, "id=01") == 0);
	close_it(card, &script);
}
