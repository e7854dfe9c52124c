/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The counters of a seal, in a file that survives whatever happens. */
#ifndef FORMAT_SEAL_STATE_H
#define FORMAT_SEAL_STATE_H

#include <stdbool.h>
#include <stdint.h>

#define SEAL_STATE_KEY 32

struct seal_counters {
	uint64_t reserved; /* numbers below may have been used for sending */
	uint64_t newest;   /* one more than the highest number received */
	uint64_t window;   /* bit n: newest - 1 - n was received */
};

/* How many numbers below the newest one may still come. */
#define SEAL_WINDOW 64

/* Whether a message of this number has not come yet, as far as that is known;
 * and that it has. */
bool seal_counters_lack(const struct seal_counters *counters, uint32_t number);
void seal_counters_add(struct seal_counters *counters, uint32_t number);

struct seal_state {
	int directory, file; /* -1: not open */
	char name[256];	     /* within the directory */
	uint8_t key[SEAL_STATE_KEY];
	struct seal_counters counters;
};

/* Opens and locks the file and reads the counters; with `create` it must not
 * exist and is made. `key` authenticates what is in it. */
int seal_state_open(struct seal_state *state, const char *path, bool create);

/* Writes these counters; they count once this has returned IOTSAFE_OK. */
int seal_state_save(struct seal_state *state,
		    const struct seal_counters *counters);

void seal_state_close(struct seal_state *state);

#endif
