/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Logical channels, and commands that take several exchanges. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "script.h"
#include "uicc/channel.h"

/* One command on channel 1, class 8X, and what became of it. */
struct talk {
	struct link link;
	struct channel channel;
	struct deadline deadline;
	uint8_t data[600];
	struct response response;
};

static void start(struct talk *talk, struct script *script)
{
	const iotsafe_link own = script_link(script);

	*talk = (struct talk){
		.deadline = deadline_in(5000, -1),
		.response = {.room = sizeof(talk->data)},
	};
	talk->response.data = talk->data;
	expect_good(link_open_own(&talk->link, &own));
	talk->channel = (struct channel){
		.link = &talk->link,
		.open = true,
		.number = 1,
		.manners = {.piece = 256},
	};
}

static void finish(struct talk *talk, const struct script *script)
{
	link_close(&talk->link);
	script_expect_done(script);
	cr_assert(script->closed == 1);
}

#define CASE_2                                                                 \
	{                                                                      \
		.name = "GET RANDOM", .cla = 0x80, .ins = 0x84,                \
		.expect = APDU_EXACT, .le = 8                                  \
	}
#define CASE_3                                                                 \
	{                                                                      \
		.name = "INIT", .cla = 0x80, .ins = 0x2A, .data = { body, 2 }  \
	}
#define EXACT_4                                                                \
	{                                                                      \
		.name = "READ", .cla = 0x80, .ins = 0x2B, .data = {body, 2},   \
		.expect = APDU_EXACT, .le = 2                                  \
	}
#define CASE_4                                                                 \
	{                                                                      \
		.name = "UPDATE", .cla = 0x80, .ins = 0x2B, .data = {body, 2}, \
		.expect = APDU_SOME                                            \
	}

static const uint8_t body[] = {0x9E, 0x00};

static int transact(struct talk *talk, const struct apdu *apdu)
{
	return channel_transact(&talk->channel, apdu, &talk->response,
				&talk->deadline);
}

/* Does it, and expects this answer. */
static void expect_answer(struct script *script, const struct apdu *apdu,
			  const char *data, unsigned status)
{
	static uint8_t wanted[600];
	struct talk talk;
	size_t size = unhex(data, wanted, sizeof(wanted));

	start(&talk, script);
	expect_good(transact(&talk, apdu));
	finish(&talk, script);
	cr_assert(talk.response.status == status, "%04X", talk.response.status);
	cr_assert(talk.response.size == size, "%zu bytes", talk.response.size);
	cr_assert(!memcmp(talk.data, wanted, size));
}

/* Does it, and expects it to fail. */
static void expect_failure(struct script *script, const struct apdu *apdu,
			   int code, const char *words)
{
	struct talk talk;

	start(&talk, script);
	expect_error(transact(&talk, apdu), code, words);
	finish(&talk, script);
}

/* ---- answers that come in pieces ---- */

Test(channel, a_direct_answer_is_one_exchange)
{
	struct script script = SCRIPT({"812B0000 02 9E00", "3301AA 9000"});

	expect_answer(&script, &(struct apdu)CASE_4, "3301AA", 0x9000);
}

Test(channel, fetches_what_61xx_announces)
{
	struct script script = SCRIPT({"812B0000 02 9E00", "6103"},
				      {"81C0000003", "3301AA 9000"});

	expect_answer(&script, &(struct apdu)CASE_4, "3301AA", 0x9000);
}

Test(channel, fetches_as_often_as_asked)
{
	struct script script = SCRIPT(
		{"812B0000 02 9E00", "6102"}, {"81C0000002", "3301 6101"},
		{"81C0000001", "AA 6101"}, {"81C0000001", "BB 9000"});

	expect_answer(&script, &(struct apdu)CASE_4, "3301AABB", 0x9000);
}

Test(channel, takes_data_that_comes_with_61xx)
{
	struct script script = SCRIPT({"812B0000 02 9E00", "3301 6101"},
				      {"81C0000001", "AA 9000"});

	expect_answer(&script, &(struct apdu)CASE_4, "3301AA", 0x9000);
}

