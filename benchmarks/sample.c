/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counters of a card into samples, samples into JSON. */
#include "sample.h"
#include <err.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

void check(int result, const char *what)
{
	if (result < 0)
		errx(1, "%s: %s", what, iotsafe_last_error());
}

uint64_t microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

struct sample counters(iotsafe_card *card)
{
	struct sample sample = {.total = microseconds()};

	if (!card)
		return sample;
	sample.link = iotsafe_card_counter(card, IOTSAFE_LINK_TIME);
	sample.exchanges = iotsafe_card_counter(card, IOTSAFE_EXCHANGES);
	sample.sent = iotsafe_card_counter(card, IOTSAFE_BYTES_SENT);
	sample.received = iotsafe_card_counter(card, IOTSAFE_BYTES_RECEIVED);
	return sample;
}

void rest(const struct options *options)
{
	uint64_t ns = (uint64_t)(options->rest_ms * 1e6);
	struct timespec time = {(time_t)(ns / 1000000000),
				(long)(ns % 1000000000)};

	nanosleep(&time, NULL);
}

void print_sample(struct sample before, struct sample after, int index)
{
	printf("%s{\"total_us\":%" PRIu64 ",\"link_us\":%" PRIu64
	       ",\"exchanges\":%" PRIu64 ",\"bytes_sent\":%" PRIu64
	       ",\"bytes_received\":%" PRIu64 "}",
	       index ? ",\n" : "", after.total - before.total,
	       after.link - before.link, after.exchanges - before.exchanges,
	       after.sent - before.sent, after.received - before.received);
}
