/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One line of a trace (IOTSAFE_TRACE, --trace), taken apart. Pure. */
#ifndef TOOLS_RECORD_H
#define TOOLS_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ETSI TS 102 221 10.2.1: header, Lc, data, Le; data and status word. */
#define RECORD_COMMAND_MAX 261
#define RECORD_ANSWER_MAX  258
#define RECORD_NAME_MAX	   48

enum record_kind {
	/* Not a line of a trace. */
	RECORD_OTHER,
	/* A command to the card and its answer. */
	RECORD_APDU,
	/* A line to the modem or from it. */
	RECORD_SENT,
	RECORD_RECEIVED,
	/* A failure, with its code in front. */
	RECORD_ERROR,
	/* What the library did about it. */
	RECORD_REMARK
};

struct record {
	enum record_kind kind;
	/* What the library calls the command; of the others nothing. */
	char name[RECORD_NAME_MAX];
	/* Header alone, and status word alone, where a secret is masked. */
	uint8_t command[RECORD_COMMAND_MAX];
	size_t command_size;
	uint8_t answer[RECORD_ANSWER_MAX];
	size_t answer_size;
	bool masked;
	/* Bytes of the answer that the trace does not show. */
	size_t hidden;
	uint64_t microseconds;
	/* What the line says of the modem or the failure; in `line`. */
	const char *text;
};

/* False for a line of an exchange that cannot be understood: it was cut, or
 * changed by hand. */
bool record_read(const char *line, struct record *record);

#endif