Test(channel, fetches_256_bytes_for_6100)
{
	char page[2 * 256 + 8] = "", whole[sizeof(page) + 2];

	for (int i = 0; i < 256; i++)
		strcat(page, "5A");
	sprintf(whole, "%s01", page);
	strcat(page, " 6101");
	struct script script =
		SCRIPT({"812B0000 02 9E00", "6100"}, {"81C0000000", page},
		       {"81C0000001", "01 9000"});

	expect_answer(&script, &(struct apdu)CASE_4, whole, 0x9000);
}

Test(channel, fetches_for_9Fxx_as_for_61xx)
{
	struct script script =
		SCRIPT({"812B0000 02 9E00", "9F01"}, {"81C0000001", "AA 9000"});

	expect_answer(&script, &(struct apdu)CASE_4, "AA", 0x9000);
}

Test(channel, a_warning_may_end_a_fetched_answer)
{
	struct script script = SCRIPT({"812B0000 02 9E00", "6102"},
				      {"81C0000002", "AABB 6282"});

	expect_answer(&script, &(struct apdu)CASE_4, "AABB", 0x6282);
}

Test(channel, fetches_no_more_at_once_than_the_modem_can_carry)
{
	struct script script = SCRIPT({"812B0000 02 9E00", "6104"},
				      {"81C0000003", "010203 6101"},
				      {"81C0000001", "04 9000"});
	struct talk talk;

	start(&talk, &script);
	talk.channel.manners.piece = 3;
	expect_good(transact(&talk, &(struct apdu)CASE_4));
	finish(&talk, &script);
	cr_assert(talk.response.size == 4);
}

Test(channel, an_endless_61xx_ends)
{
	enum { ROUNDS = 256 };
	static struct script_row rows[1 + ROUNDS];
	struct script script = {.rows = rows, .count = 1 + ROUNDS};

	rows[0] = (struct script_row){"812B0000 02 9E00", "6101"};
	for (int i = 1; i <= ROUNDS; i++)
		rows[i] = (struct script_row){"81C0000001", "AA 6101"};
	expect_failure(&script, &(struct apdu)CASE_4, IOTSAFE_ERR_FORMAT,
		       "UPDATE: the card announces data without end");
}

Test(channel, a_61xx_without_data_ends)
{
	struct script script =
		SCRIPT({"812B0000 02 9E00", "6101"}, {"81C0000001", "6101"});

	expect_failure(&script, &(struct apdu)CASE_4, IOTSAFE_ERR_FORMAT,
		       "announces data and gives none");
}

Test(channel, an_answer_longer_than_its_room_is_refused)
{
	struct script script = SCRIPT({"812B0000 02 9E00", "0102 6102"},
				      {"81C0000002", "0304 9000"});
	struct talk talk;

	start(&talk, &script);
	talk.response.room = 3;
	expect_error(transact(&talk, &(struct apdu)CASE_4), IOTSAFE_ERR_FORMAT,
		     "longer than 3 bytes");
	finish(&talk, &script);
	cr_assert(talk.data[3] == 0, "nothing beyond the room");
}

/* ---- Le ---- */

Test(channel, asks_again_when_the_card_says_6Cxx_in_case_2)
{
	struct script script =
		SCRIPT({"8184000008", "6C04"}, {"8184000004", "01020304 9000"});

	expect_answer(&script, &(struct apdu)CASE_2, "01020304", 0x9000);
}

Test(channel, asks_again_when_the_card_says_6Cxx_in_case_4)
{
	struct script script = SCRIPT({"812B0000 02 9E00", "6C02"},
				      {"812B0000 02 9E00 02", "AABB 9000"});

	expect_answer(&script, &(struct apdu)CASE_4, "AABB", 0x9000);
}

Test(channel, drops_what_came_with_6Cxx)
{
	struct script script = SCRIPT({"8184000008", "FFFF 6C02"},
				      {"8184000002", "0102 9000"});

	expect_answer(&script, &(struct apdu)CASE_2, "0102", 0x9000);
}

