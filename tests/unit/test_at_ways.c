/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is done with modems that let no channel be used, or only in their own
 * manner: the basic channel, class bytes, answers behind OK. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include "at_channel.h"

#define DONE	     LINE("+CSIM: 4,\"9000\"") OK
#define BASIC_RANDOM "AT+CSIM=10,\"8084000008\""
#define BASIC_OPENS                                                            \
	{                                                                      \
		BASIC_SELECT, DONE, FAR_ANSWER                                 \
	}
#define CCHO_REFUSED                                                           \
	{                                                                      \
		CCHO, REFUSED, FAR_ANSWER                                      \
	}
#define CSIM_EIGHT LINE("+CSIM: " EIGHT) OK
#define CGLA_EIGHT LINE("+CGLA: " EIGHT) OK

/* ---- the basic channel ---- */

Test(at_ways, the_basic_channel_is_the_last_resort_and_never_closed)
{
	static const struct far_row rows[] = {
		OPENING,
		CSIM_REFUSED,
		CCHO_REFUSED,
		BASIC_OPENS,
		{BASIC_RANDOM, CSIM_EIGHT, FAR_ANSWER},
	};

	attributes = "";
	start(rows, COUNT(rows));
	cr_assert_eq(open_channel(5000), IOTSAFE_OK, "%s",
		     iotsafe_last_error());
	cr_expect(channel.number == 0 && !*channel.handle);
	cr_expect_eq(link_.way, LINK_ON_BASIC);
	cr_expect_eq(get_random(5000), IOTSAFE_OK, "%s", iotsafe_last_error());
	finish();
}

Test(at_ways,
     the_basic_channel_is_not_taken_from_others_where_channels_are_used)
{
	static const struct far_row rows[] = {
		OPENING,
		{OPEN_CHANNEL, LINE("+CSIM: 4,\"6A81\"") OK, FAR_ANSWER},
	};

	attributes = "";
	start(rows, COUNT(rows));
	expect_failure(open_channel(5000), IOTSAFE_ERR_BUSY,
		       "no free logical channel");
	finish();
}

Test(at_ways, an_address_may_ask_for_the_basic_channel)
{
	static const struct far_row rows[] = {OPENING, BASIC_OPENS};

	attributes = "?interface=basic";
	start(rows, COUNT(rows));
	cr_expect_eq(open_channel(5000), IOTSAFE_OK, "%s",
		     iotsafe_last_error());
	finish();
}

Test(at_ways, what_each_way_answered_is_told)
{
	static const struct far_row rows[] = {
		OPENING,
		{OPEN_CHANNEL, LINE("+CME ERROR: 3"), FAR_ANSWER},
		{CCHO, LINE("+CME ERROR: 4"), FAR_ANSWER},
		{BASIC_SELECT, LINE("+CME ERROR: 100"), FAR_ANSWER},
		{BASIC_SELECT, LINE("+CME ERROR: 100"), FAR_ANSWER},
	};
	static const char *const words[] = {
		"MANAGE CHANNEL open",
		"AT+CSIM: modem answered +CME ERROR: 3 ",
		"AT+CCHO: modem answered +CME ERROR: 4 ",
		"SELECT",
		"AT+CSIM: modem answered +CME ERROR: 100 ",
	};

	attributes = "";
	start(rows, COUNT(rows));
	for (size_t i = 0; i < COUNT(words); i++)
		expect_failure(i ? IOTSAFE_ERR_MODEM : open_channel(5000),
			       IOTSAFE_ERR_MODEM, words[i]);
	finish();
}

Test(at_ways, on_the_basic_channel_every_operation_selects_again)
{
	static const struct far_row rows[] = {
		OPENING,
		BASIC_OPENS, /* to open the card */
		BASIC_OPENS,
		{BASIC_RANDOM, CSIM_EIGHT, FAR_ANSWER},
	};

	expect_random(rows, COUNT(rows), "&interface=basic", IOTSAFE_OK);
}

Test(at_ways, what_others_select_in_between_costs_one_repetition)
{
	static const struct far_row rows[] = {
		OPENING,
		BASIC_OPENS,
		BASIC_OPENS,
		{BASIC_RANDOM, LINE("+CSIM: 4,\"6D00\"") OK, FAR_ANSWER},
		BASIC_OPENS,
		{BASIC_RANDOM, CSIM_EIGHT, FAR_ANSWER},
	};

	expect_random(rows, COUNT(rows), "&interface=basic", IOTSAFE_OK);
}

Test(at_ways, a_channel_that_lets_nothing_pass_gives_way_to_the_basic_one)
{
	static const struct far_row rows[] = {
		OPENING,
		CSIM_OPENS,
		{RANDOM, REFUSED, FAR_ANSWER},
		{CLOSE, DONE, FAR_ANSWER},
		CCHO_REFUSED,
		BASIC_OPENS,
		{BASIC_RANDOM, CSIM_EIGHT, FAR_ANSWER},
	};

	expect_random(rows, COUNT(rows), "", IOTSAFE_OK);
}

/* ---- whose channel number ---- */

Test(at_ways, a_modem_that_wants_the_number_in_the_class_gets_it)
{
	static const struct far_row rows[] = {
		OPENING,
		{CCHO, LINE("+CCHO: 2") OK, FAR_ANSWER},
		{"AT+CGLA=2,10,\"8084000008\"", LINE("+CGLA: 4,\"6985\"") OK,
		 FAR_ANSWER},
		{"AT+CGLA=2,10,\"8284000008\"", CGLA_EIGHT, FAR_ANSWER},
		/* And at once the next time. */
		{"AT+CGLA=2,10,\"8284000008\"", CGLA_EIGHT, FAR_ANSWER},
		{"AT+CCHC=2", OK, FAR_ANSWER},
	};

	attributes = "?interface=cgla";
	start(rows, COUNT(rows));
	cr_assert_eq(open_channel(5000), IOTSAFE_OK);
	cr_expect_eq(get_random(5000), IOTSAFE_OK, "%s", iotsafe_last_error());
	cr_expect_eq(get_random(5000), IOTSAFE_OK, "%s", iotsafe_last_error());
	finish();
}

