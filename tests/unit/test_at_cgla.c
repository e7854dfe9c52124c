/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Channels that the modem opens: AT+CCHO, AT+CGLA, AT+CCHC; and the choice
 * between them and AT+CSIM. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include "at_channel.h"

#define CLOSE_ON_IT "AT+CGLA=1,10,\"0070800000\""

/* ---- the handle ---- */

Test(at_cgla, sends_the_handle_back_as_it_came)
{
	static const struct {
		const char *answer, *handle, *closed;
	} cases[] = {
		{LINE("+CCHO: 1"), "1", OK},
		{LINE("+CCHO:17"), "17", LINE("+CCHC") OK},
		{LINE("+ccho: 000000000385a7cf"), "000000000385a7cf", OK},
		{LINE("+CCHO: \"2\""), "\"2\"", LINE("ERROR")},
		{LINE("+CCHO: 7"), "7", LINE("+CME ERROR: 22")},
		{LINE("1"), "1", LINE("+CME ERROR: 4")},
		{LINE("000000000385A7CF"), "000000000385A7CF", OK},
		{LINE("+CREG: 1") LINE("RING") LINE("3") LINE("+CREG: 5"), "3",
		 OK},
		{LINE("99") LINE("+CCHO: 4") LINE("77"), "4", OK},
	};

	attributes = "?interface=cgla";
	for (size_t i = 0; i < COUNT(cases); i++) {
		char answer[100], cgla[100], close[100], manage[100];
		const struct far_row rows[] = {
			OPENING,
			{CCHO, answer, FAR_BYTES},
			{cgla, LINE("+CGLA:" EIGHT) OK, FAR_BYTES},
			{close, cases[i].closed, FAR_ANSWER},
			{manage, LINE("+CGLA: 4,\"9000\"") OK, FAR_ANSWER},
		};
		/* Where AT+CCHC is refused the card is asked to close. */
		bool refused = strstr(cases[i].closed, "ERROR") &&
			       !strstr(cases[i].closed, "22");

		snprintf(manage, sizeof(manage), "AT+CGLA=%s,10,\"0070800000\"",
			 cases[i].handle);
		snprintf(answer, sizeof(answer), "%s" OK, cases[i].answer);
		snprintf(cgla, sizeof(cgla), "AT+CGLA=%s,10,\"8084000008\"",
			 cases[i].handle);
		snprintf(close, sizeof(close), "AT+CCHC=%s", cases[i].handle);
		start(rows, COUNT(rows) - !refused);
		expect_open(cases[i].handle);
		cr_expect_eq(get_random(5000), IOTSAFE_OK, "%s",
			     iotsafe_last_error());
		finish();
	}
}

Test(at_cgla, takes_no_handle_that_is_none)
{
	static const char *const answers[] = {
		OK,
		LINE("+CCHO:") OK,
		LINE("RING") OK,
		LINE("+CCHO: 0123456789012345678901234567890123456789") OK,
		LINE("+CCHO: \001\033[2J") OK,
	};

	attributes = "?interface=cgla";
	for (size_t i = 0; i < COUNT(answers); i++) {
		const struct far_row rows[] = {
			OPENING,
			{CCHO, answers[i], FAR_ANSWER},
		};

		start(rows, COUNT(rows));
		expect_failure(open_channel(5000), IOTSAFE_ERR_MODEM,
			       "OK without a channel");
		cr_expect(!channel.open && !channel.handle[0]);
		finish();
	}
}