Test(channel, asks_for_256_bytes_after_6C00)
{
	struct script script =
		SCRIPT({"8184000008", "6C00"}, {"8184000000", "01 9000"});

	expect_answer(&script, &(struct apdu)CASE_2, "01", 0x9000);
}

Test(channel, asks_again_when_get_response_says_6Cxx)
{
	struct script script =
		SCRIPT({"812B0000 02 9E00", "6100"}, {"81C0000000", "6C02"},
		       {"81C0000002", "AABB 9000"});

	expect_answer(&script, &(struct apdu)CASE_4, "AABB", 0x9000);
}

Test(channel, a_second_6Cxx_is_the_answer)
{
	struct script script =
		SCRIPT({"8184000008", "6C04"}, {"8184000004", "6C02"});

	expect_answer(&script, &(struct apdu)CASE_2, "", 0x6C02);
}

Test(channel, sends_le_behind_data_where_6700_asks_for_it)
{
	struct script script = SCRIPT({"812B0000 02 9E00", "6700"},
				      {"812B0000 02 9E00 00", "AA 9000"},
				      {"812B0000 02 9E00 00", "BB 9000"});
	struct talk talk;

	start(&talk, &script);
	expect_good(transact(&talk, &(struct apdu)CASE_4));
	expect_good(transact(&talk, &(struct apdu)CASE_4));
	finish(&talk, &script);
	cr_assert(talk.data[0] == 0xBB && talk.channel.manners.with_le);
}

Test(channel, leaves_le_out_where_6700_asks_for_it)
{
	struct script script = SCRIPT({"812B0000 02 9E00 00", "6700"},
				      {"812B0000 02 9E00", "AA 9000"});
	struct talk talk;

	start(&talk, &script);
	talk.channel.manners.with_le = true;
	expect_good(transact(&talk, &(struct apdu)CASE_4));
	finish(&talk, &script);
	cr_assert(!talk.channel.manners.with_le);
}

Test(channel, a_6700_to_both_forms_changes_no_manner)
{
	struct script script = SCRIPT({"812B0000 02 9E00", "6700"},
				      {"812B0000 02 9E00 00", "6700"},
				      {"812A0000 02 9E00", "6700"});
	struct talk talk;

	start(&talk, &script);
	expect_good(transact(&talk, &(struct apdu)CASE_4));
	cr_assert(talk.response.status == 0x6700);
	expect_good(transact(&talk, &(struct apdu)CASE_3));
	finish(&talk, &script);
	cr_assert(!talk.channel.manners.with_le);
}

/* A T=0 card that insists, behind a modem that cuts answers: the pieces come by
 * GET RESPONSE. */
Test(channel, leaves_an_exact_length_out_where_it_may_not_stand_behind_data)
{
	struct script script = SCRIPT(
		{"812B0000 02 9E00 02", "6700"}, {"812B0000 02 9E00", "6103"},
		{"81C0000002", "AABB 6101"}, {"81C0000001", "CC 9000"},
		{"812B0000 02 9E00", "6101"}, {"81C0000001", "DD 9000"});
	const struct apdu read = EXACT_4;
	struct talk talk;

	start(&talk, &script);
	talk.channel.manners.piece = 2;
	expect_good(transact(&talk, &read));
	cr_assert(talk.response.size == 3);
	expect_good(transact(&talk, &read));
	finish(&talk, &script);
	cr_assert(talk.data[0] == 0xDD);
}

Test(channel, an_exact_length_is_no_reason_for_a_6700_to_both_forms)
{
	struct script script = SCRIPT({"812B0000 02 9E00 02", "6700"},
				      {"812B0000 02 9E00", "6700"},
				      {"812B0000 02 9E00 02", "AABB 9000"});
	const struct apdu read = EXACT_4;
	struct talk talk;

	start(&talk, &script);
	expect_good(transact(&talk, &read));
	cr_assert(talk.response.status == 0x6700);
	expect_good(transact(&talk, &read));
	finish(&talk, &script);
	cr_assert(talk.response.size == 2);
}

