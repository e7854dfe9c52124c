/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* GET DATA: application data, lists of objects, single objects. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "applet/iotsafe.h"
#include "base/error.h"
#include "script.h"

/* ---- decoding ---- */

struct found {
	struct record items[8];
	size_t count;
};

static int collect(void *self, const struct record *record)
{
	struct found *found = self;

	cr_assert(found->count < COUNT_OF(found->items));
	found->items[found->count++] = *record;
	return IOTSAFE_OK;
}

static int decode(const char *hex, struct found *found)
{
	uint8_t data[512];
	struct bytes answer = {data, unhex(hex, data, sizeof(data))};

	found->count = 0;
	return gsma_decode_objects(answer, collect, found);
}

static void expect_count(const char *hex, size_t count, struct found *found)
{
	cr_assert(decode(hex, found) == IOTSAFE_OK, "%s", hex);
	cr_assert(found->count == count, "%zu records: %s", found->count, hex);
}

static void expect_none(const char *hex)
{
	struct found found;

	cr_assert(decode(hex, &found) == IOTSAFE_ERR_FORMAT, "%s", hex);
	cr_assert(found.count == 0, "nothing is told of a broken list");
}

/* As one real card answers: bare, and tag 92 says 2 with one byte behind. */
#define QUANTAG_PRIVATE                                                        \
	"74023131 84020002 600102 4A0101 4B0113 4E0103 610107 "                \
	"920204 91020007 6F0101"
#define QUANTAG_PUBLIC                                                         \
	"75023131 85020002 600102 4A0101 4B0113 4E0103 610107 "                \
	"920204 91020007 6F0101"
#define QUANTAG_PUBLIC_2                                                       \
	"75023232 85020003 600102 4A0100 4B0113 4E0103 610107 "                \
	"920204 91020007 6F0101"
#define QUANTAG_FILE   "73023031 83020001 600101 4A0101 210101 20020040"
#define QUANTAG_SECRET "76023333 86020004 600103 4A0100 4B01A0 61010C 940102"

#define KEY_FIELDS "600101 4A0101 4B0113 4E0101 610101 920104 91020001"

Test(objects, quantag_the_list_is_bare_and_tag_92_is_one_short)
{
	struct found found;
	const struct record *item = found.items;

	expect_count(QUANTAG_PRIVATE QUANTAG_PUBLIC QUANTAG_PUBLIC_2
			     QUANTAG_FILE QUANTAG_SECRET,
		     5, &found);
	cr_assert(item[0].class == IOTSAFE_CLASS_PRIVATE_KEY);
	cr_assert(item[0].id_size == 2 && item[0].id[1] == 2);
	cr_assert(item[0].label_size == 2 && item[0].label[0] == 0x31);
	cr_assert(item[0].key_type == 0x13);
	cr_assert(item[0].algorithms ==
		  (IOTSAFE_ECDSA_SHA256 | IOTSAFE_ECDSA_SHA384 |
		   IOTSAFE_ECDSA_SHA512));
	cr_assert(item[0].flags ==
		  (IOTSAFE_OBJECT_ACTIVE | IOTSAFE_OBJECT_UPDATABLE |
		   IOTSAFE_OBJECT_SIGN | IOTSAFE_OBJECT_GENERATE |
		   IOTSAFE_OBJECT_AGREE));
	cr_assert(item[1].class == IOTSAFE_CLASS_PUBLIC_KEY);
	cr_assert(!(item[2].flags & IOTSAFE_OBJECT_ACTIVE));
	cr_assert(item[3].class == IOTSAFE_CLASS_FILE);
	cr_assert(item[3].size == 0x40 && item[3].key_type == 0);
	cr_assert(item[3].flags ==
		  (IOTSAFE_OBJECT_ACTIVE | IOTSAFE_OBJECT_READABLE));
	cr_assert(item[4].class == IOTSAFE_CLASS_SECRET_KEY);
	cr_assert(item[4].key_type == 0xA0 && item[4].algorithms == 0);
	cr_assert(item[4].flags & IOTSAFE_OBJECT_DERIVE);
}

