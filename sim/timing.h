/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_TIMING_H
#define SIM_TIMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How long things would take on a real link. All zero: no time at all. */
struct timing {
	unsigned int baud; /* 0: the line takes no time */
	uint64_t modem_ns; /* per command */
	uint64_t char_ns;  /* per character between modem and card */
	uint64_t card_ns;  /* per command, where `ins` does not say */
	struct {
		bool set;
		uint64_t ns;
	} ins[256];
};

uint64_t timing_line(const struct timing *timing, size_t characters);
uint64_t timing_card(const struct timing *timing, unsigned int ins,
		     size_t characters);

/* Monotonic, in nanoseconds. */
uint64_t timing_now(void);

#endif
