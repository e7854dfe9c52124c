/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `iotsafe tunnel`: plain connections of local programs become TLS or DTLS
 * sessions with the card's identity. One thread and one poll() for all of
 * them; what the card does for a session is waited for there, too.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include "client.h"
#include "clock.h"
#include "flow.h"
#include "json.h"
#include "notify.h"
#include "watch.h"

#define MAX_DEFAULT 256
/* The system is out of descriptors, or of memory: it is given some time. */
#define PAUSE 1000
/* Of one socket in one turn of the loop. */
#define DATAGRAMS_MAX 32

/* The signal's descriptor and the resolver's stand before the listeners. */
#define WAIT_SIGNAL    0
#define WAIT_RESOLVER  1
#define WAIT_LISTENERS 2
#define WAIT_FLOWS     (WAIT_LISTENERS + LISTENERS_MAX)

struct loop {
	struct tunnel *tunnel;
	struct pollfd *waits;
	int64_t accept_after;
	bool resolved;
};

static size_t most(const struct cli *cli)
{
	return cli->options.max ? (size_t)cli->options.max : MAX_DEFAULT;
}

/* Two descriptors a connection, and some for handshakes and the card. */
static int raise_limit(struct cli *cli)
{
	rlim_t needed = most(cli) * 2 + HANDSHAKES_MAX * 2 + 64;
	struct rlimit limits;

	if (getrlimit(RLIMIT_NOFILE, &limits) < 0 || limits.rlim_cur >= needed)
		return 0;
	limits.rlim_cur = needed;
	if (limits.rlim_max >= needed && !setrlimit(RLIMIT_NOFILE, &limits))
		return 0;
	return fail(cli, ERR_USAGE,
		    "--max %zu needs %lu descriptors, and this process may "
		    "have %lu (ulimit -n)",
		    most(cli), (unsigned long)needed,
		    (unsigned long)limits.rlim_max);
}

/* Nobody else's identity takes the place of the one that was begun with: who
 * starts the tunnel anew, as systemd does, says that it may. */
static int look_for_exchange(struct tunnel *tunnel, const struct flow *flow)
{
	if (!flow->reason || !strstr(flow->reason, "eSIM profile was changed"))
		return 0;
	return fail(tunnel->cli, "ERR_CLOSED",
		    "the SIM was exchanged, and the tunnel ends: started anew, "
		    "it speaks with the new one's identity");
}

static int say(struct tunnel *tunnel, struct flow *flow)
{
	flow->said = true;
	if (flow_say(flow))
		return look_for_exchange(tunnel, flow);
	return fail(tunnel->cli, ERR_FILE,
		    "cannot write to standard output: %s", strerror(errno));
}

static struct flow *add(struct tunnel *tunnel, int fd, const char *client)
{
	struct flow *flow = flow_new(tunnel, fd, client);
	struct flow **end = &tunnel->flows;

	if (!flow)
		return NULL;
	while (*end)
		end = &(*end)->next;
	*end = flow;
	tunnel->count++;
	return flow;
}

static void name_client(int fd, const struct sockaddr *address, socklen_t size,
			char *out, size_t room)
{
	struct ucred who;
	socklen_t who_size = sizeof(who);

	if (address->sa_family == AF_UNIX &&
	    !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &who_size))
		snprintf(out, room, "unix (pid %d, uid %u)", (int)who.pid,
			 who.uid);
	else
		listen_name(address, size, out, room);
}

static void accept_some(struct loop *loop, int listener)
{
	struct tunnel *tunnel = loop->tunnel;
	struct sockaddr_storage from = {0};
	socklen_t size = sizeof(from);
	char client[128];
	int fd;

	while (tunnel->count < most(tunnel->cli)) {
		size = sizeof(from);
		fd = accept4(listener, (struct sockaddr *)&from, &size,
			     SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0 && errno != EAGAIN && errno != ECONNABORTED)
			loop->accept_after = clock_after(PAUSE);
		if (fd < 0)
			return;
		name_client(fd, (struct sockaddr *)&from, size, client,
			    sizeof(client));
		if (!add(tunnel, fd, client))
			loop->accept_after = clock_after(PAUSE);
	}
}

