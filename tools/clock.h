/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Points in time, CLOCK_MONOTONIC. */
#ifndef TOOLS_CLOCK_H
#define TOOLS_CLOCK_H

#include <limits.h>
#include <stdint.h>
#include <time.h>

static inline uint64_t clock_microseconds(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

/* The point so many milliseconds from now. */
static inline int64_t clock_after(int milliseconds)
{
	return (int64_t)(clock_microseconds() / 1000) + milliseconds;
}

/* The milliseconds until then, 0 if it is past. */
static inline int clock_left(int64_t deadline)
{
	int64_t left = deadline - clock_after(0);

	return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

#endif
