/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What every measurement needs: options, counters, a line of JSON. */
#ifndef BENCHMARKS_SAMPLE_H
#define BENCHMARKS_SAMPLE_H

#include <stdint.h>
#include <iotsafe/iotsafe.h>

#define TIMEOUT 60000

struct options {
	const char *card;      /* the address */
	const char *key;       /* of an identity */
	const char *directory; /* of ca.pem, server.pem, server-key.pem */
	int count;
	int version; /* 12, 13; 0: DTLS 1.2 */
	int cards, threads;
	double delay_ms, loss; /* of the network */
	double rest_ms;	       /* before each sample */
};

struct sample {
	uint64_t total, link; /* microseconds */
	uint64_t exchanges, sent, received;
};

/* Ends the program with the library's sentence after a failure. */
void check(int result, const char *what);

uint64_t microseconds(void);

/* Of the card so far; NULL: of one that is yet to be opened. */
struct sample counters(iotsafe_card *card);

/* Until the modem takes a command at once again: its gap belongs between the
 * exchanges of one sample. */
void rest(const struct options *options);

/* `index` 0 is the first one printed. */
void print_sample(struct sample before, struct sample after, int index);

/* One iotsafe_key_sign() of a fixed hash. */
void sign_once(iotsafe_key *key);

void measure_signatures(const struct options *options);
void measure_threads(const struct options *options);
void measure_handshakes(const struct options *options);
void measure_cold(const struct options *options);
void measure_resumption(const struct options *options);
void measure_identity(const struct options *options);

#endif
