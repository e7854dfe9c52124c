/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Handshakes are made one after the other, with the server given or one of our
 * own; each becomes a sample, and what happened in it a timeline.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "bench.h"
#include "clock.h"
#include "dial.h"
#include "record.h"
#include "wants.h"
#include "watch.h"

/* Milliseconds for the host, and again for a handshake. */
#define TIMEOUT 30000
/* Less is not worth a row, in microseconds. */
#define SLIVER 50

/* The exchanges are heard of in the thread that works on the card. */
static struct {
	pthread_mutex_t lock;
	struct timeline *timeline; /* NULL: nobody listens */
	uint64_t start;
} record = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void add_event(enum event_kind kind, uint64_t begin, uint64_t end,
		      const char *name)
{
	struct timeline *timeline;
	struct event *event;

	pthread_mutex_lock(&record.lock);
	timeline = record.timeline;
	if (timeline && timeline->count < EVENTS_MAX && begin >= record.start &&
	    (kind == EVENT_EXCHANGE || end - begin >= SLIVER)) {
		event = &timeline->events[timeline->count++];
		event->kind = kind;
		event->begin = begin - record.start;
		event->end = end - record.start;
		strncpy(event->name, name, sizeof(event->name) - 1);
	}
	pthread_mutex_unlock(&record.lock);
}

/* A line of the trace: written as soon as the answer was there. */
static void on_line(void *self, const char *line)
{
	const struct cli *cli = self;
	uint64_t now = clock_microseconds();
	struct record read;

	if (cli->options.trace)
		fprintf(stderr, "%s\n", line);
	if (record_read(line, &read) && read.kind == RECORD_APDU &&
	    read.microseconds <= now)
		add_event(EVENT_EXCHANGE, now - read.microseconds, now,
			  read.name);
}

static void listen_to(struct timeline *timeline)
{
	pthread_mutex_lock(&record.lock);
	record.timeline = timeline;
	record.start = clock_microseconds();
	pthread_mutex_unlock(&record.lock);
}

static int set_versions(const struct options *options, iotsafe_tls *tls)
{
	if (!options->tls)
		return 0;
	return strcmp(options->tls, "1.2")
		       ? iotsafe_tls_set_versions(tls, 13, 13)
		       : iotsafe_tls_set_versions(tls, 12, 12);
}

static int set_trust(const struct options *options, const struct server *own,
		     const struct peer *peer, iotsafe_tls *tls)
{
	const char *name = options->name ? options->name : peer->host;
	int result;

	if (own) {
		result = iotsafe_tls_set_server_name(tls, "localhost");
		return result < 0 ? result : server_trusted(own, tls);
	}
	result = iotsafe_tls_set_server_name(tls, name);
	for (size_t i = 0; !result && i < options->ca_count; i++)
		result = iotsafe_tls_set_ca_file(tls, options->ca[i]);
	if (!result && options->insecure)
		result = iotsafe_tls_set_verify(tls, IOTSAFE_VERIFY_NONE);
	return result;
}

static int new_session(struct cli *cli, const struct server *own,
		       const struct peer *peer, iotsafe_tls **tls)
{
	const struct options *options = &cli->options;

	if (iotsafe_tls_new(cli->card, 0, tls) < 0 ||
	    (options->key && iotsafe_tls_set_key(*tls, options->key) < 0) ||
	    set_versions(options, *tls) < 0 ||
	    set_trust(options, own, peer, *tls) < 0)
		return fail_library(cli);
	return 0;
}

/* Waits as the session says; what was waited for counts. */
static int wait_for(struct cli *cli, iotsafe_tls *tls, int want,
		    int64_t deadline, struct sample *sample)
{
	uint64_t begin = clock_microseconds(), end;
	struct wants wants;
	bool late = false;

	wants_init(&wants);
	TRY(wants_add_tls(cli, &wants, tls));
	TRY(wants_wait(cli, &wants, deadline, &late));
	if (late)
		return fail(cli, "ERR_TIMEOUT", "handshake: not done in %d ms",
			    TIMEOUT);
	end = clock_microseconds();
	if (want == IOTSAFE_WANT_CARD) {
		add_event(EVENT_CARD, begin, end, "");
	} else {
		sample->network += end - begin;
		add_event(EVENT_NETWORK, begin, end, "");
	}
	return 0;
}