Test(at_ways, a_command_that_is_refused_either_way_keeps_the_plain_class)
{
	static const struct far_row rows[] = {
		OPENING,
		CCHO_OPENS,
		{RANDOM_1, LINE("+CGLA: 4,\"6985\"") OK, FAR_ANSWER},
		{"AT+CGLA=1,10,\"8184000008\"", LINE("+CGLA: 4,\"6881\"") OK,
		 FAR_ANSWER},
		CGLA_ANSWERS,
		CCHC,
	};

	attributes = "?interface=cgla";
	start(rows, COUNT(rows));
	expect_open("1");
	expect_failure(get_random(5000), IOTSAFE_ERR_CARD, "6985");
	cr_expect_eq(get_random(5000), IOTSAFE_OK, "%s", iotsafe_last_error());
	finish();
}

Test(at_ways, a_modem_that_takes_no_number_in_the_class_hides_no_refusal)
{
	static const struct far_row rows[] = {
		OPENING,
		CCHO_OPENS,
		{RANDOM_1, LINE("+CGLA: 4,\"6985\"") OK, FAR_ANSWER},
		{"AT+CGLA=1,10,\"8184000008\"", LINE("+CME ERROR: 50"),
		 FAR_ANSWER},
		CGLA_ANSWERS,
		CCHC,
	};

	attributes = "?interface=cgla";
	start(rows, COUNT(rows));
	expect_open("1");
	expect_failure(get_random(5000), IOTSAFE_ERR_CARD, "6985");
	cr_expect_eq(get_random(5000), IOTSAFE_OK, "%s", iotsafe_last_error());
	finish();
}

Test(at_ways, a_handle_that_is_no_number_is_not_put_into_the_class)
{
	static const struct far_row rows[] = {
		OPENING,
		{CCHO, LINE("+CCHO: 000000000385a7cf") OK, FAR_ANSWER},
		{"AT+CGLA=000000000385a7cf,10,\"8084000008\"",
		 LINE("+CGLA: 4,\"6985\"") OK, FAR_ANSWER},
		{"AT+CCHC=000000000385a7cf", OK, FAR_ANSWER},
	};

	attributes = "?interface=cgla";
	start(rows, COUNT(rows));
	expect_open("000000000385a7cf");
	expect_failure(get_random(5000), IOTSAFE_ERR_CARD, "6985");
	finish();
}

/* ---- GET RESPONSE ---- */

Test(at_ways, a_modem_that_filters_GET_RESPONSE_by_class_gets_it_plain)
{
	static const struct far_row rows[] = {
		OPENING,
		CSIM_OPENS,
		{RANDOM, LINE("+CSIM: 4,\"6108\"") OK, FAR_ANSWER},
		{"AT+CSIM=10,\"81C0000008\"", REFUSED, FAR_ANSWER},
		{"AT+CSIM=10,\"01C0000008\"", CSIM_EIGHT, FAR_ANSWER},
		/* And at once the next time. */
		{RANDOM, LINE("+CSIM: 4,\"6108\"") OK, FAR_ANSWER},
		{"AT+CSIM=10,\"01C0000008\"", REFUSED, FAR_ANSWER},
		{CLOSE, DONE, FAR_ANSWER},
	};

	attributes = "?interface=csim";
	start(rows, COUNT(rows));
	expect_open("");
	cr_expect_eq(get_random(5000), IOTSAFE_OK, "%s", iotsafe_last_error());
	expect_failure(get_random(5000), IOTSAFE_ERR_MODEM, "+CME ERROR: 3");
	finish();
}

/* ---- OK before the answer ---- */

Test(at_ways, an_answer_behind_its_OK_is_taken)
{
	static const struct far_row rows[] = {
		OPENING,
		{CCHO, OK LINE("+CCHO: 1"), FAR_ANSWER},
		{RANDOM_1, OK "\f" LINE("+CGLA: " EIGHT), FAR_PARTS},
		{RANDOM_1, OK LINE("+CREG: 5") LINE("+CGLA: " EIGHT),
		 FAR_ANSWER},
		{RANDOM_1, OK LINE("+CME ERROR: 4"), FAR_ANSWER},
		CCHC,
	};

	attributes = "?interface=cgla";
	start(rows, COUNT(rows));
	expect_open("1");
	for (int i = 0; i < 2; i++)
		cr_expect_eq(get_random(5000), IOTSAFE_OK, "%s",
			     iotsafe_last_error());
	expect_failure(get_random(5000), IOTSAFE_ERR_MODEM, "+CME ERROR: 4");
	finish();
}

Test(at_ways, an_OK_that_was_left_over_is_not_the_end_of_the_answer)
{
	static const struct far_row rows[] = {
		OPENING,
		CCHO_OPENS,
		{RANDOM_1, OK LINE("+CGLA: " EIGHT) "\f" OK, FAR_PARTS},
		{RANDOM_1, CGLA_EIGHT, FAR_ANSWER},
		CCHC,
	};

	attributes = "?interface=cgla";
	start(rows, COUNT(rows));
	expect_open("1");
	for (int i = 0; i < 2; i++)
		cr_expect_eq(get_random(5000), IOTSAFE_OK, "%s",
			     iotsafe_last_error());
	finish();
}
