/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* AT+CSIM over a pseudo-terminal, against modems of every manner. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include "at_far.h"

/* One exchange whose answer is the text given. */
static void survives(const char *answer, enum far_action action,
		     const char *expected)
{
	const struct far_row rows[] = {
		OPENING,
		{OPEN_CHANNEL, answer, action},
		{RANDOM, "\r\n+CSIM: 4,\"6D00\"\r\n" OK, FAR_ANSWER},
	};

	cr_assert_eq(open_far(rows, COUNT(rows), 5000), IOTSAFE_OK, "%s",
		     iotsafe_last_error());
	expect_answer("0070000001", expected);
	expect_answer("8184000008", "6D00");
	close_far();
	expect_all_answered();
}

Test(at_link, asks_and_is_answered)
{
	survives("\r\n+CSIM: 6,\"019000\"\r\n" OK, FAR_ANSWER, "019000");
}

Test(at_link, survives_an_answer_that_comes_byte_by_byte)
{
	survives("\r\n+CSIM: 6,\"019000\"\r\n" OK, FAR_BYTES, "019000");
}

Test(at_link, survives_an_answer_whose_OK_comes_late)
{
	survives("\r\n+CSIM: 6,\"0190\f00\"\r\n\f\r\nO\fK\r\f\n", FAR_PARTS,
		 "019000");
}

Test(at_link, survives_echo)
{
	survives("AT+CSIM=10,\"0070000001\"\r\r\n+CSIM: 6,\"019000\"\r\n" OK,
		 FAR_ANSWER, "019000");
}

Test(at_link, survives_blank_lines_and_no_quotes_and_no_blanks)
{
	survives("\r\n\r\n\r\n+CSIM:6,019000\r\n\r\n\r\n" OK, FAR_BYTES,
		 "019000");
}

Test(at_link, survives_unsolicited_lines_before_and_inside)
{
	survives("\r\n+CREG: 1\r\n\r\nRING\r\n\r\n+CSIM: 6,\"019000\"\r\n"
		 "\r\nNO CARRIER\r\n\r\n+QIND: \"csq\",20,99\r\n" OK,
		 FAR_ANSWER, "019000");
}

Test(at_link, survives_an_unsolicited_line_that_splits_the_digits)
{
	survives("\r\n+CSIM: 12,\"3340AB\r\n+CREG: 1\r\nCD9000\"\r\n" OK,
		 FAR_ANSWER, "3340ABCD9000");
}

Test(at_link, survives_stale_text_in_front)
{
	survives("OLD\r\n+CSIM: 4,\"6100\"\r\n\r\n+CSIM: 6,\"019000\"\r\n" OK,
		 FAR_ANSWER, "019000");
}

Test(at_link, throws_away_what_came_between_two_commands)
{
	/* A whole answer too many. */
	survives("\r\n+CSIM: 6,\"019000\"\r\n" OK
		 "\r\n+CSIM: 4,\"9000\"\r\n" OK,
		 FAR_ANSWER, "019000");
}

