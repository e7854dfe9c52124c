/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A secret that stays for a while: in pages of its own, kept out of swap and of
 * core dumps where the system lets us, and wiped at the end. */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdatomic.h>
#include "base/bytes.h"

struct secret {
	atomic_uint uses;
	size_t room; /* of the pages */
	size_t size;
	uint8_t data[];
};

/* Takes a copy, with one use; NULL: no memory, recorded. */
struct secret *secret_new(struct bytes from);

/* Counts one more use; one less, the last of which wipes it. NULL is fine. */
struct secret *secret_use(struct secret *secret);
void secret_free(struct secret *secret);

static inline struct bytes secret_bytes(const struct secret *secret)
{
	return (struct bytes){secret->data, secret->size};
}

#endif
