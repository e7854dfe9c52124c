/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The last error of a thread. */
#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include "base/error.h"
#include "script.h"

Test(error, there_is_none_at_first)
{
	cr_assert_str_empty(iotsafe_last_error());
	cr_assert(iotsafe_last_code() == 0 && iotsafe_last_status() == 0);
}

Test(error, keeps_code_sentence_and_status)
{
	expect_error(
		error_set_status(IOTSAFE_ERR_CARD, 0x6985, "%s: no", "SIGN"),
		IOTSAFE_ERR_CARD, "SIGN: no");
	cr_assert(iotsafe_last_status() == 0x6985);
	error_set(IOTSAFE_ERR_IO, "other");
	cr_assert(iotsafe_last_status() == 0, "a status of before is gone");
}

Test(error, adds_the_words_of_the_system)
{
	error_set_errno(IOTSAFE_ERR_IO, ENOENT, "/dev/x");
	cr_assert_str_eq(iotsafe_last_error(),
			 "/dev/x: No such file or directory");
}

Test(error, grows_at_both_ends)
{
	error_set_status(IOTSAFE_ERR_CARD, 0x6A82, "b");
	error_prepend("a%d ", 1);
	error_append(" c%s", "2");
	cr_assert_str_eq(iotsafe_last_error(), "a1 b c2");
	cr_assert(iotsafe_last_status() == 0x6A82);
}

Test(error, cannot_steer_a_terminal_or_forge_a_line)
{
	error_set(IOTSAFE_ERR_MODEM, "a\033[2Jb\nc\td\x7F");
	cr_assert_str_eq(iotsafe_last_error(), "a [2Jb c d ");
	error_append("\r\n%s", "\x01");
	error_prepend("\x1B");
	cr_assert_str_eq(iotsafe_last_error(), " a [2Jb c d    ");
}

Test(error, is_cut_at_its_room)
{
	char text[2 * ERROR_TEXT_SIZE];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	error_set(IOTSAFE_ERR_ARG, "%s", text);
	cr_assert(strlen(iotsafe_last_error()) == ERROR_TEXT_SIZE - 1);
	error_append("more");
	error_prepend("front ");
	cr_assert(strlen(iotsafe_last_error()) == ERROR_TEXT_SIZE - 1);
	cr_assert(!strncmp(iotsafe_last_error(), "front x", 7));
	error_prepend("%s", text);
	cr_assert(strlen(iotsafe_last_error()) == ERROR_TEXT_SIZE - 1);
}

Test(error, survives_a_clean_up)
{
	struct error kept;

	error_set_status(IOTSAFE_ERR_CARD, 0x6985, "first");
	error_save(&kept);
	error_set(IOTSAFE_ERR_IO, "second");
	error_restore(&kept);
	cr_assert_str_eq(iotsafe_last_error(), "first");
	cr_assert(iotsafe_last_code() == IOTSAFE_ERR_CARD);
	cr_assert(iotsafe_last_status() == 0x6985);
}

static void *fail_elsewhere(void *self)
{
	const char **seen = self;

	*seen = *iotsafe_last_error() ? "not empty" : "empty";
	error_set(IOTSAFE_ERR_BUSY, "of the other thread");
	return NULL;
}

Test(error, belongs_to_its_thread)
{
	const char *seen = "";
	pthread_t thread;

	error_set(IOTSAFE_ERR_IO, "mine");
	pthread_create(&thread, NULL, fail_elsewhere, &seen);
	pthread_join(thread, NULL);
	cr_assert_str_eq(seen, "empty");
	cr_assert_str_eq(iotsafe_last_error(), "mine");
	cr_assert(iotsafe_last_code() == IOTSAFE_ERR_IO);
}

Test(error, every_code_has_a_name_of_its_own)
{
	for (int code = 0; code >= -18; code--) {
		cr_assert_str_neq(iotsafe_error_name(code), "UNKNOWN");
		for (int other = 0; other > code; other--)
			cr_assert_str_neq(iotsafe_error_name(code),
					  iotsafe_error_name(other));
	}
	cr_assert_str_eq(iotsafe_error_name(IOTSAFE_WANT_CARD), "WANT_CARD");
	cr_assert_str_eq(iotsafe_error_name(1), "UNKNOWN");
	cr_assert_str_eq(iotsafe_error_name(-19), "UNKNOWN");
}

static int try_it(int result, int *reached)
{
	TRY(result);
	*reached = 1;
	return 7;
}

Test(error, a_try_returns_what_is_negative)
{
	int reached = 0;

	cr_assert(try_it(-3, &reached) == -3 && !reached);
	cr_assert(try_it(2, &reached) == 7 && reached);
}