Test(objects, a_list_may_be_wrapped_in_any_order)
{
	struct found found;

	expect_count("C310 83010A 600101 4A0101 210102 20020123"
		     "C119 840101" KEY_FIELDS "C21C 7501 41 850102" KEY_FIELDS,
		     3, &found);
	cr_assert(found.items[0].class == IOTSAFE_CLASS_FILE);
	cr_assert(found.items[0].size == 0x123);
	cr_assert(found.items[0].flags & IOTSAFE_OBJECT_CERTIFICATE);
	cr_assert(found.items[1].class == IOTSAFE_CLASS_PRIVATE_KEY);
	cr_assert(found.items[2].label_size == 1);
}

Test(objects, an_empty_list_has_none)
{
	struct found found;

	expect_count("", 0, &found);
	expect_count("C100", 0, &found);
}

Test(objects, a_bare_list_is_parted_by_references)
{
	struct found found;

	/* Another class; an id again; a label again. */
	expect_count("840101 850101", 2, &found);
	expect_count("840101 840102", 2, &found);
	expect_count("740141 740142", 2, &found);
	expect_count("740141 840101 600101 740142 840102", 2, &found);
	cr_assert(found.items[1].label[0] == 0x42);
	cr_assert(found.items[1].id[0] == 2);
}

Test(objects, a_label_behind_fields_belongs_to_the_next_one)
{
	struct found found;

	/* The first has no label: tag 74 does not belong to it. */
	expect_count("840101 600101 4A0101 740142 840102 600101", 2, &found);
	cr_assert(found.items[0].label_size == 0);
	cr_assert(found.items[1].label_size == 1);
	cr_assert(found.items[1].id_size == 1 && found.items[1].id[0] == 2);
}

Test(objects, fields_without_an_object_are_no_list)
{
	expect_none("600101 840101");
	expect_none("C103 600101");
}

Test(objects, an_unknown_tag_is_passed_over)
{
	struct found found;

	expect_count("C11C 840101 DF0155" KEY_FIELDS, 1, &found);
	cr_assert(found.items[0].key_type == 0x13);
	expect_count("840101 5003AABBCC" KEY_FIELDS, 1, &found);
	cr_assert(found.items[0].flags & IOTSAFE_OBJECT_SIGN);
}

Test(objects, quantag_s_tag_92_is_read_beside_an_unknown_tag)
{
	struct found found;

	expect_count(QUANTAG_PRIVATE
		     "500155" QUANTAG_PUBLIC QUANTAG_FILE QUANTAG_SECRET,
		     4, &found);
	cr_assert(found.items[0].algorithms == 0x007);
}

Test(objects, unknown_bits_and_types_are_kept_out_of_ours)
{
	struct found found;

	expect_count("840101 6001FF 4A0102 4B0143 4E01FF 6101FF 9201FF "
		     "9102FFFF",
		     1, &found);
	cr_assert(found.items[0].flags ==
		  (IOTSAFE_OBJECT_READABLE | IOTSAFE_OBJECT_UPDATABLE |
		   IOTSAFE_OBJECT_SIGN | IOTSAFE_OBJECT_GENERATE |
		   IOTSAFE_OBJECT_AGREE | IOTSAFE_OBJECT_DERIVE));
	cr_assert(found.items[0].algorithms == 0x777);
	cr_assert(found.items[0].key_type == 0x43);
}

Test(objects, what_a_card_leaves_out_follows_from_the_key)
{
	struct found found;

	expect_count("840101 4A0101 4B0114", 1, &found);
	cr_assert(found.items[0].algorithms == IOTSAFE_ECDSA_SHA256);
	cr_assert(found.items[0].flags & IOTSAFE_OBJECT_SIGN);
	cr_assert(found.items[0].flags & IOTSAFE_OBJECT_VOLATILE);
	expect_count("840101 4A0101 4B0113 610104", 1, &found);
	cr_assert(found.items[0].algorithms == 0, "agreement only");
	expect_count("840101 4A0101 4B0103 610101", 1, &found);
	cr_assert(found.items[0].algorithms == IOTSAFE_RSA_PKCS1_SHA256);
	expect_count("840101 4A0101 4B0103 610101 920103 91020001", 1, &found);
	cr_assert(found.items[0].algorithms ==
		  (IOTSAFE_RSA_PKCS1_SHA256 | IOTSAFE_RSA_PSS_SHA256));
}