static struct flow *find(const struct tunnel *tunnel, int fd,
			 const struct address *from)
{
	struct flow *flow = tunnel->flows;

	while (flow && (flow->local != fd || flow->state == FLOW_ENDED ||
			flow->from.size != from->size ||
			memcmp(&flow->from.bytes, &from->bytes, from->size)))
		flow = flow->next;
	return flow;
}

static void take_datagram(struct tunnel *tunnel, int fd,
			  const struct address *from, size_t size)
{
	struct flow *flow = find(tunnel, fd, from);
	char client[128];

	if (!flow && tunnel->count < most(tunnel->cli)) {
		listen_name((const struct sockaddr *)&from->bytes, from->size,
			    client, sizeof(client));
		flow = add(tunnel, fd, client);
		if (flow)
			flow->from = *from;
	}
	if (!flow)
		return;
	/* Half of a datagram is none. */
	if (flow->state == FLOW_RESTING || size > PIECE_MAX ||
	    !local_take(flow, tunnel->piece, size))
		flow->dropped++;
	else
		flow->again = true;
}

static void take_datagrams(struct tunnel *tunnel, int fd)
{
	for (int i = 0; i < DATAGRAMS_MAX; i++) {
		struct address from = {.size = sizeof(from.bytes)};
		ssize_t size = recvfrom(
			fd, tunnel->piece, PIECE_MAX, MSG_DONTWAIT | MSG_TRUNC,
			(struct sockaddr *)&from.bytes, &from.size);

		if (size < 0)
			return;
		take_datagram(tunnel, fd, &from, (size_t)size);
	}
}

/* What each flow waits for, and the listeners while there is room. Gives for
 * how long. */
static int gather(struct loop *loop, nfds_t *count)
{
	struct tunnel *tunnel = loop->tunnel;
	struct pollfd *waits = loop->waits;
	bool full = !tunnel->cli->options.dtls &&
		    tunnel->count >= most(tunnel->cli);
	int64_t wake = NEVER;
	size_t at = WAIT_FLOWS;

	waits[WAIT_SIGNAL] = (struct pollfd){watch_fd(), POLLIN, 0};
	waits[WAIT_RESOLVER] = (struct pollfd){resolve_fd(), POLLIN, 0};
	if (clock_left(loop->accept_after)) {
		wake = loop->accept_after;
		full = true;
	}
	for (size_t i = 0; i < LISTENERS_MAX; i++)
		waits[WAIT_LISTENERS + i] =
			(struct pollfd){full || i >= tunnel->listeners.count
						? -1
						: tunnel->listeners.fds[i],
					POLLIN, 0};
	for (struct flow *flow = tunnel->flows; flow; flow = flow->next) {
		waits[at++] = flow->waits[0];
		waits[at++] = flow->waits[1];
		if (flow->again)
			wake = 0;
		if (flow->wake < wake)
			wake = flow->wake;
	}
	*count = at;
	return wake == NEVER ? -1 : clock_left(wake);
}

/* The flows in the order in which gather() had them. */
static void scatter(struct loop *loop)
{
	size_t at = WAIT_FLOWS;

	for (struct flow *flow = loop->tunnel->flows; flow; flow = flow->next) {
		flow->waits[0].revents = loop->waits[at++].revents;
		flow->waits[1].revents = loop->waits[at++].revents;
	}
}

static bool is_due(const struct loop *loop, const struct flow *flow)
{
	if (flow->again || flow->waits[0].revents || flow->waits[1].revents)
		return true;
	if (flow->state == FLOW_WAITING)
		return loop->tunnel->handshakes < HANDSHAKES_MAX;
	if (flow->state == FLOW_LOOKUP && loop->resolved)
		return true;
	return flow->wake != NEVER && !clock_left(flow->wake);
}

/* Each that is due goes on a little; those that have ended are told of. */
static int advance(struct loop *loop)
{
	struct tunnel *tunnel = loop->tunnel;
	struct flow **at = &tunnel->flows;
	int status = 0;

	while (*at && !status) {
		struct flow *flow = *at;

		if (is_due(loop, flow))
			flow_advance(flow);
		if (flow->state >= FLOW_RESTING && !flow->said)
			status = say(tunnel, flow);
		if (flow->state != FLOW_ENDED) {
			at = &flow->next;
			continue;
		}
		*at = flow->next;
		tunnel->count--;
		flow_free(flow);
	}
	return status;
}

