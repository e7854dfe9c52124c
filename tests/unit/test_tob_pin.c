/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trust Onboard on the software SIM: the PINs of both applets. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tobcard.h"

TestSuite(tob, .init = tob_set_up, .fini = tob_tear_down, .timeout = 120);

/* ---- PIN ---- */

static int tries_left(iotsafe_card *card, const char *applet)
{
	int tries;

	expect_good(iotsafe_card_pin_tries(card, applet, &tries));
	return tries;
}

Test(tob, pin_that_no_applet_can_have_is_not_sent)
{
	static const char long_pin[301] = {[0 ... 299] = '1'};
	static const char *const pins[] = {"",	     "123",    "123456789",
					   long_pin, "12\t34", NULL};
	iotsafe_card *card = open_card("trust-onboard", "");
	uint64_t before = exchanges(card);

	for (size_t i = 0; i < COUNT_OF(pins); i++) {
		expect_error(iotsafe_card_pin_verify(card, "mias", pins[i]),
			     IOTSAFE_ERR_ARG, "nothing was sent");
		expect_error(
			iotsafe_card_pin_change(card, "mias", pins[i], "0000"),
			IOTSAFE_ERR_ARG, "nothing was sent");
		expect_error(
			iotsafe_card_pin_change(card, "mias", "0000", pins[i]),
			IOTSAFE_ERR_ARG, "nothing was sent");
	}
	expect_error(iotsafe_card_pin_verify(card, "sim", "0000"),
		     IOTSAFE_ERR_ARG, "is no applet");
	cr_assert(eq(u64, exchanges(card), before));
	cr_assert(eq(int, tries_left(card, NULL), 3));
	iotsafe_card_free(card);
}

Test(tob, pin_is_verified_and_changed_in_both_applets)
{
	static const struct {
		const char *applet, *pin, *next;
	} rows[] = {{"mias", "0000", "a1B2c3D4"}, {"mf", "1111", "22222"}};
	iotsafe_card *card = open_card("trust-onboard-preview", "");

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const char *applet = rows[i].applet;

		expect_error(iotsafe_card_pin_verify(card, applet, "9999"),
			     IOTSAFE_ERR_PIN, "wrong PIN, 2 tries left");
		cr_assert(eq(uint, iotsafe_last_status(), 0x63C2));
		cr_assert(eq(int, tries_left(card, applet), 2));
		expect_good(iotsafe_card_pin_change(card, applet, rows[i].pin,
						    rows[i].next));
		expect_error(iotsafe_card_pin_verify(card, applet, rows[i].pin),
			     IOTSAFE_ERR_PIN, "wrong PIN");
		expect_good(
			iotsafe_card_pin_verify(card, applet, rows[i].next));
		expect_good(iotsafe_card_pin_change(card, applet, rows[i].next,
						    rows[i].pin));
	}
	iotsafe_card_free(card);
	card = open_card("gsma", "");
	expect_error(iotsafe_card_pin_verify(card, NULL, "0000"),
		     IOTSAFE_ERR_SUPPORT, "has none of its own");
	expect_error(iotsafe_card_pin_verify(card, "mias", "0000"),
		     IOTSAFE_ERR_ABSENT, "no applet mias");
	iotsafe_card_free(card);
}

Test(tob, wrong_pin_is_sent_once)
{
	iotsafe_card *card = open_card("trust-onboard", "pin-env=TOB_PIN");
	uint8_t hash[32] = {3}, *out;
	iotsafe_key *key = open_key(card, "label=signing");
	size_t size;

	give_pin(card, "applet=mias 9999");
	expect_error(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size),
		IOTSAFE_ERR_PIN, "wrong PIN");
	give_pin(card, "applet=mias 0000");
	expect_error(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size),
		IOTSAFE_ERR_PIN, "none is sent again");
	cr_assert(eq(int, tries_left(card, "mias"), 2));
	/* A list is one all the same. */
	cr_assert(strstr(list_words(card, NULL), "pridat00") != NULL);
	cr_assert(eq(int, tries_left(card, "mias"), 2));
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

/* What the first use of a key costs, by what is known of the PIN. */
static const struct {
	const char *quirk, *pin;
	bool given; /* to the card, past the library */
	unsigned exchanges;
} pin_goes_ahead_of_a_key_rows[] = {
	{"direct", "applet=mias 0000", false, 2 + 3},
	/* Asked, it says that it wants none. */
	{"direct", "applet=mias 9999", true, 1 + 3},
	/* The line is another applet's. */
	{"direct", "applet=mf 0000", true, 1 + 3},
	{"direct,no-tries", "applet=mias 0000", true, 1 + 3},
	{"direct,tob-tries%3D1", "applet=mias 0000", true, 1 + 3},
};

ParameterizedTestParameters(tob, pin_goes_ahead_of_a_key)
{
	return count_to(COUNT_OF(pin_goes_ahead_of_a_key_rows));
}