Test(objects, the_other_family_of_tags_means_the_same)
{
	struct found found;

	expect_count("840101 4A0101 4B0113 900105 930101 920104 91020003", 1,
		     &found);
	cr_assert(found.items[0].flags ==
		  (IOTSAFE_OBJECT_ACTIVE | IOTSAFE_OBJECT_SIGN |
		   IOTSAFE_OBJECT_AGREE));
	cr_assert(found.items[0].algorithms ==
		  (IOTSAFE_ECDSA_SHA256 | IOTSAFE_ECDSA_SHA384));
}

#define TWENTY "000102030405060708090A0B0C0D0E0F10111213"
#define SIXTY  TWENTY TWENTY TWENTY

Test(objects, ids_have_1_to_20_bytes)
{
	struct found found;

	expect_count("8414" TWENTY, 1, &found);
	cr_assert(found.items[0].id_size == 20);
	expect_none("8400");
	expect_none("8415" TWENTY "14");
	expect_none("C117 8415" TWENTY "14");
}

Test(objects, labels_have_up_to_60_bytes_of_any_value)
{
	struct found found;

	expect_count("743C" SIXTY "840101", 1, &found);
	cr_assert(found.items[0].label_size == 60);
	expect_count("7400 840101", 1, &found);
	cr_assert(found.items[0].label_size == 0);
	expect_count("7403 00FF80 840101", 1, &found);
	cr_assert(!memcmp(found.items[0].label, "\x00\xFF\x80", 3));
	expect_none("743D" SIXTY "00 840101");
}

Test(objects, wrappers_do_not_wrap_wrappers)
{
	expect_none("C105 C103 840101");
	expect_none("C105 C303 830101");
	expect_none("C107 840101 C102 8400");
}

Test(objects, lying_lengths_are_no_list)
{
	expect_none("C104 840101");
	expect_none("8402 01");
	expect_none("C1");
	expect_none("C181");
	expect_none("C180 840101");
	expect_none("84");
	expect_none("C183FFFFFF 840101");
}

struct first {
	struct record items[8];
	size_t count, seen;
};

static int expect_prefix(void *self, const struct record *record)
{
	struct first *first = self;

	/* The last one may lack fields; the others are as they were. */
	cr_assert(first->seen < first->count);
	cr_assert(record->class == first->items[first->seen].class);
	first->seen++;
	return IOTSAFE_OK;
}

Test(objects, a_list_cut_at_any_byte_gives_no_more_than_it_has)
{
	static const char *const lists[] = {
		QUANTAG_PRIVATE QUANTAG_PUBLIC QUANTAG_FILE QUANTAG_SECRET,
		"C119 840101" KEY_FIELDS "C21C 7501 41 850102" KEY_FIELDS,
	};

	for (size_t i = 0; i < COUNT_OF(lists); i++) {
		uint8_t data[512];
		size_t size = unhex(lists[i], data, sizeof(data));
		struct found whole = {.count = 0};
		struct first first = {.count = 0};

		cr_assert(gsma_decode_objects((struct bytes){data, size},
					      collect, &whole) == 0);
		memcpy(first.items, whole.items, sizeof(first.items));
		first.count = whole.count;
		for (size_t cut = 0; cut < size; cut++) {
			uint8_t *copy = malloc(cut ? cut : 1);

			/* On the heap, where a byte too far is seen. */
			memcpy(copy, data, cut);
			first.seen = 0;
			gsma_decode_objects((struct bytes){copy, cut},
					    expect_prefix, &first);
			free(copy);
		}
	}
}

