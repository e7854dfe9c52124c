/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lines about exchanges: what is in them, and what must never be. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/error.h"
#include "base/trace.h"
#include "script.h"

struct lines {
	unsigned count;
	char text[8192];
};

static void collect(void *self, const char *line)
{
	struct lines *lines = self;
	size_t used = strlen(lines->text);

	lines->count++;
	snprintf(lines->text + used, sizeof(lines->text) - used, "%s\n", line);
}

Test(trace, is_off_at_first)
{
	cr_assert(!trace_wants(IOTSAFE_TRACE_APDU | IOTSAFE_TRACE_AT));
}

static void asks_environment(const char *value, bool apdu, bool at)
{
	setenv("IOTSAFE_TRACE", value, 1);
	cr_assert(trace_wants(IOTSAFE_TRACE_APDU) == apdu);
	cr_assert(trace_wants(IOTSAFE_TRACE_AT) == at);
}

/* Each in a process of its own: the environment is read once. */
Test(trace, of_apdus_is_switched_by_the_environment)
{
	asks_environment("apdu", true, false);
}

Test(trace, of_lines_is_switched_by_the_environment)
{
	asks_environment("at", false, true);
}

Test(trace, of_all_is_switched_by_the_environment)
{
	asks_environment("all", true, true);
}

Test(trace, of_failures_is_switched_by_the_environment)
{
	asks_environment("failure", false, false);
	cr_assert(trace_wants(IOTSAFE_TRACE_FAILURE));
}

Test(trace, of_failures_may_be_asked_for_beside_all)
{
	asks_environment("failure,all", true, true);
	cr_assert(trace_wants(IOTSAFE_TRACE_FAILURE));
}

Test(trace, an_unknown_word_switches_nothing_on)
{
	asks_environment("none", false, false);
}

Test(trace, a_call_wins_over_the_environment)
{
	struct lines lines = {0};

	setenv("IOTSAFE_TRACE", "all", 1);
	iotsafe_trace_set(IOTSAFE_TRACE_AT, collect, &lines);
	trace_line(IOTSAFE_TRACE_APDU, "one");
	trace_line(IOTSAFE_TRACE_AT, "two");
	cr_assert_str_eq(lines.text, "two\n");
	iotsafe_trace_set(0, NULL, NULL);
	trace_line(IOTSAFE_TRACE_AT, "three");
	cr_assert(lines.count == 1);
}

Test(trace, goes_to_standard_error_without_a_function)
{
	char text[64] = "";
	int ends[2];

	cr_assert(pipe(ends) == 0);
	iotsafe_trace_set(IOTSAFE_TRACE_AT, NULL, NULL);
	dup2(ends[1], STDERR_FILENO);
	trace_line(IOTSAFE_TRACE_AT, "hello %d", 7);
	cr_assert(read(ends[0], text, sizeof(text) - 1) > 0);
	cr_assert_str_eq(text, "iotsafe hello 7\n");
}

static void switch_off(void *self, const char *line)
{
	collect(self, line);
	iotsafe_trace_set(0, NULL, NULL);
}

Test(trace, may_be_switched_off_by_its_own_function, .timeout = 10)
{
	struct lines lines = {0};

	/* Called with no lock held, or this would hang. */
	iotsafe_trace_set(IOTSAFE_TRACE_AT, switch_off, &lines);
	trace_line(IOTSAFE_TRACE_AT, "one");
	trace_line(IOTSAFE_TRACE_AT, "two");
	cr_assert_str_eq(lines.text, "one\n");
}

Test(trace, has_a_line_an_exchange_with_names_status_and_time)
{
	struct script script = SCRIPT(ROW_OPEN, ROW_SELECT, ROW_CLOSE);
	struct lines lines = {0};

	iotsafe_trace_set(IOTSAFE_TRACE_APDU, collect, &lines);
	iotsafe_card_free(script_open(&script, NULL));
	iotsafe_trace_set(0, NULL, NULL);
	script_expect_done(&script);
	cr_assert(lines.count == 4, "%s", lines.text);
	cr_assert(strstr(lines.text, "MANAGE CHANNEL open: 0070000001 -> "
				     "019000 ("));
	cr_assert(strstr(lines.text, "SELECT: 01A4040007A0000005590010 -> "
				     "9000 ("));
	cr_assert(strstr(lines.text, " ms)\n"));
}

Test(trace, never_holds_random_bytes_or_a_raw_command)
{
	static const uint8_t verify_pin[] = {0x00, 0x20, 0x00, 0x01, 0x08,
					     0x31, 0x32, 0x33, 0x34, 0xFF,
					     0xFF, 0xFF, 0xFF};
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, {"8184000004", "6104"},
		       {"81C0000004", "5AC3BE77 9000"},
		       {"01200001 08 31323334FFFFFFFF", "63C2"}, ROW_CLOSE);
	struct lines lines = {0};
	iotsafe_card *card = script_open(&script, NULL);
	uint8_t *out;
	size_t size;

	iotsafe_trace_set(IOTSAFE_TRACE_APDU | IOTSAFE_TRACE_AT, collect,
			  &lines);
	expect_good(iotsafe_card_random(card, 4, &out, &size));
	expect_bytes(out, size, "5AC3BE77");
	expect_good(iotsafe_card_transact(card, verify_pin, sizeof(verify_pin),
					  &out, &size));
	expect_bytes(out, size, "63C2");
	iotsafe_card_free(card);
	iotsafe_trace_set(0, NULL, NULL);
	script_expect_done(&script);
	cr_assert(lines.count == 4, "%s", lines.text);
	cr_assert(!strstr(lines.text, "5AC3BE77"), "%s", lines.text);
	cr_assert(!strstr(lines.text, "31323334"), "%s", lines.text);
	cr_assert(strstr(lines.text, "GET RANDOM: 81840000 -> 0 bytes, 6104"));
	cr_assert(strstr(lines.text, "63C2"));
}

Test(trace, tells_errors)
{
	struct lines lines = {0};

	iotsafe_trace_set(IOTSAFE_TRACE_APDU, collect, &lines);
	error_set(IOTSAFE_ERR_BUSY, "the port is busy");
	iotsafe_trace_set(0, NULL, NULL);
	cr_assert_str_eq(lines.text, "error ERR_BUSY: the port is busy\n");
}

Test(trace, a_line_is_cut_at_its_room)
{
	struct lines lines = {0};
	static char text[4096];

	memset(text, 'x', sizeof(text) - 1);
	iotsafe_trace_set(IOTSAFE_TRACE_AT, collect, &lines);
	trace_line(IOTSAFE_TRACE_AT, "%s", text);
	iotsafe_trace_set(0, NULL, NULL);
	cr_assert(lines.count == 1 && strlen(lines.text) < 2000);
}
