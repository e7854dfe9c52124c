/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* AT+CSIM where the answer does not come, comes late, or the modem goes. */
#include <criterion/criterion.h>
#include "at_far.h"

/* --- Silence, deadlines, cancel --------------------------------------------
 */

Test(at_sync, silence_ends_at_the_deadline)
{
	const struct far_row rows[] = {OPENING,
				       {OPEN_CHANNEL, NULL, FAR_ANSWER}};
	int64_t start;

	cr_assert_eq(open_far(rows, COUNT(rows), 5000), IOTSAFE_OK);
	start = deadline_now();
	expect_error("0070000001", 200, IOTSAFE_ERR_TIMEOUT,
		     "AT+CSIM: the modem did not answer in time");
	cr_expect_geq(deadline_now() - start, 199);
	cr_expect_lt(deadline_now() - start, 1000);
	close_far();
}

Test(at_sync, an_answer_without_end_ends_at_the_deadline)
{
	const struct far_row rows[] = {
		OPENING, {OPEN_CHANNEL, "\r\n+CSIM: 6,\"0190", FAR_ANSWER}};

	cr_assert_eq(open_far(rows, COUNT(rows), 5000), IOTSAFE_OK);
	expect_error("0070000001", 200, IOTSAFE_ERR_TIMEOUT,
		     "did not end in time");
	close_far();
}

/* Fifty milliseconds from each part to the next. */
#define SLOW_10 "0\f0\f0\f0\f0\f0\f0\f0\f0\f0\f"
#define SLOW_50 SLOW_10 SLOW_10 SLOW_10 SLOW_10 SLOW_10

Test(at_sync, an_answer_that_was_still_coming_wants_more_time)
{
	const struct far_row rows[] = {OPENING,
				       {OPEN_CHANNEL,
					"\r\n+CSIM: 1\f0\f4,\"" SLOW_50 SLOW_50,
					FAR_PARTS}};

	cr_assert_eq(open_far(rows, COUNT(rows), 5000), IOTSAFE_OK);
	expect_error("0070000001", 4000, IOTSAFE_ERR_TIMEOUT,
		     "did not end in time; more of it was coming: this line "
		     "wants a larger timeout=");
	close_far();
}

#define EMPTY_2	 "\r\n\f\r\n\f"
#define EMPTY_10 EMPTY_2 EMPTY_2 EMPTY_2 EMPTY_2 EMPTY_2

/* Where the time of an operation ends soon behind its last command. */
Test(at_sync, a_command_with_less_time_than_one_before_wants_more)
{
	const struct far_row rows[] = {OPENING,
				       {OPEN_CHANNEL,
					EMPTY_10 EMPTY_10 EMPTY_10 EMPTY_10
					"+CSIM: 6,\"019000\"\r\n" OK,
					FAR_PARTS},
				       {RANDOM, NULL, FAR_ANSWER}};

	cr_assert_eq(open_far(rows, COUNT(rows), 5000), IOTSAFE_OK);
	cr_assert_str_eq(ask("0070000001", 5000, &(int){0}), "019000");
	expect_error("8184000008", 20, IOTSAFE_ERR_TIMEOUT,
		     " ms: a larger timeout= may do");
	close_far();
}

Test(at_sync, a_babbling_modem_ends_at_the_deadline)
{
	const struct far_row rows[] = {OPENING, {OPEN_CHANNEL, "", FAR_BABBLE}};
	int64_t start;

	cr_assert_eq(open_far(rows, COUNT(rows), 5000), IOTSAFE_OK);
	start = deadline_now();
	expect_error("0070000001", 300, IOTSAFE_ERR_TIMEOUT,
		     "did not end in time");
	/* And the next one, which begins with a flood to throw away. */
	expect_error("0070000001", 300, IOTSAFE_ERR_TIMEOUT, "in time");
	cr_expect_lt(deadline_now() - start, 2000);
	close_far();
}

Test(at_sync, a_cancel_from_another_thread_ends_at_once)
{
	const struct far_row rows[] = {OPENING,
				       {OPEN_CHANNEL, NULL, FAR_CANCEL}};
	int64_t start;

	cr_assert_eq(open_far(rows, COUNT(rows), 5000), IOTSAFE_OK);
	start = deadline_now();
	expect_error("0070000001", 60000, IOTSAFE_ERR_CANCELLED, "cancelled");
	cr_expect_lt(deadline_now() - start, 2000);
	close_far();
}

Test(at_sync, a_late_answer_is_not_taken_for_the_next_one)
{
	const struct far_row rows[] = {
		OPENING,
		{OPEN_CHANNEL, NULL, FAR_ANSWER},
		{"AT+CMEE?",
		 "\r\n+CSIM: 6,\"019000\"\r\n" OK "\r\n+CMEE: 1\r\n" OK,
		 FAR_ANSWER},
		{RANDOM, "\r\n+CSIM: 4,\"6D00\"\r\n" OK, FAR_ANSWER},
	};

	cr_assert_eq(open_far(rows, COUNT(rows), 5000), IOTSAFE_OK);
	expect_error("0070000001", 100, IOTSAFE_ERR_TIMEOUT, "in time");
	expect_answer("8184000008", "6D00");
	close_far();
	expect_all_answered();
}