Test(at_cgla, a_closing_that_is_refused_is_asked_for_once_more)
{
	static const struct far_row dropped[] = {
		OPENING,
		CCHO_OPENS,
		{"AT+CCHC=1", REFUSED, FAR_ANSWER},
		{CLOSE_ON_IT, LINE("+CME ERROR: 0"), FAR_ANSWER},
		{"AT+CCHC=1", REFUSED, FAR_ANSWER},
		{CLOSE_ON_IT, LINE("+CGLA: 4,\"9000\"") OK, FAR_ANSWER},
	};
	static const struct far_row never[] = {
		OPENING,
		CCHO_OPENS,
		{"AT+CCHC=1", REFUSED, FAR_ANSWER},
		{CLOSE_ON_IT, REFUSED, FAR_ANSWER},
		{"AT+CCHC=1", REFUSED, FAR_ANSWER},
		{CLOSE_ON_IT, REFUSED, FAR_ANSWER},
	};

	attributes = "?interface=cgla";
	start(dropped, COUNT(dropped));
	expect_open("1");
	finish();
	start(never, COUNT(never));
	expect_open("1");
	finish();
}

/* ---- exchanges ---- */

Test(at_cgla, fetches_what_61xx_announces)
{
	static const struct far_row rows[] = {
		OPENING,
		CCHO_OPENS,
		{RANDOM_1, LINE("+CGLA: 4,\"6108\"") OK, FAR_ANSWER},
		{"AT+CGLA=1,10,\"80C0000008\"", LINE("+CGLA: " EIGHT) OK,
		 FAR_ANSWER},
		CCHC,
	};

	attributes = "?interface=cgla";
	start(rows, COUNT(rows));
	expect_open("1");
	cr_expect_eq(get_random(5000), IOTSAFE_OK, "%s", iotsafe_last_error());
	finish();
}

Test(at_cgla, an_answer_to_CSIM_is_an_old_one)
{
	static const struct far_row rows[] = {
		OPENING,
		CCHO_OPENS,
		{RANDOM_1,
		 LINE("+CSIM: 4,\"6D00\"") OK LINE("+CGLA: " EIGHT) OK,
		 FAR_ANSWER},
		CCHC,
	};

	attributes = "?interface=cgla";
	start(rows, COUNT(rows));
	expect_open("1");
	cr_expect_eq(get_random(5000), IOTSAFE_OK, "%s", iotsafe_last_error());
	finish();
}

Test(at_cgla, asks_again_while_the_SIM_is_busy)
{
	static const struct far_row rows[] = {
		OPENING,
		{CCHO, LINE("+CME ERROR: 14"), FAR_ANSWER},
		CCHO_OPENS,
		{RANDOM_1, LINE("+CME ERROR: SIM busy"), FAR_ANSWER},
		CGLA_ANSWERS,
		CCHC,
	};

	attributes = "?interface=cgla";
	start(rows, COUNT(rows));
	expect_open("1");
	cr_expect_eq(get_random(5000), IOTSAFE_OK, "%s", iotsafe_last_error());
	finish();
}

Test(at_cgla, names_what_was_refused)
{
	static const struct {
		const char *answer;
		int code;
		const char *words;
	} cases[] = {
		{LINE("+CME ERROR: 22"), IOTSAFE_ERR_MODEM,
		 "AT+CGLA: modem answered +CME ERROR: 22 (not found)"},
		{LINE("+CME ERROR: 10"), IOTSAFE_ERR_ABSENT, "no SIM"},
	};

	attributes = "?interface=cgla";
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct far_row rows[] = {
			OPENING,
			CCHO_OPENS,
			{RANDOM_1, cases[i].answer, FAR_ANSWER},
			CCHC,
		};

		start(rows, COUNT(rows));
		expect_open("1");
		expect_failure(get_random(5000), cases[i].code, cases[i].words);
		finish();
	}
}

Test(at_cgla, a_late_answer_is_not_taken_for_the_next)
{
	static const struct far_row rows[] = {
		OPENING,
		CCHO_OPENS,
		{RANDOM_1, NULL, FAR_ANSWER},
		{"AT+CMEE?", LINE("+CGLA: 4,\"6D00\"") OK LINE("+CMEE: 1") OK,
		 FAR_ANSWER},
		CGLA_ANSWERS,
		CCHC,
	};

	attributes = "?interface=cgla";
	start(rows, COUNT(rows));
	expect_open("1");
	expect_failure(get_random(100), IOTSAFE_ERR_TIMEOUT,
		       "AT+CGLA: the modem did not answer in time");
	cr_expect_eq(get_random(5000), IOTSAFE_OK, "%s", iotsafe_last_error());
	finish();
}

