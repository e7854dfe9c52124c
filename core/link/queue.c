/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A queue between processes becomes locks on bytes of the port's device, which
 * nobody reads by offset: open file description locks (fcntl(2)).
 *
 * A process that wants a turn locks the byte behind the last one that is
 * locked: its ticket. Its turn has come when no byte before it is locked. Who
 * holds one may end its turn, give up or be killed, in any order: its byte is
 * free then, and that is all that the others look at. Nobody can overtake.
 *
 * Such locks can be waited for only by blocking, with no time limit: a thread
 * does that, if need be at all. One that is given up goes on until it has the
 * turn and gives it back; or until its process wants a turn again, which then
 * has kept its place.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <unistd.h>
#include "base/error.h"
#include "base/thread.h"
#include "link/queue.h"

#define BYTE_PRESENT 0 /* read-locked by who shares the port, else written */
#define BYTE_DRAW    1 /* while a ticket is drawn */
#define FIRST_TICKET 2

/* One who waits; two have it, the port's owner and the thread. */
struct queue_wait {
	pthread_mutex_t lock;
	unsigned uses;
	bool wanted;	     /* by the owner */
	bool done;	     /* the thread has ended */
	atomic_bool at_lock; /* nobody is before us; flock() is waited for */
	int number;	     /* errno, 0: the turn came */
	int fd;		     /* of the port, a copy */
	int done_fd;
	off_t ticket; /* 0: not drawn yet */
};

/* ---- bytes ---- */

static bool set_lock(int fd, short type, off_t byte, bool block)
{
	struct flock lock = {.l_type = type,
			     .l_whence = SEEK_SET,
			     .l_start = byte,
			     .l_len = 1};
	int result;

	do
		result = fcntl(fd, block ? F_OFD_SETLKW : F_OFD_SETLK, &lock);
	while (result < 0 && errno == EINTR);
	return result == 0;
}

/* A byte that another one has locked for writing, from `start` to before `end`
 * (0: to the last); -1 if there is none. */
static off_t find_locked(int fd, off_t start, off_t end)
{
	struct flock lock = {.l_type = F_RDLCK,
			     .l_whence = SEEK_SET,
			     .l_start = start,
			     .l_len = end ? end - start : 0};

	if (start == end || fcntl(fd, F_OFD_GETLK, &lock) < 0 ||
	    lock.l_type == F_UNLCK)
		return -1;
	/* The lock may have begun before, with BYTE_DRAW. */
	return lock.l_start > start ? lock.l_start : start;
}

static bool draw_ticket(int fd, off_t *ticket, bool block)
{
	off_t byte, next = FIRST_TICKET;

	if (!set_lock(fd, F_WRLCK, BYTE_DRAW, block))
		return false;
	while ((byte = find_locked(fd, next, 0)) >= 0)
		next = byte + 1;
	if (set_lock(fd, F_WRLCK, next, false))
		*ticket = next;
	set_lock(fd, F_UNLCK, BYTE_DRAW, false);
	return *ticket != 0;
}

/* Waits until one who is before us has gone, whichever that is. */
static bool pass(int fd, off_t byte, bool block)
{
	if (!set_lock(fd, F_RDLCK, byte, block))
		return false;
	return set_lock(fd, F_UNLCK, byte, false);
}

static void give_back(int fd, off_t ticket)
{
	flock(fd, LOCK_UN);
	if (ticket)
		set_lock(fd, F_UNLCK, ticket, false);
}

/* As far as it goes: true with the turn; false with errno, EAGAIN where it
 * would have to wait. */
static bool go_on(struct queue_wait *wait, bool block)
{
	off_t byte;
	int result;

	if (!wait->ticket && !draw_ticket(wait->fd, &wait->ticket, block))
		return false;
	while ((byte = find_locked(wait->fd, FIRST_TICKET, wait->ticket)) >= 0)
		if (!pass(wait->fd, byte, block))
			return false;
	wait->at_lock = true;
	do
		result = flock(wait->fd, LOCK_EX | (block ? 0 : LOCK_NB));
	while (result < 0 && errno == EINTR);
	return result == 0;
}

/* ---- the thread ---- */

/* By each of the two, with the lock held. */
static void let_go(struct queue_wait *wait)
{
	bool last = --wait->uses == 0;

	pthread_mutex_unlock(&wait->lock);
	if (!last)
		return;
	pthread_mutex_destroy(&wait->lock);
	close(wait->fd);
	close(wait->done_fd);
	free(wait);
}

