// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Any commands at the applet, each behind a byte of its length: no crash, every
 * answer of a size that fits, and the card works as ever afterwards.
 */
#include "bench.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct bench bench;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool opened;

	if (!opened)
		bench_open(&bench, "full", NULL, NULL);
	opened = true;
	bench_select(&bench);
	bench_play(&bench, data, size);
	card_reset(&bench.card);
	bench_select(&bench);
	bench_expect(strlen(bench_send(&bench, "8184000008")) == 20);
	card_reset(&bench.card);
	return 0;
}
