/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the local program sends goes to the server, what the server says goes
 * back. One piece each way is held; no more is read until it has gone, so that
 * a slow reader slows the sender. Each end is told of the other's.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include "clock.h"
#include "flow.h"
#include "wants.h"

int flow_wait_tls(struct flow *flow)
{
	int fd, events, timeout;

	if (iotsafe_tls_poll(flow->tls, &fd, &events, &timeout) < 0)
		return fail_library(flow->tunnel->cli);
	flow->waits[1].fd = fd;
	flow->waits[1].events |= (short)events;
	if (timeout >= 0 && clock_after(timeout) < flow->wake)
		flow->wake = clock_after(timeout);
	return 0;
}

static void touch(struct flow *flow)
{
	flow->active = clock_after(0);
	flow->again = true;
}

static int write_down(struct flow *flow)
{
	ssize_t size = local_write(flow, flow->down + flow->down_written,
				   flow->down_size - flow->down_written);

	if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
		flow->waits[0].events |= POLLOUT;
		return 0;
	}
	if (size < 0)
		return fail(flow->tunnel->cli, "ERR_CLOSED",
			    "the client closed the connection: %s",
			    strerror(errno));
	touch(flow);
	flow->down_written += (size_t)size;
	flow->down_total += (uint64_t)size;
	if (flow->down_written == flow->down_size) {
		iotsafe_free(flow->down);
		flow->down = NULL;
	}
	return 0;
}

/* TLS 1.2 ends both directions together (RFC 5246 7.2.1). */
static void end_down(struct flow *flow)
{
	flow->down_ended = true;
	touch(flow);
	if (!strcmp(iotsafe_tls_version(flow->tls), "TLS1.3"))
		return;
	flow->up_ended = true;
	free(flow->up);
	flow->up = NULL;
}

/* A server that hangs up without a good-bye may have been cut short. */
static int receive_down(struct flow *flow)
{
	int result = iotsafe_tls_receive(flow->tls, PIECE_MAX, 0, &flow->down,
					 &flow->down_size);

	if (wants_more(result))
		return flow_wait_tls(flow);
	if (result < 0)
		return fail_library(flow->tunnel->cli);
	flow->down_written = 0;
	if (flow->down_size)
		return 0;
	iotsafe_free(flow->down);
	flow->down = NULL;
	end_down(flow);
	return 0;
}

static int move_down(struct flow *flow)
{
	if (!flow->down && !flow->down_ended)
		TRY(receive_down(flow));
	if (flow->down)
		TRY(write_down(flow));
	if (!flow->down_ended || flow->down || flow->shut)
		return 0;
	flow->shut = true;
	if (!flow->datagram)
		shutdown(flow->local, SHUT_WR);
	return 0;
}

/* Keeps what did not go: it must come first in the next call. */
static int hold_up(struct flow *flow, const uint8_t *data, size_t size)
{
	flow->up = malloc(size);
	if (!flow->up)
		return fail(flow->tunnel->cli, "ERR_MEMORY", "no memory");
	memcpy(flow->up, data, size);
	flow->up_size = size;
	flow->up_sent = 0;
	return 0;
}

/* The server may have said something before it stopped listening. */
static int stop_sending(struct flow *flow)
{
	flow->up_ended = flow->said_goodbye = true;
	free(flow->up);
	flow->up = NULL;
	touch(flow);
	return 0;
}

/* Gives how many went. A datagram that is too large is dropped, as networks
 * do. */
static int send_up(struct flow *flow, const uint8_t *data, size_t size,
		   size_t *sent)
{
	int result = iotsafe_tls_send(flow->tls, data, size, 0, sent);

	flow->up_total += *sent;
	if (wants_more(result) || (!result && *sent < size))
		return flow_wait_tls(flow);
	if (result == IOTSAFE_ERR_ARG && flow->datagram) {
		flow->dropped++;
		*sent = size;
		return 0;
	}
	if (result < 0)
		return stop_sending(flow);
	touch(flow);
	return 0;
}

static int send_held(struct flow *flow)
{
	size_t sent = 0;

	TRY(send_up(flow, flow->up + flow->up_sent,
		    flow->up_size - flow->up_sent, &sent));
	flow->up_sent += sent;
	if (flow->up && flow->up_sent == flow->up_size) {
		free(flow->up);
		flow->up = NULL;
	}
	return 0;
}

static int read_up(struct flow *flow)
{
	uint8_t *piece = flow->tunnel->piece;
	ssize_t size = local_read(flow, piece, PIECE_MAX);
	size_t sent = 0;

	if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
		flow->waits[0].events |= POLLIN;
		return 0;
	}
	if (size < 0)
		return fail(flow->tunnel->cli, "ERR_CLOSED",
			    "the client broke the connection: %s",
			    strerror(errno));
	if (!size) {
		flow->up_ended = true;
		touch(flow);
		return 0;
	}
	TRY(send_up(flow, piece, (size_t)size, &sent));
	if (sent == (size_t)size || flow->up_ended)
		return 0;
	return hold_up(flow, piece + sent, (size_t)size - sent);
}

static int say_goodbye(struct flow *flow)
{
	int result;

	if (!flow->up_ended || flow->up || flow->said_goodbye)
		return 0;
	result = iotsafe_tls_close(flow->tls, 0);
	if (wants_more(result))
		return flow_wait_tls(flow);
	flow->said_goodbye = true;
	return 0;
}

int flow_move(struct flow *flow)
{
	TRY(move_down(flow));
	if (flow->up)
		TRY(send_held(flow));
	else if (!flow->up_ended)
		TRY(read_up(flow));
	return say_goodbye(flow);
}

void flow_break(int fd)
{
	const struct linger now = {.l_onoff = 1};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

static bool has_more(int fd)
{
	int size = 0;

	return !ioctl(fd, FIONREAD, &size) && size > 0;
}

/* One side has sent what the other will not get. */
static bool loses_data(const struct flow *flow)
{
	return flow->up || flow->down || has_more(flow->local) ||
	       has_more(flow->remote) || iotsafe_tls_pending(flow->tls) > 0;
}

void flow_break_off(struct flow *flow)
{
	if (!flow->datagram && loses_data(flow)) {
		flow_break(flow->local);
		flow_break(flow->remote);
	} else if (!flow->said_goodbye) {
		iotsafe_tls_close(flow->tls, 0);
	}
}