static int shake_hands(struct cli *cli, iotsafe_tls *tls, int fd,
		       struct sample *sample)
{
	int64_t deadline = clock_after(TIMEOUT);

	for (;;) {
		uint64_t begin = clock_microseconds();
		int result = iotsafe_tls_handshake(tls, fd, 0);

		add_event(EVENT_LIBRARY, begin, clock_microseconds(), "");
		if (!wants_more(result))
			return result < 0 ? fail_library(cli) : 0;
		TRY(wait_for(cli, tls, result, deadline, sample));
	}
}

static int measure(struct cli *cli, iotsafe_tls *tls, int fd,
		   struct sample *sample)
{
	struct cost before = cost_now(cli->card);
	uint64_t start = clock_microseconds();

	listen_to(sample->timeline);
	TRY(shake_hands(cli, tls, fd, sample));
	sample->total = clock_microseconds() - start;
	sample->cost = cost_since(cli->card, &before);
	return 0;
}

/* With a server of our own: what it says of it counts too. */
static int one_here(struct cli *cli, struct server *server,
		    struct sample *sample)
{
	static const struct peer nobody;
	iotsafe_tls *tls = NULL;
	int fd, status;
	bool good;

	TRY(server_start(cli, server, &fd));
	status = new_session(cli, server, &nobody, &tls);
	if (!status)
		status = measure(cli, tls, fd, sample);
	if (!status)
		iotsafe_tls_close(tls, 0);
	iotsafe_tls_free(tls);
	close(fd);
	good = server_join(server);
	if (!status && !good)
		return fail(cli, "ERR_TLS", "server of the bench: %s",
			    server_reason(server));
	return status;
}

static int one_there(struct cli *cli, struct peer *peer, struct sample *sample)
{
	iotsafe_tls *tls = NULL;
	int status;

	TRY(dial(cli, peer, false, clock_after(watch_left(TIMEOUT))));
	status = new_session(cli, NULL, peer, &tls);
	if (!status)
		status = measure(cli, tls, peer->fd, sample);
	if (!status) {
		iotsafe_tls_close(tls, 0);
		status = connect_verdict(cli, tls);
	}
	iotsafe_tls_free(tls);
	close(peer->fd);
	return status;
}

static int one(struct bench *bench, struct server *server,
	       struct sample *sample)
{
	struct cli *cli = bench->cli;

	if (cli->options.svg) {
		sample->timeline = calloc(1, sizeof(struct timeline));
		if (!sample->timeline)
			return fail(cli, "ERR_MEMORY", "no memory");
	}
	return server ? one_here(cli, server, sample)
		      : one_there(cli, &bench->peer, sample);
}

static int each(struct bench *bench, struct server *server)
{
	struct phase *phase = &bench->phases[PHASE_HANDSHAKE];
	int64_t since = clock_after(0);
	int status = 0;

	for (size_t i = 0; i < bench->count; i++) {
		TRY(bench_go_on(bench, "shaking hands", i + 1, since));
		status = one(bench, server, &phase->samples[i]);
		listen_to(NULL);
		TRY(status);
		phase->count++;
	}
	return 0;
}

int bench_handshakes(struct bench *bench)
{
	struct cli *cli = bench->cli;
	struct server *server = NULL;
	int status = 0;

	if (!cli->options.count)
		status = server_new(cli, &server);
	if (!status && cli->options.svg)
		iotsafe_trace_set(trace_bits(cli) | IOTSAFE_TRACE_APDU, on_line,
				  cli);
	if (!status)
		status = each(bench, server);
	if (cli->options.svg)
		iotsafe_trace_set(trace_bits(cli), NULL, NULL);
	server_free(server);
	return status;
}
