/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is signed or verified: a hash, or data that the card hashes. */
#ifndef TOOLS_SIGNED_H
#define TOOLS_SIGNED_H

#include "input.h"

#define HASH_MAX 64

struct hash {
	const char *name;
	int algorithm;
	int gnutls; /* gnutls_digest_algorithm_t */
	size_t size;
};

struct signed_input {
	const struct hash *hash;
	/* IOTSAFE_MODE_HOST: `digest` counts, else `data`. */
	int mode;
	uint8_t digest[HASH_MAX];
	struct buffer data;
};

/* The hash that --hash names, NULL without it. */
int signed_hash(struct cli *cli, const struct hash **hash);

/* SHA-256. */
const struct hash *signed_default(void);

/* Takes --hash, --mode, and --digest, --data or the file at `path` (NULL:
 * standard input). */
int signed_take(struct cli *cli, const char *path, struct signed_input *in);
void signed_free(struct signed_input *in);

/* JSON members: hash, mode, digest. */
void signed_put(struct cli *cli, const struct signed_input *in);

#endif
