/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trust Onboard on the software SIM: its applets, its objects, whose identity
 * is meant. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tobcard.h"

TestSuite(tob, .init = tob_set_up, .fini = tob_tear_down, .timeout = 120);

Test(tob, is_listed_with_its_applet_and_a_pin_names_the_rest)
{
	iotsafe_card *card = open_card("trust-onboard", "pin-env=TOB_PIN");
	static const char without[] = "mias 1 signing\n"
				      "mias 3 cmapfile\n"
				      "mias 3 signing\n"
				      "mias 3 available\n"
				      "mias 1 pridat00 software\n";
	static const char with[] = "mias 1 signing\n"
				   "mias 3 cmapfile\n"
				   "mias 3 signing\n"
				   "mias 3 available\n"
				   "mias 1 available software\n";
	int tries;

	unsetenv("TOB_PIN");
	cr_assert(eq(str, list_words(card, NULL), (char *)without));
	give_pin(card, "applet=mias 0000");
	cr_assert(eq(str, list_words(card, NULL), (char *)with));
	expect_good(iotsafe_card_pin_tries(card, "mias", &tries));
	cr_assert(tries == 3 || tries == -1);
	iotsafe_card_free(card);
}

/* Objects of the directory that no PIN opens, or that are not there. */
static const struct {
	const char *quirk, *words; /* in the list */
} dead_entry_harms_no_other_rows[] = {
	{"dead-entry%3D1", NULL},
	{"dead-entry%3D2", "mias 3 pubdat05\n"},
	{"dead-entry%3D1,p11-pin", NULL},
	{"dead-entry%3D2,p11-pin", "mias 3 pubdat05\n"},
};

ParameterizedTestParameters(tob, dead_entry_harms_no_other)
{
	return count_to(COUNT_OF(dead_entry_harms_no_other_rows));
}

ParameterizedTest(int *index, tob, dead_entry_harms_no_other)
{
	const char *words = dead_entry_harms_no_other_rows[*index].words;
	static const char wanted[] = "mias 3 available\n"
				     "mias 1 available software\n";
	char attributes[128], *list;
	uint8_t hash[32] = {1}, *out;
	iotsafe_card *card;
	iotsafe_file *file;
	iotsafe_key *key;
	size_t size;

	snprintf(attributes, sizeof(attributes), "pin-env=TOB_PIN&quirk=%s",
		 dead_entry_harms_no_other_rows[*index].quirk);
	card = open_card("trust-onboard", attributes);
	give_pin(card, "applet=mias 0000");
	expect_error(iotsafe_key_open(card, NULL, &key), IOTSAFE_ERR_AMBIGUOUS,
		     "2 identities");
	key = open_key(card, "label=available");
	expect_good(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size));
	iotsafe_free(out);
	expect_good(iotsafe_key_certificate(key, 0, &out, &size));
	iotsafe_free(out);
	iotsafe_key_free(key);
	expect_good(iotsafe_file_open(card, "label=available", &file));
	iotsafe_file_free(file);
	list = list_words(card, NULL);
	cr_assert(strstr(list, wanted) != NULL, "%s", list);
	cr_assert(words ? strstr(list, words) != NULL
			: strstr(list, "pubdat") == NULL,
		  "%s", list);
	iotsafe_card_free(card);
}

/* What is readable is found without, whatever lies beside it. */
Test(tob, object_that_is_closed_hides_no_open_one)
{
	iotsafe_card *card = open_card("trust-onboard", "quirk=dead-entry%3D2");
	iotsafe_file *file;

	expect_good(iotsafe_file_open(card, "label=available", &file));
	iotsafe_file_free(file);
	iotsafe_card_free(card);
}

Test(tob, object_that_is_not_there_is_told_where_it_may_be_the_one)
{
	iotsafe_card *card = open_card("trust-onboard", "quirk=dead-entry%3D1&"
							"pin-env=TOB_PIN");
	iotsafe_file *file;

	give_pin(card, "applet=mias 0000");
	expect_error(iotsafe_file_open(card, "label=x", &file),
		     IOTSAFE_ERR_ABSENT,
		     "; left out: directory: its file pubdat05, 0305, is not "
		     "on the card");
	iotsafe_card_free(card);
}

