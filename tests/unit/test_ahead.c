/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signatures that are begun ahead, byte by byte: what is sent, what is not sent
 * a second time, and what undoes it. */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "fakecard.h"
#include "object/card.h"
#include "script.h"

#define HASH "0101010101010101010101010101010101010101010101010101010101010101"
#define RS                                                                     \
	"7777777777777777777777777777777777777777777777777777777777777777"     \
	"7777777777777777777777777777777777777777777777777777777777777777"
#define INIT   "812A0001 0D 840101 A10103 91020001 920104"
#define UPDATE "812B8001 22 9E20" HASH
#define SIGNED "330040" RS "9000"
#define CLOSE  "812A010100"
#define ROW_LIST                                                               \
	{                                                                      \
		"81CB010000", "840101 4A0101 4B0113 9000"                      \
	}
#define ROW_TWO_KEYS                                                           \
	{                                                                      \
		"81CB010000",                                                  \
			"C109 840101 4A0101 4B0113 C109 840102 4A0101 4B0113 " \
			"9000"                                                 \
	}
#define ROW_INIT                                                               \
	{                                                                      \
		INIT, "9000"                                                   \
	}
#define ROW_INIT_2                                                             \
	{                                                                      \
		"812A0001 0D 840102 A10103 91020001 920104", "9000"            \
	}
#define ROW_UPDATE                                                             \
	{                                                                      \
		UPDATE, SIGNED                                                 \
	}
#define ROW_ENDED                                                              \
	{                                                                      \
		CLOSE, "9000"                                                  \
	}
#define ROW_RANDOM                                                             \
	{                                                                      \
		"8184000002", "AABB 9000"                                      \
	}
#define BEGINNING ROW_OPEN, ROW_SELECT, ROW_LIST

static iotsafe_card *card;
static iotsafe_key *key;

static void open_all(struct script *script, const char *attributes)
{
	card = script_open(script, attributes);
	expect_good(iotsafe_key_open(card, "id=01", &key));
}

static void end(struct script *script)
{
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	script_expect_done(script);
}

static int sign_with(iotsafe_key *with)
{
	uint8_t hash[32], *out;
	size_t size;
	int result;

	unhex(HASH, hash, sizeof(hash));
	result = iotsafe_key_sign(with, IOTSAFE_SHA256, hash, 32, &out, &size);
	if (result >= 0)
		expect_bytes(out, size, RS);
	return result;
}

static void ask_for_random(void)
{
	uint8_t *out;
	size_t size;

	expect_good(iotsafe_card_random(card, 2, &out, &size));
	iotsafe_free(out);
}

static void expect_prepared(int expected)
{
	int result = iotsafe_key_prepare(key);

	cr_assert(result == expected, "prepared: %d", result);
}

Test(ahead, a_signature_that_was_begun_sends_update_alone)
{
	struct script script = SCRIPT(BEGINNING, ROW_INIT, ROW_UPDATE, ROW_INIT,
				      ROW_UPDATE, ROW_CLOSE);

	open_all(&script, NULL);
	expect_prepared(1);
	cr_assert(script.next == 4, "INIT was not sent ahead");
	expect_good(sign_with(key));
	expect_good(sign_with(key));
	end(&script);
}

Test(ahead, one_is_enough_however_often_it_is_asked_for)
{
	struct script script =
		SCRIPT(BEGINNING, ROW_INIT, ROW_UPDATE, ROW_CLOSE);

	open_all(&script, NULL);
	for (int i = 0; i < 3; i++)
		expect_prepared(1);
	expect_good(sign_with(key));
	end(&script);
}

Test(ahead, any_handle_of_the_key_goes_on_with_it)
{
	struct script script =
		SCRIPT(BEGINNING, ROW_INIT, ROW_UPDATE, ROW_CLOSE);
	iotsafe_key *other;

	open_all(&script, NULL);
	expect_prepared(1);
	expect_good(iotsafe_key_open(card, NULL, &other));
	expect_good(sign_with(other));
	iotsafe_key_free(other);
	end(&script);
}

Test(ahead, another_command_undoes_it)
{
	struct script script = SCRIPT(BEGINNING, ROW_INIT, ROW_RANDOM, ROW_INIT,
				      ROW_UPDATE, ROW_CLOSE);

	open_all(&script, NULL);
	expect_prepared(1);
	ask_for_random();
	expect_good(sign_with(key));
	end(&script);
}

