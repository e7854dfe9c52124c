/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The number of the card, where the modem makes the channel and tells it. */
#include "at_channel.h"

#define CRSM "AT+CRSM=176,12258,0,0,10"
#define NO_NUMBER(command)                                                     \
	{                                                                      \
		command, REFUSED, FAR_ANSWER                                   \
	}

#define CSIM(command, answer)                                                  \
	{                                                                      \
		"AT+CSIM=" command, LINE("+CSIM: " answer) OK, FAR_ANSWER      \
	}

static void expect_number(const char *handle, const char *number)
{
	expect_open(handle);
	cr_expect_str_eq(channel.iccid, number);
	channel.iccid[0] = '\0';
	channel_close(&channel, NULL);
}

Test(at_number, the_number_is_asked_for_as_makers_have_it)
{
	static const struct {
		const char *answer, *number;
	} cases[] = {
		{LINE("+QCCID: 89990123456789012341") OK,
		 "89990123456789012341"},
		{LINE("+QCCID: 8999012345678901234F") OK,
		 "8999012345678901234"},
		{LINE("+QCCID: \"8999012345678901234\"") OK,
		 "8999012345678901234"},
		{LINE("89990123456789012341") OK, "89990123456789012341"},
		{LINE("+QCCID: 98991032547698103214") OK,
		 "89990123456789012341"},
	};

	attributes = "?interface=cgla";
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct far_row rows[] = {
			OPENING,
			CCHO_OPENS,
			NO_NUMBER(CRSM),
			{"AT+CCID", LINE("+CCID: 1A2B3C4D") OK, FAR_ANSWER},
			{"AT+QCCID", cases[i].answer, FAR_ANSWER},
			CCHC,
			/* Remembered. */
			CCHO_OPENS,
			{"AT+QCCID", cases[i].answer, FAR_ANSWER},
			CCHC,
		};

		start(rows, COUNT(rows));
		expect_number("1", cases[i].number);
		expect_number("1", cases[i].number);
		finish();
	}
}

Test(at_number, the_number_is_asked_for_once_where_it_is_not_to_be_had)
{
	static const struct far_row rows[] = {
		OPENING,
		CCHO_OPENS,
		{CRSM, LINE("+CRSM: 105,130") OK, FAR_ANSWER},
		NO_NUMBER("AT+CCID"),
		{"AT+QCCID", LINE("ERROR"), FAR_ANSWER},
		{"AT+ICCID", LINE("+ICCID: 0") OK, FAR_ANSWER},
		NO_NUMBER("AT^ICCID?"),
		{"AT#CCID", LINE("#CCID: 001010123456789") OK, FAR_ANSWER},
		CCHC,
		CCHO_OPENS,
		CCHC,
	};

	attributes = "?interface=cgla";
	start(rows, COUNT(rows));
	expect_number("1", "");
	expect_number("1", "");
	finish();
}

/* Where the host makes the channel it reads the file itself in the end. */
Test(at_number, a_card_without_short_names_behind_a_modem_without_CRSM)
{
	static const struct far_row rows[] = {
		OPENING,
		CSIM("10,\"0070000001\"", "6,\"019000\""),
		CSIM("10,\"01B082000A\"", "4,\"6A86\""),
		NO_NUMBER(CRSM),
		NO_NUMBER("AT+CCID"),
		NO_NUMBER("AT+QCCID"),
		NO_NUMBER("AT+ICCID"),
		NO_NUMBER("AT^ICCID?"),
		NO_NUMBER("AT#CCID"),
		CSIM("14,\"01A4000C022FE2\"", "4,\"9000\""),
		CSIM("10,\"01B000000A\"", "24,\"989910325476981032149000\""),
		CSIM("24,\"01A4040007A0000005590010\"", "4,\"9000\""),
		CSIM("10,\"0070800100\"", "4,\"9000\""),
		/* The modem is not asked again. */
		CSIM("10,\"0070000001\"", "6,\"019000\""),
		CSIM("10,\"01B082000A\"", "4,\"6A86\""),
		CSIM("14,\"01A4000C022FE2\"", "4,\"9000\""),
		CSIM("10,\"01B000000A\"", "24,\"989910325476981032149000\""),
		CSIM("24,\"01A4040007A0000005590010\"", "4,\"9000\""),
		CSIM("10,\"0070800100\"", "4,\"9000\""),
	};

	attributes = "?interface=csim";
	start(rows, COUNT(rows));
	expect_number("", "89990123456789012341");
	expect_number("", "89990123456789012341");
	finish();
}

/* Each OK alone costs a wait for what may be behind it. */
Test(at_number, a_modem_that_says_OK_to_everything_is_asked_no_more)
{
	static const struct far_row rows[] = {
		OPENING, CCHO_OPENS, {CRSM, OK, FAR_ANSWER},
		CCHC,	 CCHO_OPENS, CCHC,
	};

	attributes = "?interface=cgla";
	start(rows, COUNT(rows));
	expect_number("1", "");
	expect_number("1", "");
	finish();
}

/* A command that has told it is not given up for others at the first refusal.
 */
Test(at_number, a_number_that_is_refused_later_is_asked_for_again)
{
	static const struct far_row rows[] = {
		OPENING,	 CCHO_OPENS, CCHC,	 CCHO_OPENS,
		NO_NUMBER(CRSM), CCHC,	     CCHO_OPENS, CCHC,
	};

	attributes = "?interface=cgla";
	start(rows, COUNT(rows));
	expect_number("1", "89990123456789012341");
	expect_number("1", "");
	expect_number("1", "89990123456789012341");
	finish();
}

Test(at_number, a_maker_s_command_without_an_answer_ends_by_the_deadline)
{
	static const struct far_row rows[] = {
		OPENING,
		CCHO_OPENS,
		NO_NUMBER(CRSM),
		{"AT+CCID", NULL, FAR_ANSWER},
		{"AT+CMEE?", LINE("+CMEE: 1") OK, FAR_ANSWER},
		CCHC,
	};
	int64_t start_at;

	attributes = "?interface=cgla";
	start(rows, COUNT(rows));
	start_at = deadline_now();
	expect_failure(open_channel(1000), IOTSAFE_ERR_TIMEOUT,
		       "AT+CCID: the modem did not answer in time");
	cr_expect(deadline_now() - start_at < 1500);
	finish();
}
