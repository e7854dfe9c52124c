/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_OUTBOX_H
#define SIM_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct piece;

/* Characters that wait for their time, in the order they were put. */
struct outbox {
	struct piece *first;
	struct piece *last;
	size_t size; /* characters in all pieces */
};

/* When memory is short the characters are lost, as on a line. */
void outbox_put(struct outbox *outbox, uint64_t due, const char *text,
		size_t size);
bool outbox_empty(const struct outbox *outbox);
/* When the first piece is due; only of an outbox that is not empty. */
uint64_t outbox_due(const struct outbox *outbox);
/* Writes what is due now. False when the other end has gone. */
bool outbox_write(struct outbox *outbox, int fd, uint64_t now);
void outbox_clear(struct outbox *outbox);

#endif
