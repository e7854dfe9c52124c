// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Any commands at the applet, each behind a byte of its length: no crash, every
 * answer of a size that fits, and the card works as ever afterwards.
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct view left = view_of(data, size);
	struct view length, command;
	static bool opened;

	if (!opened)
		bench_open(&bench, "full", NULL, NULL);
	opened = true;
	bench_select(&bench);
	while (view_take(&left, 1, &length) &&
	       view_take(&left, length.data[0], &command))
		send(command);
	card_reset(&bench.card);
	bench_select(&bench);
	expect(strlen(bench_send(&bench, "8184000008")) == 20);
	card_reset(&bench.card);
	return 0;
}