Test(ahead, another_key_takes_its_place)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, ROW_TWO_KEYS, ROW_INIT, ROW_INIT_2,
		       ROW_UPDATE, ROW_INIT, ROW_UPDATE, ROW_CLOSE);
	iotsafe_key *other;

	open_all(&script, NULL);
	expect_good(iotsafe_key_open(card, "id=02", &other));
	expect_prepared(1);
	/* It is not undone by who only might sign. */
	cr_assert(iotsafe_key_prepare(other) == 0);
	expect_good(sign_with(other));
	expect_good(sign_with(key));
	iotsafe_key_free(other);
	end(&script);
}

Test(ahead, another_algorithm_takes_its_place_and_is_begun_the_next_time)
{
#define INIT_384 "812A0001 0D 840101 A10103 91020002 920104"
#define HASH_384 "01010101010101010101010101010101" HASH
#define ROW_SIGN_384                                                           \
	{                                                                      \
		"812B8001 32 9E30" HASH_384, SIGNED                            \
	}
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT,
		       {"81CB010000",
			"840101 4A0101 4B0113 610101 920104 91020003 9000"},
		       ROW_INIT, {INIT_384, "9000"}, ROW_SIGN_384,
		       {INIT_384, "9000"}, ROW_SIGN_384, ROW_CLOSE);
	uint8_t hash[48], *out;
	size_t size;

	open_all(&script, NULL);
	unhex(HASH_384, hash, sizeof(hash));
	for (int i = 0; i < 2; i++) {
		expect_prepared(1);
		expect_good(iotsafe_key_sign(key, IOTSAFE_SHA384, hash, 48,
					     &out, &size));
		expect_bytes(out, size, RS);
	}
	end(&script);
}

Test(ahead, a_text_that_the_card_hashes_takes_its_place)
{
	struct script script =
		SCRIPT(BEGINNING, ROW_INIT,
		       {"812A0001 0D 840101 A10101 91020001 920104", "9000"},
		       {"812B8001 04 9B02 4142", SIGNED}, ROW_CLOSE);
	uint8_t *out;
	size_t size;

	open_all(&script, NULL);
	expect_prepared(1);
	expect_good(iotsafe_key_sign_data(
		key, IOTSAFE_SHA256, IOTSAFE_MODE_FULL_TEXT,
		(const uint8_t *)"AB", 2, &out, &size));
	expect_bytes(out, size, RS);
	end(&script);
}

Test(ahead, a_key_that_signs_with_rsa_alone_begins_what_it_can)
{
#define RSA_LIST "840101 4A0101 4B0113 610101 91020001 9201"
#define RSA_INIT "812A0001 0D 840101 A10103 91020001 9201"
	static const struct script_row rows[][5] = {
		{ROW_OPEN,
		 ROW_SELECT,
		 {"81CB010000", RSA_LIST "01 9000"},
		 {RSA_INIT "01", "9000"},
		 ROW_ENDED},
		{ROW_OPEN,
		 ROW_SELECT,
		 {"81CB010000", RSA_LIST "03 9000"},
		 {RSA_INIT "02", "9000"},
		 ROW_ENDED},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct script script =
			SCRIPT(rows[i][0], rows[i][1], rows[i][2], rows[i][3],
			       rows[i][4], ROW_CLOSE);

		open_all(&script, NULL);
		expect_prepared(1);
		end(&script);
	}
}

/* ---- what becomes of it in the end ---- */

Test(ahead, one_that_nobody_wanted_is_ended_before_its_channel)
{
	struct script script =
		SCRIPT(BEGINNING, ROW_INIT, ROW_ENDED, ROW_CLOSE);

	open_all(&script, NULL);
	expect_prepared(1);
	end(&script);
}

/* The channel went with it, and its number may be another program's by now. */
Test(ahead, one_that_a_restart_of_the_modem_took_is_not_ended)
{
	struct script script = SCRIPT(BEGINNING, ROW_INIT);

	open_all(&script, NULL);
	expect_prepared(1);
	card->link.restarted = true;
	end(&script);
}

Test(ahead, one_that_was_undone_is_ended_before_its_channel_too)
{
	struct script script =
		SCRIPT(BEGINNING, ROW_INIT, ROW_RANDOM, ROW_ENDED, ROW_CLOSE);

	open_all(&script, NULL);
	expect_prepared(1);
	ask_for_random();
	end(&script);
}

Test(ahead, one_that_was_undone_is_ended_first_where_the_card_wants_that)
{
	struct script script =
		SCRIPT(BEGINNING, ROW_INIT, ROW_UPDATE, ROW_ENDED, ROW_INIT,
		       ROW_RANDOM, ROW_ENDED, ROW_INIT, ROW_UPDATE, ROW_ENDED,
		       ROW_CLOSE);

	open_all(&script, "close=yes");
	expect_prepared(1);
	expect_good(sign_with(key));
	expect_prepared(1);
	ask_for_random();
	expect_good(sign_with(key));
	end(&script);
}