Test(at_cgla, a_cancel_ends_the_wait)
{
	static const struct far_row opening[] = {
		OPENING,
		{CCHO, NULL, FAR_CANCEL},
	};
	static const struct far_row command[] = {
		OPENING,
		CCHO_OPENS,
		{RANDOM_1, NULL, FAR_CANCEL},
		{"AT+CMEE?", LINE("+CMEE: 1") OK, FAR_ANSWER},
		CCHC,
	};

	attributes = "?interface=cgla";
	start(opening, COUNT(opening));
	expect_failure(open_channel(60000), IOTSAFE_ERR_CANCELLED,
		       "AT+CCHO: cancelled");
	finish();
	start(command, COUNT(command));
	expect_open("1");
	expect_failure(get_random(60000), IOTSAFE_ERR_CANCELLED,
		       "AT+CGLA: cancelled");
	finish();
}

/* ---- the choice ---- */

Test(at_cgla, is_not_asked_for_where_CSIM_works)
{
	static const struct far_row rows[] = {
		OPENING,
		CSIM_OPENS,
		{CLOSE, LINE("+CSIM: 4,\"9000\"") OK, FAR_ANSWER},
	};

	attributes = "";
	start(rows, COUNT(rows));
	expect_open("");
	finish();
}

Test(at_cgla, is_tried_where_CSIM_opens_no_channel)
{
	static const struct {
		const char *answer, *reason;
	} cases[] = {
		{REFUSED, NULL},
		{LINE("ERROR"), LINE("+CPIN: READY") OK},
		{LINE("ERROR"), LINE("ERROR")},
		{LINE("+CSIM: 4,\"6E00\"") OK, NULL},
		{LINE("+CSIM: 4,\"6881\"") OK, NULL},
	};

	attributes = "";
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct far_row rows[] = {
			OPENING,    {OPEN_CHANNEL, cases[i].answer, FAR_ANSWER},
			CCHO_OPENS, CGLA_ANSWERS,
			CCHC,	    CCHC,
		};
		size_t count = COUNT(rows) - 1;

		if (cases[i].reason) {
			memmove(&rows[4], &rows[3], 3 * sizeof(rows[0]));
			rows[3] = (struct far_row){"AT+CPIN?", cases[i].reason,
						   FAR_ANSWER};
			count++;
		}
		start(rows, count);
		expect_open("1");
		cr_expect_eq(get_random(5000), IOTSAFE_OK, "%s",
			     iotsafe_last_error());
		finish();
	}
}

Test(at_cgla, is_tried_where_CSIM_selects_nothing)
{
	static const struct far_row rows[] = {
		OPENING,
		{OPEN_CHANNEL, LINE("+CSIM: 6,\"019000\"") OK, FAR_ANSWER},
		{SELECT, REFUSED, FAR_ANSWER},
		{SELECT, REFUSED, FAR_ANSWER},
		{CLOSE, LINE("+CSIM: 4,\"9000\"") OK, FAR_ANSWER},
		CCHO_OPENS,
		CCHC,
		/* Remembered. */
		CCHO_OPENS,
		CCHC,
	};

	attributes = "";
	start(rows, COUNT(rows));
	expect_open("1");
	channel_close(&channel, NULL);
	expect_open("1");
	finish();
}

Test(at_cgla, gives_way_to_CSIM_again)
{
	static const struct far_row rows[] = {
		OPENING,
		CSIM_REFUSED,
		CCHO_OPENS,
		CCHC,
		{CCHO, REFUSED, FAR_ANSWER},
		CSIM_OPENS,
		{CLOSE, LINE("+CSIM: 4,\"9000\"") OK, FAR_ANSWER},
	};

	attributes = "";
	start(rows, COUNT(rows));
	expect_open("1");
	channel_close(&channel, NULL);
	expect_open("");
	finish();
}