Test(at_sync, a_late_error_is_not_taken_for_the_markers)
{
	const struct far_row rows[] = {
		OPENING,
		{OPEN_CHANNEL, NULL, FAR_ANSWER},
		{"AT+CMEE?", "\r\n+CME ERROR: 3\r\n\f\r\n+CMEE: 1\r\n" OK,
		 FAR_PARTS},
		{RANDOM, "\r\n+CSIM: 4,\"6D00\"\r\n" OK, FAR_ANSWER},
	};

	cr_assert_eq(open_far(rows, COUNT(rows), 5000), IOTSAFE_OK);
	expect_error("0070000001", 100, IOTSAFE_ERR_TIMEOUT, "in time");
	expect_answer("8184000008", "6D00");
	close_far();
	expect_all_answered();
}

Test(at_sync, a_modem_that_does_not_know_the_marker_is_asked_another)
{
	const struct far_row rows[] = {
		OPENING,
		{OPEN_CHANNEL, NULL, FAR_ANSWER},
		{"AT+CMEE?", "\r\nERROR\r\n", FAR_ANSWER},
		{"AT+CSCS?",
		 "\r\n+CSIM: 6,\"019000\"\r\n" OK "\r\n+CSCS: \"GSM\"\r\n" OK,
		 FAR_ANSWER},
		{RANDOM, "\r\n+CSIM: 4,\"6D00\"\r\n" OK, FAR_ANSWER},
	};

	cr_assert_eq(open_far(rows, COUNT(rows), 5000), IOTSAFE_OK);
	expect_error("0070000001", 100, IOTSAFE_ERR_TIMEOUT, "in time");
	expect_answer("8184000008", "6D00");
	close_far();
	expect_all_answered();
}

Test(at_sync, a_modem_that_knows_no_marker_serves_after_a_silence)
{
	const struct far_row rows[] = {
		OPENING,
		{OPEN_CHANNEL, NULL, FAR_ANSWER},
		{"AT+CMEE?", "\r\n+CSIM: 6,\"019000\"\r\n" OK "\r\nERROR\r\n",
		 FAR_ANSWER},
		{"AT+CSCS?", "\r\nERROR\r\n", FAR_ANSWER},
		{RANDOM, "\r\n+CSIM: 4,\"6D00\"\r\n" OK, FAR_ANSWER},
	};

	cr_assert_eq(open_far(rows, COUNT(rows), 5000), IOTSAFE_OK);
	expect_error("0070000001", 100, IOTSAFE_ERR_TIMEOUT, "in time");
	expect_answer("8184000008", "6D00");
	close_far();
	expect_all_answered();
}

Test(at_sync, a_marker_answered_twice_does_no_harm)
{
	const struct far_row rows[] = {
		OPENING,
		{OPEN_CHANNEL, NULL, FAR_ANSWER},
		{"AT+CMEE?", NULL, FAR_ANSWER},
		{"AT+CMEE?", "\r\n+CMEE: 1\r\n" OK, FAR_ANSWER},
		{RANDOM, "\r\n+CMEE: 1\r\n" OK "\r\n+CSIM: 4,\"6D00\"\r\n" OK,
		 FAR_ANSWER},
	};

	cr_assert_eq(open_far(rows, COUNT(rows), 5000), IOTSAFE_OK);
	expect_error("0070000001", 100, IOTSAFE_ERR_TIMEOUT, "in time");
	expect_answer("8184000008", "6D00");
	close_far();
	expect_all_answered();
}

Test(at_sync, a_modem_that_stays_silent_is_told_so)
{
	const struct far_row rows[] = {
		OPENING,
		{OPEN_CHANNEL, NULL, FAR_ANSWER},
		{"AT+CMEE?", NULL, FAR_ANSWER},
	};

	cr_assert_eq(open_far(rows, COUNT(rows), 5000), IOTSAFE_OK);
	expect_error("0070000001", 100, IOTSAFE_ERR_TIMEOUT, "in time");
	expect_error("8184000008", 200, IOTSAFE_ERR_TIMEOUT,
		     "getting back in step");
	close_far();
}

/* --- The far end goes -------------------------------------------------------
 */

Test(at_sync, tells_when_the_modem_goes_in_the_middle_of_an_answer)
{
	const struct far_row rows[] = {
		OPENING, {OPEN_CHANNEL, "\r\n+CSIM: 6,\"01", FAR_HANG_UP}};

	cr_assert_eq(open_far(rows, COUNT(rows), 5000), IOTSAFE_OK);
	expect_error("0070000001", 5000, IOTSAFE_ERR_CLOSED,
		     "the modem has gone");
	expect_error("0070000001", 5000, IOTSAFE_ERR_CLOSED,
		     "the modem has gone");
	close_far();
}
