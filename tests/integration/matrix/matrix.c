/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * matrix PAGE WAY [WORDS]: breaks every operation at every place of the page
 * (docs/faults.md), and compares what the library says of it. Afterwards the
 * same operation must succeed, and no logical channel of ours may be left.
 */
#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "operations.h"
#include "reader.h"
#include "simulator.h"
#include "table.h"

#define WORKERS 4

/* What is to run into its deadline has a short one, all the rest a long one:
 * a slow machine is no fault. */
#define SHORT  700
#define MIDDLE 5000
#define LONG   30000
/* How much later than the deadline an operation may end. */
#define SLACK 15000

struct verdict {
	bool good;
	char text[700];
};

static struct {
	const char *way;
	const char *reader; /* the port of a virtual one */
	struct table table;
	struct verdict *verdicts;
	struct identity ca, server;
	atomic_size_t next;
} all;

struct worker {
	pthread_t thread;
	struct simulator sim;
	struct original original;
	struct server server;
	char address[2][160]; /* with the long time-out, and the short */
};

static long long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

static const char *code_name(int result)
{
	if (result == WRONG)
		return "WRONG";
	return result == IOTSAFE_OK ? "OK" : iotsafe_error_name(result);
}

static void tell(struct verdict *verdict, const char *what, int result)
{
	snprintf(verdict->text, sizeof(verdict->text), "%s: %s %s", what,
		 code_name(result), result < 0 ? iotsafe_last_error() : "");
}

static bool is_short(const struct cell *cell)
{
	return !strncmp(cell->expected, "`ERR_TIMEOUT`", 13) ||
	       !strncmp(cell->expected, "`ERR_BUSY`", 10);
}

/* The attempt at a signature that is made ahead runs into it, and then the
 * signature itself must have time enough. */
static bool is_made_good(const struct cell *cell)
{
	return !strcmp(cell->operation, "handshake") &&
	       !strcmp(cell->expected, "`OK`") &&
	       (!strcmp(cell->fault, "silence") ||
		!strcmp(cell->fault, "half an answer")) &&
	       !strcmp(cell->place, "SIGNATURE INIT");
}

static int limit_of(const struct cell *cell)
{
	if (is_short(cell))
		return SHORT;
	return is_made_good(cell) ? MIDDLE : LONG;
}

static bool loses_reader(const struct cell *cell)
{
	return !strcmp(cell->fault, "pcscd gone");
}

/* The operation on a card that is well. */
static bool works(struct subject *subject, const struct operation *operation,
		  struct verdict *verdict, const char *when)
{
	int result = IOTSAFE_OK;

	if (!subject->card)
		result = subject_open(subject);
	if (result == IOTSAFE_OK) {
		iotsafe_card_set_timeout(subject->card, LONG);
		if (!subject->key && !subject->file)
			result = operation->prepare(subject);
	}
	if (result == IOTSAFE_OK)
		result = operation->run(subject);
	if (result == IOTSAFE_OK)
		result = operation->check(subject);
	if (result != IOTSAFE_OK)
		tell(verdict, when, result);
	return result == IOTSAFE_OK;
}

/* The broken operation itself. */
static bool breaks(struct worker *worker, const struct cell *cell,
		   struct subject *subject, const struct operation *operation,
		   struct verdict *verdict)
{
	const int limit = limit_of(cell);
	char sentence[512] = "";
	struct reader_loss loss;
	long long took;
	int result;

	if (subject->card)
		iotsafe_card_set_timeout(subject->card, limit);
	simulator_faults(&worker->sim, cell->rule);
	if (loses_reader(cell))
		reader_lose(&loss, &worker->sim);
	took = -now();
	result = operation->run(subject);
	took += now();
	if (loses_reader(cell))
		reader_lost(&loss);
	if (result < 0)
		snprintf(sentence, sizeof(sentence), "%s",
			 iotsafe_last_error());
	if (!simulator_count(&worker->sim, "struck")) {
		tell(verdict, "the fault did not strike", result);
		return false;
	}
	simulator_faults(&worker->sim, "");
	if (result == IOTSAFE_OK)
		result = operation->check(subject);
	snprintf(verdict->text, sizeof(verdict->text), "%s %s in %lld ms",
		 code_name(result), sentence, took);
	return cell_fits(cell, code_name(result), sentence) &&
	       took < limit + SLACK;
}

static void look_again(struct worker *worker)
{
	original_free(&worker->original);
	worker->original =
		(struct original){.ca = all.ca, .server = all.server};
	original_read(&worker->original, worker->address[0]);
}

static bool try_cell(struct worker *worker, const struct cell *cell,
		     struct subject *subject, struct verdict *verdict)
{
	const struct operation *operation = operation_find(cell->operation);
	bool opens = !strcmp(cell->operation, "open");
	struct verdict after = {.text = ""};