ParameterizedTest(int *index, tob, pin_goes_ahead_of_a_key)
{
	static const uint8_t verify[] = {0,   0x20, 0,	 0x81, 4,
					 '0', '0',  '0', '0'};
	char attributes[128];
	uint8_t hash[32] = {3}, *out;
	iotsafe_card *card;
	iotsafe_key *key;
	uint64_t before;
	size_t size;

	snprintf(attributes, sizeof(attributes), "pin-env=TOB_PIN&quirk=%s",
		 pin_goes_ahead_of_a_key_rows[*index].quirk);
	card = open_card("trust-onboard", attributes);
	give_pin(card, pin_goes_ahead_of_a_key_rows[*index].pin);
	key = open_key(card, "label=signing");
	expect_good(iotsafe_key_public_key(key, &out, &size));
	iotsafe_free(out);
	if (pin_goes_ahead_of_a_key_rows[*index].given) {
		expect_good(iotsafe_card_transact(card, verify, sizeof(verify),
						  &out, &size));
		iotsafe_free(out);
	}
	before = exchanges(card);
	expect_good(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size));
	iotsafe_free(out);
	cr_assert(eq(u64, exchanges(card) - before,
		     pin_goes_ahead_of_a_key_rows[*index].exchanges));
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

Test(tob, wrong_pin_of_a_list_is_told_with_the_tries)
{
	iotsafe_card *card = open_card("trust-onboard", "pin-env=TOB_PIN");
	iotsafe_list *list;

	give_pin(card, "applet=mias 9999");
	expect_error(iotsafe_card_list(card, NULL, &list), IOTSAFE_ERR_PIN,
		     "wrong PIN, 2 tries left");
	cr_assert(list == NULL);
	/* None is sent again: then it is a list without. */
	cr_assert(strstr(list_words(card, NULL), "pridat00") != NULL);
	cr_assert(eq(int, tries_left(card, "mias"), 2));
	iotsafe_card_free(card);
}

/* The first VERIFY asks for the tries, the second has the PIN. */
static const char *const pin_without_an_answer_is_told_as_that_rows[][2] = {
	{"fault=silence%3D20%401", "did not answer in time"},
	{"fault=silence%3D20%402",
	 "the card may have done it all the same, so it is not repeated"},
};

ParameterizedTestParameters(tob, pin_without_an_answer_is_told_as_that)
{
	return count_to(COUNT_OF(pin_without_an_answer_is_told_as_that_rows));
}

ParameterizedTest(int *index, tob, pin_without_an_answer_is_told_as_that)
{
	const char *const *row =
		pin_without_an_answer_is_told_as_that_rows[*index];
	char attributes[128];
	uint8_t hash[32] = {3}, *out;
	iotsafe_card *card;
	iotsafe_key *key;
	size_t size;

	snprintf(attributes, sizeof(attributes),
		 "pin-env=TOB_PIN&timeout=1500&%s", row[0]);
	card = open_card("trust-onboard", attributes);
	give_pin(card, "applet=mias 0000");
	key = open_key(card, "label=signing");
	expect_error(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size),
		IOTSAFE_ERR_TIMEOUT, row[1]);
	cr_assert(strncmp(iotsafe_last_error(), "VERIFY PIN: ", 12) == 0, "%s",
		  iotsafe_last_error());
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

static const struct {
	const char *fault;
	const char *words; /* of the next time */
} pin_that_failed_is_told_as_what_it_was_rows[] = {
	{"silence%3D20%402-2",
	 "left one without an answer in this process, which may have been "
	 "wrong: none is sent again"},
	{"sw%3D20:6F00%402-2",
	 "has refused one in this process: none is sent again"},
};

ParameterizedTestParameters(tob, pin_that_failed_is_told_as_what_it_was)
{
	return count_to(COUNT_OF(pin_that_failed_is_told_as_what_it_was_rows));
}

ParameterizedTest(int *index, tob, pin_that_failed_is_told_as_what_it_was)
{
	char attributes[128];
	uint8_t hash[32] = {3}, *out;
	iotsafe_card *card;
	iotsafe_key *key;
	size_t size;
	int result;

	snprintf(attributes, sizeof(attributes),
		 "pin-env=TOB_PIN&timeout=1500&fault=%s",
		 pin_that_failed_is_told_as_what_it_was_rows[*index].fault);
	card = open_card("trust-onboard", attributes);
	give_pin(card, "applet=mias 0000");
	key = open_key(card, "label=signing");
	result = iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size);
	cr_assert(lt(int, result, 0));
	expect_error(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size),
		IOTSAFE_ERR_PIN,
		pin_that_failed_is_told_as_what_it_was_rows[*index].words);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

