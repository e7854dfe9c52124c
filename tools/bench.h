/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What `iotsafe bench` measures, and what is made of it. Times are in
 * microseconds. */
#ifndef TOOLS_BENCH_H
#define TOOLS_BENCH_H

#include <stdio.h>
#include "agreed.h"
#include "cli.h"

enum phase_number { PHASE_OPEN, PHASE_READ, PHASE_SIGN, PHASE_HANDSHAKE };
#define PHASES 4

enum event_kind { EVENT_LIBRARY, EVENT_NETWORK, EVENT_CARD, EVENT_EXCHANGE };

/* Something that took time within a handshake. */
struct event {
	enum event_kind kind;
	uint64_t begin, end; /* since the handshake began */
	char name[48];	     /* of an exchange: the command */
};

#define EVENTS_MAX 64

struct timeline {
	size_t count;
	struct event events[EVENTS_MAX];
};

struct sample {
	uint64_t total;
	uint64_t network; /* waited for the peer */
	/* Opening: of the processor. What else passed outside of exchanges is
	 * the modem being talked to. */
	bool opening;
	uint64_t processor;
	struct cost cost;
	struct timeline *timeline; /* NULL: nobody draws it */
};

struct phase {
	struct sample *samples;
	size_t count;
};

struct bench {
	struct cli *cli;
	size_t count;	  /* samples of a phase */
	struct peer peer; /* where HOST:PORT was given */
	uint64_t baud;	  /* 0: no UART that is known of */
	bool estimated;	  /* the two below are known */
	uint64_t modem;
	uint64_t card;
	struct phase phases[PHASES];
	iotsafe_key *key;
	char *certificate; /* a file on the card, or NULL */
};

/* Where the time of one sample went; they add up to its total. */
struct parts {
	uint64_t uart, modem_card, library, network;
};

/* bench.c */
struct sample *bench_next(struct bench *bench, enum phase_number number);
/* The next of several waits of this kind, which began then. */
int bench_go_on(struct bench *bench, const char *what, size_t number,
		int64_t since);

/* bench_handshake.c */
int bench_handshakes(struct bench *bench);

/* bench_figures.c */
struct parts bench_parts(const struct bench *bench,
			 const struct sample *sample);
/* The sample at this rank of a hundred (nearest rank), by total time. */
const struct sample *bench_rank(const struct phase *phase, unsigned percent);
/* The limit by the formula, of one such sample. */
uint64_t bench_formula(const struct bench *bench, const struct sample *sample);
void bench_estimate_modem(struct bench *bench, const struct cost *cost);
void bench_estimate_card(struct bench *bench);

/* bench_show.c */
void bench_put(struct bench *bench);
void bench_print(struct bench *bench);

/* bench_svg.c */
void bench_draw(const struct bench *bench, FILE *file);

/* bench_server.c: a TLS server in a thread that wants a client certificate,
 * and takes any. */
struct server;
int server_new(struct cli *cli, struct server **server);
/* Its certificate, DER; it is for "localhost". */
int server_trusted(const struct server *server, iotsafe_tls *tls);
/* For one client, at the other end of the descriptor that is given. */
int server_start(struct cli *cli, struct server *server, int *fd);
/* Waits for its end, which that of the descriptor brings; false if it has not
 * had a client with a certificate. */
bool server_join(struct server *server);
const char *server_reason(const struct server *server);
void server_free(struct server *server);

#endif
