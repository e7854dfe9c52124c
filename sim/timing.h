/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_TIMING_H
#define SIM_TIMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * How long things would take on a real link. All zero: no time at all. N
 * commands with B characters on the line and C between modem and card take
 *
 *	N modem + (N - 1) gap + 10 B / baud + C char + the card's time for each
 */
struct timing {
	unsigned int baud; /* 0: the line takes no time */
	uint64_t modem_ns; /* per command */
	uint64_t gap_ns;   /* from an answer to the next command */
	uint64_t char_ns;  /* per character between modem and card */
	uint64_t card_ns;  /* per command, where `ins` does not say */
	struct {
		bool set;
		uint64_t ns;
	} ins[256];
	unsigned int ta1; /* what `char_ns` was worked out of; 0: given */
	double clock_mhz; /* of the card; 0: TIMING_CLOCK_MHZ */
};

/* The usual clock of a card in a modem. */
#define TIMING_CLOCK_MHZ 4.0

uint64_t timing_line(const struct timing *timing, size_t characters);

/* Characters of T=0 for a command and its answer of `answer_size`: procedure
 * bytes too, and the fetching of what a command with data answers. */
size_t timing_characters(size_t command_size, uint8_t lc, size_t answer_size);

/* The card's time for a command and its answer, all characters included. */
uint64_t timing_card(const struct timing *timing, const uint8_t *command,
		     size_t size, size_t answer_size);

/* 12 etu a character at TA1 (ISO 7816-3, 8.3) and the clock; 0 for a TA1 that
 * the standard keeps for itself. */
uint64_t timing_of_ta1(unsigned int ta1, double clock_mhz);

/* Monotonic, in nanoseconds. */
uint64_t timing_now(void);

#endif