/* ---- classes ---- */

Test(channel, goes_on_in_class_0X_where_8X_is_not_known)
{
	struct script script = SCRIPT(
		{"812B0000 02 9E00", "6E00"}, {"012B0000 02 9E00", "6101"},
		{"01C0000001", "AA 9000"}, {"012B0000 02 9E00", "BB 9000"});
	struct talk talk;

	start(&talk, &script);
	expect_good(transact(&talk, &(struct apdu)CASE_4));
	expect_good(transact(&talk, &(struct apdu)CASE_4));
	finish(&talk, &script);
	cr_assert(talk.channel.manners.class_0x);
}

Test(channel, a_6E00_in_both_classes_changes_no_manner)
{
	struct script script = SCRIPT({"812B0000 02 9E00", "6E00"},
				      {"012B0000 02 9E00", "6E00"},
				      {"812B0000 02 9E00", "AA 9000"});
	struct talk talk;

	start(&talk, &script);
	expect_good(transact(&talk, &(struct apdu)CASE_4));
	cr_assert(talk.response.status == 0x6E00);
	expect_good(transact(&talk, &(struct apdu)CASE_4));
	finish(&talk, &script);
}

Test(channel, fetches_in_class_0X_where_8X_is_not_known_for_it)
{
	struct script script =
		SCRIPT({"812B0000 02 9E00", "6102"}, {"81C0000002", "6E00"},
		       {"01C0000002", "AABB 9000"},
		       {"812B0000 02 9E00", "6101"}, {"01C0000001", "CC 9000"});
	struct talk talk;

	start(&talk, &script);
	expect_good(transact(&talk, &(struct apdu)CASE_4));
	cr_assert(talk.response.size == 2);
	expect_good(transact(&talk, &(struct apdu)CASE_4));
	finish(&talk, &script);
	cr_assert(talk.response.size == 1 && talk.data[0] == 0xCC);
}

Test(channel, a_refused_get_response_is_the_answer)
{
	struct script script =
		SCRIPT({"812B0000 02 9E00", "6102"}, {"81C0000002", "6D00"},
		       {"01C0000002", "6D00"});

	expect_answer(&script, &(struct apdu)CASE_4, "", 0x6D00);
}

Test(channel, uses_the_further_classes_above_channel_3)
{
	struct script script =
		SCRIPT({"CF2B0000 02 9E00", "6101"}, {"CFC0000001", "6E00"},
		       {"4FC0000001", "AA 9000"});
	struct talk talk;

	start(&talk, &script);
	talk.channel.number = 19;
	expect_good(transact(&talk, &(struct apdu)CASE_4));
	finish(&talk, &script);
}

/* ---- status words ---- */

Test(channel, takes_91xx_as_done)
{
	struct script script = SCRIPT({"812B0000 02 9E00", "AA 910B"});

	expect_answer(&script, &(struct apdu)CASE_4, "AA", 0x9000);
}

Test(channel, notes_a_remote_administration)
{
	struct script script = SCRIPT({"812B0000 02 9E00", "AA 63CF"});
	struct talk talk;

	start(&talk, &script);
	expect_good(channel_command(&talk.channel, &(struct apdu)CASE_4,
				    &talk.response, &talk.deadline));
	finish(&talk, &script);
	cr_assert(talk.channel.administered && talk.response.size == 1);
}

Test(channel, a_refusal_names_command_status_and_words)
{
	struct script script = SCRIPT({"812A0000 02 9E00", "6985"},
				      {"812A0000 02 9E00", "6FC7"});
	struct talk talk;

	start(&talk, &script);
	expect_error(channel_command(&talk.channel, &(struct apdu)CASE_3,
				     &talk.response, &talk.deadline),
		     IOTSAFE_ERR_CARD,
		     "INIT: card answered 6985 conditions not satisfied");
	cr_assert(iotsafe_last_status() == 0x6985);
	channel_command(&talk.channel, &(struct apdu)CASE_3, &talk.response,
			&talk.deadline);
	cr_assert_str_eq(iotsafe_last_error(), "INIT: card answered 6FC7");
	finish(&talk, &script);
}