Test(at_cgla, is_the_second_thing_told_where_neither_works)
{
	static const struct far_row rows[] = {
		OPENING,
		CSIM_REFUSED,
		{CCHO, LINE("+CME ERROR: 4"), FAR_ANSWER},
		BASIC_REFUSED,
		/* And in the same order the next time. */
		CSIM_REFUSED,
		{CCHO, LINE("+CME ERROR: 4"), FAR_ANSWER},
		BASIC_REFUSED,
	};

	attributes = "";
	start(rows, COUNT(rows));
	expect_failure(open_channel(5000), IOTSAFE_ERR_MODEM,
		       "AT+CSIM: modem answered +CME ERROR: 3");
	expect_failure(open_channel(5000), IOTSAFE_ERR_MODEM,
		       "AT+CCHO: modem answered +CME ERROR: 4");
	finish();
}

Test(at_cgla, tells_of_a_SIM_without_the_applet)
{
	static const struct far_row rows[] = {
		OPENING,
		CSIM_REFUSED,
		{CCHO, LINE("+CME ERROR: not found"), FAR_ANSWER},
	};

	attributes = "";
	start(rows, COUNT(rows));
	expect_failure(open_channel(5000), IOTSAFE_ERR_ABSENT,
		       "this SIM has no IoT SAFE applet");
	finish();
}

Test(at_cgla, a_SIM_without_the_applet_is_believed)
{
	static const struct far_row rows[] = {
		OPENING,
		{OPEN_CHANNEL, LINE("+CSIM: 6,\"019000\"") OK, FAR_ANSWER},
		{SELECT, LINE("+CSIM: 4,\"6A82\"") OK, FAR_ANSWER},
		{CLOSE, LINE("+CSIM: 4,\"9000\"") OK, FAR_ANSWER},
	};

	attributes = "";
	start(rows, COUNT(rows));
	expect_failure(open_channel(5000), IOTSAFE_ERR_ABSENT, "6A82");
	finish();
}

Test(at_cgla, nothing_else_is_tried_when_the_address_says_which)
{
	static const struct far_row csim[] = {OPENING, CSIM_REFUSED};
	static const struct far_row cgla[] = {
		OPENING,
		{CCHO, REFUSED, FAR_ANSWER},
	};

	attributes = "?interface=csim";
	start(csim, COUNT(csim));
	expect_failure(open_channel(5000), IOTSAFE_ERR_MODEM, "AT+CSIM");
	finish();
	attributes = "?interface=cgla";
	start(cgla, COUNT(cgla));
	expect_failure(open_channel(5000), IOTSAFE_ERR_MODEM, "AT+CCHO");
	finish();
}

/* ---- recovery, by a whole card ---- */

#define NEW_CHANNEL                                                            \
	{CCHO, LINE("+CCHO: 2") OK, FAR_ANSWER},                               \
		{"AT+CGLA=2,10,\"8084000008\"", LINE("+CGLA: " EIGHT) OK,      \
		 FAR_ANSWER},                                                  \
	{                                                                      \
		"AT+CCHC=2", OK, FAR_ANSWER                                    \
	}

Test(at_cgla, a_channel_that_a_reset_took_is_opened_again)
{
	static const struct far_row rows[] = {
		OPENING,
		CCHO_OPENS,
		{RANDOM_1, LINE("+CME ERROR: 22"), FAR_ANSWER},
		{"AT+CCHC=1", LINE("+CME ERROR: 22"), FAR_ANSWER},
		NEW_CHANNEL,
	};

	expect_random(rows, COUNT(rows), "&interface=cgla", IOTSAFE_OK);
}

