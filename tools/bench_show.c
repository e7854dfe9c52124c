/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Figures become a table or JSON members.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include "bench.h"
#include "json.h"
#include "text.h"

static const char *const names[PHASES] = {
	"open",
	"read",
	"sign",
	"handshake",
};

static void put_times(struct json *json, const struct bench *bench,
		      const struct phase *phase)
{
	const struct sample *middle = bench_rank(phase, 50);
	struct parts parts = bench_parts(bench, middle);

	json_object(json, "total_ms");
	json_milliseconds(json, "p50", middle->total);
	json_milliseconds(json, "p95", bench_rank(phase, 95)->total);
	json_milliseconds(json, "max", bench_rank(phase, 100)->total);
	json_end(json);
	json_object(json, "parts_ms");
	json_milliseconds(json, "uart", parts.uart);
	json_milliseconds(json, "modem_card", parts.modem_card);
	json_milliseconds(json, "library", parts.library);
	json_milliseconds(json, "network", parts.network);
	json_end(json);
	if (bench->estimated)
		json_milliseconds(json, "formula_ms",
				  bench_formula(bench, middle));
	else
		json_string(json, "formula_ms", NULL);
}

static void put_cost(struct json *json, const struct cost *cost)
{
	json_number(json, "exchanges", cost->exchanges);
	json_number(json, "bytes_sent", cost->sent);
	json_number(json, "bytes_received", cost->received);
	json_number(json, "signatures", cost->signatures);
}

static void put_sample(struct json *json, const struct sample *sample)
{
	json_object(json, NULL);
	json_milliseconds(json, "total_ms", sample->total);
	json_milliseconds(json, "link_ms", sample->cost.link);
	json_milliseconds(json, "network_ms", sample->network);
	put_cost(json, &sample->cost);
	json_end(json);
}

static void put_phase(struct json *json, const struct bench *bench,
		      const struct phase *phase, const char *name)
{
	json_object(json, name);
	json_number(json, "count", phase->count);
	put_times(json, bench, phase);
	put_cost(json, &bench_rank(phase, 50)->cost);
	json_array(json, "samples");
	for (size_t i = 0; i < phase->count; i++)
		put_sample(json, &phase->samples[i]);
	json_end(json);
	json_end(json);
}

void bench_put(struct bench *bench)
{
	struct json *json = bench->cli->json;

	if (bench->baud)
		json_number(json, "baud", bench->baud);
	else
		json_string(json, "baud", NULL);
	json_object(json, "estimates");
	if (bench->estimated) {
		json_milliseconds(json, "modem_ms", bench->modem);
		json_milliseconds(json, "card_ms", bench->card);
	}
	json_end(json);
	json_object(json, "phases");
	for (size_t i = 0; i < PHASES; i++)
		if (bench->phases[i].count)
			put_phase(json, bench, &bench->phases[i], names[i]);
	json_end(json);
}

static void cell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void cell(const char *format, ...)
{
	char text[32];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	printf(" %8s", text);
}

static void time_cell(uint64_t time)
{
	cell("%" PRIu64 ".%01u", time / 1000, (unsigned)(time / 100 % 10));
}

static void print_phase(const struct bench *bench, const struct phase *phase,
			const char *name)
{
	const struct sample *middle = bench_rank(phase, 50);
	struct parts parts = bench_parts(bench, middle);

	printf("%-9s %5zu", name, phase->count);
	time_cell(middle->total);
	time_cell(bench_rank(phase, 95)->total);
	time_cell(bench_rank(phase, 100)->total);
	time_cell(parts.uart);
	time_cell(parts.modem_card);
	time_cell(parts.library);
	time_cell(parts.network);
	if (bench->estimated)
		time_cell(bench_formula(bench, middle));
	else
		cell("-");
	cell("%" PRIu64, middle->cost.exchanges);
	cell("%" PRIu64, middle->cost.sent);
	cell("%" PRIu64, middle->cost.received);
	putchar('\n');
}

static void print_head(void)
{
	static const char *const columns[] = {
		"p50",	   "p95",     "max",	 "UART", "mod/card", "library",
		"network", "formula", "exchngs", "out",	 "in",
	};

	printf("%-9s %5s", "ms", "n");
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		cell("%s", columns[i]);
	putchar('\n');
}

static void print_terms(const struct bench *bench)
{
	if (!bench->estimated)
		return;
	printf("\nUART to network are the parts of the p50. The formula's "
	       "terms:\nestimated from the fastest exchanges, modem %" PRIu64
	       ".%03u ms an exchange, card %" PRIu64 ".%03u ms a signature; ",
	       bench->modem / 1000, (unsigned)(bench->modem % 1000),
	       bench->card / 1000, (unsigned)(bench->card % 1000));
	if (bench->baud)
		printf("\nUART of %" PRIu64 " baud by the address, 10 bits a "
		       "byte.\n",
		       bench->baud);
	else
		puts("no UART.");
}

void bench_print(struct bench *bench)
{
	print_head();
	for (size_t i = 0; i < PHASES; i++)
		if (bench->phases[i].count)
			print_phase(bench, &bench->phases[i], names[i]);
	print_terms(bench);
}
