// SPDX-License-Identifier: LGPL-2.1-or-later
/* The link model: characters and commands in, nanoseconds out. */
#include "timing.h"

#include <time.h>

#define SECOND_NS 1000000000ULL
#define BITS	  10 /* a character on the line: start, eight, stop */

uint64_t timing_line(const struct timing *timing, size_t characters)
{
	if (timing->baud == 0)
		return 0;
	return characters * BITS * SECOND_NS / timing->baud;
}

uint64_t timing_card(const struct timing *timing, unsigned int ins,
		     size_t characters)
{
	uint64_t ns = timing->ins[ins & 0xFF].set ? timing->ins[ins & 0xFF].ns
						  : timing->card_ns;

	return ns + characters * timing->char_ns;
}

uint64_t timing_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}
