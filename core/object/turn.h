/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One operation at a time on a card, in the order of asking, each with a
 * deadline and open to being cancelled. A turn is a whole operation, never
 * one exchange: what a card keeps between exchanges does not survive
 * strangers. */
#ifndef OBJECT_TURN_H
#define OBJECT_TURN_H

#include <pthread.h>
#include <stdbool.h>
#include "base/deadline.h"

/* One operation that waits or works; lives on its caller's stack. */
struct turn {
	struct turn *next;
	int wake_fd; /* told when its turn has come, or it is cancelled */
	bool cancelled;
	struct deadline deadline; /* for everything done in the turn */
};

struct turns {
	pthread_mutex_t lock;
	struct turn *first; /* the one that works; the rest wait */
};

void turns_init(struct turns *turns);
void turns_destroy(struct turns *turns);

/*
 * Waits for the turn: at most `timeout` milliseconds, and not beyond `limit`
 * where that is given. IOTSAFE_ERR_TIMEOUT, _CANCELLED or _IO; then there is
 * nothing to end.
 */
int turn_begin(struct turns *turns, struct turn *turn, int timeout,
	       const struct deadline *limit);
void turn_end(struct turns *turns, struct turn *turn);

/* Cancels whoever works or waits at this moment. */
void turns_cancel(struct turns *turns);

#endif
