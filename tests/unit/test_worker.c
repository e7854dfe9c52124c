/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls in a thread: in time, too late, and never. */
#include <criterion/criterion.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "base/error.h"
#include "link/worker.h"

/* Stays the test's, so that it may look at what became of it. */
struct job {
	sem_t go, ended;
	atomic_int calls, lates, ends;
};

static void count_call(void *self)
{
	struct job *job = self;

	atomic_fetch_add(&job->calls, 1);
}

static void slow_call(void *self)
{
	struct job *job = self;

	sem_wait(&job->go);
	count_call(self);
}

static void count_late(void *self)
{
	struct job *job = self;

	atomic_fetch_add(&job->lates, 1);
}

static void count_end(void *self)
{
	struct job *job = self;

	atomic_fetch_add(&job->ends, 1);
	sem_post(&job->ended);
}

static const struct worker_manners manners = {count_late, count_end};

static struct worker *start(struct job *job)
{
	struct worker *worker;

	memset(job, 0, sizeof(*job));
	sem_init(&job->go, 0, 0);
	sem_init(&job->ended, 0, 0);
	cr_assert_eq(worker_start(&worker, &manners, job), IOTSAFE_OK, "%s",
		     iotsafe_last_error());
	return worker;
}

static const struct deadline never = {INT64_MAX, -1, -1};

Test(worker, a_call_is_made_and_waited_for)
{
	struct job job;
	struct worker *worker = start(&job);

	for (int i = 1; i <= 100; i++) {
		cr_assert_eq(worker_run(worker, count_call, &never), 0);
		cr_assert_eq(job.calls, i);
	}
	worker_stop(worker);
	cr_assert_eq(job.lates, 0);
	cr_assert_eq(job.ends, 1);
}

Test(worker, a_call_that_does_not_come_back_ends_by_the_deadline)
{
	struct job job;
	struct worker *worker = start(&job);
	struct deadline soon = deadline_within(&never, 50);

	cr_assert_eq(worker_run(worker, slow_call, &soon), IOTSAFE_ERR_TIMEOUT);
	/* The next one waits for it, and it is told as late. */
	sem_post(&job.go);
	cr_assert_eq(worker_run(worker, count_call, &never), IOTSAFE_OK);
	cr_assert_eq(job.calls, 2);
	cr_assert_eq(job.lates, 1);
	worker_stop(worker);
}

Test(worker, a_cancel_ends_the_wait)
{
	struct job job;
	struct worker *worker = start(&job);
	struct deadline cancelled = never;

	cancelled.cancel_fd = eventfd(1, EFD_CLOEXEC);
	cr_assert_eq(worker_run(worker, slow_call, &cancelled),
		     IOTSAFE_ERR_CANCELLED);
	sem_post(&job.go);
	close(cancelled.cancel_fd);
	worker_stop(worker);
	sem_wait(&job.ended);
	cr_assert_eq(job.lates, 1);
}

Test(worker, what_is_posted_is_done_before_the_end)
{
	struct job job;
	struct worker *worker = start(&job);

	worker_post(worker, count_call);
	worker_stop(worker);
	cr_assert_eq(job.calls, 1);
	cr_assert_eq(job.ends, 1);
	cr_assert_eq(job.lates, 0);
}

Test(worker, a_stuck_call_is_left_to_itself_and_cleans_up_when_it_comes_back)
{
	struct job job;
	struct worker *worker = start(&job);
	struct deadline soon = deadline_within(&never, 20);

	cr_assert_eq(worker_run(worker, slow_call, &soon), IOTSAFE_ERR_TIMEOUT);
	worker_stop(worker);
	cr_assert_eq(job.ends, 0);
	sem_post(&job.go);
	sem_wait(&job.ended);
	cr_assert_eq(job.calls, 1);
	cr_assert_eq(job.lates, 1);
}

Test(worker, after_eight_that_never_came_back_there_is_no_ninth)
{
	struct job *jobs = calloc(8, sizeof(*jobs));
	struct deadline passed = deadline_within(&never, 0);
	struct worker *worker;
	struct job ninth = {0};

	for (size_t i = 0; i < 8; i++) {
		worker = start(&jobs[i]);
		cr_assert_eq(worker_run(worker, slow_call, &passed),
			     IOTSAFE_ERR_TIMEOUT);
		worker_stop(worker);
	}
	cr_assert_eq(worker_start(&worker, &manners, &ninth), IOTSAFE_ERR_BUSY);
	cr_assert_not_null(strstr(iotsafe_last_error(), "never come back"));
	for (size_t i = 0; i < 8; i++) {
		sem_post(&jobs[i].go);
		sem_wait(&jobs[i].ended);
	}
	/* The threads count down just behind that. */
	while (worker_start(&worker, &manners, &ninth) < 0)
		sched_yield();
	sem_init(&ninth.ended, 0, 0);
	worker_stop(worker);
	free(jobs);
}
