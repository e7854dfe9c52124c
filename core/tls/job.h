/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A piece of work that may wait for the card, done in a thread while the
 * caller goes on with its event loop. */
#ifndef TLS_JOB_H
#define TLS_JOB_H

#include <stdbool.h>
#include "base/deadline.h"
#include "base/error.h"

struct job {
	int done_fd;   /* readable when the work is done; -1: none yet */
	int cancel_fd; /* for the deadlines of the work itself */
	bool running;
	int (*work)(void *self);
	void *self;
	int result;
	struct error error; /* what the work recorded in its thread */
};

void job_init(struct job *job);

/* Opens the descriptors, so that `cancel_fd` can go into deadlines. */
int job_prepare(struct job *job);

/* Starts `work` in a thread (after job_prepare()). Until the end of the job
 * nobody else may touch what `self` points to. */
int job_start(struct job *job, int (*work)(void *self), void *self);

/* Fetches the result of `work`, and with it what it recorded as error.
 * IOTSAFE_ERR_TIMEOUT, unrecorded, if it is still under way by then. */
int job_collect(struct job *job, const struct deadline *deadline, int *result);

/* Cancels and waits for work under way, and closes the descriptors. */
void job_end(struct job *job);

#endif
