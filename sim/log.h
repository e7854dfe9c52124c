/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_LOG_H
#define SIM_LOG_H

#include "bytes.h"
#include "card.h"

#include <stdio.h>

struct log {
	FILE *file; /* NULL: no log */
};

/* One AT+CSIM and its answer; times are those of the link model. */
struct log_entry {
	struct card_note note;
	struct view command;
	struct view response;
	uint64_t card_ns; /* of the model, or longer when it took longer */
	uint64_t modem_ns;
	uint64_t line_ns;
	/* all characters on the line since the last entry, with the echo */
	size_t line_in;
	size_t line_out;
};

/* Opens for appending, readable by the owner only. */
bool log_open(struct log *log, const char *path);
void log_close(struct log *log);
void log_write(struct log *log, const struct log_entry *entry);

#endif