Test(channel, a_failure_of_the_link_names_the_command)
{
	struct script script = SCRIPT({"812A0000 02 9E00", "ERR_IO"});

	expect_failure(&script, &(struct apdu)CASE_3, IOTSAFE_ERR_IO,
		       "INIT: application's link: cannot reach the card");
}

Test(channel, an_answer_without_status_word_is_told)
{
	struct script script = SCRIPT({"812A0000 02 9E00", "90"});

	expect_failure(&script, &(struct apdu)CASE_3, IOTSAFE_ERR_FORMAT,
		       "INIT: link: an answer of 1 bytes has no status word");
}

Test(channel, a_command_that_is_too_long_is_not_sent)
{
	static const uint8_t long_body[256];
	struct script script = SCRIPT({"", ""});
	struct talk talk;

	script.count = 0;
	start(&talk, &script);
	expect_error(transact(&talk, &(struct apdu){.name = "X",
						    .data = {long_body, 256}}),
		     IOTSAFE_ERR_ARG, "X: does not fit a short APDU");
	finish(&talk, &script);
}

/* ---- opening ---- */

static const struct aid gsma = {{0xA0, 0x00, 0x00, 0x05, 0x59, 0x00, 0x10}, 7};
static const struct aid two_aids[] = {
	{{0xA0, 0x00, 0x00, 0x05, 0x59, 0x00, 0x10}, 7},
	{{0xA0, 0x00, 0x00, 0x02, 0x48, 0x04, 0x00}, 7},
};

static int open_two(struct talk *talk, struct script *script)
{
	start(talk, script);
	return channel_open(&talk->channel, &talk->link, two_aids, 2,
			    &talk->deadline);
}

static void expect_open(struct script *script, int number)
{
	struct talk talk;

	expect_good(open_two(&talk, script));
	finish(&talk, script);
	cr_assert(talk.channel.open && talk.channel.number == number);
}

static void expect_closed(struct script *script, int code, const char *words)
{
	struct talk talk;

	expect_error(open_two(&talk, script), code, words);
	finish(&talk, script);
	cr_assert(!talk.channel.open);
}

Test(channel, opens_on_the_number_that_the_card_gives)
{
	struct script script = SCRIPT({"0070000001", "03 9000"},
				      {"03A4040007A0000005590010", "9000"});

	expect_open(&script, 3);
}

Test(channel, opens_above_3_in_the_further_class)
{
	struct script script = SCRIPT({"0070000001", "05 9000"},
				      {"41A4040007A0000005590010", "9000"});

	expect_open(&script, 5);
}

Test(channel, opens_with_le_00_where_01_is_refused)
{
	static const char *const refusals[] = {"6700", "6A86", "6B00"};

	for (size_t i = 0; i < COUNT_OF(refusals); i++) {
		struct script script =
			SCRIPT({"0070000001", refusals[i]},
			       {"0070000000", "01 9000"}, ROW_SELECT);

		expect_open(&script, 1);
	}
}

Test(channel, opens_with_a_fetched_number)
{
	struct script script = SCRIPT({"0070000001", "6101"},
				      {"00C0000001", "01 9000"}, ROW_SELECT);

	expect_open(&script, 1);
}

Test(channel, opens_while_a_toolkit_command_waits)
{
	struct script script = SCRIPT({"0070000001", "01 910F"},
				      {"01A4040007A0000005590010", "910F"});

	expect_open(&script, 1);
}

Test(channel, an_announced_fci_is_not_fetched)
{
	struct script script =
		SCRIPT(ROW_OPEN, {"01A4040007A0000005590010", "611A"});

	expect_open(&script, 1);
}

Test(channel, an_fci_that_comes_is_ignored)
{
	struct script script =
		SCRIPT(ROW_OPEN, {"01A4040007A0000005590010", "6F00 9000"});

	expect_open(&script, 1);
}

