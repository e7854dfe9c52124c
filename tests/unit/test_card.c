/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The card's handle: opening, recovery, raw commands, counters. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fakecard.h"
#include "base/deadline.h"
#include "script.h"

/* ---- opening ---- */

static void expect_not_opened(struct script *script, const char *attributes,
			      int code, const char *words)
{
	iotsafe_link link = script_link(script);
	iotsafe_card *card = (iotsafe_card *)1;

	expect_error(iotsafe_card_open_link(&link, attributes, &card), code,
		     words);
	cr_assert_null(card);
	cr_assert(script->closed == 1, "closed %u times", script->closed);
	script_expect_done(script);
}

Test(card, opens_closes_and_gives_the_link_back_once)
{
	struct script script = SCRIPT(ROW_OPEN, ROW_SELECT, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);

	cr_assert(script.closed == 0);
	cr_assert(iotsafe_card_counter(card, IOTSAFE_EXCHANGES) == 3);
	cr_assert(iotsafe_card_counter(card, IOTSAFE_BYTES_SENT) == 5 + 5 + 12);
	cr_assert(iotsafe_card_counter(card, IOTSAFE_BYTES_RECEIVED) ==
		  3 + 12 + 2);
	cr_assert(iotsafe_card_counter(card, IOTSAFE_SIGNATURES) == 0);
	cr_assert(iotsafe_card_counter(card, -1) == 0);
	cr_assert(iotsafe_card_counter(card, 5) == 0);
	iotsafe_card_free(card);
	cr_assert(script.closed == 1);
	script_expect_done(&script);
}

Test(card, that_does_not_open_leaves_no_channel_and_no_link)
{
	struct script script =
		SCRIPT(ROW_OPEN, {"01A4040007A0000005590010", "6A82"},
		       {"01A404000FA000000030 53F1240177010149 5341", "6A82"},
		       {"01A4040010A000000115700000000000004953 4102", "6A82"},
		       {"01A4040007A0000002480400", "6A82"},
		       {"01A404000DA0000000188000000006624151", "6A82"},
		       {"01A4040010A0000000871001FF33FFFF8901010100", "6A82"},
		       ROW_CLOSE);

	expect_not_opened(
		&script, NULL, IOTSAFE_ERR_ABSENT,
		"SELECT: this SIM has no IoT SAFE applet (card "
		"answered 6A82 not found to 6 known AIDs), nor Trust Onboard's");
}

Test(card, tries_the_aids_of_its_address_only)
{
	struct script script =
		SCRIPT(ROW_OPEN, {"01A4040005A000000001", "6A82"},
		       {"01A4040006A00000000203", "9000"}, ROW_CLOSE);

	iotsafe_card_free(script_open(&script, "aid=A000000001,a00000000203"));
	script_expect_done(&script);
}

Test(card, has_no_applets_but_those_that_its_address_names)
{
	struct script script =
		SCRIPT(ROW_OPEN, {"01A4040006A00000000203", "9000"},
		       {"81CB010000", "C1128401016001024A01014B01134E0101610107"
				      "9000"},
		       ROW_CLOSE);
	iotsafe_card *card = script_open(&script, "aid=A00000000203");
	iotsafe_key *key;
	iotsafe_list *list;

	expect_good(iotsafe_card_list(card, NULL, &list));
	iotsafe_list_free(list);
	expect_error(iotsafe_key_open(card, "absent", &key), IOTSAFE_ERR_ABSENT,
		     "no private key \"absent\" on the card");
	iotsafe_card_free(card);
	script_expect_done(&script);
}

Test(card, refuses_a_bad_address_before_it_speaks)
{
	static const char *const bad[][2] = {
		{"aid=A0000000", "is not a list of AIDs"},
		{"aid=A00000000", "is not a list of AIDs"},
		{"aid=A0000000011223344556677889900AABBCC", "is not a list"},
		{"aid=A000000001,,", "is not a list of AIDs"},
		{"aid=X000000001", "is not a list of AIDs"},
		{"timeout=99", "is not a number from 100 to 600000"},
		{"timeout=600001", "is not a number"},
		{"timeout=", "is not a number"},
		{"tiemout=1000", "has no attribute \"tiemout\""},
		{"=", "is not NAME=VALUE"},
	};

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct script script = {0};

		expect_not_opened(&script, bad[i][0], IOTSAFE_ERR_ARG,
				  bad[i][1]);
	}
}

