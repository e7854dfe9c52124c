/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One identity of Trust Onboard, step by step. */
#include <stdio.h>
#include "sample.h"

/* What the simulator's cards have, and those that were sold. */
static int give_pin(void *self, const char *iccid, const char *applet,
		    int tries, char *pin, size_t pin_size)
{
	(void)self;
	(void)iccid;
	(void)applet;
	(void)tries;
	snprintf(pin, pin_size, "0000");
	return IOTSAFE_OK;
}

static void read_identity(iotsafe_key *key)
{
	iotsafe_object *object;
	uint8_t *out;
	size_t out_size;

	check(iotsafe_key_certificate(key, 0, &out, &out_size), "certificate");
	iotsafe_free(out);
	check(iotsafe_key_object(key, &object), "key");
	if (iotsafe_object_flags(object) & IOTSAFE_OBJECT_SOFTWARE) {
		check(iotsafe_key_export(key, &out, &out_size), "export");
		iotsafe_free(out);
	}
	iotsafe_object_free(object);
}

/* Samples: open, read, the first signature, and one of those behind it. */
void measure_identity(const struct options *options)
{
	struct sample before = counters(NULL), after;
	iotsafe_card *card;
	iotsafe_key *key;

	iotsafe_pin_set_applet(give_pin, NULL);
	check(iotsafe_card_open(options->card, &card), "card");
	check(iotsafe_key_open(card, options->key, &key), "key");
	after = counters(card);
	print_sample(before, after, 0);
	before = after;
	read_identity(key);
	after = counters(card);
	print_sample(before, after, 1);
	for (int i = 0; i < 2; i++) {
		before = after;
		sign_once(key);
		after = counters(card);
		print_sample(before, after, 2 + i);
	}
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}
