/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Cards of Trust Onboard for tests: software SIMs with a store of their own. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tobcard.h"

char tob_store[] = "/tmp/tob-XXXXXX";
struct identity tob_ca, tob_server;

static int remove_one(const char *path, const struct stat *status, int type,
		      struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

void tob_set_up(void)
{
	cr_assert(mkdtemp(tob_store) != NULL);
	tob_ca =
		identity_make((struct identity_wish){.name = "CA", .ca = true});
	tob_server = identity_make((struct identity_wish){
		.name = "server", .issuer = &tob_ca, .dns = "server.example"});
}

void tob_tear_down(void)
{
	identity_free(&tob_ca);
	identity_free(&tob_server);
	nftw(tob_store, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void tob_check(int line, int got, int wanted, const char *words)
{
	cr_assert(eq(int, got, wanted), "line %d: %s: %s", line,
		  iotsafe_error_name(got), iotsafe_last_error());
	if (words)
		cr_assert(strstr(iotsafe_last_error(), words) != NULL,
			  "line %d: %s", line, iotsafe_last_error());
}

struct criterion_test_params count_to(size_t count)
{
	static int numbers[16];

	for (int i = 0; i < 16; i++)
		numbers[i] = i;
	cr_assert(count <= COUNT_OF(numbers));
	return cr_make_param_array(int, numbers, count);
}

iotsafe_card *open_card(const char *profile, const char *attributes)
{
	char address[512];
	iotsafe_card *card;

	snprintf(address, sizeof(address), "sim:%s?store=%s%s%s", profile,
		 tob_store, *attributes ? "&" : "", attributes);
	expect_good(iotsafe_card_open(address, &card));
	return card;
}

void give_pin(iotsafe_card *card, const char *rest)
{
	char line[256];

	snprintf(line, sizeof(line), "# PINs\n%s 1234\n%s %s\n",
		 iotsafe_card_iccid(card), iotsafe_card_iccid(card), rest);
	setenv("TOB_PIN", line, 1);
}

iotsafe_key *open_key(iotsafe_card *card, const char *name)
{
	iotsafe_key *key;

	expect_good(iotsafe_key_open(card, name, &key));
	return key;
}

uint64_t exchanges(iotsafe_card *card)
{
	return iotsafe_card_counter(card, IOTSAFE_EXCHANGES);
}

char *list_words(iotsafe_card *card, const char *name)
{
	static char words[2048];
	iotsafe_object *object;
	iotsafe_list *list;
	uint8_t *label;
	size_t size;

	words[0] = '\0';
	expect_good(iotsafe_card_list(card, name, &list));
	for (;;) {
		expect_good(iotsafe_list_next(list, &object));
		if (!object)
			break;
		expect_good(iotsafe_object_label(object, &label, &size));
		snprintf(words + strlen(words), sizeof(words) - strlen(words),
			 "%s %d %.*s%s\n", iotsafe_object_applet(object),
			 iotsafe_object_class(object), (int)size, label,
			 iotsafe_object_flags(object) & IOTSAFE_OBJECT_SOFTWARE
				 ? " software"
				 : "");
		iotsafe_free(label);
		iotsafe_object_free(object);
	}
	iotsafe_list_free(list);
	return words;
}
