/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `iotsafe bench`: how long a card takes to be opened, to give its certificate,
 * to sign, and for a TLS handshake, and where that time goes.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench.h"
#include "clock.h"
#include "file.h"
#include "text.h"
#include "watch.h"

#define COUNT_DEFAULT 10
#define COUNT_MAX     10000
/* Opening costs a channel and, with sim:, a process. */
#define OPEN_MAX 5
/* More signatures than this are warned of. */
#define MANY 200
/* The cheapest exchanges that there are: one random byte. */
#define PROBES	     5
#define BAUD_DEFAULT 115200

struct sample *bench_next(struct bench *bench, enum phase_number number)
{
	struct phase *phase = &bench->phases[number];

	return &phase->samples[phase->count++];
}

/* A signal between two operations has nothing to cancel. */
int bench_go_on(struct bench *bench, const char *what, size_t number,
		int64_t since)
{
	if (watch_signal())
		return fail(bench->cli, "ERR_CANCELLED", "ended by a signal");
	watch_go_on(what, number, bench->count, since);
	return 0;
}

/* ---- before anything is measured ---- */

static int check_options(struct cli *cli)
{
	const struct options *options = &cli->options;

	if (options->repeat > COUNT_MAX)
		return fail(cli, ERR_USAGE, "--count is %d at most", COUNT_MAX);
	if (options->tls && strcmp(options->tls, "1.2") &&
	    strcmp(options->tls, "1.3"))
		return fail(cli, ERR_USAGE,
			    "--tls takes 1.2 or 1.3, not \"%s\"", options->tls);
	if (options->server && !options->count)
		return fail(cli, ERR_USAGE, "--server wants HOST:PORT");
	if (!options->count &&
	    (options->ca_count || options->name || options->insecure))
		return fail(cli, ERR_USAGE,
			    "--ca, --name and --insecure are about a server: "
			    "give HOST:PORT");
	if (options->insecure && options->ca_count)
		return fail(cli, ERR_USAGE,
			    "--insecure trusts everybody: leave out --ca");
	return 0;
}

/* A file that cannot be written is told before the card has signed. */
static int check_picture(struct cli *cli)
{
	const char *path = cli->options.svg;
	FILE *file = path ? fopen(path, "abe") : NULL;

	if (!path)
		return 0;
	if (!file || fclose(file))
		return fail(cli, ERR_FILE, "cannot write %s: %s", path,
			    strerror(errno));
	return 0;
}

/* Of a serial port what the address says; of the software SIM too. A modem on
 * USB has no UART, and nobody to tell us so. */
static uint64_t read_baud(const struct cli *cli)
{
	const char *address =
		cli->options.card ? cli->options.card : getenv("IOTSAFE_CARD");
	const char *query = address ? strchr(address, '?') : NULL;
	const char *baud = query ? strstr(query, "baud=") : NULL;

	if (baud)
		return strtoul(baud + strlen("baud="), NULL, 10);
	return address && !strncmp(address, "at:", 3) ? BAUD_DEFAULT : 0;
}

static void announce(const struct bench *bench)
{
	size_t each = bench->count;

	watch_end();
	fprintf(stderr,
		"iotsafe: the card makes %zu signatures: %zu alone, %zu in "
		"handshakes\n",
		2 * each, each, each);
	if (2 * each > MANY)
		fputs("iotsafe: WARNING: some cards wear out, or allow only so "
		      "many in their life; Ctrl-C ends it\n",
		      stderr);
}

/* ---- what is measured ---- */

