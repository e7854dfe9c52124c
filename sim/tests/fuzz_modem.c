// SPDX-License-Identifier: LGPL-2.1-or-later
/* Anything on the modem's line: no crash, no endless answer, ATE0 still works.
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

static void must_answer(const char *command)
{
	size_t length;

	bench_at(&bench, "\r");
	bench_at(&bench, command);
	length = bench.out_size;
	expect(length >= 6);
	expect(memcmp(bench.out + length - 6, "\r\nOK\r\n", 6) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool opened;
	char *text = malloc(size + 1);

	if (!opened)
		bench_open(&bench, "gsma", NULL, NULL);
	opened = true;
	/* lines of five characters may be answered with seven hundred */
	size = size < 400 ? size : 400;
	memcpy(text, data, size);
	bench.out_size = 0;
	modem_feed(&bench.modem, 0, text, size);
	free(text);
	must_answer("ATE0\r");
	card_reset(&bench.card);
	return 0;
}
