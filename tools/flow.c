/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The life of a connection: it waits for its turn at the card, the server is
 * looked up and reached, hands are shaken, data goes both ways, and each side
 * is told of the other's end.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "client.h"
#include "clock.h"
#include "flow.h"
#include "text.h"
#include "wants.h"

/* Milliseconds: to reach the server, and again for the handshake. */
#define TIMEOUT 30000
/* Of silence: over datagrams nobody tells the end (RFC 4787 4.3); and where
 * one side has ended and the other does not. */
#define DATAGRAM_IDLE 300000
#define HALF_IDLE     600000
#define REST	      5000

struct flow *flow_new(struct tunnel *tunnel, int local, const char *client)
{
	struct flow *flow = calloc(1, sizeof(*flow));

	if (!flow) {
		if (!tunnel->cli->options.dtls)
			close(local);
		return NULL;
	}
	flow->tunnel = tunnel;
	flow->local = local;
	flow->datagram = tunnel->cli->options.dtls;
	flow->remote = -1;
	flow->begun = flow->active = clock_after(0);
	flow->again = true;
	strncpy(flow->client, client, sizeof(flow->client) - 1);
	return flow;
}

static void leave_handshake(struct flow *flow)
{
	if (flow->in_handshake)
		flow->tunnel->handshakes--;
	flow->in_handshake = false;
}

/* The local side stays for flow_free(): somebody may have to be told. */
static void release(struct flow *flow)
{
	leave_handshake(flow);
	iotsafe_tls_free(flow->tls);
	flow->tls = NULL;
	if (flow->remote >= 0)
		close(flow->remote);
	flow->remote = -1;
	iotsafe_free(flow->down);
	free(flow->up);
	flow->down = flow->up = NULL;
	while (flow->queued)
		free(flow->queue[--flow->queued].data);
}

void flow_free(struct flow *flow)
{
	release(flow);
	if (!flow->datagram)
		close(flow->local);
	text_free(flow->reason);
	free(flow);
}

static void keep_session(struct flow *flow)
{
	struct tunnel *tunnel = flow->tunnel;
	uint8_t *session;
	size_t size;

	if (!tunnel->cli->options.resume ||
	    iotsafe_tls_session(flow->tls, &session, &size) < 0)
		return;
	iotsafe_free(tunnel->session);
	tunnel->session = session;
	tunnel->session_size = size;
	flow->has_session = true;
}

void flow_end(struct flow *flow, const char *reason)
{
	if (flow->state == FLOW_OPEN) {
		keep_session(flow);
		if (reason)
			flow_break_off(flow);
	}
	if (reason)
		flow->reason = text_copy(reason);
	release(flow);
	flow->state = FLOW_ENDED;
}

/* Takes over what fail() has gathered. */
static void give_up(struct flow *flow)
{
	struct cli *cli = flow->tunnel->cli;

	flow->error = cli->error;
	flow->status = cli->error_status;
	flow->reason = text_copy(cli->error_text);
	cli->error = NULL;
	local_break(flow);
	release(flow);
	flow->state = FLOW_ENDED;
	if (!flow->datagram)
		return;
	flow->state = FLOW_RESTING;
	flow->deadline = clock_after(REST);
}

static int limit(const struct flow *flow)
{
	int given = flow->tunnel->cli->options.timeout;

	return given ? given : TIMEOUT;
}

/* Whoever closed without a word is not worth a signature. */
static int begin(struct flow *flow)
{
	if (flow->tunnel->handshakes == HANDSHAKES_MAX)
		return 0;
	if (local_is_empty(flow)) {
		flow_end(flow, "the client closed before its turn");
		return 0;
	}
	flow->tunnel->handshakes++;
	flow->in_handshake = true;
	flow->deadline = clock_after(limit(flow));
	flow->state = FLOW_LOOKUP;
	flow->again = true;
	return 0;
}

static int not_reached(struct flow *flow, const char *why)
{
	return fail(flow->tunnel->cli, ERR_HOST, "%s: %s",
		    flow->tunnel->server.name, why);
}

static int look_up(struct flow *flow)
{
	if (!resolve_ask(&flow->addresses))
		return clock_left(flow->deadline)
			       ? 0
			       : not_reached(flow, strerror(ETIMEDOUT));
	if (!flow->addresses.count)
		return not_reached(flow, flow->addresses.reason);
	flow->state = FLOW_CONNECTING;
	flow->again = true;
	return 0;
}