static uint64_t processor_time(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

static int measure_open(struct bench *bench)
{
	struct cli *cli = bench->cli;
	size_t count = bench->count < OPEN_MAX ? bench->count : OPEN_MAX;

	for (size_t i = 0; i < count; i++) {
		static const struct cost nothing;
		uint64_t start, processor;
		struct sample *sample;

		card_close(cli);
		start = clock_microseconds();
		processor = processor_time();
		TRY(card_open(cli));
		sample = bench_next(bench, PHASE_OPEN);
		sample->total = clock_microseconds() - start;
		sample->processor = processor_time() - processor;
		sample->opening = true;
		sample->cost = cost_since(cli->card, &nothing);
	}
	return 0;
}

static void probe_modem(struct bench *bench)
{
	for (int i = 0; i < PROBES; i++) {
		iotsafe_card *card = bench->cli->card;
		struct cost before = cost_now(card), cost;
		uint8_t *data;
		size_t size;

		if (iotsafe_card_random(card, 1, &data, &size) < 0)
			return;
		iotsafe_free(data);
		cost = cost_since(card, &before);
		bench_estimate_modem(bench, &cost);
	}
}

/* The file that holds the key's certificate; NULL if there is none. */
static int find_certificate(struct bench *bench)
{
	struct cli *cli = bench->cli;
	iotsafe_object *object;
	iotsafe_list *list;
	uint8_t *own;
	size_t own_size;
	int result;

	if (iotsafe_key_certificate(bench->key, 0, &own, &own_size) < 0)
		return iotsafe_last_code() == IOTSAFE_ERR_ABSENT
			       ? 0
			       : fail_library(cli);
	result = iotsafe_card_list(cli->card, "type=cert", &list);
	while (!result && !bench->certificate &&
	       !(result = iotsafe_list_next(list, &object)) && object) {
		const char *name = iotsafe_object_name(object);
		iotsafe_file *file = NULL;
		uint8_t *data = NULL;
		size_t size = 0;

		if (!iotsafe_file_open(cli->card, name, &file) &&
		    !iotsafe_file_read(file, &data, &size) &&
		    size >= own_size && !memcmp(data, own, own_size))
			bench->certificate = text_copy(name);
		iotsafe_free(data);
		iotsafe_file_free(file);
		iotsafe_object_free(object);
	}
	iotsafe_list_free(list);
	iotsafe_free(own);
	return 0;
}

/* What the first use of a key reads is read now; no signature is made. */
static int learn(struct bench *bench)
{
	struct cli *cli = bench->cli;
	uint8_t *spki;
	size_t size;

	TRY(card_key(cli, cli->options.key, &bench->key));
	TRY(find_certificate(bench));
	if (!iotsafe_key_public_key(bench->key, &spki, &size))
		iotsafe_free(spki);
	return 0;
}

/* One more sample of work that the library does in one call. */
static int measure(struct bench *bench, enum phase_number number,
		   int (*work)(struct bench *bench))
{
	struct cost before = cost_now(bench->cli->card);
	uint64_t start = clock_microseconds();
	struct sample *sample;

	if (work(bench) < 0)
		return fail_library(bench->cli);
	sample = bench_next(bench, number);
	sample->total = clock_microseconds() - start;
	sample->cost = cost_since(bench->cli->card, &before);
	return 0;
}

static int read_certificate(struct bench *bench)
{
	iotsafe_file *file;
	uint8_t *data;
	size_t size;
	int result =
		iotsafe_file_open(bench->cli->card, bench->certificate, &file);

	if (result < 0)
		return result;
	result = iotsafe_file_read(file, &data, &size);
	iotsafe_free(data);
	iotsafe_file_free(file);
	return result;
}

static int sign(struct bench *bench)
{
	/* Any 32 bytes are a hash. */
	const uint8_t hash[32] = {'b', 'e', 'n', 'c', 'h'};
	uint8_t *signature;
	size_t size;
	int result = iotsafe_key_sign(bench->key, IOTSAFE_SHA256, hash,
				      sizeof(hash), &signature, &size);

	iotsafe_free(signature);
	return result;
}

static int repeat(struct bench *bench, enum phase_number number,
		  const char *what, int (*work)(struct bench *bench))
{
	int64_t since = clock_after(0);

	for (size_t i = 0; i < bench->count; i++) {
		TRY(bench_go_on(bench, what, i + 1, since));
		TRY(measure(bench, number, work));
	}
	return 0;
}

static int measure_all(struct bench *bench)
{
	TRY(measure_open(bench));
	announce(bench);
	probe_modem(bench);
	TRY(learn(bench));
	if (bench->certificate)
		TRY(repeat(bench, PHASE_READ, "reading the certificate",
			   read_certificate));
	for (size_t i = 0; i < bench->phases[PHASE_READ].count; i++)
		bench_estimate_modem(
			bench, &bench->phases[PHASE_READ].samples[i].cost);
	TRY(repeat(bench, PHASE_SIGN, "signing", sign));
	bench_estimate_card(bench);
	return bench_handshakes(bench);
}

/* ---- what comes of it ---- */

static int draw(struct bench *bench)
{
	struct cli *cli = bench->cli;
	const char *path = cli->options.svg;
	FILE *file = fopen(path, "wbe");
	bool written = file != NULL;

	if (file) {
		bench_draw(bench, file);
		written = !ferror(file);
		written = !fclose(file) && written;
	}
	if (!written)
		return fail(cli, ERR_FILE, "cannot write %s: %s", path,
			    strerror(errno));
	return 0;
}

static bool make_room(struct bench *bench)
{
	for (size_t i = 0; i < PHASES; i++) {
		bench->phases[i].samples =
			calloc(bench->count, sizeof(struct sample));
		if (!bench->phases[i].samples)
			return false;
	}
	return true;
}

static void release(struct bench *bench)
{
	for (size_t i = 0; i < PHASES; i++) {
		struct phase *phase = &bench->phases[i];

		for (size_t j = 0; phase->samples && j < bench->count; j++)
			free(phase->samples[j].timeline);
		free(phase->samples);
	}
	text_free(bench->certificate);
	iotsafe_key_free(bench->key);
}

/* Also what was measured before something failed. */
static void show(struct bench *bench)
{
	watch_end();
	if (bench->cli->json)
		bench_put(bench);
	else if (bench->phases[PHASE_OPEN].count)
		bench_print(bench);
}

int command_bench(struct cli *cli)
{
	struct bench bench = {.cli = cli, .count = COUNT_DEFAULT};
	int status;

	TRY(check_options(cli));
	if (cli->options.count)
		TRY(dial_parse(cli, cli->options.arguments[0], &bench.peer));
	TRY(check_picture(cli));
	if (cli->options.repeat)
		bench.count = (size_t)cli->options.repeat;
	bench.baud = read_baud(cli);
	status = make_room(&bench) ? measure_all(&bench)
				   : fail(cli, "ERR_MEMORY", "no memory");
	show(&bench);
	if (!status && cli->options.svg)
		status = draw(&bench);
	release(&bench);
	return status;
}
