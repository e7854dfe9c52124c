// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Any commands at Trust Onboard's applets, each behind a byte of its length: no
 * crash, every answer of a size that fits, and the card works as ever
 * afterwards.
 */
#include "bench.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct bench bench;

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
	static bool opened;

	if (!opened)
		bench_open(&bench, "trust-onboard-preview", "more-files", NULL);
	opened = true;
	begin();
	bench_play(&bench, data, size);
	begin();
	bench_expect(strcmp(bench_send(&bench, "012000810430303030"), "9000") ==
		     0);
	bench_expect(strcmp(bench_send(&bench, "01A4080C020002"), "9000") == 0);
	bench_expect(strlen(bench_send(&bench, "01B000000B")) == 26);
	return 0;
}
