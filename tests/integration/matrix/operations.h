/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a program asks of a card, each operation alone, and whether what came
 * of it is right: that is known from elsewhere than the card's answer. */
#ifndef MATRIX_OPERATIONS_H
#define MATRIX_OPERATIONS_H

#include <iotsafe/iotsafe.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include "softpki.h"
#include "tlspeer.h"

/* An operation that the library calls good, and whose outcome is not. */
#define WRONG 1

/* The card, as it was seen when nothing was broken. */
struct original {
	char list[4096];
	uint8_t *file, *spki;
	size_t file_size, spki_size;
	char subject[128];
	struct identity root; /* the certificate alone */
	struct identity ca, server;
};

/* One thread for all sessions: GnuTLS keeps something of every thread that
 * has come by. */
struct server {
	pthread_t thread;
	sem_t begun, ended;
	struct peer *peer; /* NULL: the end */
};

void server_start(struct server *server);
void server_stop(struct server *server);

struct subject {
	const char *address;
	struct server *server;
	bool polling;	      /* sessions that never wait inside the library */
	const char *priority; /* of the server; NULL: GnuTLS's own */
	struct original *original;
	iotsafe_card *card;
	iotsafe_key *key;
	iotsafe_file *file;
	/* What came out of the last run. */
	char list[4096];
	uint8_t *out;
	size_t out_size;
	bool opened;   /* the handshake: the client took the session */
	bool accepted; /* and the server took the client it knows */
};

struct operation {
	const char *name;
	/* Everything up to the operation itself; must go well. */
	int (*prepare)(struct subject *subject);
	int (*run)(struct subject *subject);
	/* 0 or WRONG, once the card is well again. */
	int (*check)(struct subject *subject);
};

extern const struct operation operations[];
const struct operation *operation_find(const char *name);

void original_read(struct original *original, const char *address);
void original_free(struct original *original);

int subject_open(struct subject *subject);
void subject_close(struct subject *subject);
/* One session; fills in `opened` and `accepted`. */
int subject_handshake(struct subject *subject);

#endif