Test(card, passes_its_deadline_to_the_link)
{
	struct script script = SCRIPT(ROW_OPEN);

	script.late_at = 1;
	script.late_by = 60000;
	expect_not_opened(&script, "timeout=2000", IOTSAFE_ERR_TIMEOUT,
			  "MANAGE CHANNEL open: application's link: the card "
			  "did not answer in time");
}

Test(card, answers_late_but_in_time)
{
	struct script script = SCRIPT(ROW_OPEN, ROW_SELECT, ROW_CLOSE);

	script.late_at = 2;
	script.late_by = 50;
	iotsafe_card_free(script_open(&script, "timeout=5000"));
	script_expect_done(&script);
}

Test(card, is_freed_within_its_time_out_though_the_link_is_silent)
{
	struct script script = SCRIPT(ROW_OPEN, ROW_SELECT);
	iotsafe_card *card = script_open(&script, "timeout=2000");
	int64_t start = deadline_now();

	script.late_at = script.exchanges + 1;
	script.late_by = 60000;
	iotsafe_card_free(card);
	cr_assert_lt(deadline_now() - start, script.late_by / 2);
	cr_assert_eq(script.closed, 1);
}

struct code_case {
	const char *answer;
	int code;
	const char *words;
};

Test(card, tells_each_failure_of_the_link_with_its_code)
{
	static const struct code_case cases[] = {
		{"ERR_IO", IOTSAFE_ERR_IO, "cannot reach the card"},
		{"ERR_BUSY", IOTSAFE_ERR_BUSY, "busy"},
		{"ERR_TIMEOUT", IOTSAFE_ERR_TIMEOUT, "did not answer in time"},
		{"ERR_MODEM", IOTSAFE_ERR_MODEM, "refused the command"},
		{"ERR_ABSENT", IOTSAFE_ERR_ABSENT, "no card"},
		{"ERR_CLOSED", IOTSAFE_ERR_CLOSED, "has gone"},
		{"ERR_ARG", IOTSAFE_ERR_IO, "failed (-1)"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct script script = SCRIPT({"0070000001", cases[i].answer});

		expect_not_opened(&script, NULL, cases[i].code, cases[i].words);
	}
}

Test(card, a_link_of_an_older_size_is_refused_and_left_alone)
{
	struct script script = {0};
	iotsafe_link link = script_link(&script);
	iotsafe_card *card = (iotsafe_card *)1;

	link.size--;
	expect_error(iotsafe_card_open_link(&link, NULL, &card),
		     IOTSAFE_ERR_ARG, "of another size");
	cr_assert_null(card);
	link.size++;
	link.exchange = NULL;
	expect_error(iotsafe_card_open_link(&link, NULL, &card),
		     IOTSAFE_ERR_ARG, "without exchange function");
	cr_assert(script.closed == 0, "arguments were not valid");
}

Test(card, a_link_need_not_care_to_be_closed)
{
	struct script script = SCRIPT(ROW_OPEN, ROW_SELECT, ROW_CLOSE);
	iotsafe_link link = script_link(&script);
	iotsafe_card *card;

	link.close = NULL;
	expect_good(iotsafe_card_open_link(&link, NULL, &card));
	iotsafe_card_free(card);
	script_expect_done(&script);
}

Test(card, has_limits_for_its_time_out)
{
	struct script script = SCRIPT(ROW_OPEN, ROW_SELECT, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);

	expect_good(iotsafe_card_set_timeout(card, 100));
	expect_good(iotsafe_card_set_timeout(card, 600000));
	expect_error(iotsafe_card_set_timeout(card, 99), IOTSAFE_ERR_ARG,
		     "100 to 600000");
	expect_error(iotsafe_card_set_timeout(card, 600001), IOTSAFE_ERR_ARG,
		     "100 to 600000");
	expect_error(iotsafe_card_set_timeout(card, -1), IOTSAFE_ERR_ARG,
		     "100 to 600000");
	iotsafe_card_free(card);
}

/* ---- recovery ---- */

#define HASH "0101010101010101010101010101010101010101010101010101010101010101"
#define RS                                                                     \
	"7777777777777777777777777777777777777777777777777777777777777777"     \
	"7777777777777777777777777777777777777777777777777777777777777777"
#define ROW_LIST                                                               \
	{                                                                      \
		"81CB010000", "840101 4A0101 4B0113 9000"                      \
	}
#define INIT   "812A0001 0D 840101 A10103 91020001 920104"
#define UPDATE "812B8001 22 9E20" HASH
#define SIGNED "330040" RS "9000"
#define ROW_INIT                                                               \
	{                                                                      \
		INIT, "9000"                                                   \
	}
#define ROW_UPDATE                                                             \
	{                                                                      \
		UPDATE, SIGNED                                                 \
	}

struct traced {
	unsigned reopened;
	char text[256];
};

static void watch(void *self, const char *line)
{
	struct traced *traced = self;

	if (!strstr(line, "opening again"))
		return;
	traced->reopened++;
	snprintf(traced->text, sizeof(traced->text), "%s", line);
}

/* Opens a card and a key, signs, and tells what came of it; checks that the
 * card was opened again so many times. */
static int sign(struct script *script, unsigned reopened)
{
	iotsafe_card *card = script_open(script, NULL);
	struct traced traced = {0};
	uint8_t hash[32], *out;
	iotsafe_key *key;
	size_t size;
	int result;

	unhex(HASH, hash, sizeof(hash));
	expect_good(iotsafe_key_open(card, NULL, &key));
	iotsafe_trace_set(IOTSAFE_TRACE_APDU, watch, &traced);
	result = iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size);
	iotsafe_trace_set(0, NULL, NULL);
	if (!result)
		expect_bytes(out, size, RS);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	script_expect_done(script);
	cr_assert(traced.reopened == reopened, "opened again %u times: %s",
		  traced.reopened, traced.text);
	return result;
}