Test(objects, noise_of_64_kib_ends)
{
	uint8_t *noise = malloc(0x10000);
	struct first first = {.count = 0};
	uint32_t state = 1;

	for (size_t i = 0; i < 0x10000; i++) {
		state = state * 1664525u + 1013904223u;
		noise[i] = (uint8_t)(state >> 24);
	}
	cr_assert(gsma_decode_objects((struct bytes){noise, 0x10000},
				      expect_prefix,
				      &first) == IOTSAFE_ERR_FORMAT);
	free(noise);
}

static int stop_at_two(void *self, const struct record *record)
{
	unsigned *count = self;

	(void)record;
	return ++*count == 2 ? IOTSAFE_ERR_SUPPORT : IOTSAFE_OK;
}

Test(objects, the_receiver_may_end_it)
{
	uint8_t data[16];
	struct bytes in = {data,
			   unhex("840101 840102 840103", data, sizeof(data))};
	unsigned count = 0;

	cr_assert(gsma_decode_objects(in, stop_at_two, &count) ==
		  IOTSAFE_ERR_SUPPORT);
	cr_assert(count == 2);
}

/* ---- application data ---- */

#define IDENTIFIER                                                             \
	"1120 11223344556677881122334455667788"                                \
	"11223344556677881122334455667788"

static bool decode_application(const char *hex, struct capabilities *out)
{
	uint8_t data[128];

	return gsma_decode_capabilities(
		(struct bytes){data, unhex(hex, data, sizeof(data))}, out);
}

Test(application, quantag_the_data_is_understood)
{
	struct capabilities known;

	cr_assert(decode_application("100110" IDENTIFIER
				     "B1010A B2010B B3010C B4010D 61010F "
				     "91020001 920104 6F0101 940102 B70101",
				     &known));
	cr_assert(known.known && known.version == 0x10);
	cr_assert(known.files == 10 && known.private_keys == 11);
	cr_assert(known.public_keys == 12 && known.secret_keys == 13);
	cr_assert(known.functions == 0x0F && known.hashes == 0x0001);
	cr_assert(known.signatures == 4 && known.agreements == 1);
	cr_assert(known.derivations == 2 && known.sessions == 1);
}

Test(application, the_other_family_of_tags_means_the_same)
{
	struct capabilities known;

	cr_assert(decode_application("900107 910103 930101 B70105", &known));
	cr_assert(known.functions == 7 && known.hashes == 3);
	cr_assert(known.agreements == 1 && known.sessions == 5);
}

Test(application, what_cannot_be_walked_ends_the_walk_only)
{
	struct capabilities known;

	cr_assert(decode_application("B10105 B2017F 11FF", &known));
	cr_assert(known.files == 5 && known.private_keys == 0x7F);
	cr_assert(!decode_application("", &known) && !known.known);
	cr_assert(!decode_application("11020304", &known));
	cr_assert(!decode_application("B103010203", &known), "no number");
}

/* ---- the commands ---- */

static void expect_list(struct script *script, size_t count)
{
	iotsafe_card *card = script_open(script, NULL);
	iotsafe_list *list;
	iotsafe_object *object;
	size_t seen = 0;

	for (int twice = 0; twice < 2; twice++) {
		/* Read once, and kept. */
		expect_good(iotsafe_card_list(card, NULL, &list));
		for (seen = 0; !iotsafe_list_next(list, &object) && object;
		     seen++)
			iotsafe_object_free(object);
		iotsafe_list_free(list);
	}
	iotsafe_card_free(card);
	script_expect_done(script);
	cr_assert(seen == count, "%zu objects", seen);
}

static void expect_no_list(struct script *script, int code, const char *words)
{
	iotsafe_card *card = script_open(script, NULL);
	iotsafe_list *list = (iotsafe_list *)1;

	expect_error(iotsafe_card_list(card, NULL, &list), code, words);
	cr_assert_null(list);
	iotsafe_card_free(card);
	script_expect_done(script);
}

Test(list, comes_in_pages_that_cut_objects)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT, {"81CB010000", "C106 840101 60 6300"},
		{"81CB010100", "0101 C2 6300"}, {"81CB010100", "03850102 9000"},
		ROW_CLOSE);

	expect_list(&script, 2);
}

