/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Time limits as points in time, and the one poll(2) of the library that
 * waits for a descriptor, the limit and a cancel at once.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <time.h>
#include "base/deadline.h"
#include "base/error.h"

int64_t deadline_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct deadline deadline_in(int milliseconds, int cancel_fd)
{
	struct deadline deadline = {INT64_MAX, cancel_fd, -1};

	if (milliseconds >= 0)
		deadline.at = deadline_now() + milliseconds;
	return deadline;
}

struct deadline deadline_within(const struct deadline *limit, int milliseconds)
{
	struct deadline deadline = deadline_in(milliseconds, limit->cancel_fd);

	deadline.also_cancel_fd = limit->also_cancel_fd;
	if (limit->at < deadline.at)
		deadline.at = limit->at;
	return deadline;
}

int deadline_left(const struct deadline *deadline)
{
	int64_t left;

	if (deadline->at == INT64_MAX)
		return -1;
	left = deadline->at - deadline_now();
	if (left < 0)
		return 0;
	return left > INT_MAX ? INT_MAX : (int)left;
}

bool deadline_passed(const struct deadline *deadline)
{
	return deadline->at != INT64_MAX && deadline_now() >= deadline->at;
}

bool deadline_cancelled(const struct deadline *deadline)
{
	struct pollfd fds[2] = {
		{.fd = deadline->cancel_fd, .events = POLLIN},
		{.fd = deadline->also_cancel_fd, .events = POLLIN},
	};

	return poll(fds, 2, 0) > 0;
}

int deadline_wait(const struct deadline *deadline, int fd, short events)
{
	struct pollfd fds[3] = {
		{.fd = fd, .events = events},
		{.fd = deadline->cancel_fd, .events = POLLIN},
		{.fd = deadline->also_cancel_fd, .events = POLLIN},
	};
	int ready;

	do
		ready = poll(fds, 3, deadline_left(deadline));
	while (ready < 0 && errno == EINTR);
	if (ready < 0)
		return error_set_errno(IOTSAFE_ERR_IO, errno, "poll");
	if (fds[1].revents || fds[2].revents)
		return IOTSAFE_ERR_CANCELLED;
	return ready ? IOTSAFE_OK : IOTSAFE_ERR_TIMEOUT;
}
