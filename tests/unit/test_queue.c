/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The queue of processes for one port. Descriptors of their own stand for
 * processes where that is enough: locks belong to them. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/error.h"
#include "link/queue.h"

static char path[] = "/tmp/iotsafe-queue-XXXXXX";

static void set_up(void)
{
	int fd = mkstemp(path);

	cr_assert(fd >= 0);
	close(fd);
}

static void tear_down(void)
{
	unlink(path);
}

TestSuite(queue, .init = set_up, .fini = tear_down, .timeout = 60);

static struct queue joined(void)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct queue queue;

	cr_assert(fd >= 0 && queue_join(&queue, fd, false));
	return queue;
}

static void leave(struct queue *queue)
{
	queue_close(queue);
	close(queue->fd);
}

static int enter(struct queue *queue, int timeout)
{
	struct deadline deadline = deadline_in(timeout, -1);

	return queue_enter(queue, &deadline);
}

/* ---- one after the other ---- */

struct member {
	struct queue queue;
	int result;
	unsigned place;
	atomic_uint *had;
	pthread_t thread;
};

static void *take_a_turn(void *self)
{
	struct member *member = self;

	member->result = enter(&member->queue, 30000);
	if (!member->result) {
		member->place = ++*member->had;
		queue_leave(&member->queue);
	}
	return NULL;
}

/* Returns when it stands in the queue: a byte more is locked. */
static void start(struct member *member, off_t ticket)
{
	int fd = open(path, O_RDWR); /* one sees others' locks only */
	struct flock lock;

	cr_assert(!pthread_create(&member->thread, NULL, take_a_turn, member));
	do {
		poll(NULL, 0, 1);
		lock = (struct flock){
			.l_type = F_RDLCK, .l_start = ticket, .l_len = 1};
		cr_assert(!fcntl(fd, F_OFD_GETLK, &lock));
	} while (lock.l_type == F_UNLCK);
	close(fd);
}

Test(queue, turns_come_in_the_order_of_asking)
{
	struct queue first = joined();
	struct member members[8];
	atomic_uint had = 0;

	cr_assert(enter(&first, 1000) == 0);
	for (int i = 0; i < 8; i++) {
		members[i] = (struct member){.queue = joined(), .had = &had};
		start(&members[i], first.ticket + 1 + i);
	}
	cr_expect(had == 0);
	queue_leave(&first);
	for (unsigned i = 0; i < 8; i++) {
		pthread_join(members[i].thread, NULL);
		cr_expect(members[i].result == 0 && members[i].place == i + 1,
			  "%u had place %u", i, members[i].place);
		leave(&members[i].queue);
	}
	cr_expect(enter(&first, 1000) == 0);
	leave(&first);
}

Test(queue, who_comes_back_at_once_stands_behind_who_waits)
{
	struct queue first = joined();
	atomic_uint had = 0;
	struct member member = {.queue = joined(), .had = &had};

	for (unsigned i = 1; i < 20; i++) {
		cr_assert(enter(&first, 30000) == 0);
		start(&member, first.ticket + 1);
		queue_leave(&first);
		cr_assert(enter(&first, 30000) == 0);
		cr_expect(had == i, "overtaken");
		pthread_join(member.thread, NULL);
		queue_leave(&first);
	}
	leave(&first);
	leave(&member.queue);
}

/* ---- giving up ---- */

Test(queue, who_waits_ends_at_its_deadline_and_holds_nobody_up)
{
	struct queue queues[3] = {joined(), joined(), joined()};

	cr_assert(enter(&queues[0], 1000) == 0);
	cr_expect(enter(&queues[1], 20) == IOTSAFE_ERR_TIMEOUT);
	cr_expect(enter(&queues[2], 20) == IOTSAFE_ERR_TIMEOUT);
	queue_leave(&queues[0]);
	/* What they gave up gives itself back. */
	cr_expect(enter(&queues[0], 30000) == 0);
	queue_leave(&queues[0]);
	for (int i = 2; i >= 0; i--) {
		cr_expect(enter(&queues[i], 30000) == 0);
		leave(&queues[i]);
	}
}

Test(queue, who_tries_again_and_again_has_one_place)
{
	struct queue first = joined(), second = joined(), third = joined();

	cr_assert(enter(&first, 1000) == 0);
	for (int i = 0; i < 50; i++) {
		cr_assert(enter(&second, 1) == IOTSAFE_ERR_TIMEOUT);
		cr_assert(second.wait);
	}
	cr_expect(enter(&third, 1) == IOTSAFE_ERR_TIMEOUT);
	/* One ticket each: the first's, the second's, the third's. Who waits
	 * no more may have had the turn and given it back by now: then the
	 * second draws anew, behind the third or where nobody stands. */
	queue_leave(&first);
	cr_expect(enter(&second, 30000) == 0);
	cr_expect(second.ticket <= 5, "%ld", (long)second.ticket);
	leave(&second);
	leave(&third);
	leave(&first);
}

Test(queue, a_cancel_ends_the_wait)
{
	struct queue first = joined(), second = joined();
	struct deadline deadline = deadline_in(30000, eventfd(1, EFD_NONBLOCK));

	cr_assert(enter(&first, 1000) == 0);
	cr_expect(queue_enter(&second, &deadline) == IOTSAFE_ERR_CANCELLED);
	close(deadline.cancel_fd);
	leave(&first);
	cr_expect(enter(&second, 30000) == 0);
	leave(&second);
}