Test(channel, tells_that_none_is_free)
{
	static const char *const statuses[] = {"6881", "6A81", "6A84"};

	for (size_t i = 0; i < COUNT_OF(statuses); i++) {
		struct script script = SCRIPT({"0070000001", statuses[i]});

		expect_closed(&script, IOTSAFE_ERR_BUSY,
			      "no free logical channel");
		cr_assert(iotsafe_last_status() ==
			  strtoul(statuses[i], NULL, 16));
	}
}

Test(channel, refuses_what_is_no_channel_number)
{
	static const char *const answers[] = {"9000", "00 9000", "14 9000",
					      "0102 9000"};

	for (size_t i = 0; i < COUNT_OF(answers); i++) {
		struct script script = SCRIPT({"0070000001", answers[i]});

		expect_closed(&script, IOTSAFE_ERR_FORMAT,
			      "the card's answer is no channel number");
	}
}

Test(channel, another_refusal_to_open_is_told)
{
	struct script script = SCRIPT({"0070000001", "6D00"});

	expect_closed(&script, IOTSAFE_ERR_CARD,
		      "MANAGE CHANNEL open: card answered 6D00");
}

Test(channel, selects_the_first_aid_that_is_there)
{
	struct script script =
		SCRIPT(ROW_OPEN, {"01A4040007A0000005590010", "6A82"},
		       {"01A4040007A0000002480400", "9000"});
	struct talk talk;

	expect_good(open_two(&talk, &script));
	finish(&talk, &script);
	cr_assert(talk.channel.aid.data[4] == 0x48);
}

Test(channel, selects_the_aid_of_the_last_time_first)
{
	struct script script = SCRIPT(
		ROW_OPEN, {"01A4040007A0000005590010", "6A82"},
		{"01A4040007A0000002480400", "9000"}, ROW_CLOSE, ROW_OPEN,
		{"01A4040007A0000002480400", "9000"}, ROW_CLOSE, ROW_OPEN,
		{"01A4040007A0000002480400", "6A82"}, ROW_SELECT);
	struct talk talk;

	expect_good(open_two(&talk, &script));
	for (int i = 0; i < 2; i++) {
		channel_close(&talk.channel, NULL);
		expect_good(channel_open(&talk.channel, &talk.link, two_aids, 2,
					 &talk.deadline));
	}
	finish(&talk, &script);
	cr_assert(talk.channel.aid.data[4] == 0x59);
}

Test(channel, closing_that_the_modem_refuses_is_tried_once_more)
{
	struct script script = SCRIPT(ROW_OPEN, ROW_SELECT,
				      {"0070800100", "ERR_MODEM"}, ROW_CLOSE);
	struct talk talk;

	expect_good(open_two(&talk, &script));
	channel_close(&talk.channel, NULL);
	finish(&talk, &script);
}

Test(channel, is_closed_where_no_applet_is)
{
	struct script script =
		SCRIPT(ROW_OPEN, {"01A4040007A0000005590010", "6A82"},
		       {"01A4040007A0000002480400", "6A82"}, ROW_CLOSE);

	expect_closed(&script, IOTSAFE_ERR_ABSENT,
		      "SELECT: this SIM has no IoT SAFE applet (card answered "
		      "6A82 not found to 2 known AIDs)");
	cr_assert(iotsafe_last_status() == 0x6A82);
}

Test(channel, passes_over_an_applet_that_is_deactivated)
{
	struct script script =
		SCRIPT(ROW_OPEN, {"01A4040007A0000005590010", "6283"},
		       {"01A4040007A0000002480400", "6A82"}, ROW_CLOSE);

	expect_closed(&script, IOTSAFE_ERR_ABSENT,
		      "SELECT: the card lets nobody select its IoT SAFE applet "
		      "(card answered 6283");
	cr_assert(iotsafe_last_status() == 0x6283);
}

Test(channel, is_closed_where_selecting_fails)
{
	struct script script =
		SCRIPT(ROW_OPEN, {"01A4040007A0000005590010", "ERR_TIMEOUT"},
		       ROW_CLOSE);

	expect_closed(&script, IOTSAFE_ERR_TIMEOUT, "SELECT: ");
}