/* A card that ends sessions by itself with the signature does not have each
 * of them closed from then on. */
Test(ahead, one_that_is_in_the_way_teaches_nothing)
{
	struct script script = SCRIPT(
		BEGINNING, ROW_INIT, ROW_RANDOM, {INIT, "6985"}, ROW_ENDED,
		ROW_INIT, ROW_UPDATE, ROW_INIT, ROW_UPDATE, ROW_CLOSE);

	open_all(&script, NULL);
	expect_prepared(1);
	ask_for_random();
	expect_good(sign_with(key));
	expect_good(sign_with(key));
	end(&script);
}

Test(ahead, a_session_of_before_is_ended_ahead_as_well)
{
	struct script script =
		SCRIPT(BEGINNING, ROW_INIT, ROW_UPDATE, {INIT, "6985"},
		       ROW_ENDED, ROW_INIT, ROW_UPDATE, ROW_ENDED, ROW_INIT,
		       ROW_UPDATE, ROW_ENDED, ROW_CLOSE);

	open_all(&script, NULL);
	for (int i = 0; i < 3; i++) {
		if (i)
			expect_prepared(1);
		expect_good(sign_with(key));
	}
	end(&script);
}

Test(ahead, the_number_of_a_card_that_counts_from_0_is_found_ahead_as_well)
{
	struct script script = SCRIPT(
		BEGINNING, {INIT, "6A86"}, {CLOSE, "6A86"}, {INIT, "6A86"},
		{"812A0000 0D 840101 A10103 91020001 920104", "9000"},
		{"812B8000 22 9E20" HASH, SIGNED}, ROW_CLOSE);

	open_all(&script, NULL);
	expect_prepared(1);
	expect_good(sign_with(key));
	end(&script);
}

/* ---- what fails ---- */

Test(ahead, a_refusal_is_no_failure_and_hurts_nobody)
{
	static const char *const words[] = {"6982", "6A80", "6A88", "6400"};

	for (size_t i = 0; i < COUNT_OF(words); i++) {
		struct script script = SCRIPT(BEGINNING, {INIT, words[i]},
					      ROW_INIT, ROW_UPDATE, ROW_CLOSE);

		open_all(&script, NULL);
		expect_prepared(0);
		expect_good(sign_with(key));
		end(&script);
	}
}

Test(ahead, a_refusal_for_good_is_told_by_who_signs)
{
	struct script script =
		SCRIPT(BEGINNING, {INIT, "6985"}, ROW_ENDED, {INIT, "6982"},
		       {INIT, "6982"}, ROW_CLOSE);

	open_all(&script, NULL);
	expect_prepared(0);
	expect_error(sign_with(key), IOTSAFE_ERR_DENIED,
		     "COMPUTE SIGNATURE INIT: card answered 6982");
	end(&script);
}

Test(ahead, a_session_that_ended_by_itself_is_begun_again)
{
	struct script script =
		SCRIPT(BEGINNING, ROW_INIT, {UPDATE, "6985"}, ROW_ENDED,
		       ROW_INIT, ROW_UPDATE, ROW_CLOSE);

	open_all(&script, NULL);
	expect_prepared(1);
	expect_good(sign_with(key));
	end(&script);
}

Test(ahead, and_no_more_than_once)
{
	struct script script =
		SCRIPT(BEGINNING, ROW_INIT, {UPDATE, "6985"}, ROW_ENDED,
		       ROW_INIT, {UPDATE, "6985"}, ROW_ENDED, ROW_CLOSE);

	open_all(&script, NULL);
	expect_prepared(1);
	expect_error(sign_with(key), IOTSAFE_ERR_CARD,
		     "COMPUTE SIGNATURE UPDATE: card answered 6985");
	end(&script);
}

Test(ahead, a_card_that_was_reset_is_opened_again_by_who_signs)
{
	struct script script =
		SCRIPT(BEGINNING, {INIT, "6881"}, {INIT, "6881"}, ROW_OPEN,
		       ROW_SELECT, ROW_INIT, ROW_UPDATE, ROW_CLOSE);

	open_all(&script, NULL);
	expect_prepared(0);
	expect_good(sign_with(key));
	end(&script);
}

Test(ahead, a_card_that_was_reset_since_gets_the_whole_pair)
{
	struct script script =
		SCRIPT(BEGINNING, ROW_INIT, {UPDATE, "6881"}, ROW_OPEN,
		       ROW_SELECT, ROW_INIT, ROW_UPDATE, ROW_CLOSE);

	open_all(&script, NULL);
	expect_prepared(1);
	expect_good(sign_with(key));
	end(&script);
}

