/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Standard input goes to the server, what the server says goes to standard
 * output. One piece each way is held; more is not read until it has gone, so
 * that a slow reader slows the sender.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "clock.h"
#include "pump.h"
#include "wants.h"

/* A TLS record, and a datagram that fits every usual path (RFC 8085 3.2). */
#define PIECE_MAX    16384
#define DATAGRAM_MAX 1024

/* Milliseconds after our good-bye. */
#define DATAGRAM_SILENCE 2000

/* As much as poll() promises room for in a pipe: PIPE_BUF. */
#define WRITE_MAX 4096

struct pump {
	struct cli *cli;
	iotsafe_tls *tls;
	uint8_t up[PIECE_MAX];
	size_t up_size, up_sent;
	bool up_ended;
	bool said_goodbye;
	uint8_t *down;
	size_t down_size, down_written;
	bool down_ended;
	/* When something last went either way. */
	int64_t active;
	struct wants wants;
	size_t input, output;
};

static int send_up(struct pump *pump)
{
	while (pump->up_sent < pump->up_size) {
		size_t sent = 0;
		int result = iotsafe_tls_send(
			pump->tls, pump->up + pump->up_sent,
			pump->up_size - pump->up_sent, 0, &sent);

		pump->up_sent += sent;
		if (wants_more(result))
			return wants_add_tls(pump->cli, &pump->wants,
					     pump->tls);
		if (result < 0)
			return fail_library(pump->cli);
	}
	if (pump->up_size)
		pump->active = clock_after(0);
	pump->up_size = pump->up_sent = 0;
	return 0;
}

/* Receives when nothing is held. */
static int receive_down(struct pump *pump)
{
	int result;

	if (pump->down || pump->down_ended)
		return 0;
	result = iotsafe_tls_receive(pump->tls, PIECE_MAX, 0, &pump->down,
				     &pump->down_size);
	if (wants_more(result))
		return wants_add_tls(pump->cli, &pump->wants, pump->tls);
	if (result < 0)
		return fail_library(pump->cli);
	if (!pump->down_size) {
		pump->down_ended = true;
		iotsafe_free(pump->down);
		pump->down = NULL;
	}
	pump->down_written = 0;
	pump->active = clock_after(0);
	return 0;
}

static int read_up(struct pump *pump)
{
	size_t room = pump->cli->options.dtls ? DATAGRAM_MAX : PIECE_MAX;
	ssize_t size = read(STDIN_FILENO, pump->up, room);

	if (size < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	/* EIO: the terminal has gone, or we are in the background. */
	if (size < 0 && errno != EIO && errno != EBADF)
		return fail(pump->cli, ERR_FILE,
			    "cannot read standard input: %s", strerror(errno));
	if (size <= 0) {
		pump->up_ended = true;
		pump->active = clock_after(0);
		return 0;
	}
	pump->up_size = (size_t)size;
	return 0;
}

/* poll() promises less of a socket than of a pipe. */
static ssize_t write_some(const uint8_t *data, size_t size)
{
	ssize_t written =
		send(STDOUT_FILENO, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (written < 0 && errno == ENOTSOCK)
		written = write(STDOUT_FILENO, data, size);
	return written;
}

static int write_down(struct pump *pump)
{
	size_t left = pump->down_size - pump->down_written;
	ssize_t size = write_some(pump->down + pump->down_written,
				  left < WRITE_MAX ? left : WRITE_MAX);

	if (size < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (size < 0)
		return fail(pump->cli, ERR_FILE,
			    "cannot write to standard output: %s",
			    strerror(errno));
	pump->down_written += (size_t)size;
	if (pump->down_written == pump->down_size) {
		iotsafe_free(pump->down);
		pump->down = NULL;
	}
	return 0;
}

/* Adds standard input when there is room, and standard output always: with
 * no events wanted, poll() still tells that its reader has gone. */
static void add_standard(struct pump *pump)
{
	bool wanted = !pump->up_ended && !pump->up_size;

	pump->input =
		wants_add(&pump->wants, wanted ? STDIN_FILENO : -1, POLLIN);
	pump->output = wants_add(&pump->wants, STDOUT_FILENO,
				 pump->down ? POLLOUT : 0);
}

static int serve_standard(struct pump *pump)
{
	short output = pump->wants.waits[pump->output].revents;

	if (!pump->down && output & (POLLERR | POLLNVAL))
		return fail(pump->cli, ERR_FILE,
			    "cannot write to standard output: %s",
			    strerror(EPIPE));
	if (pump->down && output)
		TRY(write_down(pump));
	if (pump->wants.waits[pump->input].revents)
		TRY(read_up(pump));
	return 0;
}

static bool all_sent(const struct pump *pump)
{
	return pump->up_ended && !pump->up_size;
}

/* The end of standard input is told to the server, which then finishes and
 * closes. With --linger it is told when the server has been silent. */
static int say_goodbye(struct pump *pump)
{
	int result;

	if (!all_sent(pump) || pump->said_goodbye || pump->cli->options.linger)
		return 0;
	result = iotsafe_tls_close(pump->tls, 0);
	if (wants_more(result))
		return wants_add_tls(pump->cli, &pump->wants, pump->tls);
	if (result < 0)
		return fail_library(pump->cli);
	pump->said_goodbye = true;
	pump->active = clock_after(0);
	return 0;
}

/* How long the server may be silent. Over datagrams its own good-bye may get
 * lost, or never come. */
static int64_t deadline(const struct pump *pump)
{
	int silence = pump->cli->options.linger;

	if (!silence && pump->cli->options.dtls)
		silence = DATAGRAM_SILENCE;
	if (!silence || !all_sent(pump) || pump->down)
		return NO_DEADLINE;
	return pump->active + silence;
}

static int turn(struct pump *pump, bool *late)
{
	wants_init(&pump->wants);
	TRY(receive_down(pump));
	if (pump->down_ended)
		return 0;
	TRY(send_up(pump));
	TRY(say_goodbye(pump));
	add_standard(pump);
	TRY(wants_wait(pump->cli, &pump->wants, deadline(pump), late));
	return serve_standard(pump);
}

int pump(struct cli *cli, iotsafe_tls *tls)
{
	struct pump state = {.cli = cli, .tls = tls};
	bool late = false;
	int status = 0;

	while (!status && !late && !state.down_ended)
		status = turn(&state, &late);
	iotsafe_free(state.down);
	return status;
}