Test(recovery, of_a_reset_card_repeats_the_pair_in_a_new_channel)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST, {INIT, "6881"}, ROW_OPEN,
		       ROW_SELECT, ROW_INIT, ROW_UPDATE, ROW_CLOSE);

	expect_good(sign(&script, 1));
}

Test(recovery, in_the_middle_of_a_pair_begins_at_its_start)
{
	struct script script = SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST, ROW_INIT,
				      {UPDATE, "6881"}, ROW_OPEN, ROW_SELECT,
				      ROW_INIT, ROW_UPDATE, ROW_CLOSE);

	expect_good(sign(&script, 1));
}

Test(recovery, happens_once_and_the_second_failure_is_told)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST, {INIT, "6881"}, ROW_OPEN,
		       ROW_SELECT, ROW_INIT, {UPDATE, "6985"},
		       {"812A010100", "9000"}, ROW_CLOSE);

	expect_error(sign(&script, 1), IOTSAFE_ERR_CARD,
		     "COMPUTE SIGNATURE UPDATE: card answered 6985");
}

Test(recovery, that_fails_tells_the_first_cause)
{
	struct script script = SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST,
				      {INIT, "6881"}, {"0070000001", "6A81"});

	expect_error(sign(&script, 1), IOTSAFE_ERR_CARD,
		     "COMPUTE SIGNATURE INIT: card answered 6881");
	cr_assert(iotsafe_last_status() == 0x6881);
}