Test(ahead, a_link_that_was_lost_is_opened_again_by_who_signs)
{
	struct script script =
		SCRIPT(BEGINNING, {INIT, "ERR_IO"}, {INIT, "ERR_IO"}, ROW_OPEN,
		       ROW_SELECT, ROW_INIT, ROW_UPDATE, ROW_CLOSE);

	open_all(&script, NULL);
	expect_prepared(0);
	expect_good(sign_with(key));
	end(&script);
}

Test(ahead, a_refusal_of_the_modem_is_left_to_who_signs)
{
	struct script script = SCRIPT(BEGINNING, {INIT, "ERR_MODEM"}, ROW_INIT,
				      ROW_UPDATE, ROW_CLOSE);

	open_all(&script, NULL);
	expect_prepared(0);
	cr_assert(iotsafe_last_code() == 0, "%s", iotsafe_last_error());
	expect_good(sign_with(key));
	end(&script);
}

/* It says so as if nothing had been tried. */
Test(ahead, who_signs_tells_of_a_link_that_stays_away)
{
	struct script script =
		SCRIPT(BEGINNING, {INIT, "ERR_IO"}, {INIT, "ERR_IO"},
		       {INIT, "ERR_IO"}, {"0070000001", "ERR_IO"}, ROW_CLOSE);

	open_all(&script, NULL);
	expect_prepared(0);
	expect_prepared(0);
	cr_assert(sign_with(key) == IOTSAFE_ERR_IO);
	cr_assert(strstr(iotsafe_last_error(), "COMPUTE SIGNATURE INIT"), "%s",
		  iotsafe_last_error());
	end(&script);
}

Test(ahead, a_silent_card_costs_no_more_than_its_time)
{
	struct script script =
		SCRIPT(BEGINNING, ROW_INIT, ROW_INIT, ROW_UPDATE, ROW_CLOSE);

	script.late_at = 4;
	script.late_by = 60000;
	open_all(&script, "timeout=200");
	expect_prepared(0);
	cr_assert(iotsafe_last_code() == 0, "%s", iotsafe_last_error());
	expect_good(sign_with(key));
	end(&script);
}

/* ---- where it is not done ---- */

Test(ahead, is_not_done_where_the_address_says_so)
{
	static const char *const addresses[] = {"ahead=no", "ahead=yes"};

	for (int i = 0; i < 2; i++) {
		struct script script =
			SCRIPT(BEGINNING, ROW_INIT, ROW_UPDATE, ROW_CLOSE);

		open_all(&script, addresses[i]);
		expect_prepared(i);
		cr_assert(script.next == 3 + (size_t)i);
		expect_good(sign_with(key));
		end(&script);
	}
}

/* Another applet may have taken it, on a card that has room for one: that would
 * have to give its PIN anew. */
Test(ahead, opens_no_channel_for_it)
{
	struct script script = SCRIPT(BEGINNING, ROW_OPEN, ROW_SELECT, ROW_INIT,
				      ROW_UPDATE, ROW_CLOSE);

	open_all(&script, NULL);
	card->holdings[APPLET_IOTSAFE].applet.channel.open = false;
	expect_prepared(0);
	cr_assert(script.next == 3, "a channel was opened");
	expect_good(sign_with(key));
	end(&script);
}

static int child_leaves_it_alone(const struct script *script)
{
	const unsigned exchanges = script->exchanges;

	if (iotsafe_key_prepare(key) != 0)
		return 1;
	if (sign_with(key) != IOTSAFE_ERR_CLOSED)
		return 2;
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	return script->exchanges == exchanges ? 0 : 3;
}

Test(ahead, a_child_of_fork_neither_begins_nor_uses_nor_ends_one)
{
	struct script script =
		SCRIPT(BEGINNING, ROW_INIT, ROW_UPDATE, ROW_CLOSE);
	pid_t child;
	int status;

	open_all(&script, NULL);
	expect_prepared(1);
	child = fork();
	if (!child)
		_exit(child_leaves_it_alone(&script));
	cr_assert(waitpid(child, &status, 0) == child && status == 0,
		  "the child ended with %#x", (unsigned)status);
	expect_good(sign_with(key));
	end(&script);
}

Test(ahead, a_key_that_is_not_activated_is_not_asked_for)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT,
		       {"81CB010000", "840101 4A0100 4B0113 9000"}, ROW_CLOSE);

	open_all(&script, NULL);
	expect_prepared(0);
	end(&script);
}

Test(ahead, wants_a_key)
{
	expect_error(iotsafe_key_prepare(NULL), IOTSAFE_ERR_ARG, "none given");
}