/* Which is known by its number alone. */
Test(tob, pin_for_a_card_that_cannot_be_known_is_not_sent)
{
	iotsafe_card *card =
		open_card("trust-onboard", "quirk=no-iccid&pin-env=TOB_PIN");
	iotsafe_key *key = open_key(card, "label=signing");
	uint8_t hash[32] = {3}, *out;
	size_t size;

	setenv("TOB_PIN", " applet=mias 0000\n", 1);
	expect_error(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size),
		IOTSAFE_ERR_PIN,
		"the applet mias wants its PIN, which is not sent: the card's "
		"ICCID cannot be read");
	cr_assert(eq(int, tries_left(card, "mias"), 3));
	/* Nor is there one where nobody has one. */
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	card = open_card("trust-onboard", "quirk=no-iccid");
	key = open_key(card, "label=signing");
	expect_error(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size),
		IOTSAFE_ERR_PIN, "wants its PIN (pin-file= in the address)");
	/* The application's own word counts. */
	expect_good(iotsafe_card_pin_verify(card, "mias", "0000"));
	expect_good(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size));
	iotsafe_free(out);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

/* With pin-blind=yes; and then too a wrong one only once. */
Test(tob, pin_is_sent_blindly_where_the_address_says_so)
{
	iotsafe_card *card =
		open_card("trust-onboard", "quirk=no-tries&pin-env=TOB_PIN&"
					   "pin-blind=yes");
	uint8_t hash[32] = {3}, *out;
	iotsafe_key *key = open_key(card, "label=signing");
	size_t size;

	give_pin(card, "applet=mias 0000");
	expect_good(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size));
	iotsafe_free(out);
	iotsafe_key_free(key);
	iotsafe_card_free(card);

	card = open_card("trust-onboard", "quirk=no-tries&pin-env=TOB_PIN&"
					  "pin-blind=yes&timeout=9999");
	key = open_key(card, "label=signing");
	give_pin(card, "applet=mias 9999");
	expect_error(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size),
		IOTSAFE_ERR_PIN, "wrong PIN");
	expect_error(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size),
		IOTSAFE_ERR_PIN, "none is sent again");
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

static const char *const pin_is_not_risked_rows[][3] = {
	{"quirk=tob-tries%3D1", "applet=mias 0000",
	 "has 1 try left: none is sent automatically"},
	{"quirk=tob-tries%3D0", "applet=mias 0000", "has 0 tries left"},
	{"quirk=no-tries", "applet=mias 0000",
	 "does not tell how many tries are left"},
	{"quirk=direct", "applet=mf 0000", "has none for the card"},
	{"quirk=direct", "0000", "has none for the card"},
	{"quirk=direct", "applet=mias 000", "no four to eight"},
};

ParameterizedTestParameters(tob, pin_is_not_risked)
{
	return count_to(COUNT_OF(pin_is_not_risked_rows));
}

ParameterizedTest(int *index, tob, pin_is_not_risked)
{
	const char *const *row = pin_is_not_risked_rows[*index];
	char attributes[128];
	uint8_t hash[32] = {3}, *out;
	iotsafe_card *card;
	iotsafe_key *key;
	size_t size;
	int result;

	snprintf(attributes, sizeof(attributes), "pin-env=TOB_PIN&%s", row[0]);
	card = open_card("trust-onboard", attributes);
	give_pin(card, row[1]);
	key = open_key(card, "label=signing");
	result = iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size);
	cr_assert(result < 0);
	if (result == IOTSAFE_ERR_PIN && !iotsafe_last_status())
		cr_assert(strstr(iotsafe_last_error(), row[2]) != NULL, "%s",
			  iotsafe_last_error());
	else
		cr_assert(result == IOTSAFE_ERR_PIN ||
				  result == IOTSAFE_ERR_ARG,
			  "%s", iotsafe_last_error());
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

static int give(void *self, const char *iccid, const char *applet, int tries,
		char *pin, size_t pin_size)
{
	unsigned *asked = self;

	cr_assert(strlen(iccid) >= 18 && tries >= 2 && pin_size >= 9);
	cr_assert(eq(str, (char *)applet, "mias"));
	++*asked;
	strcpy(pin, "0000");
	return 0;
}

/* The SIM's PIN 1 is another one: its function is not asked. */
static int never(void *self, const char *iccid, int tries, char *pin,
		 size_t pin_size)
{
	(void)self;
	(void)iccid;
	(void)tries;
	(void)pin;
	(void)pin_size;
	cr_assert(false, "the SIM's PIN is asked for");
	return -1;
}

Test(tob, pin_comes_from_the_applications_function_for_applets)
{
	iotsafe_card *card = open_card("trust-onboard", "");
	iotsafe_key *key = open_key(card, "label=signing");
	uint8_t hash[32] = {3}, *out;
	unsigned asked = 0;
	size_t size;

	iotsafe_pin_set(never, NULL);
	expect_error(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size),
		IOTSAFE_ERR_PIN, "the applet mias wants its PIN");
	iotsafe_pin_set_applet(give, &asked);
	expect_good(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size));
	iotsafe_free(out);
	expect_good(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size));
	iotsafe_free(out);
	cr_assert(eq(uint, asked, 1));
	iotsafe_pin_set(NULL, NULL);
	iotsafe_pin_set_applet(NULL, NULL);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}
