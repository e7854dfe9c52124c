/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls that may block without end, in a thread of their own: whoever wants
 * them waits until a deadline or a cancel, and leaves the thread alone with
 * what it works on. Knows nothing of what the calls do. */
#ifndef LINK_WORKER_H
#define LINK_WORKER_H

#include "base/deadline.h"

struct worker;

/* All run in the thread, one after the other. */
struct worker_manners {
	/* Behind a call that nobody waits for any more. */
	void (*late)(void *self);
	/* At the end: frees everything. */
	void (*end)(void *self);
};

/* Starts one; `self` is its own from now on, except between two calls. Fails
 * also where too many threads are left that never came back; then `self` stays
 * the caller's. */
int worker_start(struct worker **out, const struct worker_manners *manners,
		 void *self);

/* Waits until a late call has come back, then runs this one. _TIMEOUT and
 * _CANCELLED are not recorded; `self` must not be touched then. */
int worker_run(struct worker *worker, void (*call)(void *self),
	       const struct deadline *deadline);

/* Runs it and does not wait; not at all while a late call is under way. */
void worker_post(struct worker *worker, void (*call)(void *self));

/* Ends the thread, waiting a moment at most. Neither the worker nor `self` may
 * be used afterwards. */
void worker_stop(struct worker *worker);

#endif