Test(recovery, of_a_lost_link_repeats_the_pair)
{
	static const char *const losses[] = {"ERR_IO", "ERR_CLOSED"};

	for (size_t i = 0; i < COUNT_OF(losses); i++) {
		struct script script =
			SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST, ROW_INIT,
			       {UPDATE, losses[i]}, ROW_OPEN, ROW_SELECT,
			       ROW_INIT, ROW_UPDATE, ROW_CLOSE);

		expect_good(sign(&script, 1));
		cr_assert(script.closed == 1);
	}
}

Test(recovery, after_a_refusal_of_the_modem_closes_its_channel_first)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT, ROW_LIST, {INIT, "ERR_MODEM"}, ROW_CLOSE,
		ROW_OPEN, ROW_SELECT, ROW_INIT, ROW_UPDATE, ROW_CLOSE);

	expect_good(sign(&script, 1));
}

Test(recovery, never_follows_a_time_out)
{
	struct script script = SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST, ROW_INIT,
				      {UPDATE, "ERR_TIMEOUT"}, ROW_CLOSE);

	expect_error(sign(&script, 0), IOTSAFE_ERR_TIMEOUT,
		     "COMPUTE SIGNATURE UPDATE: ");
}

Test(recovery, never_follows_an_ordinary_refusal)
{
	struct script script = SCRIPT(ROW_OPEN, ROW_SELECT, ROW_LIST,
				      {INIT, "6A82"}, ROW_CLOSE);

	expect_error(sign(&script, 0), IOTSAFE_ERR_ABSENT, "6A82 not found");
}

Test(recovery, finds_a_stranger_s_applet_on_its_channel)
{
	/* After a reset the number is another program's: not closed. */
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT, ROW_LIST, {INIT, "6D00"},
		{"0070000001", "02 9000"}, {"02A4040007A0000005590010", "9000"},
		{"822A0001 0D 840101 A10103 91020001 920104", "9000"},
		{"822B8001 22 9E20" HASH, SIGNED}, {"0070800200", "9000"});

	expect_good(sign(&script, 1));
}

static void ask_random(iotsafe_card *card, int code)
{
	uint8_t *out;
	size_t size;

	expect_error(iotsafe_card_random(card, 4, &out, &size), code,
		     code ? "GET RANDOM: card answered 6D00" : NULL);
	iotsafe_free(out);
}

Test(recovery, from_an_unknown_command_leaks_no_channel)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT, {"8184000004", "6D00"},
		{"0070000001", "02 9000"}, {"02A4040007A0000005590010", "9000"},
		{"8284000004", "6D00"}, {"0070800100", "9000"},
		/* and again */
		{"8284000004", "6D00"}, {"0070000001", "01 9000"}, ROW_SELECT,
		{"8184000004", "6D00"}, {"0070800200", "9000"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);

	ask_random(card, IOTSAFE_ERR_CARD);
	ask_random(card, IOTSAFE_ERR_CARD);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

Test(recovery, from_an_unknown_command_keeps_the_only_channel)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, {"8184000004", "6D00"},
		       {"0070000001", "6A81"}, {"8184000004", "01020304 9000"},
		       ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);

	ask_random(card, IOTSAFE_ERR_CARD);
	ask_random(card, 0);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

Test(recovery, a_card_that_could_not_be_opened_again_is_opened_later)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, {"8184000004", "ERR_IO"},
		       {"0070000001", "ERR_IO"}, ROW_OPEN, ROW_SELECT,
		       {"8184000004", "01020304 9000"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	uint8_t *out;
	size_t size;

	expect_error(iotsafe_card_random(card, 4, &out, &size), IOTSAFE_ERR_IO,
		     "GET RANDOM: application's link: cannot reach the card");
	ask_random(card, 0);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

/* The application's link fails and goes on: the card has its channel still. */
Test(recovery, of_a_link_that_goes_on_closes_the_channel_it_had)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, {"8184000004", "ERR_IO"},
		       {"0070000001", "02 9000"}, ROW_CLOSE,
		       {"02A4040007A0000005590010", "9000"},
		       {"8284000004", "01020304 9000"}, {"0070800200", "9000"});
	iotsafe_card *card = script_open(&script, NULL);

	ask_random(card, 0);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