static void take_in(struct loop *loop)
{
	struct tunnel *tunnel = loop->tunnel;

	for (size_t i = 0; i < tunnel->listeners.count; i++) {
		int fd = tunnel->listeners.fds[i];

		if (!loop->waits[WAIT_LISTENERS + i].revents)
			continue;
		if (tunnel->cli->options.dtls)
			take_datagrams(tunnel, fd);
		else
			accept_some(loop, fd);
	}
}

static int turn(struct loop *loop, bool *ended)
{
	struct cli *cli = loop->tunnel->cli;
	nfds_t count;
	int timeout = gather(loop, &count);

	if (poll(loop->waits, count, timeout) < 0) {
		if (errno != EINTR)
			return fail(cli, ERR_FILE, "poll: %s", strerror(errno));
		for (nfds_t i = 0; i < count; i++)
			loop->waits[i].revents = 0;
	}
	*ended = loop->waits[WAIT_SIGNAL].revents;
	loop->resolved = loop->waits[WAIT_RESOLVER].revents;
	if (loop->resolved)
		resolve_take();
	scatter(loop);
	take_in(loop);
	return *ended ? 0 : advance(loop);
}

/* The last one in first: none of them begins anything any more. */
static void end_all(struct tunnel *tunnel)
{
	while (tunnel->flows) {
		struct flow *flow = tunnel->flows;

		tunnel->flows = flow->next;
		if (flow->state < FLOW_RESTING)
			flow_end(flow, "the tunnel was ended");
		if (!flow->said)
			flow_say(flow);
		flow_free(flow);
	}
}

static int serve(struct tunnel *tunnel)
{
	struct loop loop = {.tunnel = tunnel};
	size_t room = WAIT_FLOWS + 2 * most(tunnel->cli);
	bool ended = false;
	int status = 0;

	loop.waits = calloc(room, sizeof(*loop.waits));
	if (!loop.waits)
		return fail(tunnel->cli, "ERR_MEMORY", "no memory");
	notify("READY=1");
	while (!status && !ended)
		status = turn(&loop, &ended);
	notify("STOPPING=1");
	end_all(tunnel);
	free(loop.waits);
	iotsafe_free(tunnel->session);
	return status;
}

/* All that can be known to be wrong is told before anybody connects. */
static int try_options(struct cli *cli, struct tunnel *tunnel)
{
	iotsafe_key *key = NULL;
	iotsafe_tls *tls = NULL;
	int status = 0;

	if (!cli->options.psk)
		status = client_learn(cli, &key);
	iotsafe_key_free(key);
	if (!status)
		status = client_new(cli, tunnel->server_name, &tls);
	iotsafe_tls_free(tls);
	return status;
}

static int prepare(struct cli *cli, struct tunnel *tunnel)
{
	TRY(client_check(cli));
	TRY(dial_parse(cli, cli->options.arguments[1], &tunnel->server));
	tunnel->server_name =
		cli->options.name ? cli->options.name : tunnel->server.host;
	TRY(raise_limit(cli));
	TRY(listen_open(cli, cli->options.arguments[0], &tunnel->listeners));
	TRY(card_open(cli));
	TRY(try_options(cli, tunnel));
	client_warn(cli);
	if (!resolve_start(&tunnel->server, cli->options.dtls))
		return fail(cli, ERR_FILE, "eventfd: %s", strerror(errno));
	watch_end();
	if (!flow_say_listening(tunnel))
		return fail(cli, ERR_FILE,
			    "cannot write to standard output: %s",
			    strerror(errno));
	return 0;
}

/* Lines have been written as they came: there is no answer besides. */
static void forget_answer(struct cli *cli)
{
	json_free(cli->json);
	cli->json = NULL;
	cli->options.json = false;
}

int command_tunnel(struct cli *cli)
{
	/* As long as the process: the resolver's thread may look at it. */
	static struct tunnel tunnel;
	int status;

	tunnel.cli = cli;
	status = prepare(cli, &tunnel);
	if (!status) {
		status = serve(&tunnel);
		if (!status)
			forget_answer(cli);
	}
	listen_close(&tunnel.listeners);
	return status;
}