Test(at_link, gives_the_sentence_for_a_refusal)
{
	static const struct {
		const char *answer;
		int code;
		const char *words;
	} cases[] = {
		{"\r\n+CME ERROR: 10\r\n", IOTSAFE_ERR_ABSENT,
		 "no SIM in the modem"},
		{"\r\n+CME ERROR: SIM not inserted\r\n", IOTSAFE_ERR_ABSENT,
		 "no SIM in the modem"},
		{"\r\n+CME ERROR: 11\r\n", IOTSAFE_ERR_PIN, "PIN"},
		{"\r\n+CME ERROR: 3\r\n", IOTSAFE_ERR_MODEM,
		 "operation not allowed"},
		{"\r\n+CME ERROR: incorrect parameters\r\n", IOTSAFE_ERR_MODEM,
		 "incorrect parameters"},
		{"\r\n+CME ERROR: 100\r\n", IOTSAFE_ERR_MODEM, "unknown"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct far_row rows[] = {
			OPENING,
			{OPEN_CHANNEL, cases[i].answer, FAR_ANSWER},
			{RANDOM, "\r\n+CSIM: 4,\"6D00\"\r\n" OK, FAR_ANSWER},
		};

		cr_assert_eq(open_far(rows, COUNT(rows), 5000), IOTSAFE_OK);
		expect_error("0070000001", 5000, cases[i].code, cases[i].words);
		expect_answer("8184000008", "6D00");
		close_far();
		expect_all_answered();
	}
}

Test(at_link, asks_for_the_reason_of_a_bare_error)
{
	static const struct {
		const char *reason;
		int code;
		const char *words;
	} cases[] = {
		{"\r\n+CPIN: READY\r\n" OK, IOTSAFE_ERR_MODEM,
		 "AT+CSIM: modem answered ERROR"},
		{"\r\n+CPIN: SIM PIN\r\n" OK, IOTSAFE_ERR_PIN, "SIM PIN"},
		{"\r\n+CPIN: NOT INSERTED\r\n" OK, IOTSAFE_ERR_ABSENT,
		 "no SIM in the modem"},
		{"\r\n+CME ERROR: 10\r\n", IOTSAFE_ERR_ABSENT,
		 "no SIM in the modem"},
		{"\r\nERROR\r\n", IOTSAFE_ERR_MODEM, "is there a SIM in it?"},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct far_row rows[] = {
			OPENING,
			{OPEN_CHANNEL, "\r\nERROR\r\n", FAR_ANSWER},
			{"AT+CPIN?", cases[i].reason, FAR_ANSWER},
			{RANDOM, "\r\n+CSIM: 4,\"6D00\"\r\n" OK, FAR_ANSWER},
		};

		cr_assert_eq(open_far(rows, COUNT(rows), 5000), IOTSAFE_OK);
		expect_error("0070000001", 5000, cases[i].code, cases[i].words);
		expect_answer("8184000008", "6D00");
		close_far();
		expect_all_answered();
	}
}

Test(at_link, asks_again_while_the_SIM_is_busy)
{
	const struct far_row rows[] = {
		OPENING,
		{OPEN_CHANNEL, "\r\n+CME ERROR: 14\r\n", FAR_ANSWER},
		{OPEN_CHANNEL, "\r\n+CME ERROR: SIM busy\r\n\r\nRING\r\n",
		 FAR_ANSWER},
		{OPEN_CHANNEL, "\r\n+CSIM: 6,\"019000\"\r\n" OK, FAR_ANSWER},
	};

	cr_assert_eq(open_far(rows, COUNT(rows), 5000), IOTSAFE_OK);
	expect_answer("0070000001", "019000");
	cr_expect_eq(link_.counters.exchanges, 1);
	close_far();
	expect_all_answered();
}

Test(at_link, tells_when_the_SIM_stays_busy)
{
	const struct far_row rows[] = {
		OPENING,
		{OPEN_CHANNEL, "\r\n+CME ERROR: 14\r\n", FAR_ANSWER},
		{OPEN_CHANNEL, "\r\n+CME ERROR: 14\r\n", FAR_ANSWER},
	};
	int64_t start;

	cr_assert_eq(open_far(rows, COUNT(rows), 5000), IOTSAFE_OK);
	start = deadline_now();
	expect_error("0070000001", 250, IOTSAFE_ERR_BUSY, "SIM busy");
	cr_expect_geq(deadline_now() - start, 249);
	cr_expect_lt(deadline_now() - start, 1000);
	close_far();
	expect_all_answered();
}

Test(at_link, a_cancel_ends_the_wait_for_a_busy_SIM)
{
	const struct far_row rows[] = {
		OPENING,
		{OPEN_CHANNEL, "\r\n+CME ERROR: 14\r\n", FAR_CANCEL},
	};

	cr_assert_eq(open_far(rows, COUNT(rows), 5000), IOTSAFE_OK);
	expect_error("0070000001", 60000, IOTSAFE_ERR_CANCELLED, "cancelled");
	close_far();
}

Test(at_link, refuses_what_it_cannot_understand_and_goes_on)
{
	static const char *const answers[] = {
		OK,
		"\r\n+CSIM: 140,\"3340AB\r\n" OK,
		"\r\n+CSIM: 8,\"ABxD9000\"\r\n" OK,
	};

	for (size_t i = 0; i < COUNT(answers); i++) {
		const struct far_row rows[] = {
			OPENING,
			{OPEN_CHANNEL, answers[i], FAR_ANSWER},
			{"AT+CMEE?", "\r\n+CMEE: 1\r\n" OK, FAR_ANSWER},
			{RANDOM, "\r\n+CSIM: 4,\"6D00\"\r\n" OK, FAR_ANSWER},
		};

		cr_assert_eq(open_far(rows, COUNT(rows), 5000), IOTSAFE_OK);
		expect_error("0070000001", 5000, IOTSAFE_ERR_FORMAT, "AT+CSIM");
		expect_answer("8184000008", "6D00");
		close_far();
		expect_all_answered();
	}
}

/* What is cut may end like a status word. */
Test(at_link, a_cut_answer_of_a_modem_that_counts_right_is_none)
{
	static const char cut[] = "\r\n+CSIM: 140,\"334012346A82\"\r\n" OK;
	const struct far_row rows[] = {
		OPENING,
		{OPEN_CHANNEL, "\r\n+CSIM: 6,\"019000\"\r\n" OK, FAR_ANSWER},
		{RANDOM, cut, FAR_ANSWER},
	};

	cr_assert_eq(open_far(rows, COUNT(rows), 5000), IOTSAFE_OK);
	expect_answer("0070000001", "019000");
	expect_error("8184000008", 5000, IOTSAFE_ERR_FORMAT, "truncated");
	close_far();
	expect_all_answered();
}

Test(at_link, the_answers_of_a_modem_that_counts_wrong_are_believed)
{
	const struct far_row rows[] = {
		OPENING,
		{OPEN_CHANNEL, "\r\n+CSIM: 10,\"6881\"\r\n" OK, FAR_ANSWER},
		/* Right by accident. */
		{RANDOM, "\r\n+CSIM: 10,\"AB12349000\"\r\n" OK, FAR_ANSWER},
		{RANDOM, "\r\n+CSIM: 140,\"12346D00\"\r\n" OK, FAR_ANSWER},
	};

	cr_assert_eq(open_far(rows, COUNT(rows), 5000), IOTSAFE_OK);
	expect_answer("0070000001", "6881");
	expect_answer("8184000008", "AB12349000");
	expect_answer("8184000008", "12346D00");
	close_far();
	expect_all_answered();
}

/* --- Opening ----------------------------------------------------------------
 */

Test(at_link, asks_thrice_before_it_says_that_nothing_answers)
{
	const struct far_row rows[] = {
		{"ATE0", NULL, FAR_ANSWER},
		{"ATE0", NULL, FAR_ANSWER},
		{"ATE0", NULL, FAR_ANSWER},
	};
	int64_t start = deadline_now();

	cr_expect_eq(open_far(rows, COUNT(rows), 300), IOTSAFE_ERR_TIMEOUT);
	cr_expect(strstr(iotsafe_last_error(), "nothing answers"));
	cr_expect(strstr(iotsafe_last_error(), far.path));
	cr_expect_lt(deadline_now() - start, 1000);
	close_far();
	expect_all_answered();
}

Test(at_link, tells_a_port_that_speaks_from_one_that_is_silent)
{
	const struct far_row rows[] = {
		{"ATE0", "$GPGGA,,,,,,0,,,,,,,,*66\r\n", FAR_ANSWER},
		{"ATE0", NULL, FAR_ANSWER},
		{"ATE0", NULL, FAR_ANSWER},
	};

	cr_expect_eq(open_far(rows, COUNT(rows), 300), IOTSAFE_ERR_TIMEOUT);
	cr_expect(strstr(iotsafe_last_error(), "does not answer AT commands"));
	close_far();
}

Test(at_link, opens_a_modem_that_wakes_up_late_and_answers_everything)
{
	const struct far_row rows[] = {
		{"ATE0", NULL, FAR_ANSWER},
		{"ATE0", OK OK, FAR_ANSWER},
		{"AT+CMEE?", "\r\n+CMEE: 0\r\n" OK, FAR_ANSWER},
		{"AT+CMEE=1", OK, FAR_ANSWER},
		{OPEN_CHANNEL, "\r\n+CSIM: 6,\"019000\"\r\n" OK, FAR_ANSWER},
	};

	cr_assert_eq(open_far(rows, COUNT(rows), 1500), IOTSAFE_OK, "%s",
		     iotsafe_last_error());
	expect_answer("0070000001", "019000");
	close_far();
	expect_all_answered();
}

Test(at_link, opens_a_modem_without_error_numbers)
{
	const struct far_row rows[] = {
		{"ATE0", OK, FAR_ANSWER},
		{"AT+CMEE=1", "\r\nERROR\r\n", FAR_ANSWER},
		{OPEN_CHANNEL, "\r\n+CSIM: 6,\"019000\"\r\n" OK, FAR_ANSWER},
	};

	cr_assert_eq(open_far(rows, COUNT(rows), 5000), IOTSAFE_OK);
	expect_answer("0070000001", "019000");
	close_far();
	expect_all_answered();
}

Test(at_link, opens_a_modem_that_answers_numbers_and_asks_for_words)
{
	static const struct far_row rows[] = {
		{"ATE0", "ATE0\r4\r", FAR_ANSWER},
		{"ATE0", "ATE0\r0\r", FAR_ANSWER},
		{"ATV1", "\r\nOK\r\n", FAR_ANSWER},
		{"AT+CMEE?", "\r\n+CMEE: 0\r\n" OK, FAR_ANSWER},
		{"AT+CMEE=1", OK, FAR_ANSWER},
		{RANDOM, "\r\n+CSIM: 4,\"6D00\"\r\n" OK, FAR_ANSWER},
	};

	cr_assert_eq(open_far(rows, COUNT(rows), 30000), IOTSAFE_OK, "%s",
		     iotsafe_last_error());
	expect_answer("8184000008", "6D00");
	close_far();
	expect_all_answered();
}

Test(at_link, an_answer_to_a_program_before_us_is_not_ours)
{
	const struct far_row rows[] = {
		{"ATE0", "\r\n+CSIM: 4,\"6143\"\r\n" OK, FAR_ANSWER},
		{"ATE0", OK, FAR_ANSWER},
		{"AT+CMEE?", "\r\n+CMEE: 0\r\n" OK, FAR_ANSWER},
		{"AT+CMEE=1", OK, FAR_ANSWER},
		{OPEN_CHANNEL, "\r\n+CSIM: 6,\"019000\"\r\n" OK, FAR_ANSWER},
	};

	cr_assert_eq(open_far(rows, COUNT(rows), 1500), IOTSAFE_OK, "%s",
		     iotsafe_last_error());
	expect_answer("0070000001", "019000");
	close_far();
	expect_all_answered();
}

Test(at_link, a_cancel_ends_the_opening)
{
	const struct far_row rows[] = {{"ATE0", NULL, FAR_CANCEL}};

	cr_expect_eq(open_far(rows, COUNT(rows), 60000), IOTSAFE_ERR_CANCELLED);
	close_far();
}

/* --- Bytes ------------------------------------------------------------------
 */

Test(at_link, a_warm_signature_takes_377_bytes)
{
	/* iot-safe 2.1, 2.2 with a one-byte id; the answer with 33 00 40. */
	static const char init[] = "812A00010D840101A1010391020001920104";
	static const char update[] =
		"812B8001229E20000102030405060708090A0B0C0D0E0F10111213141516"
		"1718191A1B1C1D1E1F";
	char init_line[100], update_line[120], answer[200];
	struct far_row rows[] = {
		OPENING,
		{init_line, "\r\n+CSIM: 4,\"9000\"\r\n" OK, FAR_ANSWER},
		{update_line, "\r\n+CSIM: 4,\"6143\"\r\n" OK, FAR_ANSWER},
		{"AT+CSIM=10,\"81C0000043\"", answer, FAR_ANSWER},
	};
	char signature[2 * 69 + 1];

	snprintf(init_line, sizeof(init_line), "AT+CSIM=36,\"%s\"", init);
	snprintf(update_line, sizeof(update_line), "AT+CSIM=78,\"%s\"", update);
	snprintf(signature, sizeof(signature), "330040%0128d9000", 7);
	snprintf(answer, sizeof(answer), "\r\n+CSIM: 138,\"%s\"\r\n" OK,
		 signature);
	cr_assert_eq(open_far(rows, COUNT(rows), 5000), IOTSAFE_OK);
	expect_answer(init, "9000");
	expect_answer(update, "6143");
	expect_answer("81C0000043", signature);
	cr_expect_eq(link_.counters.exchanges, 3);
	cr_expect_gt(link_.counters.microseconds, 0);
	close_far();
	expect_all_answered();
	/* Counted at the far end. The opening is ATE0 and AT+CMEE=1. */
	cr_expect_eq(far.bytes_in + far.bytes_out - (5 + 6 + 10 + 6), 377,
		     "%zu + %zu", far.bytes_in, far.bytes_out);
	cr_expect_eq(link_.counters.bytes_sent, far.bytes_in);
	/* The LF behind the last OK need not have been read. */
	cr_expect_leq(far.bytes_out - link_.counters.bytes_received, 1);
}

Test(at_link, the_longest_command_and_answer_pass)
{
	char hex[2 * LINK_COMMAND_MAX + 1], answer[1100], line[600];
	char response[2 * LINK_RESPONSE_MAX + 1];
	struct far_row rows[] = {OPENING, {line, answer, FAR_BYTES}};

	memset(hex, 'A', sizeof(hex) - 1);
	hex[sizeof(hex) - 1] = '\0';
	memset(response, 'B', sizeof(response) - 1);
	strcpy(response + sizeof(response) - 5, "9000");
	snprintf(line, sizeof(line), "AT+CSIM=522,\"%s\"", hex);
	snprintf(answer, sizeof(answer), "\r\n+CSIM: 1000,\"%s\"\r\n" OK,
		 response);
	cr_assert_eq(open_far(rows, COUNT(rows), 5000), IOTSAFE_OK);
	expect_answer(hex, response);
	close_far();
	expect_all_answered();
}

/* --- Traces ------------------------------------------------------------------
 */

static char traced[1000];

static void keep_trace(void *self, const char *line)
{
	(void)self;
	snprintf(traced + strlen(traced), sizeof(traced) - strlen(traced),
		 "%s\n", line);
}

Test(at_link, a_trace_shows_the_lines_without_the_APDUs)
{
	const struct far_row rows[] = {
		OPENING,
		{"AT+CSIM=26,\"00200001083132333400FFFFFF\"",
		 "AT+CSIM=26,\"00200001083132333400FFFFFF\"\r"
		 "\r\n+CSIM: 4,\"9000\"\r\n" OK,
		 FAR_ANSWER},
	};

	iotsafe_trace_set(IOTSAFE_TRACE_AT, keep_trace, NULL);
	cr_assert_eq(open_far(rows, COUNT(rows), 5000), IOTSAFE_OK);
	expect_answer("00200001083132333400FFFFFF", "9000");
	close_far();
	cr_expect_str_eq(traced, "at> ATE0\nat< OK\n"
				 "at> AT+CMEE=1\nat< OK\n"
				 "at> AT+CSIM=26,<13 bytes>\n"
				 "at< AT+CSIM=26,<13 bytes>\n"
				 "at< +CSIM: 4,<2 bytes>\nat< OK\n");
}

/* What the modem waits for decides whether it gets the PIN. */
static void unlocks(const char *state, const char *sent, int expected)
{
	const struct far_row rows[] = {
		OPENING,
		{"AT+CPIN?", state, FAR_ANSWER},
		{sent, OK, FAR_ANSWER},
	};
	struct deadline deadline = deadline_in(5000, -1);

	cr_assert_eq(open_far(rows, COUNT(rows) - !sent, 5000), IOTSAFE_OK);
	cr_expect_eq(link_.kind->unlock(&link_, "1234", &deadline), expected,
		     "%s", state);
	close_far();
	expect_all_answered();
}

Test(at_link, gives_the_pin_to_a_modem_that_waits_for_it)
{
	unlocks("\r\n+CPIN: SIM PIN\r\n" OK, "AT+CPIN=\"1234\"", IOTSAFE_OK);
}

Test(at_link, gives_no_pin_to_a_modem_that_waits_for_another_code)
{
	unlocks("\r\n+CPIN: PH-SIM PIN\r\n" OK, NULL, IOTSAFE_ERR_PIN);
	unlocks("\r\n+CPIN: SIM PIN2\r\n" OK, NULL, IOTSAFE_ERR_PIN);
	unlocks("\r\n+CPIN: SIM PUK\r\n" OK, NULL, IOTSAFE_ERR_PIN);
	unlocks("\r\n+CPIN: READY\r\n" OK, NULL, IOTSAFE_OK);
}
