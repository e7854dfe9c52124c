// SPDX-License-Identifier: LGPL-2.1-or-later
/* The link model: characters and commands in, nanoseconds out. */
#include "timing.h"

#include <time.h>

#define SECOND_NS 1000000000ULL
#define BITS	  10 /* a character on the line: start, eight, stop */
#define ETU	  12 /* a character to the card: the same, parity and guard */

enum { HEADER = 5, PROCEDURE = 1, STATUS = 2 };

uint64_t timing_line(const struct timing *timing, size_t characters)
{
	if (timing->baud == 0)
		return 0;
	return characters * BITS * SECOND_NS / timing->baud;
}

/* ISO 7816-3, 10.3 and 12.2.1: Le travels in no command that has data, and the
 * answer to one waits behind 61xx for a GET RESPONSE. */
size_t timing_characters(size_t command_size, uint8_t lc, size_t answer_size)
{
	bool has_data = command_size > HEADER;
	size_t count = HEADER + STATUS;

	if (has_data)
		count += PROCEDURE + (size_t)lc;
	if (answer_size <= STATUS)
		return count;
	if (has_data)
		count += STATUS + HEADER;
	return count + PROCEDURE + answer_size - STATUS;
}

uint64_t timing_card(const struct timing *timing, const uint8_t *command,
		     size_t size, size_t answer_size)
{
	unsigned int ins = command[1];
	uint8_t lc = size > HEADER ? command[4] : 0;
	uint64_t ns =
		timing->ins[ins].set ? timing->ins[ins].ns : timing->card_ns;

	return ns + timing_characters(size, lc, answer_size) * timing->char_ns;
}

uint64_t timing_of_ta1(unsigned int ta1, double clock_mhz)
{
	static const unsigned int f[16] = {372,	 372,  558,  744, 1116,
					   1488, 1860, 0,    0,	  512,
					   768,	 1024, 1536, 2048};
	static const unsigned int d[16] = {0, 1, 2, 4, 8, 16, 32, 64, 12, 20};
	unsigned int clocks = f[ta1 >> 4 & 0xF], divider = d[ta1 & 0xF];

	if (clocks == 0 || divider == 0 || clock_mhz <= 0)
		return 0;
	return (uint64_t)(ETU * 1000.0 * clocks / divider / clock_mhz + 0.5);
}

uint64_t timing_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}