Test(queue, a_port_that_is_closed_while_a_wait_goes_on_is_nobody_s)
{
	struct queue first = joined(), second = joined(), alone;
	int fd = open(path, O_RDWR);

	cr_assert(enter(&first, 1000) == 0);
	cr_expect(enter(&second, 1) == IOTSAFE_ERR_TIMEOUT);
	leave(&second);
	leave(&first);
	cr_expect(queue_join(&alone, fd, true), "somebody is still there");
	close(fd);
}

/* Gives a process that has what its parent, dead by now, had. */
static pid_t child_of_who_gave_up(void)
{
	struct queue queue;
	pid_t parent, child;
	int ends[2];

	cr_assert(!pipe(ends));
	parent = fork();
	if (!parent) {
		queue = joined();
		if (enter(&queue, 1) != IOTSAFE_ERR_TIMEOUT || fork())
			_exit(0);
		close(queue.fd);
		close(queue_abandon(&queue));
		child = getpid();
		if (write(ends[1], &child, sizeof(child)) == sizeof(child))
			pause();
		_exit(0);
	}
	close(ends[1]);
	cr_assert(waitpid(parent, NULL, 0) == parent);
	cr_assert(read(ends[0], &child, sizeof(child)) == sizeof(child));
	close(ends[0]);
	return child;
}

Test(queue, a_child_keeps_nothing_of_a_wait_that_its_parent_gave_up)
{
	struct queue first = joined(), alone;
	int fd = open(path, O_RDWR);
	pid_t child;

	cr_assert(enter(&first, 1000) == 0);
	child = child_of_who_gave_up();
	leave(&first);
	cr_expect(queue_join(&alone, fd, true), "somebody is still there");
	kill(child, SIGKILL);
	close(fd);
}

Test(queue, another_program_s_lock_is_waited_for_and_told_apart)
{
	struct queue queue = joined();
	int other = open(path, O_RDWR);

	cr_assert(!flock(other, LOCK_EX));
	cr_expect(enter(&queue, 20) == IOTSAFE_ERR_BUSY);
	cr_expect(enter(&queue, 20) == IOTSAFE_ERR_BUSY);
	cr_assert(!flock(other, LOCK_UN));
	cr_expect(enter(&queue, 30000) == 0);
	cr_expect(flock(other, LOCK_EX | LOCK_NB) < 0, "locked for others");
	queue_leave(&queue);
	cr_expect(!flock(other, LOCK_EX | LOCK_NB), "given back");
	close(other);
	leave(&queue);
}

/* ---- alone, or in turns ---- */

Test(queue, who_is_alone_keeps_others_out_and_the_reverse)
{
	int fds[2] = {open(path, O_RDWR), open(path, O_RDWR)};
	struct queue one, other;

	cr_expect(queue_join(&one, fds[0], true));
	cr_expect(!queue_join(&other, fds[1], true));
	cr_expect(!queue_join(&other, fds[1], false));
	cr_expect(!queue_has_sharers(fds[1]));
	queue_close(&one);
	cr_expect(queue_join(&one, fds[0], false));
	cr_expect(queue_join(&other, fds[1], false));
	cr_expect(!queue_join(&other, fds[1], true));
	cr_expect(queue_has_sharers(fds[1]));
	queue_close(&one);
	cr_expect(queue_join(&other, fds[1], true));
	close(fds[0]);
	close(fds[1]);
}

/* ---- killed ---- */

struct counts {
	atomic_uint inside, most, turns;
};

static void work_for_ever(struct counts *counts)
{
	struct queue queue = joined();

	for (;;) {
		unsigned inside;

		if (enter(&queue, 60000) < 0)
			_exit(1);
		inside = ++counts->inside;
		if (inside > 1)
			counts->most = inside;
		counts->turns++;
		counts->inside--;
		queue_leave(&queue);
	}
}

Test(queue, processes_that_are_killed_anywhere_leave_nothing)
{
	struct counts *counts =
		mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t children[5];
	unsigned seen;
	int status;

	for (int i = 0; i < 5; i++) {
		children[i] = fork();
		if (!children[i])
			work_for_ever(counts);
	}
	for (unsigned round = 0; round < 40; round++) {
		pid_t *victim = &children[round % 5];

		kill(*victim, SIGKILL);
		cr_assert(waitpid(*victim, &status, 0) == *victim);
		cr_assert(WIFSIGNALED(status), "it gave up by itself");
		/* A turn it was killed in is not counted off. */
		counts->inside = 0;
		*victim = fork();
		if (!*victim)
			work_for_ever(counts);
		seen = counts->turns;
		while (counts->turns < seen + 20)
			poll(NULL, 0, 1);
	}
	for (int i = 0; i < 5; i++) {
		kill(children[i], SIGKILL);
		waitpid(children[i], &status, 0);
	}
}

Test(queue, one_process_at_a_time_has_the_turn)
{
	struct counts *counts =
		mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t children[5];
	int status;

	for (int i = 0; i < 5; i++) {
		children[i] = fork();
		if (!children[i])
			work_for_ever(counts);
	}
	while (counts->turns < 3000)
		poll(NULL, 0, 1);
	for (int i = 0; i < 5; i++) {
		kill(children[i], SIGKILL);
		waitpid(children[i], &status, 0);
		cr_expect(WIFSIGNALED(status));
	}
	cr_expect(counts->most == 0, "%u at a time", counts->most);
}
