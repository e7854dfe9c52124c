/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A function call becomes work in a thread, told as done by a descriptor.
 *
 * Threads that have finished are parked for the next job, a few of them:
 * GnuTLS allots each thread that draws random numbers a state that it gives
 * back at exit only, so a fresh thread for every handshake would be a leak.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "base/thread.h"
#include "tls/job.h"

#define PARKED_MAX 4

struct worker {
	struct worker *next;
	struct job *job;
	pthread_cond_t wake;
};

static struct {
	pthread_mutex_t lock;
	pthread_once_t once;
	struct worker *parked;
	unsigned count;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .once = PTHREAD_ONCE_INIT};

/* The threads of the parent do not exist in a child made by fork(). */
static void before_fork(void)
{
	pthread_mutex_lock(&pool.lock);
}

static void after_fork_parent(void)
{
	pthread_mutex_unlock(&pool.lock);
}

static void after_fork_child(void)
{
	pthread_mutex_unlock(&pool.lock);
	pool.parked = NULL;
	pool.count = 0;
}

static void prepare_pool(void)
{
	pthread_atfork(before_fork, after_fork_parent, after_fork_child);
}

static void perform(struct job *job)
{
	error_save(&job->error);
	job->error.code = IOTSAFE_OK;
	error_restore(&job->error);
	job->result = job->work(job->self);
	error_save(&job->error);
}

/* Enters the thread among those that are free; false if there are enough. */
static bool park(struct worker *worker)
{
	bool parked = false;

	pthread_mutex_lock(&pool.lock);
	if (pool.count < PARKED_MAX) {
		parked = true;
		pool.count++;
		worker->job = NULL;
		worker->next = pool.parked;
		pool.parked = worker;
	}
	pthread_mutex_unlock(&pool.lock);
	return parked;
}

static void wait_for_job(struct worker *worker)
{
	pthread_mutex_lock(&pool.lock);
	while (!worker->job)
		pthread_cond_wait(&worker->wake, &pool.lock);
	pthread_mutex_unlock(&pool.lock);
}

/* Parked first, told then: the owner's next job finds this thread free. */
static void *run(void *self)
{
	struct worker *worker = self;
	bool parked;

	do {
		int done_fd = worker->job->done_fd;

		perform(worker->job);
		parked = park(worker);
		/* Its owner may free the job from here on. */
		eventfd_write(done_fd, 1);
		if (parked)
			wait_for_job(worker);
	} while (parked);
	pthread_cond_destroy(&worker->wake);
	free(worker);
	return NULL;
}

static bool wake_parked(struct job *job)
{
	struct worker *worker;

	pthread_mutex_lock(&pool.lock);
	worker = pool.parked;
	if (worker) {
		pool.parked = worker->next;
		pool.count--;
		worker->job = job;
		pthread_cond_broadcast(&worker->wake);
	}
	pthread_mutex_unlock(&pool.lock);
	return worker;
}

static int start_worker(struct job *job)
{
	struct worker *worker;
	int error;

	pthread_once(&pool.once, prepare_pool);
	if (wake_parked(job))
		return IOTSAFE_OK;
	worker = calloc(1, sizeof(*worker));
	if (!worker)
		return error_no_memory("thread");
	worker->job = job;
	pthread_cond_init(&worker->wake, NULL);
	error = thread_start(run, worker);
	if (!error)
		return IOTSAFE_OK;
	pthread_cond_destroy(&worker->wake);
	free(worker);
	return error_set_errno(IOTSAFE_ERR_MEMORY, error, "thread");
}

void job_init(struct job *job)
{
	*job = (struct job){.done_fd = -1, .cancel_fd = -1};
}

int job_prepare(struct job *job)
{
	if (job->done_fd < 0)
		job->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (job->cancel_fd < 0)
		job->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (job->done_fd < 0 || job->cancel_fd < 0)
		return error_set_errno(IOTSAFE_ERR_IO, errno, "eventfd");
	return IOTSAFE_OK;
}

int job_start(struct job *job, int (*work)(void *self), void *self)
{
	job->work = work;
	job->self = self;
	TRY(start_worker(job));
	job->running = true;
	return IOTSAFE_OK;
}

int job_collect(struct job *job, const struct deadline *deadline, int *result)
{
	eventfd_t count;

	TRY(deadline_wait(deadline, job->done_fd, POLLIN));
	if (eventfd_read(job->done_fd, &count) < 0)
		return IOTSAFE_ERR_TIMEOUT;
	job->running = false;
	*result = job->result;
	if (job->error.code != IOTSAFE_OK)
		error_restore(&job->error);
	return IOTSAFE_OK;
}

void job_end(struct job *job)
{
	const struct deadline never = deadline_in(-1, -1);
	struct error before;
	int result;

	error_save(&before);
	if (job->running) {
		eventfd_write(job->cancel_fd, 1);
		while (job->running)
			job_collect(job, &never, &result);
	}
	error_restore(&before);
	if (job->done_fd >= 0)
		close(job->done_fd);
	if (job->cancel_fd >= 0)
		close(job->cancel_fd);
	job_init(job);
}