/* Its channels went with it, and what it was told. */
Test(at_cgla, a_modem_that_has_restarted_is_told_all_again)
{
	static const char *const words[] = {
		LINE("RDY"),
		LINE("^SYSSTART"),
		LINE("+SYSSTART"),
		LINE("RDY") LINE("+CME ERROR: 3"),
	};

	for (size_t i = 0; i < COUNT(words); i++) {
		const struct far_row rows[] = {
			OPENING, CCHO_OPENS,  {RANDOM_1, words[i], FAR_ANSWER},
			OPENING, NEW_CHANNEL,
		};

		expect_random(rows, COUNT(rows), "&interface=cgla", IOTSAFE_OK);
	}
}

/* So does a channel that was opened for this operation, as in every turn with
 * share=yes. Its name may be another's by now: it is not closed. */
Test(at_cgla, a_modem_that_has_restarted_in_a_turn_is_told_all_again)
{
	const struct far_row rows[] = {
		OPENING,
		{CCHO, LINE("+CCHO: 1") OK, FAR_ANSWER},
		CCHC,
		{"", NULL, FAR_ANSWER},
		{"AT+CMEE?", LINE("+CMEE: 1") OK, FAR_ANSWER},
		CCHO_OPENS,
		{RANDOM_1, LINE("RDY"), FAR_ANSWER},
		OPENING,
		NEW_CHANNEL,
	};

	expect_random(rows, COUNT(rows), "&interface=cgla&share=yes",
		      IOTSAFE_OK);
}

/* Quectel's EG95 drops one now and then. */
Test(at_cgla, a_command_that_is_lost_in_a_turn_is_said_again)
{
	const struct far_row rows[] = {
		OPENING,
		{CCHO, LINE("+CCHO: 1") OK, FAR_ANSWER},
		CCHC,
		{"", NULL, FAR_ANSWER},
		{"AT+CMEE?", LINE("+CMEE: 1") OK, FAR_ANSWER},
		CCHO_OPENS,
		{RANDOM_1, LINE("+CME ERROR: 0"), FAR_ANSWER},
		CCHC,
		CCHO_OPENS,
		CGLA_ANSWERS,
		CCHC,
	};

	expect_random(rows, COUNT(rows), "&interface=cgla&share=yes",
		      IOTSAFE_OK);
}

Test(at_cgla, is_taken_again_where_no_other_way_opens)
{
	const struct far_row rows[] = {
		OPENING,       CSIM_REFUSED,
		CCHO_OPENS,    {RANDOM_1, LINE("+CME ERROR: 0"), FAR_ANSWER},
		CCHC,	       CSIM_REFUSED,
		BASIC_REFUSED, CCHO_OPENS,
		CGLA_ANSWERS,  CCHC,
	};

	expect_random(rows, COUNT(rows), "", IOTSAFE_OK);
}

/* As raw commands are: nobody knows what they do. */
static void expect_said_once(const struct far_row *rows, size_t count,
			     const char *more, const char *words)
{
	static const uint8_t command[] = {0x80, 0x84, 0, 0, 8};
	iotsafe_card *card;
	uint8_t *answer;
	char text[150];
	size_t size;

	far_start(&far, rows, count);
	snprintf(text, sizeof(text), "at:%s?aid=" AID "%s", far.path, more);
	cr_assert_eq(iotsafe_card_open(text, &card), IOTSAFE_OK, "%s",
		     iotsafe_last_error());
	expect_failure(iotsafe_card_transact(card, command, sizeof(command),
					     &answer, &size),
		       IOTSAFE_ERR_MODEM, words);
	iotsafe_card_free(card);
	far_stop(&far);
	expect_all_answered();
}