static void *run(void *self)
{
	struct queue_wait *wait = self;
	int number = go_on(wait, true) ? 0 : errno;

	pthread_mutex_lock(&wait->lock);
	wait->number = number;
	wait->done = true;
	if (!wait->wanted || number)
		give_back(wait->fd, wait->ticket);
	eventfd_write(wait->done_fd, 1);
	let_go(wait);
	return NULL;
}

static int cannot_wait(int fd, off_t ticket)
{
	int number = errno;

	give_back(fd, ticket);
	return error_set_errno(IOTSAFE_ERR_IO, number,
			       "cannot wait for other processes");
}

/* Goes on in a thread from where `first` had to stop. */
static int start_wait(struct queue *queue, const struct queue_wait *first)
{
	struct queue_wait *wait = calloc(1, sizeof(*wait));

	if (!wait)
		return cannot_wait(first->fd, first->ticket);
	pthread_mutex_init(&wait->lock, NULL);
	wait->uses = 2;
	wait->wanted = true;
	wait->ticket = first->ticket;
	wait->fd = fcntl(first->fd, F_DUPFD_CLOEXEC, 0);
	wait->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (wait->fd >= 0 && wait->done_fd >= 0 && !thread_start(run, wait)) {
		queue->wait = wait;
		return IOTSAFE_OK;
	}
	wait->uses = 1;
	pthread_mutex_lock(&wait->lock);
	let_go(wait);
	return cannot_wait(first->fd, first->ticket);
}

/* ---- the queue ---- */

bool queue_join(struct queue *queue, int fd, bool alone)
{
	*queue = (struct queue){.fd = fd};
	/* A system without such locks has no queue to disturb. */
	return set_lock(fd, alone ? F_WRLCK : F_RDLCK, BYTE_PRESENT, false) ||
	       (alone && errno != EAGAIN && errno != EACCES);
}

bool queue_has_sharers(int fd)
{
	struct flock lock = {.l_type = F_WRLCK,
			     .l_whence = SEEK_SET,
			     .l_start = BYTE_PRESENT,
			     .l_len = 1};

	return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type == F_RDLCK;
}

/* Takes up what goes on since we gave it up. False: it has ended. */
static bool want_again(struct queue *queue)
{
	struct queue_wait *wait = queue->wait;

	pthread_mutex_lock(&wait->lock);
	wait->wanted = true;
	if (!wait->done) {
		pthread_mutex_unlock(&wait->lock);
		return true;
	}
	queue->wait = NULL;
	let_go(wait);
	return false;
}

/* What came of it, when the thread is done or there is no time left. */
static int take_turn(struct queue *queue, int result)
{
	struct queue_wait *wait = queue->wait;

	pthread_mutex_lock(&wait->lock);
	if (result < 0) {
		wait->wanted = false;
		if (result == IOTSAFE_ERR_TIMEOUT && wait->at_lock)
			result = IOTSAFE_ERR_BUSY;
		if (wait->done && !wait->number)
			give_back(wait->fd, wait->ticket);
	} else if (wait->number) {
		result = error_set_errno(IOTSAFE_ERR_IO, wait->number,
					 "cannot wait for other processes");
	} else {
		queue->ticket = wait->ticket;
	}
	if (!wait->done) {
		pthread_mutex_unlock(&wait->lock);
		return result;
	}
	queue->wait = NULL;
	let_go(wait);
	return result;
}

int queue_enter(struct queue *queue, const struct deadline *deadline)
{
	struct queue_wait now = {.fd = queue->fd};

	if (!queue->wait || !want_again(queue)) {
		if (go_on(&now, false)) {
			queue->ticket = now.ticket;
			return IOTSAFE_OK;
		}
		if (errno != EAGAIN && errno != EACCES)
			return cannot_wait(now.fd, now.ticket);
		TRY(start_wait(queue, &now));
	}
	return take_turn(queue,
			 deadline_wait(deadline, queue->wait->done_fd, POLLIN));
}

void queue_leave(struct queue *queue)
{
	if (queue->ticket)
		give_back(queue->fd, queue->ticket);
	queue->ticket = 0;
}

void queue_close(struct queue *queue)
{
	struct queue_wait *wait = queue->wait;

	queue_leave(queue);
	set_lock(queue->fd, F_UNLCK, BYTE_PRESENT, false);
	if (!wait)
		return;
	pthread_mutex_lock(&wait->lock);
	wait->wanted = false;
	queue->wait = NULL;
	let_go(wait);
}

/* The wait's lock may be held by a thread of the parent's. */
int queue_abandon(struct queue *queue)
{
	const int fd = queue->wait ? queue->wait->fd : -1;

	queue->wait = NULL;
	return fd;
}