/* Peers that vanish are found out in some two minutes, on both sides. */
static void set_options(int fd)
{
	const int one = 1, idle = 60, interval = 15, count = 4;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
	setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static int connected(struct flow *flow)
{
	struct tunnel *tunnel = flow->tunnel;

	if (!flow->datagram) {
		set_options(flow->remote);
		set_options(flow->local);
	}
	TRY(client_new(tunnel->cli, tunnel->server_name, &flow->tls));
	if (tunnel->session &&
	    iotsafe_tls_set_session(flow->tls, tunnel->session,
				    tunnel->session_size) < 0)
		return fail_library(tunnel->cli);
	flow->handshake_begun = clock_after(0);
	flow->deadline = clock_after(limit(flow));
	flow->state = FLOW_HANDSHAKE;
	flow->again = true;
	return 0;
}

/* Begins with the next address; gives errno, 0 where it is under way. */
static int dial_next(struct flow *flow)
{
	const struct address *to = &flow->addresses.list[flow->address++];
	int kind = flow->datagram ? SOCK_DGRAM : SOCK_STREAM;

	flow->remote = socket(to->bytes.ss_family,
			      kind | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (flow->remote < 0)
		return errno;
	if (connect(flow->remote, (const struct sockaddr *)&to->bytes,
		    to->size) < 0 &&
	    errno != EINPROGRESS)
		return errno;
	return 0;
}

/* The state of what is under way: EINPROGRESS, 0 or why not. */
static int dial_state(struct flow *flow)
{
	struct pollfd wait = {.fd = flow->remote, .events = POLLOUT};
	size_t left = flow->addresses.count - flow->address + 1;
	int share = clock_left(flow->deadline) / (int)left;
	int error = 0;
	socklen_t size = sizeof(error);

	if (poll(&wait, 1, 0) < 1) {
		if (!share)
			return ETIMEDOUT;
		flow->wake = clock_after(share);
		flow->waits[1] = wait;
		return EINPROGRESS;
	}
	getsockopt(flow->remote, SOL_SOCKET, SO_ERROR, &error, &size);
	return error;
}

static int dial_one(struct flow *flow)
{
	int error = flow->remote < 0 ? dial_next(flow) : 0;

	if (!error)
		error = dial_state(flow);
	if (error == EINPROGRESS)
		return 0;
	if (!error)
		return connected(flow);
	if (flow->remote >= 0)
		close(flow->remote);
	flow->remote = -1;
	if (flow->address == flow->addresses.count)
		return not_reached(flow, strerror(error));
	flow->again = true;
	return 0;
}

/* The card has a limit of its own, and says why it did not keep it. */
static int shake_hands(struct flow *flow)
{
	struct tunnel *tunnel = flow->tunnel;
	int result = iotsafe_tls_handshake(flow->tls, flow->remote, 0);

	if (result == IOTSAFE_WANT_CARD && !clock_left(flow->deadline))
		flow->deadline = clock_after(limit(flow));
	if (wants_more(result) && !clock_left(flow->deadline))
		return fail(tunnel->cli, "ERR_TIMEOUT",
			    "handshake with %s: not done in %d ms",
			    tunnel->server.host, limit(flow));
	if (wants_more(result))
		return flow_wait_tls(flow);
	if (result < 0)
		return fail_library(tunnel->cli);
	leave_handshake(flow);
	flow->active = clock_after(0);
	flow->handshake_time = flow->active - flow->handshake_begun;
	flow->resumed = iotsafe_tls_resumed(flow->tls) > 0;
	flow->deadline = NEVER;
	flow->state = FLOW_OPEN;
	flow->again = true;
	return 0;
}

static int64_t idle_limit(const struct flow *flow)
{
	int64_t given = flow->tunnel->cli->options.idle;

	if (given)
		return given;
	if (flow->datagram)
		return DATAGRAM_IDLE;
	return flow->up_ended || flow->down_ended ? HALF_IDLE : NEVER;
}

static int carry(struct flow *flow)
{
	int64_t idle = idle_limit(flow);

	TRY(flow_move(flow));
	if (flow->down_total && !flow->has_session)
		keep_session(flow);
	if (flow->said_goodbye && flow->down_ended && !flow->down) {
		flow_end(flow, NULL);
		return 0;
	}
	if (idle == NEVER)
		return 0;
	if (!clock_left(flow->active + idle))
		flow_end(flow, "ended: nothing went either way for too long");
	else if (flow->active + idle < flow->wake)
		flow->wake = flow->active + idle;
	return 0;
}

static int step(struct flow *flow)
{
	switch (flow->state) {
	case FLOW_WAITING:
		return begin(flow);
	case FLOW_LOOKUP:
		return look_up(flow);
	case FLOW_CONNECTING:
		return dial_one(flow);
	case FLOW_HANDSHAKE:
		return shake_hands(flow);
	case FLOW_OPEN:
		return carry(flow);
	case FLOW_RESTING:
		if (!clock_left(flow->deadline))
			flow->state = FLOW_ENDED;
		return 0;
	case FLOW_ENDED:
		break;
	}
	return 0;
}

/* A client that is gone altogether is told by poll() again and again. It may
 * have left something to be read; a broken connection has not. */
static int look_at_client(struct flow *flow)
{
	short events = flow->waits[0].revents;

	if (flow->datagram || flow->state >= FLOW_RESTING)
		return 0;
	if (events & POLLERR)
		return fail(flow->tunnel->cli, "ERR_CLOSED",
			    "the client broke the connection");
	if (events & POLLHUP && !flow->waits[0].events)
		flow->hung_up = true;
	return 0;
}

void flow_advance(struct flow *flow)
{
	struct cli *cli = flow->tunnel->cli;
	int status;

	cli->quiet = true;
	status = look_at_client(flow);
	flow->again = false;
	flow->waits[0] = (struct pollfd){.fd = flow->local};
	flow->waits[1] = (struct pollfd){.fd = -1};
	flow->wake = flow->in_handshake || flow->state == FLOW_RESTING
			     ? flow->deadline
			     : NEVER;
	if (!status)
		status = step(flow);
	if (status)
		give_up(flow);
	cli->quiet = false;
	if (flow->state == FLOW_RESTING)
		flow->wake = flow->deadline;
	if (flow->datagram || (flow->hung_up && !flow->waits[0].events))
		flow->waits[0].fd = -1;
}