Test(channel, the_first_error_is_told_even_if_closing_fails)
{
	struct script script = SCRIPT(
		ROW_OPEN, {"01A4040007A0000005590010", "6A82"},
		{"01A4040007A0000002480400", "6A82"}, {"0070800100", "ERR_IO"});

	expect_closed(&script, IOTSAFE_ERR_ABSENT, "no IoT SAFE applet");
}

Test(channel, selects_again_once_where_the_modem_refused)
{
	struct script script =
		SCRIPT(ROW_OPEN, {"01A4040007A0000005590010", "ERR_MODEM"},
		       ROW_SELECT);

	expect_open(&script, 1);
}

Test(channel, does_not_select_again_for_ever)
{
	struct script script =
		SCRIPT(ROW_OPEN, {"01A4040007A0000005590010", "ERR_MODEM"},
		       {"01A4040007A0000005590010", "ERR_MODEM"}, ROW_CLOSE);

	expect_closed(&script, IOTSAFE_ERR_MODEM, "SELECT: ");
}

Test(channel, is_opened_again_once_where_a_reset_took_it_before_select)
{
	struct script script =
		SCRIPT(ROW_OPEN, {"01A4040007A0000005590010", "6881"}, ROW_OPEN,
		       ROW_SELECT);

	expect_open(&script, 1);
}

Test(channel, a_card_that_forgets_every_channel_is_not_called_empty)
{
	struct script script =
		SCRIPT(ROW_OPEN, {"01A4040007A0000005590010", "6881"}, ROW_OPEN,
		       {"01A4040007A0000005590010", "6881"});

	expect_closed(&script, IOTSAFE_ERR_CARD, "SELECT: card answered 6881");
}

Test(channel, selects_with_le_where_the_card_insists)
{
	struct script script =
		SCRIPT(ROW_OPEN, {"01A4040007A0000005590010", "6700"},
		       {"01A4040007A000000559001000", "9000"});

	expect_open(&script, 1);
}

Test(channel, closing_twice_is_one_command)
{
	struct script script = SCRIPT(ROW_OPEN, ROW_SELECT, ROW_CLOSE);
	struct talk talk;

	expect_good(open_two(&talk, &script));
	channel_close(&talk.channel, NULL);
	channel_close(&talk.channel, &talk.deadline);
	finish(&talk, &script);
}

/* ---- channels that the modem opens ---- */

struct modem {
	struct script script;
	int results[4]; /* of channel_open, in order */
	unsigned opened, closed;
	char last_handle[LINK_HANDLE_MAX];
};

static int modem_open(struct link *link, const uint8_t *aid, size_t aid_size,
		      char handle[LINK_HANDLE_MAX],
		      const struct deadline *deadline)
{
	struct modem *modem = link->self;
	int result = modem->results[modem->opened++];

	(void)deadline;
	cr_assert(aid_size == 7 && aid[0] == 0xA0);
	if (result < 0)
		return error_set(result, "AT+CCHO: %s",
				 result == IOTSAFE_ERR_ABSENT ? "not found"
							      : "refused");
	strcpy(handle, "000000000385a7cf");
	return IOTSAFE_OK;
}

static int modem_close(struct link *link, const char *handle,
		       const struct deadline *deadline)
{
	struct modem *modem = link->self;

	(void)deadline;
	modem->closed++;
	strcpy(modem->last_handle, handle);
	return error_set(IOTSAFE_ERR_MODEM, "AT+CCHC: refused");
}

static int modem_exchange(struct link *link, const char *handle,
			  const uint8_t *command, size_t command_size,
			  uint8_t *response, size_t *response_size,
			  const struct deadline *deadline)
{
	struct modem *modem = link->self;
	iotsafe_link own = script_link(&modem->script);

	cr_assert(handle && !strcmp(handle, "000000000385a7cf"));
	return own.exchange(own.self, command, command_size, response,
			    response_size, deadline->at);
}

