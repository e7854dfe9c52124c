/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Samples become figures: where the time went, ranks, and what the link and
 * the card allow at best,
 *
 *	T = N t_modem + 10 B / baud + t_card
 *
 * for N exchanges and B bytes on the UART. How long modem and card take nobody
 * tells: they are estimated from the fastest exchanges, the characters between
 * the two (C t_char) within them.
 */
#include <stdlib.h>
#include "bench.h"

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Start bit, eight bits, stop bit. */
static uint64_t uart_time(const struct bench *bench, const struct cost *cost)
{
	if (!bench->baud)
		return 0;
	return (cost->sent + cost->received) * 10 * 1000000 / bench->baud;
}

/* Waits that pass at the same time count once, as the link's; so the library
 * has what is left, and all of them are the total. */
struct parts bench_parts(const struct bench *bench, const struct sample *sample)
{
	uint64_t link = least(sample->cost.link, sample->total);
	uint64_t rest = sample->total - link;
	struct parts parts;

	parts.uart = least(uart_time(bench, &sample->cost), link);
	parts.network = least(sample->network, rest);
	parts.library = sample->opening ? least(sample->processor, rest)
					: rest - parts.network;
	parts.modem_card =
		sample->total - parts.uart - parts.network - parts.library;
	return parts;
}

static int by_total(const void *a, const void *b)
{
	const struct sample *one = *(const struct sample *const *)a;
	const struct sample *other = *(const struct sample *const *)b;

	return (one->total > other->total) - (one->total < other->total);
}

const struct sample *bench_rank(const struct phase *phase, unsigned percent)
{
	const struct sample **sorted = calloc(phase->count, sizeof(*sorted));
	const struct sample *found = NULL;
	size_t rank = (phase->count * percent + 99) / 100;

	if (!sorted)
		return &phase->samples[0];
	for (size_t i = 0; i < phase->count; i++)
		sorted[i] = &phase->samples[i];
	qsort(sorted, phase->count, sizeof(*sorted), by_total);
	found = sorted[rank ? rank - 1 : 0];
	free(sorted);
	return found;
}

uint64_t bench_formula(const struct bench *bench, const struct sample *sample)
{
	return sample->cost.exchanges * bench->modem +
	       uart_time(bench, &sample->cost) +
	       sample->cost.signatures * bench->card +
	       bench_parts(bench, sample).network;
}

/* Of exchanges that cost the card next to nothing. */
void bench_estimate_modem(struct bench *bench, const struct cost *cost)
{
	uint64_t uart = least(uart_time(bench, cost), cost->link);
	uint64_t one;

	if (!cost->exchanges)
		return;
	one = (cost->link - uart) / cost->exchanges;
	if (!bench->estimated || one < bench->modem)
		bench->modem = one;
	bench->estimated = true;
}

/* What the fastest signature took that the exchanges do not explain. */
void bench_estimate_card(struct bench *bench)
{
	const struct phase *phase = &bench->phases[PHASE_SIGN];
	uint64_t rest = UINT64_MAX;

	for (size_t i = 0; i < phase->count; i++) {
		const struct cost *cost = &phase->samples[i].cost;
		uint64_t known =
			uart_time(bench, cost) + cost->exchanges * bench->modem;

		rest = least(rest, cost->link > known ? cost->link - known : 0);
	}
	bench->card = phase->count ? rest : 0;
}