Test(recovery, of_a_link_that_goes_on_makes_room_on_a_full_card)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, {"8184000004", "ERR_IO"},
		       {"0070000001", "6A81"}, ROW_CLOSE, ROW_OPEN, ROW_SELECT,
		       {"8184000004", "01020304 9000"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);

	ask_random(card, 0);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

Test(recovery, in_vain_closes_the_channel_with_the_card)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, {"8184000004", "ERR_IO"},
		       {"0070000001", "ERR_IO"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	uint8_t *out;
	size_t size;

	expect_error(iotsafe_card_random(card, 4, &out, &size), IOTSAFE_ERR_IO,
		     "cannot reach the card");
	iotsafe_card_free(card);
	script_expect_done(&script);
}

Test(recovery, of_a_whole_card_forgets_nothing_it_knew)
{
	struct identity identity =
		identity_make((struct identity_wish){.name = "client"});
	struct fakecard fake = {.objects = {{.class = IOTSAFE_CLASS_PRIVATE_KEY,
					     .id = "01",
					     .key = &identity},
					    {.class = IOTSAFE_CLASS_PUBLIC_KEY,
					     .id = "01",
					     .key = &identity}}};
	iotsafe_card *card = fakecard_open(&fake);
	uint8_t hash[32] = {7}, *out;
	iotsafe_key *key;
	size_t size;

	expect_good(iotsafe_key_open(card, NULL, &key));
	for (unsigned exchange = 1; exchange < 30; exchange++) {
		fake.reset_at = fake.exchanges + 1 + exchange % 3;
		expect_good(iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32,
					     &out, &size));
		cr_assert(fakecard_verify(&identity, hash, 32, out, size));
		iotsafe_free(out);
	}
	cr_assert(fake.asked[FAKE_PUBLIC_KEY] == 1);
	cr_assert(fake.asked[FAKE_GET_DATA] == 1);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	cr_assert(fakecard_channels(&fake) == 0);
	identity_free(&identity);
}

/* ---- raw commands ---- */

static void expect_raw(iotsafe_card *card, const char *command,
		       const char *answer)
{
	uint8_t data[300], *out;
	size_t size;

	expect_good(iotsafe_card_transact(
		card, data, unhex(command, data, sizeof(data)), &out, &size));
	expect_bytes(out, size, answer);
}

Test(raw, goes_on_the_channel_and_is_followed)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT,
		{"81CB000000", "6102"}, /* four bytes become five */
		{"81C0000002", "AABB 9000"}, {"8184000010", "6C02"},
		{"8184000002", "0102 9000"}, {"01A40004 02 3F00", "6A82"},
		{"81CB0000 01 77 10", "6985"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);

	expect_raw(card, "80CB0000", "AABB 9000");
	expect_raw(card, "8084000010", "0102 9000");
	expect_raw(card, "00A40004023F00", "6A82");
	expect_raw(card, "80CB0000017710", "6985");
	iotsafe_card_free(card);
	script_expect_done(&script);
}

Test(raw, that_is_no_command_is_refused)
{
	static const char *const bad[] = {
		"",
		"808400",
		"80840000 00 00",
		"80840000 02 01",
		"80840000 02 010203 04",
		"80840000 00 0001 00",
	};
	struct script script = SCRIPT(ROW_OPEN, ROW_SELECT, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	uint8_t data[600] = {0}, *out = (uint8_t *)1;
	size_t size = 1;

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		expect_error(
			iotsafe_card_transact(card, data,
					      unhex(bad[i], data, sizeof(data)),
					      &out, &size),
			IOTSAFE_ERR_ARG, "are no short command");
		cr_assert(!out && !size, "%s", bad[i]);
	}
	expect_error(iotsafe_card_transact(card, data, 262, &out, &size),
		     IOTSAFE_ERR_ARG, "262 bytes are no short command");
	iotsafe_card_free(card);
	script_expect_done(&script);
}