static void modem_gone(struct link *link)
{
	(void)link;
}

static const struct link_kind modem_kind = {
	.scheme = "modem",
	.exchange = modem_exchange,
	.close = modem_gone,
	.channel_open = modem_open,
	.channel_close = modem_close,
};

static struct channel with_modem(struct link *link, struct modem *modem)
{
	*link = (struct link){.kind = &modem_kind, .self = modem};
	return (struct channel){.manners = {.piece = 256}};
}

Test(modem_channel, goes_by_its_handle_and_leaves_the_class_alone)
{
	struct modem modem = {.script = SCRIPT({"802B0000 02 9E00", "6101"},
					       {"80C0000001", "AA 9000"})};
	struct deadline deadline = deadline_in(5000, -1);
	struct link link;
	struct channel channel = with_modem(&link, &modem);
	uint8_t data[16];
	struct response response = {.data = data, .room = sizeof(data)};

	expect_good(channel_open(&channel, &link, &gsma, 1, &deadline));
	expect_good(channel_transact(&channel, &(struct apdu)CASE_4, &response,
				     &deadline));
	cr_assert(response.size == 1 && channel.aid.size == 7);
	error_set(IOTSAFE_ERR_BUSY, "of before");
	channel_close(&channel, &deadline);
	cr_assert(modem.closed == 1);
	cr_assert_str_eq(modem.last_handle, "000000000385a7cf");
	cr_assert_str_eq(iotsafe_last_error(), "of before");
	script_expect_done(&modem.script);
}

Test(modem_channel, tries_every_aid)
{
	struct modem modem = {.results = {IOTSAFE_ERR_ABSENT, 0}};
	struct deadline deadline = deadline_in(5000, -1);
	struct link link;
	struct channel channel = with_modem(&link, &modem);

	expect_good(channel_open(&channel, &link, two_aids, 2, &deadline));
	cr_assert(modem.opened == 2 && channel.aid.data[4] == 0x48);
}

/* Some modems lose a command now and then (Quectel EG95). */
Test(modem_channel, asks_again_for_an_aid_that_was_refused_in_its_own_way)
{
	struct modem modem = {
		.results = {IOTSAFE_ERR_MODEM, IOTSAFE_ERR_ABSENT, 0}};
	struct deadline deadline = deadline_in(5000, -1);
	struct link link;
	struct channel channel = with_modem(&link, &modem);

	expect_good(channel_open(&channel, &link, two_aids, 2, &deadline));
	cr_assert(modem.opened == 3 && channel.aid.data[4] == 0x59);
	/* It stays the one that is told. */
	modem = (struct modem){.results = {IOTSAFE_ERR_MODEM,
					   IOTSAFE_ERR_ABSENT,
					   IOTSAFE_ERR_MODEM}};
	channel = with_modem(&link, &modem);
	expect_error(channel_open(&channel, &link, two_aids, 2, &deadline),
		     IOTSAFE_ERR_MODEM, "asked for 2 known AIDs");
	cr_assert(modem.opened == 3);
	/* What is said to all is said of all. */
	modem = (struct modem){
		.results = {IOTSAFE_ERR_MODEM, IOTSAFE_ERR_MODEM, 0}};
	channel = with_modem(&link, &modem);
	expect_error(channel_open(&channel, &link, two_aids, 2, &deadline),
		     IOTSAFE_ERR_MODEM, "AT+CCHO: refused");
	cr_assert(modem.opened == 2);
}

Test(modem_channel, stops_at_an_error_that_is_not_about_the_aid)
{
	struct modem modem = {.results = {IOTSAFE_ERR_BUSY, 0}};
	struct deadline deadline = deadline_in(5000, -1);
	struct link link;
	struct channel channel = with_modem(&link, &modem);

	expect_error(channel_open(&channel, &link, two_aids, 2, &deadline),
		     IOTSAFE_ERR_BUSY, "AT+CCHO: refused");
	cr_assert(modem.opened == 1 && !channel.open);
	channel_close(&channel, &deadline);
	cr_assert(modem.closed == 0);
}
