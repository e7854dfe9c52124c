/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The queue of a card. Each operation waits on a descriptor of its own, so
 * that its turn, its deadline and a cancel are one poll(2), and no one else
 * is woken.
 */
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "base/error.h"
#include "object/turn.h"

void turns_init(struct turns *turns)
{
	pthread_mutex_init(&turns->lock, NULL);
	turns->first = NULL;
}

void turns_destroy(struct turns *turns)
{
	pthread_mutex_destroy(&turns->lock);
}

static void wake(struct turn *turn)
{
	/* Adding 1 to an eventfd cannot fail short of 2^64. */
	eventfd_write(turn->wake_fd, 1);
}

static void append(struct turns *turns, struct turn *turn)
{
	struct turn **end = &turns->first;

	while (*end)
		end = &(*end)->next;
	*end = turn;
}

static void drop(struct turns *turns, struct turn *turn)
{
	struct turn **at = &turns->first;
	bool was_first = turns->first == turn;

	while (*at != turn)
		at = &(*at)->next;
	*at = turn->next;
	if (was_first && turns->first)
		wake(turns->first);
}

/* Waits until the turn is the first, with the lock held outside the wait. */
static int wait_for_turn(struct turns *turns, struct turn *turn)
{
	struct deadline deadline = turn->deadline;
	eventfd_t count;
	int result = IOTSAFE_OK;

	deadline.cancel_fd = -1; /* it is the one waited for */
	while (turns->first != turn && !turn->cancelled && result >= 0) {
		pthread_mutex_unlock(&turns->lock);
		result = deadline_wait(&deadline, turn->wake_fd, POLLIN);
		pthread_mutex_lock(&turns->lock);
	}
	if (turn->cancelled)
		return IOTSAFE_ERR_CANCELLED;
	if (turns->first == turn) {
		/* Cleared, so that from now on it means: cancelled. */
		eventfd_read(turn->wake_fd, &count);
		return IOTSAFE_OK;
	}
	return result;
}

static int tell_why(int result)
{
	if (result == IOTSAFE_ERR_TIMEOUT)
		return error_set(result, "card: still busy with other "
					 "operations when the time was up");
	if (result == IOTSAFE_ERR_CANCELLED)
		return error_set(result, "card: operation cancelled");
	return result;
}

int turn_begin(struct turns *turns, struct turn *turn, int timeout,
	       const struct deadline *limit)
{
	int result;

	turn->next = NULL;
	turn->cancelled = false;
	turn->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (turn->wake_fd < 0)
		return error_set_errno(IOTSAFE_ERR_IO, errno, "eventfd");
	turn->deadline = deadline_in(timeout, turn->wake_fd);
	if (limit) {
		if (limit->at < turn->deadline.at)
			turn->deadline.at = limit->at;
		turn->deadline.also_cancel_fd = limit->cancel_fd;
	}
	pthread_mutex_lock(&turns->lock);
	append(turns, turn);
	result = wait_for_turn(turns, turn);
	if (result < 0)
		drop(turns, turn);
	pthread_mutex_unlock(&turns->lock);
	if (result < 0)
		close(turn->wake_fd);
	return tell_why(result);
}

void turn_end(struct turns *turns, struct turn *turn)
{
	pthread_mutex_lock(&turns->lock);
	drop(turns, turn);
	pthread_mutex_unlock(&turns->lock);
	close(turn->wake_fd);
}

void turns_cancel(struct turns *turns)
{
	pthread_mutex_lock(&turns->lock);
	for (struct turn *turn = turns->first; turn; turn = turn->next) {
		turn->cancelled = true;
		wake(turn);
	}
	pthread_mutex_unlock(&turns->lock);
}
