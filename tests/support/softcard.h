/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A card without a card: what object/ offers to tls/, with a key in software.
 * It signs what real cards of today do not (RSA), as slowly and as wrongly as
 * a test asks. Linked in front of the library's objects it takes the place of
 * object/.
 */
#ifndef SUPPORT_SOFTCARD_H
#define SUPPORT_SOFTCARD_H

#include <iotsafe/iotsafe.h>
#include <stdatomic.h>
#include <stdbool.h>
#include "object/key.h"
#include "softpki.h"

#define SOFTCARD_CHAIN_MAX 10

struct iotsafe_card {
	atomic_int uses;
	const struct identity *chain[SOFTCARD_CHAIN_MAX]; /* leaf first */
	const struct identity *root; /* a CA certificate on the card */
	const struct identity *key;  /* NULL: chain[0]'s */
	int algorithms;
	const char *address;		   /* NULL: "soft:" */
	const struct identity *public_key; /* in the object "peer" */
	const char *secret;		   /* the secret key "psk" */

	/* What the card does when asked. */
	int open_ms, sign_ms, prepare_ms; /* how long it takes */
	int fail_open, fail_sign; /* the code it fails with, status 6985 */
	int fail_verify, fail_derive;
	bool wrong; /* gives something that is no signature */
	bool never_ahead, cancel_prepare, queues;

	/* What it was asked for. */
	atomic_int opened, signatures, keys, busy, most_busy;
	atomic_int verifications, derivations, randoms, prepared, begun;
	uint8_t last_random[32];
	char last_name[128];

	struct card_guest guest;
	unsigned changes;
};

/* The one that iotsafe_card_open() gives, for "soft:" and IOTSAFE_CARD. */
extern struct iotsafe_card *softcard_default;

#endif
