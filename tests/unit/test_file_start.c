/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* object/file.c: the beginning of a file, and the rest of it. */
#include <criterion/criterion.h>
#include "script.h"

TestSuite(file_start, .timeout = 60);

/* The list: a certificate of twelve bytes, id 02, label "AB". */
#define ROW_LIST                                                               \
	{                                                                      \
		"81CB010000", "7302 4142 830102 4A0101 210102 2002000C 9000"   \
	}
#define FIRST  "300A 010203"
#define SECOND "04050607 08090A"
#define ROW_FIRST                                                              \
	{                                                                      \
		"81B00000 03 830102", FIRST " 9000"                            \
	}
#define ROW_SECOND                                                             \
	{                                                                      \
		"81B00005 03 830102", SECOND " 9000"                           \
	}
#define ROW_WHOLE                                                              \
	{                                                                      \
		"81B00000 03 830102", FIRST SECOND " 9000"                     \
	}

static iotsafe_file *open_file(struct script *script, iotsafe_card **card)
{
	iotsafe_file *file;

	*card = script_open(script, NULL);
	expect_good(iotsafe_file_open(*card, "AB", &file));
	return file;
}

static void expect_start(iotsafe_file *file, const char *bytes)
{
	uint8_t *out;
	size_t size;

	expect_good(iotsafe_file_read_start(file, &out, &size));
	expect_bytes(out, size, bytes);
}

static void expect_file(iotsafe_file *file, const char *bytes)
{
	uint8_t *out;
	size_t size;

	expect_good(iotsafe_file_read(file, &out, &size));
	expect_bytes(out, size, bytes);
}

static void end(const struct script *script, iotsafe_card *card,
		iotsafe_file *file)
{
	iotsafe_file_free(file);
	iotsafe_card_free(card);
	script_expect_done(script);
}

Test(file_start, costs_one_command_and_the_rest_goes_on_behind_it)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST, ROW_FIRST, ROW_SECOND,
		       ROW_FIRST, ROW_SECOND, ROW_CLOSE);
	iotsafe_card *card;
	iotsafe_file *file = open_file(&script, &card);

	expect_start(file, FIRST);
	expect_file(file, FIRST SECOND);
	/* And anew. */
	expect_file(file, FIRST SECOND);
	end(&script, card, file);
}

Test(file_start, is_all_of_a_file_that_is_no_longer)
{
	struct script script = SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST, ROW_WHOLE,
				      ROW_WHOLE, ROW_CLOSE);
	iotsafe_card *card;
	iotsafe_file *file = open_file(&script, &card);

	expect_start(file, FIRST SECOND);
	expect_file(file, FIRST SECOND);
	expect_file(file, FIRST SECOND);
	end(&script, card, file);
}

Test(file_start, is_read_anew_when_it_is_asked_for_again)
{
	struct script script = SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST, ROW_FIRST,
				      ROW_FIRST, ROW_SECOND, ROW_CLOSE);
	iotsafe_card *card;
	iotsafe_file *file = open_file(&script, &card);

	expect_start(file, FIRST);
	expect_start(file, FIRST);
	expect_file(file, FIRST SECOND);
	end(&script, card, file);
}

/* The card was reset, and may have been written to meanwhile. */
Test(file_start, of_a_card_that_was_opened_again_is_history)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST, ROW_FIRST,
		       {"81B00005 03 830102", "6881"}, ROW_OPEN, ROW_SELECT,
		       ROW_FIRST, ROW_SECOND, ROW_CLOSE);
	iotsafe_card *card;
	iotsafe_file *file = open_file(&script, &card);

	expect_start(file, FIRST);
	expect_file(file, FIRST SECOND);
	end(&script, card, file);
}

/* "Referenced data invalidated": what was listed and read is history, for every
 * handle. */
Test(file_start, of_a_card_that_has_changed_is_history)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST, ROW_FIRST,
		       {"81B00000 03 830102", "6984"}, ROW_LIST, ROW_FIRST,
		       ROW_SECOND, ROW_FIRST, ROW_SECOND, ROW_CLOSE);
	iotsafe_card *card;
	iotsafe_file *file = open_file(&script, &card), *other;

	expect_start(file, FIRST);
	expect_good(iotsafe_file_open(card, "AB", &other));
	expect_file(other, FIRST SECOND);
	expect_file(file, FIRST SECOND);
	iotsafe_file_free(other);
	end(&script, card, file);
}