	if (!operation) {
		snprintf(verdict->text, sizeof(verdict->text),
			 "no such operation");
		return false;
	}
	/* To open is to begin with nothing. */
	if (!opens &&
	    (subject_open(subject) < 0 || operation->prepare(subject) < 0)) {
		tell(verdict, "before", -1);
		return false;
	}
	if (!breaks(worker, cell, subject, operation, verdict))
		return false;
	if (cell->anew)
		subject_close(subject);
	subject->address = worker->address[0];
	/* Another card is another original. */
	if (!strncmp(cell->rule, "swap", 4))
		look_again(worker);
	/* The command that was not answered is still the reader's. */
	if (all.reader && !strncmp(cell->rule, "silence", 7))
		reader_insert_again(&worker->sim, worker->address[0]);
	else if (all.reader)
		reader_wait(worker->address[0]);
	if (works(subject, operation, &after, "afterwards"))
		return true;
	*verdict = after;
	return false;
}

static void judge(struct worker *worker, size_t index)
{
	const struct cell *cell = &all.table.cells[index];
	struct verdict *verdict = &all.verdicts[index];
	const bool opens = !strcmp(cell->operation, "open");
	struct subject subject = {
		.server = &worker->server,
		.address = worker->address[opens && is_short(cell)],
		.original = &worker->original};
	int channels;

	verdict->good = try_cell(worker, cell, &subject, verdict);
	subject_close(&subject);
	simulator_faults(&worker->sim, "");
	channels = simulator_count(&worker->sim, "channels");
	if (channels == cell->leaves)
		return;
	verdict->good = false;
	snprintf(verdict->text + strlen(verdict->text),
		 sizeof(verdict->text) - strlen(verdict->text),
		 "; %d channels are left", channels);
}

static void begin(struct worker *worker)
{
	const char *interface = !strcmp(all.way, "CGLA") ? "cgla" : "csim";

	simulator_start(&worker->sim, all.reader);
	for (int i = 0; i < 2; i++) {
		char *address = worker->address[i];
		const size_t room = sizeof(worker->address[i]);
		const int limit = i ? SHORT : LONG;

		if (all.reader)
			snprintf(address, room, "pcsc:?timeout=%d", limit);
		else
			snprintf(address, room, "at:%s?interface=%s&timeout=%d",
				 worker->sim.link, interface, limit);
	}
	worker->original = (struct original){.root = {NULL}};
	reader_wait(worker->address[0]);
	look_again(worker);
}

static void end(struct worker *worker)
{
	original_free(&worker->original);
	simulator_stop(&worker->sim);
}

/* For the next cell: what got lost in this one must not spoil it. A reader
 * would need seconds to notice another card. */
static void start_afresh(struct worker *worker)
{
	if (!all.reader) {
		end(worker);
		begin(worker);
		return;
	}
	simulator_faults(&worker->sim, "card-reset@1-1");
	reader_wait(worker->address[0]);
	simulator_faults(&worker->sim, "");
}

static void *work(void *self)
{
	struct worker *worker = self;
	size_t index;

	server_start(&worker->server);
	begin(worker);
	while ((index = all.next++) < all.table.count) {
		judge(worker, index);
		if (all.verdicts[index].good && !all.table.cells[index].leaves)
			continue;
		start_afresh(worker);
	}
	end(worker);
	server_stop(&worker->server);
	return NULL;
}

static int print(void)
{
	int failed = 0;

	printf("1..%zu\n", all.table.count);
	for (size_t i = 0; i < all.table.count; i++) {
		const struct cell *cell = &all.table.cells[i];
		const struct verdict *verdict = &all.verdicts[i];

		printf("%sok %zu - %s: %s at %s over %s\n",
		       verdict->good ? "" : "not ", i + 1, cell->fault,
		       cell->operation, cell->place, all.way);
		if (verdict->good)
			continue;
		failed = 1;
		printf("# expected %s\n# got %s\n", cell->expected,
		       verdict->text);
	}
	return failed;
}

/* Keeps the cells that have these words. */
static void choose(const char *words)
{
	size_t kept = 0;
	char name[200];

	for (size_t i = 0; i < all.table.count; i++) {
		const struct cell *cell = &all.table.cells[i];

		snprintf(name, sizeof(name), "%s: %s at %s", cell->fault,
			 cell->operation, cell->place);
		if (strstr(name, words))
			all.table.cells[kept++] = *cell;
	}
	all.table.count = kept;
}

int main(int argc, char **argv)
{
	struct worker workers[WORKERS];
	int workers_count, failed;

	if (argc < 3) {
		fprintf(stderr, "usage: matrix PAGE CSIM|CGLA|PC/SC [WORDS]\n"
				"PC/SC: the port of vpcd is READER\n");
		return 2;
	}
	all.way = argv[2];
	if (!strcmp(all.way, "PC/SC"))
		all.reader = getenv("READER");
	workers_count = all.reader ? 1 : WORKERS;
	all.table = table_read(argv[1], all.way);
	if (argc > 3)
		choose(argv[3]);
	all.verdicts = calloc(all.table.count + 1, sizeof(*all.verdicts));
	all.ca =
		identity_make((struct identity_wish){.name = "CA", .ca = true});
	all.server = identity_make((struct identity_wish){
		.name = "server", .issuer = &all.ca, .dns = "server.example"});
	for (int i = 0; i < workers_count; i++)
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			give_up("a thread");
	for (int i = 0; i < workers_count; i++)
		pthread_join(workers[i].thread, NULL);
	failed = print();
	identity_free(&all.ca);
	identity_free(&all.server);
	free(all.table.cells);
	free(all.verdicts);
	return failed || !all.table.count;
}
