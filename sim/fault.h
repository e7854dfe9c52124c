/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_FAULT_H
#define SIM_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* What can be broken on request; fault.c has the table with a sentence each. */
enum fault {
	FAULT_FLIP_SIGNATURE,
	FAULT_DIE,
	FAULT_SW,
	FAULT_ONCE,
	FAULT_AFTER,
	FAULT_CORRUPT,
	FAULT_GARBAGE,
	FAULT_SHRINK,
	FAULT_CME,
	FAULT_SILENCE,
	FAULT_TRUNCATE,
	FAULT_GARBLE,
	FAULT_BUSY,
	FAULT_NO_SIM,
	FAULT_NO_APPLET,
	FAULT_NO_CERTIFICATE,
	FAULT_WRONG_CERTIFICATE,
	FAULT_NO_KEY,
	FAULT_RESET,
	FAULT_RESTART,
	FAULT_DEAF,
	FAULT_POWER_CUT,
	FAULT_HALF,
	FAULT_DIGIT,
	FAULT_STORM,
	FAULT_CARD_RESET,
	FAULT_MODEM_RESET,
	FAULT_CHANNEL_LOST,
	FAULT_PULL,
	FAULT_SWAP,
	FAULT_UNPLUG,
	/* Trust Onboard */
	FAULT_DIR_COUNT,
	FAULT_DIR_SIZE,
	FAULT_DIR_ID,
	FAULT_KEY_BITS,
	FAULT_NO_SIZE,
	FAULT_FCP_SIZE,
	FAULT_ZLIB_BOMB,
	FAULT_ZLIB_SIZE,
	FAULT_ZLIB_CUT,
	FAULT_LABEL_SIZE,
	FAULT_VALUE_SIZE,
	FAULT_NOISE_KEY,
	FAULT_SIGNATURE_SIZE,
	FAULT_COUNT
};

#define FAULT_RULES_MAX 16

struct fault_rule {
	enum fault fault;
	uint8_t ins;
	unsigned int value;
	bool any;	   /* whatever the command */
	unsigned int from; /* strikes from this time on, counted from 1 */
	unsigned int to;   /* up to this one */
	unsigned int seen;
};

struct faults {
	struct fault_rule rules[FAULT_RULES_MAX];
	size_t count;
	unsigned int struck; /* how often one of them did */
};

/* Reads NAME[=VALUE][@N[-M]][,...] on top of what is set; as quirks_parse. */
bool faults_parse(struct faults *faults, const char *text, char *why,
		  size_t why_size);

/* Is this fault asked for at all? */
bool fault_on(const struct faults *faults, enum fault fault);

/* The same, and the number of the rule. */
bool fault_value(const struct faults *faults, enum fault fault,
		 unsigned int *value);

/* The same, and counted among those that struck; `value` may be NULL. It holds
 * all the time, so the rule's @N means nothing. */
bool fault_holds(struct faults *faults, enum fault fault, unsigned int *value);

/*
 * Counts one more occasion and says whether the fault strikes now. `value`,
 * unless NULL, gets the rule's number.
 */
bool fault_strikes(struct faults *faults, enum fault fault, unsigned int ins,
		   unsigned int *value);

/* The same, but only at that very time. */
bool fault_strikes_once(struct faults *faults, enum fault fault,
			unsigned int ins, unsigned int *value);

void faults_print(FILE *out);

#endif
