/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sessions that wait to be resumed: a few for each server, in memory alone.
 * Times are seconds that the machine has been up. */
#ifndef TLS_KEPT_H
#define TLS_KEPT_H

#include <stddef.h>
#include <stdint.h>
#include "base/bytes.h"

#define KEPT_MAX	16
#define KEPT_OF_ONE_MAX 4 /* with one server, in parallel */
#define KEPT_SIZE_MAX	16384
#define KEPT_SECONDS	3600
#define KEPT_KEY_SIZE	32

struct kept;

/* NULL: no memory. */
struct kept *kept_new(void);
/* Wipes what is there. */
void kept_free(struct kept *kept);

/* Copies it, in the place of the oldest where there is no room. What is empty
 * or too large is not kept. */
void kept_put(struct kept *kept, const uint8_t key[KEPT_KEY_SIZE],
	      struct bytes data, int64_t now);

/* Takes the newest of this key away, for iotsafe_free(): whoever resumes a
 * session has it alone. False: there is none. */
bool kept_take(struct kept *kept, const uint8_t key[KEPT_KEY_SIZE], int64_t now,
	       uint8_t **data, size_t *size);

/* Wipes all of this key. */
void kept_forget(struct kept *kept, const uint8_t key[KEPT_KEY_SIZE]);

#endif
