/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A point in time, made once at the top of an operation and passed down; and
 * the descriptor through which another thread may end the wait. */
#ifndef BASE_DEADLINE_H
#define BASE_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/module.h"

struct deadline {
	int64_t at;    /* CLOCK_MONOTONIC, milliseconds; INT64_MAX: never */
	int cancel_fd; /* becomes readable when cancelled; -1: nothing can */
	int also_cancel_fd; /* a second one, or -1 */
};

int64_t deadline_now(void) FOR_MODULES(deadline_now);

/* `milliseconds` from now; -1: never. */
struct deadline deadline_in(int milliseconds, int cancel_fd)
	FOR_MODULES(deadline_in);

/* The same, but not later than `limit` and with its cancel descriptors. */
struct deadline deadline_within(const struct deadline *limit, int milliseconds)
	FOR_MODULES(deadline_within);

/* Milliseconds left for poll(2), rounded up; 0 when passed, -1: never. */
int deadline_left(const struct deadline *deadline) FOR_MODULES(deadline_left);

bool deadline_passed(const struct deadline *deadline)
	FOR_MODULES(deadline_passed);

/* True once the other thread has asked to end it. */
bool deadline_cancelled(const struct deadline *deadline);

/*
 * Waits until one of `events` (poll(2)) is there on `fd`.
 *
 * Returns 0 when it is (or the descriptor hung up: the next read tells),
 * IOTSAFE_ERR_TIMEOUT or IOTSAFE_ERR_CANCELLED without recording an error:
 * the caller knows what was waited for. IOTSAFE_ERR_IO is recorded.
 */
int deadline_wait(const struct deadline *deadline, int fd, short events)
	FOR_MODULES(deadline_wait);

#endif
