// SPDX-License-Identifier: LGPL-2.1-or-later
/* Moves characters between the host and the modem; waits in one place. */
#include "loop.h"

#include "problem.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* With this much unread by the host, its own commands have to wait. */
#define OUTBOX_FULL 16384

/* A sleeping processor is awake some 70 microseconds after its timer. So it is
 * woken this much before a piece is due, and looks at the clock from there. */
#define EARLY_NS 100000

static volatile sig_atomic_t stopped;
static sigset_t open_signals; /* the mask while waiting */

static void stop(int signal)
{
	(void)signal;
	stopped = 1;
}

bool loop_signals(void)
{
	static const int ends[] = {SIGTERM, SIGINT, SIGHUP};
	struct sigaction action = {.sa_handler = stop};
	sigset_t blocked;

	sigemptyset(&blocked);
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		sigaddset(&blocked, ends[i]);
		if (sigaction(ends[i], &action, NULL) < 0)
			return false;
	}
	signal(SIGPIPE, SIG_IGN);
	/* wake when asked, not within the usual 50 microseconds after */
	prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0);
	if (sigprocmask(SIG_BLOCK, &blocked, &open_signals) < 0)
		return false;
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		sigdelset(&open_signals, ends[i]);
	return true;
}

bool loop_poll(struct pollfd *fds, nfds_t count, const struct timespec *timeout)
{
	if (ppoll(fds, count, timeout, &open_signals) >= 0)
		return true;
	for (nfds_t i = 0; i < count; i++)
		fds[i].revents = 0;
	return errno == EINTR || problem("poll: %s", strerror(errno));
}

bool loop_stopped(void)
{
	return stopped;
}

void loop_stop(void)
{
	stopped = 1;
}

struct state {
	struct port *port;
	struct modem *modem;
	struct outbox *outbox;
	struct control *control;
	bool ended; /* no more input will come */
};

struct ready {
	bool in;
	bool out;
	bool host_left;
	bool control;
};

static void look_at_clock(uint64_t until)
{
	while (timing_now() < until)
		continue;
}

/* Waits for input, for room to write, or for the next piece to be due. */
static bool wait_for(const struct state *state, struct ready *ready)
{
	struct pollfd fds[4] = {
		{-1, POLLIN, 0},
		{-1, POLLOUT, 0},
		{state->port->watch, POLLIN, 0},
		{state->control ? STDIN_FILENO : -1, POLLIN, 0},
	};
	struct timespec *timeout = NULL;
	struct timespec left = {0, 0};
	uint64_t now = timing_now();

	if (!state->ended && state->outbox->size < OUTBOX_FULL)
		fds[0].fd = state->port->in;
	if (!outbox_empty(state->outbox)) {
		uint64_t due = outbox_due(state->outbox);

		if (due <= now + EARLY_NS) {
			look_at_clock(due);
			fds[1].fd = state->port->out;
		} else {
			uint64_t sleep = due - now - EARLY_NS;

			left.tv_sec = (time_t)(sleep / 1000000000);
			left.tv_nsec = (long)(sleep % 1000000000);
			timeout = &left;
		}
	}
	*ready = (struct ready){false, false, false, false};
	if (!loop_poll(fds, 4, timeout))
		return false;
	ready->in = fds[0].revents != 0;
	ready->out = fds[1].revents != 0;
	ready->host_left = fds[2].revents != 0;
	ready->control = fds[3].revents != 0;
	return true;
}

static bool read_input(struct state *state)
{
	/* before the read, which belongs to the line's time already */
	uint64_t now = timing_now();
	char bytes[512];
	ssize_t n = read(state->port->in, bytes, sizeof(bytes));

	if (n > 0)
		modem_feed(state->modem, now, bytes, (size_t)n);
	else if (n == 0)
		state->ended = true;
	else if (errno != EAGAIN && errno != EINTR)
		return problem("read: %s", strerror(errno));
	return true;
}

/* The host may stop reading at any time; that is an end, not a failure. */
static void write_output(struct state *state)
{
	if (outbox_write(state->outbox, state->port->out, timing_now()))
		return;
	outbox_clear(state->outbox);
	state->ended = true;
}

static bool replug(struct state *state)
{
	state->modem->unplugged = false;
	outbox_clear(state->outbox);
	return port_renew(state->port);
}

static bool turn(struct state *state)
{
	struct ready ready;

	if (!wait_for(state, &ready))
		return false;
	if (stopped)
		return true;
	if (ready.host_left)
		port_host_left(state->port);
	if (ready.control && !control_read(state->control))
		stopped = 1;
	if (ready.out)
		write_output(state);
	if (ready.in && !read_input(state))
		return false;
	return !state->modem->unplugged || replug(state);
}

enum loop_end loop_run(struct port *port, struct modem *modem,
		       struct outbox *outbox, struct control *control)
{
	struct state state = {port, modem, outbox, control, false};

	while (!stopped && !modem->dead) {
		if (state.ended && outbox_empty(outbox))
			break;
		if (!turn(&state))
			return LOOP_FAILED;
	}
	return modem->dead ? LOOP_DIED : LOOP_STOPPED;
}
