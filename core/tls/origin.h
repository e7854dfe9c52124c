/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A key that came by a name, in whatever process it is used: a child made by
 * fork() opens it again. Programs load their files first and go into the
 * background, or divide, then.
 */
#ifndef TLS_ORIGIN_H
#define TLS_ORIGIN_H

#include <iotsafe/iotsafe.h>
#include <stdatomic.h>
#include "base/deadline.h"

struct opened;

struct origin {
	_Atomic(struct opened *) opened;
	char *name; /* NULL: it is of use in one process only */
};

/* Takes one more use of the key, `name` on its card; NULL: it came by no name.
 */
int origin_init(struct origin *origin, iotsafe_key *key, const char *name);

/* The key as it was opened last, maybe by the parent: what is known of it
 * without asking the card. */
iotsafe_key *origin_last(const struct origin *origin);

/* The key as this process may use it. It stays the origin's. */
int origin_find(struct origin *origin, const struct deadline *limit,
		iotsafe_key **key);

/* What GnuTLS is told of a result: programs make of the number what they like,
 * so the sentence is traced. */
int origin_tell(int result);

void origin_end(struct origin *origin);

#endif
