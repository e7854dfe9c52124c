/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A card and a modem on the bench: a line of hex or AT in, a line out. */
#ifndef SIM_TESTS_BENCH_H
#define SIM_TESTS_BENCH_H

#include "../card.h"
#include "../modem.h"

struct bench {
	struct store store;
	struct faults faults;
	struct quirks quirks;
	struct personal personal;
	struct card card;
	struct log log;
	struct modem modem;
	char out[65536]; /* all the modem has said since bench_at() */
	size_t out_size;
	uint64_t first_due; /* of the first piece, and of the last */
	uint64_t due;
	unsigned int pieces;
};

/* `quirks` and `faults` as on the command line, or NULL. */
void bench_open(struct bench *bench, const char *profile, const char *quirks,
		const char *faults);
/* The same over a store directory; NULL for none. */
bool bench_open_store(struct bench *bench, const char *profile,
		      const char *quirks, const char *faults,
		      const char *directory);
void bench_close(struct bench *bench);

/* A command in hex (blanks allowed) to the card; its response in hex. */
const char *bench_send(struct bench *bench, const char *hex);
/* The same, and GET RESPONSE on channel 1 as long as 61xx comes. */
const char *bench_fetch(struct bench *bench, const char *hex);
/* Opens channel 1 and selects the applet there. */
void bench_select(struct bench *bench);

/* The same with one of Trust Onboard's applets. */
void bench_choose(struct bench *bench, enum applet_kind kind);
/*
 * Selects a file of it by the hex of its path and reads it to the size that its
 * control data has. Dies where the card refuses.
 */
size_t bench_read_file(struct bench *bench, const char *path, uint8_t *bytes,
		       size_t capacity);

/* The public key of the Signing certificate; the caller frees it. */
EVP_PKEY *bench_signing_key(struct bench *bench);

/* For fuzzing: ends the program where it is no fact. */
void bench_expect(bool fact);
/* Commands, each behind a byte of its length; every answer must be one. */
void bench_play(struct bench *bench, const uint8_t *data, size_t size);

/* Characters to the modem at time 0; all it says. */
const char *bench_at(struct bench *bench, const char *text);

/* A command of the applet on channel 1: header, and data in hex with blanks; Lc
 * is put between. Its whole answer. */
const char *bench_do(struct bench *bench, const char *header, const char *data);
/* The bytes of hex with blanks. */
size_t bench_bytes(const char *hex, uint8_t *bytes, size_t capacity);
/* The answer that GENERATE KEY PAIR or READ PUBLIC KEY gave as a key. */
EVP_PKEY *bench_public(const char *group, const char *point);

/* Does r s verify under the point 04 X Y? All in hex. */
bool bench_verifies(const char *point, const char *digest, const char *r_s);

#endif
