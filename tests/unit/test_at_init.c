/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Commands that an address brings for its modem: init= and exit=. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include "at_channel.h"

#define WAKE "AT+ECSIMSLEEP=0"

Test(at_init, its_lines_are_said_one_by_one_before_anything_else)
{
	static const struct far_row rows[] = {
		OPENING,
		{WAKE, OK, FAR_ANSWER},
		{"at^x=1;+Y", LINE("^X: 1") OK, FAR_ANSWER},
		CSIM_OPENS,
		{CLOSE, LINE("+CSIM: 4,\"9000\"") OK, FAR_ANSWER},
		{"AT+CSIM=0", OK, FAR_ANSWER},
		{"AT+BYE?", LINE("ERROR"), FAR_ANSWER},
	};

	attributes = "?init=" WAKE ";at^x=1;%2BY&exit=AT+CSIM=0;AT+BYE%3F";
	start(rows, COUNT(rows));
	expect_open("");
	finish();
}

Test(at_init, is_said_again_when_a_command_is_refused)
{
	static const struct far_row rows[] = {
		OPENING,
		{WAKE, OK, FAR_ANSWER},
		CSIM_OPENS,
		{RANDOM, REFUSED, FAR_ANSWER},
		{WAKE, OK, FAR_ANSWER},
		{RANDOM, LINE("+CSIM: " EIGHT) OK, FAR_ANSWER},
		/* Once a command. */
		{RANDOM, REFUSED, FAR_ANSWER},
		{WAKE, OK, FAR_ANSWER},
		{RANDOM, REFUSED, FAR_ANSWER},
		{CLOSE, LINE("+CSIM: 4,\"9000\"") OK, FAR_ANSWER},
	};

	attributes = "?interface=csim&init=" WAKE;
	start(rows, COUNT(rows));
	expect_open("");
	cr_expect_eq(get_random(5000), IOTSAFE_OK, "%s", iotsafe_last_error());
	expect_failure(get_random(5000), IOTSAFE_ERR_MODEM, "+CME ERROR: 3");
	finish();
}

Test(at_init, is_said_but_what_may_have_changed_the_card_is_not_said_again)
{
	const struct far_row rows[] = {
		OPENING,
		{WAKE, OK, FAR_ANSWER},
		{RANDOM, REFUSED, FAR_ANSWER},
		{WAKE, OK, FAR_ANSWER},
	};

	attributes = "?interface=csim&init=" WAKE;
	cr_assert_eq(open_far(rows, COUNT(rows), 5000), IOTSAFE_OK);
	link_.once = true;
	expect_error("8184000008", 5000, IOTSAFE_ERR_MODEM, "+CME ERROR: 3");
	close_far();
	expect_all_answered();
}

Test(at_init, tells_which_line_was_refused)
{
	static const struct far_row rows[] = {
		OPENING,
		{"AT+A", OK, FAR_ANSWER},
		{"AT+B", LINE("+CME ERROR: 4"), FAR_ANSWER},
		{"AT+END", LINE("ERROR"), FAR_ANSWER},
	};

	attributes = "?init=AT+A;AT+B;AT+C&exit=AT+END";
	expect_failure(open_far(rows, COUNT(rows), 5000), IOTSAFE_ERR_MODEM,
		       "modem answered +CME ERROR: 4 to AT+B");
	far_stop(&far);
	expect_all_answered();
}

Test(at_init, tells_no_pin_of_a_line_that_was_refused)
{
	static const struct far_row rows[] = {
		OPENING,
		{"at+cpin=4711", REFUSED, FAR_ANSWER},
	};

	attributes = "?init=at%2Bcpin=4711";
	cr_expect_lt(open_far(rows, COUNT(rows), 5000), 0);
	cr_expect(!strstr(iotsafe_last_error(), "4711"), "%s",
		  iotsafe_last_error());
	close_far();
	expect_all_answered();
}

Test(at_init, ends_by_the_deadline_with_a_silent_modem)
{
	static const struct far_row rows[] = {
		OPENING,
		{WAKE, NULL, FAR_ANSWER},
	};

	attributes = "?init=" WAKE "&exit=AT+NEVER";
	expect_failure(open_far(rows, COUNT(rows), 300), IOTSAFE_ERR_TIMEOUT,
		       "init: the modem did not answer in time");
	far_stop(&far);
	expect_all_answered();
}

Test(at_init, takes_no_line_that_is_no_command)
{
	static const char *const bad[] = {
		"?init=",	    "?init=BT",		  "?exit=hello",
		"?init=AT+A%0DATZ", "?init=AT+A;AT\303A", "?init=AT+A;AT%7F",
	};

	for (size_t i = 0; i < COUNT(bad); i++) {
		attributes = bad[i];
		expect_failure(open_far(NULL, 0, 5000), IOTSAFE_ERR_ARG,
			       "is no AT command");
		far_stop(&far);
	}
}