Test(tob, of_2018_has_both_applets)
{
	iotsafe_card *card =
		open_card("trust-onboard-preview", "pin-env=TOB_PIN");
	static const char wanted[] = "mf 3 available\n"
				     "mf 1 available software\n"
				     "mf 3 signing\n";

	give_pin(card, "applet=mf 1111");
	cr_assert(eq(str, list_words(card, "applet=mf"), (char *)wanted));
	cr_assert(strstr(list_words(card, NULL), wanted) != NULL);
	expect_error(iotsafe_card_list(card, "applet=iotsafe", NULL),
		     IOTSAFE_ERR_ARG, NULL);
	iotsafe_card_free(card);
}

Test(tob, beside_iot_safe_leaves_the_identity_where_it_was)
{
	iotsafe_card *card =
		open_card("trust-onboard-iotsafe", "pin-env=TOB_PIN");
	iotsafe_object *object;
	iotsafe_key *key;
	uint64_t before = exchanges(card);

	give_pin(card, "applet=mias 0000");
	cr_assert(eq(u64, before, 3));
	key = open_key(card, NULL);
	expect_good(iotsafe_key_object(key, &object));
	cr_assert(eq(str, (char *)iotsafe_object_applet(object), "iotsafe"));
	iotsafe_object_free(object);
	iotsafe_key_free(key);
	/* One list: nobody has looked for another applet. */
	cr_assert(exchanges(card) - before <= 8, "%u exchanges",
		  (unsigned)(exchanges(card) - before));
	key = open_key(card, "label=signing");
	expect_good(iotsafe_key_object(key, &object));
	cr_assert(eq(str, (char *)iotsafe_object_applet(object), "mias"));
	cr_assert(eq(str, (char *)iotsafe_object_name(object),
		     "iotsafe:id=31;type=private;applet=mias"));
	iotsafe_object_free(object);
	iotsafe_key_free(key);
	cr_assert(strstr(list_words(card, NULL), "iotsafe 1 client\n") != NULL);
	cr_assert(strstr(list_words(card, NULL), "mias 1 signing\n") != NULL);
	expect_error(iotsafe_key_open(card, "applet=mf", &key),
		     IOTSAFE_ERR_ABSENT, "this SIM has no applet mf");
	expect_error(iotsafe_key_open(card, "applet=x", &key), IOTSAFE_ERR_ARG,
		     "none of iotsafe, mias, mf");
	iotsafe_card_free(card);
}

Test(tob, identity_is_ambiguous_and_named)
{
	iotsafe_card *card = open_card("trust-onboard", "pin-env=TOB_PIN");
	iotsafe_key *key;

	give_pin(card, "applet=mias 0000");
	expect_error(iotsafe_key_open(card, NULL, &key), IOTSAFE_ERR_AMBIGUOUS,
		     "id=31;type=private;applet=mias (\"signing\"), "
		     "id=0302;type=private;applet=mias (\"available\")");
	iotsafe_card_free(card);
	/* The same where nobody has the PIN. */
	unsetenv("TOB_PIN");
	card = open_card("trust-onboard", "");
	expect_error(iotsafe_key_open(card, NULL, &key), IOTSAFE_ERR_AMBIGUOUS,
		     "(\"pridat00\")");
	iotsafe_card_free(card);
}

/* ---- one channel for two applets ---- */

Test(tob, shares_the_only_channel_of_a_card)
{
	iotsafe_card *card =
		open_card("trust-onboard-iotsafe",
			  "quirk=max-channels%3D1&pin-env=TOB_PIN");
	uint8_t hash[32] = {1}, *out;
	iotsafe_key *client, *signing;
	size_t size;

	give_pin(card, "applet=mias 0000");
	client = open_key(card, NULL);
	signing = open_key(card, "applet=mias;label=signing");
	for (int i = 0; i < 2; i++) {
		expect_good(iotsafe_key_sign(client, IOTSAFE_SHA256, hash, 32,
					     &out, &size));
		iotsafe_free(out);
		expect_good(iotsafe_key_sign(signing, IOTSAFE_SHA256, hash, 32,
					     &out, &size));
		iotsafe_free(out);
	}
	iotsafe_key_free(client);
	iotsafe_key_free(signing);
	/* Its PIN is wanted to find it, and to read it. */
	signing = open_key(card, "applet=mias;label=available");
	expect_good(iotsafe_key_sign(signing, IOTSAFE_SHA256, hash, 32, &out,
				     &size));
	iotsafe_free(out);
	iotsafe_key_free(signing);
	iotsafe_card_free(card);
}
