/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A network between two descriptors: it delays, and it loses. */
#ifndef BENCHMARKS_RELAY_H
#define BENCHMARKS_RELAY_H

#include <stdbool.h>
#include <stdint.h>

struct relay {
	int ends[2];
	bool datagram;
	double delay_ms; /* one way */
	/* In a hundred. A datagram is gone; of a stream, as TCP would have it,
	 * it and all behind it come a retransmission later. */
	double loss;
	uint64_t seed; /* the same one loses the same ones */
};

/* Until both ends have closed or one has failed. Closes both. */
void relay_run(struct relay *relay);

#endif
