/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Points in time, and the one wait of the library. */
#include <criterion/criterion.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <iotsafe/iotsafe.h>
#include "base/deadline.h"

Test(deadline, never_is_never)
{
	struct deadline never = deadline_in(-1, -1);

	cr_assert(deadline_left(&never) == -1);
	cr_assert(!deadline_passed(&never));
}

Test(deadline, that_is_over_leaves_nothing)
{
	struct deadline over = deadline_in(0, -1);

	cr_assert(deadline_left(&over) == 0 && deadline_passed(&over));
	over.at = deadline_now() - 1000;
	cr_assert(deadline_left(&over) == 0 && deadline_passed(&over));
}

Test(deadline, far_away_fits_poll)
{
	struct deadline far = {deadline_now() + (int64_t)INT_MAX * 4, -1, -1};

	cr_assert(deadline_left(&far) == INT_MAX);
}

Test(deadline, within_another_takes_the_earlier_and_its_cancel)
{
	struct deadline outer = deadline_in(1000, 7);
	struct deadline inner;

	outer.also_cancel_fd = 8;
	inner = deadline_within(&outer, 100);
	cr_assert(inner.at < outer.at);
	cr_assert(inner.cancel_fd == 7 && inner.also_cancel_fd == 8);
	inner = deadline_within(&outer, 100000);
	cr_assert(inner.at == outer.at);
	inner = deadline_within(&outer, -1);
	cr_assert(inner.at == outer.at);
}

struct pair {
	int ends[2];
	int cancel;
};

static struct pair make_pair(void)
{
	struct pair pair = {.cancel = eventfd(0, EFD_NONBLOCK)};

	cr_assert(pipe(pair.ends) == 0 && pair.cancel >= 0);
	return pair;
}

Test(deadline, a_wait_ends_when_something_is_there)
{
	struct pair pair = make_pair();
	struct deadline deadline = deadline_in(5000, pair.cancel);

	cr_assert(write(pair.ends[1], "x", 1) == 1);
	cr_assert(deadline_wait(&deadline, pair.ends[0], POLLIN) == 0);
	close(pair.ends[1]);
	cr_assert(deadline_wait(&deadline, pair.ends[0], POLLIN) == 0,
		  "a hang-up is for the next read to tell");
}

Test(deadline, a_wait_ends_in_time_and_not_before)
{
	struct pair pair = make_pair();
	int64_t start = deadline_now();
	struct deadline deadline = deadline_in(50, pair.cancel);

	cr_assert(deadline_wait(&deadline, pair.ends[0], POLLIN) ==
		  IOTSAFE_ERR_TIMEOUT);
	cr_assert(deadline_now() - start >= 49);
	cr_assert(deadline_now() - start < 2000);
}

Test(deadline, either_descriptor_cancels_even_if_something_is_there)
{
	struct pair pair = make_pair();
	struct deadline deadline = deadline_in(5000, pair.cancel);

	cr_assert(write(pair.ends[1], "x", 1) == 1);
	eventfd_write(pair.cancel, 1);
	cr_assert(deadline_wait(&deadline, pair.ends[0], POLLIN) ==
		  IOTSAFE_ERR_CANCELLED);
	cr_assert(deadline_cancelled(&deadline));
	deadline = deadline_in(5000, -1);
	cr_assert(!deadline_cancelled(&deadline));
	deadline.also_cancel_fd = pair.cancel;
	cr_assert(deadline_cancelled(&deadline));
	cr_assert(deadline_wait(&deadline, pair.ends[0], POLLIN) ==
		  IOTSAFE_ERR_CANCELLED);
}

static void ignore(int signal)
{
	(void)signal;
}

static void *interrupt(void *self)
{
	pthread_t *waiting = self;

	for (int i = 0; i < 5; i++) {
		poll(NULL, 0, 5);
		pthread_kill(*waiting, SIGUSR1);
	}
	return NULL;
}

Test(deadline, a_signal_does_not_end_a_wait)
{
	struct sigaction action = {.sa_handler = ignore};
	struct pair pair = make_pair();
	struct deadline deadline = deadline_in(100, pair.cancel);
	pthread_t self = pthread_self(), thread;

	sigaction(SIGUSR1, &action, NULL);
	pthread_create(&thread, NULL, interrupt, &self);
	cr_assert(deadline_wait(&deadline, pair.ends[0], POLLIN) ==
		  IOTSAFE_ERR_TIMEOUT);
	pthread_join(thread, NULL);
	cr_assert(deadline_passed(&deadline));
}
