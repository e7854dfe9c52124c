/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A call that may block becomes one that ends by a deadline: a thread makes it
 * and tells by a descriptor that it is done.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "base/error.h"
#include "base/thread.h"
#include "link/worker.h"

/* Threads that were left in a call. Each may hold a connection of a daemon's
 * few; a program that tries for ever must not use them up. */
#define LEFT_MAX 8

/* How long the end may take, in milliseconds: the far side sees it as ordinary
 * then, and does not reset the card. */
#define END_LIMIT 1000

struct worker {
	const struct worker_manners *manners;
	void *self;
	int done_fd; /* told when a call has come back, and at the end */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	/* Under the lock: */
	void (*call)(void *self); /* under way or to be made; NULL: idle */
	bool late;		  /* who waited for it has given up */
	bool stop, ended, left;
};

static atomic_int left_count;

static void destroy(struct worker *worker)
{
	close(worker->done_fd);
	pthread_cond_destroy(&worker->wake);
	pthread_mutex_destroy(&worker->lock);
	free(worker);
}

/* One call; the lock is held outside it. */
static void make_call(struct worker *worker)
{
	pthread_mutex_unlock(&worker->lock);
	worker->call(worker->self);
	pthread_mutex_lock(&worker->lock);
	if (worker->late) {
		pthread_mutex_unlock(&worker->lock);
		worker->manners->late(worker->self);
		pthread_mutex_lock(&worker->lock);
	}
	worker->call = NULL;
	worker->late = false;
	eventfd_write(worker->done_fd, 1);
}

static void *work(void *self)
{
	struct worker *worker = self;
	bool left;

	pthread_mutex_lock(&worker->lock);
	for (;;) {
		if (worker->call)
			make_call(worker);
		else if (worker->stop)
			break;
		else
			pthread_cond_wait(&worker->wake, &worker->lock);
	}
	pthread_mutex_unlock(&worker->lock);
	worker->manners->end(worker->self);
	pthread_mutex_lock(&worker->lock);
	worker->ended = true;
	left = worker->left;
	eventfd_write(worker->done_fd, 1);
	pthread_mutex_unlock(&worker->lock);
	if (left) {
		destroy(worker);
		atomic_fetch_sub(&left_count, 1);
	}
	return NULL;
}

int worker_start(struct worker **out, const struct worker_manners *manners,
		 void *self)
{
	struct worker *worker;
	int failed;

	if (atomic_load(&left_count) >= LEFT_MAX)
		return error_set(IOTSAFE_ERR_BUSY,
				 "%d earlier calls have never come back: is "
				 "the service that serves the card stuck?",
				 LEFT_MAX);
	worker = calloc(1, sizeof(*worker));
	if (!worker)
		return error_set(IOTSAFE_ERR_MEMORY, "no memory");
	worker->manners = manners;
	worker->self = self;
	worker->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&worker->lock, NULL);
	pthread_cond_init(&worker->wake, NULL);
	failed = worker->done_fd < 0 ? errno : thread_start(work, worker);
	if (failed) {
		destroy(worker);
		return error_set_errno(IOTSAFE_ERR_IO, failed, "thread");
	}
	*out = worker;
	return IOTSAFE_OK;
}

/* Waits until the call has come back, or the thread has ended. */
static int wait_until(struct worker *worker, bool end,
		      const struct deadline *deadline)
{
	eventfd_t count;
	bool done;

	for (;;) {
		eventfd_read(worker->done_fd, &count);
		pthread_mutex_lock(&worker->lock);
		done = end ? worker->ended : !worker->call;
		pthread_mutex_unlock(&worker->lock);
		if (done)
			return IOTSAFE_OK;
		TRY(deadline_wait(deadline, worker->done_fd, POLLIN));
	}
}

static void set_call(struct worker *worker, void (*call)(void *self))
{
	pthread_mutex_lock(&worker->lock);
	worker->call = call;
	pthread_cond_signal(&worker->wake);
	pthread_mutex_unlock(&worker->lock);
}

int worker_run(struct worker *worker, void (*call)(void *self),
	       const struct deadline *deadline)
{
	int result;

	TRY(wait_until(worker, false, deadline));
	set_call(worker, call);
	result = wait_until(worker, false, deadline);
	if (result >= 0)
		return IOTSAFE_OK;
	pthread_mutex_lock(&worker->lock);
	if (worker->call)
		worker->late = true;
	else
		result = IOTSAFE_OK; /* it has come back this moment */
	pthread_mutex_unlock(&worker->lock);
	return result;
}

void worker_post(struct worker *worker, void (*call)(void *self))
{
	bool busy;

	pthread_mutex_lock(&worker->lock);
	busy = worker->call != NULL;
	pthread_mutex_unlock(&worker->lock);
	if (!busy)
		set_call(worker, call);
}

void worker_stop(struct worker *worker)
{
	const struct deadline never = {INT64_MAX, -1, -1};
	struct deadline limit = deadline_within(&never, END_LIMIT);
	bool stuck;

	pthread_mutex_lock(&worker->lock);
	worker->stop = true;
	stuck = worker->late;
	pthread_cond_signal(&worker->wake);
	pthread_mutex_unlock(&worker->lock);
	if (!stuck)
		wait_until(worker, true, &limit);
	pthread_mutex_lock(&worker->lock);
	worker->left = !worker->ended;
	/* What the thread still holds is its own to free. */
	if (worker->left)
		atomic_fetch_add(&left_count, 1);
	stuck = worker->left;
	pthread_mutex_unlock(&worker->lock);
	if (!stuck)
		destroy(worker);
}
