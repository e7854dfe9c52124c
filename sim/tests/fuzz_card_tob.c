// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Any commands at Trust Onboard's applets, each behind a byte of its length: no
 * crash, every answer of a size that fits, and the card works as ever
 * afterwards.
 */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct bench bench;

static void expect(bool fact)
{
	if (!fact)
		abort();
}

/* On the heap and of its own size, so that a sanitizer sees its end. */
static void send(struct view command)
{
	uint8_t *exact = malloc(command.size + (command.size == 0));
	uint8_t response[CARD_RESPONSE_MAX];
	size_t size;

	if (command.size > 0)
		memcpy(exact, command.data, command.size);
	size = card_exchange(&bench.card, exact, command.size, response, NULL);
	free(exact);
	expect(size >= 2 && size <= CARD_RESPONSE_MAX);
	expect(response[size - 2] >= 0x61 && response[size - 2] <= 0x9F);
}

/* Whatever became of the PINs, they are new again. */
static void begin(void)
{
	struct tob *tob = bench.personal.tob;

	card_reset(&bench.card);
	tob->pin.tries = tob->chv1.tries = TOB_TRIES;
	memcpy(tob->pin.digits, "0000", tob->pin.size = 4);
	memcpy(tob->chv1.digits, "1111", tob->chv1.size = 4);
	bench_choose(&bench, APPLET_MIAS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view left = view_of(data, size);
	struct view length, command;
	static bool opened;

	if (!opened)
		bench_open(&bench, "trust-onboard-preview", "more-files", NULL);
	opened = true;
	begin();
	while (view_take(&left, 1, &length) &&
	       view_take(&left, length.data[0], &command))
		send(command);
	begin();
	expect(strcmp(bench_send(&bench, "012000810430303030"), "9000") == 0);
	expect(strcmp(bench_send(&bench, "01A4080C020002"), "9000") == 0);
	expect(strlen(bench_send(&bench, "01B000000B")) == 26);
	return 0;
}
