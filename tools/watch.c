/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A thread turns signals, and a time that is up, into a cancelled operation,
 * and time that passes into a line on the terminal. The library's calls block,
 * and a signal handler could not cancel them.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "clock.h"
#include "watch.h"

/* Waits shorter than this are not worth a line. */
#define PATIENCE 2000
/* What was begun when the time was up is cancelled so often. */
#define REPEAT 50

static struct {
	pthread_mutex_t lock;
	pthread_t thread;
	bool running, stopping, talks;
	sigset_t signals;
	int signal_fd, wake_fd, seen_fd;
	int seen;
	iotsafe_card *card;
	const char *what;
	size_t number, of; /* 0: there is one */
	int64_t since;
	int64_t end; /* of the whole command; 0: none */
	/* Columns of the line that stands on the terminal. */
	int shown;
} watch = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.signal_fd = -1,
	.wake_fd = -1,
	.seen_fd = -1,
};

static void erase(void)
{
	if (watch.shown)
		fprintf(stderr, "\r%*s\r", watch.shown, "");
	watch.shown = 0;
}

/* Says what is due; gives the milliseconds until more is. */
static int speak(void)
{
	int64_t passed;

	if (!watch.what || !watch.talks)
		return -1;
	passed = clock_after(0) - watch.since;
	if (passed < PATIENCE)
		return (int)(PATIENCE - passed);
	if (watch.of)
		watch.shown =
			fprintf(stderr, "\r%s, %zu of %zu... %d s", watch.what,
				watch.number, watch.of, (int)(passed / 1000)) -
			1;
	else
		watch.shown = fprintf(stderr, "\r%s... %d s", watch.what,
				      (int)(passed / 1000)) -
			      1;
	fflush(stderr);
	return (int)(1000 - passed % 1000);
}

static bool is_late(void)
{
	return watch.end && clock_left(watch.end) == 0;
}

/* Ends what takes too long; gives the milliseconds until it has to. */
static int keep_time(void)
{
	if (!watch.end || !watch.card)
		return -1;
	if (!is_late())
		return clock_left(watch.end);
	iotsafe_card_cancel(watch.card);
	return REPEAT;
}

static int sooner(int a, int b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* The second one: as if nobody had watched. */
static void die(int number)
{
	signal(number, SIG_DFL);
	pthread_sigmask(SIG_UNBLOCK, &watch.signals, NULL);
	raise(number);
}

static void take_signal(void)
{
	struct signalfd_siginfo info;

	if (read(watch.signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (watch.seen)
		die((int)info.ssi_signo);
	watch.seen = (int)info.ssi_signo;
	eventfd_write(watch.seen_fd, 1);
	if (watch.card)
		iotsafe_card_cancel(watch.card);
	if (watch.what && watch.talks) {
		erase();
		fputs("iotsafe: ending; once more to end at once\n", stderr);
	}
}

static void *run(void *unused)
{
	struct pollfd waits[2] = {
		{.fd = watch.signal_fd, .events = POLLIN},
		{.fd = watch.wake_fd, .events = POLLIN},
	};
	eventfd_t woken;

	pthread_mutex_lock(&watch.lock);
	while (!watch.stopping) {
		int timeout = sooner(speak(), keep_time());

		pthread_mutex_unlock(&watch.lock);
		poll(waits, 2, timeout);
		pthread_mutex_lock(&watch.lock);
		if (waits[1].revents)
			eventfd_read(watch.wake_fd, &woken);
		if (waits[0].revents)
			take_signal();
	}
	pthread_mutex_unlock(&watch.lock);
	return unused;
}

/* A signal that our parent has us ignore (nohup does) stays ignored. */
static void choose_signals(void)
{
	static const int wanted[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action;

	sigemptyset(&watch.signals);
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (!sigaction(wanted[i], NULL, &action) &&
		    action.sa_handler != SIG_IGN)
			sigaddset(&watch.signals, wanted[i]);
}

bool watch_start(bool quiet)
{
	watch.talks = !quiet && isatty(STDERR_FILENO);
	choose_signals();
	watch.wake_fd = eventfd(0, EFD_CLOEXEC);
	watch.seen_fd = eventfd(0, EFD_CLOEXEC);
	watch.signal_fd = signalfd(-1, &watch.signals, SFD_CLOEXEC);
	if (watch.wake_fd < 0 || watch.seen_fd < 0 || watch.signal_fd < 0)
		return false;
	/* Before the thread: every thread must have them blocked. */
	pthread_sigmask(SIG_BLOCK, &watch.signals, NULL);
	errno = pthread_create(&watch.thread, NULL, run, NULL);
	watch.running = !errno;
	return watch.running;
}

void watch_stop(void)
{
	watch_end();
	if (!watch.running)
		return;
	pthread_mutex_lock(&watch.lock);
	watch.stopping = true;
	pthread_mutex_unlock(&watch.lock);
	eventfd_write(watch.wake_fd, 1);
	pthread_join(watch.thread, NULL);
	watch.running = false;
}

void watch_card(iotsafe_card *card)
{
	pthread_mutex_lock(&watch.lock);
	watch.card = card;
	pthread_mutex_unlock(&watch.lock);
	eventfd_write(watch.wake_fd, 1);
}

void watch_go_on(const char *what, size_t number, size_t of, int64_t since)
{
	pthread_mutex_lock(&watch.lock);
	erase();
	watch.what = what;
	watch.number = number;
	watch.of = of;
	watch.since = since;
	pthread_mutex_unlock(&watch.lock);
	eventfd_write(watch.wake_fd, 1);
}

void watch_begin(const char *what)
{
	watch_go_on(what, 0, 0, clock_after(0));
}

void watch_end(void)
{
	pthread_mutex_lock(&watch.lock);
	erase();
	watch.what = NULL;
	pthread_mutex_unlock(&watch.lock);
}

void watch_limit(int milliseconds)
{
	pthread_mutex_lock(&watch.lock);
	if (!watch.end)
		watch.end = clock_after(milliseconds);
	pthread_mutex_unlock(&watch.lock);
	eventfd_write(watch.wake_fd, 1);
}

bool watch_late(void)
{
	bool late;

	pthread_mutex_lock(&watch.lock);
	late = is_late();
	pthread_mutex_unlock(&watch.lock);
	return late;
}

int watch_left(int otherwise)
{
	int left;

	pthread_mutex_lock(&watch.lock);
	left = watch.end ? clock_left(watch.end) : otherwise;
	pthread_mutex_unlock(&watch.lock);
	return left;
}

bool watch_over(void)
{
	return watch_signal() || watch_late();
}

int watch_fd(void)
{
	return watch.seen_fd;
}

int watch_signal(void)
{
	int number;

	pthread_mutex_lock(&watch.lock);
	number = watch.seen;
	pthread_mutex_unlock(&watch.lock);
	return number;
}
