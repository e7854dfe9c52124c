/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_SHA2_H
#define SIM_SHA2_H

#include "bytes.h"

#define SHA2_DIGEST_MAX 64

/*
 * Finishes a SHA-2 hash that somebody else began: `state` is the chaining value
 * after `counted` bytes (a multiple of the block size), `rest` what follows, at
 * most one block. `digest_size` is 32, 48 or 64 and names the hash. False when
 * these do not fit together.
 */
bool sha2_finish(size_t digest_size, struct view state, size_t counted,
		 struct view rest, uint8_t digest[SHA2_DIGEST_MAX]);

#endif