Test(list, pages_are_fetched_with_61xx)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, {"81CB010000", "6103"},
		       {"81C0000003", "C10384 6300"}, {"81CB010100", "6102"},
		       {"81C0000002", "0101 9000"}, ROW_CLOSE);

	expect_list(&script, 1);
}

Test(list, is_asked_again_with_the_length_of_6Cxx)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, {"81CB010000", "6C05"},
		       {"81CB010005", "C103 840101 9000"}, ROW_CLOSE);

	expect_list(&script, 1);
}

Test(list, may_be_empty)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, {"81CB010000", "9000"}, ROW_CLOSE);

	expect_list(&script, 0);
}

Test(list, that_promises_more_and_gives_none_is_refused)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, {"81CB010000", "840101 6300"},
		       {"81CB010100", "6300"}, ROW_CLOSE);

	expect_no_list(&script, IOTSAFE_ERR_FORMAT,
		       "announces more and gives none");
}

Test(list, is_fetched_in_smaller_pieces_where_the_modem_cuts_answers)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, {"81CB010000", "6105"},
		       {"81C0000005", "C103 8401"}, {"81CB010080", "6105"},
		       {"81C0000005", "C103 840101 9000"}, ROW_CLOSE);

	expect_list(&script, 1);
}

Test(list, that_cannot_be_understood_is_told)
{
	struct script script = SCRIPT(ROW_OPEN, ROW_SELECT,
				      {"81CB010000", "840301 9000"}, ROW_CLOSE);

	expect_no_list(&script, IOTSAFE_ERR_FORMAT,
		       "GET DATA object list: 3 bytes cannot be understood");
}

Test(list, that_the_card_does_not_know_is_told)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, {"81CB010000", "6A86"}, ROW_CLOSE);

	expect_no_list(&script, IOTSAFE_ERR_SUPPORT, "name its objects by id");
}

Test(list, of_more_objects_than_any_card_has_is_refused)
{
	/* 80 objects a page. */
	static char page[80 * 6 + 8], last[sizeof(page) + 4];
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, {"81CB010000", page},
		       {"81CB010100", page}, {"81CB010100", page},
		       {"81CB010100", last}, ROW_CLOSE);

	for (int i = 0; i < 80; i++)
		strcat(page, "840101");
	sprintf(last, "%s9000", page);
	strcat(page, "6300");
	expect_no_list(&script, IOTSAFE_ERR_SUPPORT, "more than 256 objects");
}

Test(object, is_asked_for_alone_where_there_is_no_list)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, {"81CB010000", "6D00"},
		       {"81CBC300 03 830102",
			"C310 830102 600101 4A0101 210101 20020003 9000"},
		       {"81B00000 03 830102", "AABBCC 9000"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	iotsafe_file *file;
	uint8_t *out;
	size_t size;

	expect_good(iotsafe_file_open(card, "id=02", &file));
	expect_good(iotsafe_file_read(file, &out, &size));
	expect_bytes(out, size, "AABBCC");
	iotsafe_file_free(file);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

Test(object, that_is_refused_alone_is_taken_at_its_name)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, {"81CB010000", "6A86"},
		       {"81CBC100 05 7403 6B6579", "6985"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	iotsafe_object *object;
	iotsafe_key *key;

	expect_good(iotsafe_key_open(card, "key", &key));
	expect_good(iotsafe_key_object(key, &object));
	cr_assert_str_eq(iotsafe_object_name(object),
			 "iotsafe:label=key;type=private");
	cr_assert(iotsafe_object_algorithms(object) == IOTSAFE_ECDSA_SHA256);
	iotsafe_object_free(object);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

Test(object, of_another_class_is_no_answer)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, {"81CB010000", "6A86"},
		       {"81CBC100 03 840102", "850102 9000"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	iotsafe_key *key;

	expect_error(iotsafe_key_open(card, "id=02", &key), IOTSAFE_ERR_FORMAT,
		     "GET DATA object: 3 bytes cannot be understood");
	iotsafe_card_free(card);
	script_expect_done(&script);
}
