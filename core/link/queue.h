/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Processes that take turns on a port: first come, first served. Nothing of it
 * is in a file, so that a process that is killed leaves nothing: the queue is
 * locks on bytes of the device, which the kernel drops with the descriptor.
 */
#ifndef LINK_QUEUE_H
#define LINK_QUEUE_H

#include <stdbool.h>
#include <sys/types.h>
#include "base/deadline.h"

struct queue_wait;

struct queue {
	int fd;			 /* of the port */
	off_t ticket;		 /* of our turn, 0: it is not ours */
	struct queue_wait *wait; /* one that we gave up, and that goes on */
};

/* The port among others, or alone. False where somebody is there who does not
 * go with that. Holds until the descriptor is closed, or queue_close(). */
bool queue_join(struct queue *queue, int fd, bool alone);

/* True if those who are there take turns; false if one has it alone, or nobody
 * is left. */
bool queue_has_sharers(int fd);

/*
 * Waits for the turn, then for a flock(2) on the port. _CANCELLED and _TIMEOUT
 * (before us are others in the queue) and _BUSY (another program has locked
 * the port) are not recorded, _IO is.
 */
int queue_enter(struct queue *queue, const struct deadline *deadline);
void queue_leave(struct queue *queue);

/* Before the descriptor is closed: also where it lives on in a child. */
void queue_close(struct queue *queue);

/* In such a child: gives its copy of the descriptor that waits, or -1. It is to
 * be closed, for the locks end with the last. */
int queue_abandon(struct queue *queue);

#endif