Test(at_cgla, what_may_have_changed_the_card_is_not_said_again_the_same_way)
{
	const struct far_row alone[] = {
		OPENING,
		CCHO_OPENS,
		{RANDOM_1, LINE("+CME ERROR: 0"), FAR_ANSWER},
		CCHC,
	};
	const struct far_row shared[] = {
		OPENING,
		{CCHO, LINE("+CCHO: 1") OK, FAR_ANSWER},
		CCHC,
		{"", NULL, FAR_ANSWER},
		{"AT+CMEE?", LINE("+CMEE: 1") OK, FAR_ANSWER},
		CCHO_OPENS,
		{RANDOM_1, LINE("+CME ERROR: 0"), FAR_ANSWER},
		CCHC,
	};
	const struct far_row either[] = {
		OPENING,       CSIM_REFUSED,
		CCHO_OPENS,    {RANDOM_1, LINE("+CME ERROR: 0"), FAR_ANSWER},
		CCHC,	       CSIM_REFUSED,
		BASIC_REFUSED,
	};

	expect_said_once(alone, COUNT(alone), "&interface=cgla",
			 "so it is not repeated");
	expect_said_once(shared, COUNT(shared), "&interface=cgla&share=yes",
			 "so it is not repeated");
	expect_said_once(either, COUNT(either), "", "phone failure");
}

Test(at_cgla, is_tried_where_CSIM_opens_a_channel_that_cannot_be_used)
{
	static const struct far_row rows[] = {
		OPENING,
		CSIM_OPENS,
		{RANDOM, REFUSED, FAR_ANSWER},
		{CLOSE, LINE("+CSIM: 4,\"9000\"") OK, FAR_ANSWER},
		CCHO_OPENS,
		CGLA_ANSWERS,
		CCHC,
	};

	expect_random(rows, COUNT(rows), "", IOTSAFE_OK);
}

Test(at_cgla, is_not_tried_where_CSIM_worked_before)
{
	static const struct far_row rows[] = {
		OPENING,
		CSIM_OPENS,
		{RANDOM, LINE("+CSIM: " EIGHT) OK, FAR_ANSWER},
		{RANDOM, REFUSED, FAR_ANSWER},
		{CLOSE, LINE("+CSIM: 4,\"9000\"") OK, FAR_ANSWER},
		CSIM_OPENS,
		{RANDOM, LINE("+CSIM: " EIGHT) OK, FAR_ANSWER},
		{CLOSE, LINE("+CSIM: 4,\"9000\"") OK, FAR_ANSWER},
	};
	iotsafe_card *card;
	uint8_t *bytes;
	char text[150];
	size_t size;

	far_start(&far, rows, COUNT(rows));
	snprintf(text, sizeof(text), "at:%s?aid=" AID, far.path);
	cr_assert_eq(iotsafe_card_open(text, &card), IOTSAFE_OK);
	for (int i = 0; i < 2; i++) {
		cr_expect_eq(iotsafe_card_random(card, 8, &bytes, &size),
			     IOTSAFE_OK, "%s", iotsafe_last_error());
		iotsafe_free(bytes);
	}
	iotsafe_card_free(card);
	far_stop(&far);
	expect_all_answered();
}

/* The applet refuses the command on either, so that the old one is closed. */
Test(at_cgla, of_two_channels_with_one_name_none_is_closed)
{
	static const char *const names[] = {"1", "2"};

	for (size_t i = 0; i < COUNT(names); i++) {
		char opened[40], cgla[40];
		const struct far_row rows[] = {
			OPENING,
			CCHO_OPENS,
			{RANDOM_1, LINE("+CGLA: 4,\"6D00\"") OK, FAR_ANSWER},
			{"AT+CGLA=1,10,\"8184000008\"",
			 LINE("+CGLA: 4,\"6D00\"") OK, FAR_ANSWER},
			{CCHO, opened, FAR_ANSWER},
			{cgla, LINE("+CGLA: 4,\"6D00\"") OK, FAR_ANSWER},
			CCHC,
			{"AT+CCHC=2", OK, FAR_ANSWER},
		};

		snprintf(opened, sizeof(opened), LINE("+CCHO: %s") OK,
			 names[i]);
		snprintf(cgla, sizeof(cgla), "AT+CGLA=%s,10,\"8084000008\"",
			 names[i]);
		expect_random(rows, COUNT(rows) - (i == 0), "&interface=cgla",
			      IOTSAFE_ERR_CARD);
	}
}
