/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signatures: one after the other, and from many threads on many cards. */
#include <err.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include "sample.h"

void sign_once(iotsafe_key *key)
{
	const uint8_t hash[32] = {1};
	uint8_t *out;
	size_t out_size;

	check(iotsafe_key_sign(key, IOTSAFE_SHA256, hash, sizeof(hash), &out,
			       &out_size),
	      "sign");
	iotsafe_free(out);
}

void measure_signatures(const struct options *options)
{
	iotsafe_card *card;
	iotsafe_key *key;

	check(iotsafe_card_open(options->card, &card), "card");
	check(iotsafe_key_open(card, NULL, &key), "key");
	/* The first one also reads the public key: not counted. */
	sign_once(key);
	for (int i = 0; i < options->count; i++) {
		struct sample before;

		rest(options);
		before = counters(card);
		sign_once(key);
		print_sample(before, counters(card), i);
	}
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

/* ---- threads ---- */

struct desk {
	char address[4096];
	iotsafe_card *card;
	iotsafe_key *key;
	atomic_int left; /* signatures that nobody has begun */
};

struct worker {
	struct desk *desk;
	pthread_barrier_t *start;
	pthread_t thread;
	uint64_t longest; /* microseconds that one signature took */
	int done;
};

static void *open_desk(void *self)
{
	struct desk *desk = self;

	check(iotsafe_card_open(desk->address, &desk->card), "card");
	check(iotsafe_key_open(desk->card, NULL, &desk->key), "key");
	sign_once(desk->key);
	return NULL;
}

/* Each card is another one by its store: DIRECTORY/card-N. */
static void open_desks(struct desk *desks, const struct options *options)
{
	pthread_t *threads = calloc((size_t)options->cards, sizeof(*threads));

	if (!threads)
		errx(1, "no memory");
	for (int i = 0; i < options->cards; i++) {
		snprintf(desks[i].address, sizeof(desks[i].address),
			 "%s&store=%s/card-%d", options->card,
			 options->directory, i);
		desks[i].left = options->count * options->threads;
		if (pthread_create(&threads[i], NULL, open_desk, &desks[i]))
			errx(1, "no thread");
	}
	for (int i = 0; i < options->cards; i++)
		pthread_join(threads[i], NULL);
	free(threads);
}

static void *work(void *self)
{
	struct worker *worker = self;

	pthread_barrier_wait(worker->start);
	while (atomic_fetch_sub(&worker->desk->left, 1) > 0) {
		uint64_t start = microseconds(), took;

		sign_once(worker->desk->key);
		took = microseconds() - start;
		if (took > worker->longest)
			worker->longest = took;
		worker->done++;
	}
	return NULL;
}

static void print_workers(const struct worker *workers, int count,
			  uint64_t took)
{
	int least = workers[0].done, most = 0, all = 0;
	uint64_t longest = 0;

	for (int i = 0; i < count; i++) {
		all += workers[i].done;
		if (workers[i].done < least)
			least = workers[i].done;
		if (workers[i].done > most)
			most = workers[i].done;
		if (workers[i].longest > longest)
			longest = workers[i].longest;
	}
	printf("{\"total_us\":%" PRIu64 ",\"signatures\":%d,\"least\":%d,"
	       "\"most\":%d,\"longest_us\":%" PRIu64 "}",
	       took, all, least, most, longest);
}

/* `count` signatures for each thread on each card; a thread that is quicker
 * takes another's. */
void measure_threads(const struct options *options)
{
	int count = options->cards * options->threads;
	struct desk *desks = calloc((size_t)options->cards, sizeof(*desks));
	struct worker *workers = calloc((size_t)count, sizeof(*workers));
	pthread_barrier_t start;
	uint64_t begun;

	if (!desks || !workers)
		errx(1, "no memory");
	open_desks(desks, options);
	pthread_barrier_init(&start, NULL, (unsigned)count + 1);
	for (int i = 0; i < count; i++) {
		workers[i].desk = &desks[i % options->cards];
		workers[i].start = &start;
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			errx(1, "no thread");
	}
	begun = microseconds();
	pthread_barrier_wait(&start);
	for (int i = 0; i < count; i++)
		pthread_join(workers[i].thread, NULL);
	print_workers(workers, count, microseconds() - begun);
	for (int i = 0; i < options->cards; i++) {
		iotsafe_key_free(desks[i].key);
		iotsafe_card_free(desks[i].card);
	}
	pthread_barrier_destroy(&start);
	free(workers);
	free(desks);
}
