/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One connection through a tunnel: a local program on one side, the server
 * and TLS on the other. No call waits; what there is to wait for stands in
 * `waits` and `wake` afterwards. */
#ifndef TOOLS_FLOW_H
#define TOOLS_FLOW_H

#include <poll.h>
#include "cli.h"
#include "listen.h"
#include "resolve.h"

/* A TLS record. What a flow holds of data is one piece each way. */
#define PIECE_MAX 16384

/* Datagrams that wait for the handshake. */
#define QUEUE_MAX 8

/* The card does one thing at a time; a few handshakes together keep it busy
 * while the network has the others. */
#define HANDSHAKES_MAX 4

#define NEVER INT64_MAX

struct tunnel {
	struct cli *cli;
	struct peer server;
	const char *server_name;
	struct listeners listeners;
	/* The oldest first. */
	struct flow *flows;
	size_t count;
	int handshakes;
	/* With --resume, what the server gave last. */
	uint8_t *session;
	size_t session_size;
	uint8_t piece[PIECE_MAX];
};

enum flow_state {
	FLOW_WAITING,
	FLOW_LOOKUP,
	FLOW_CONNECTING,
	FLOW_HANDSHAKE,
	FLOW_OPEN,
	/* Failed, and deaf for a while: datagrams would bring it back at once
	 * and cost the card a signature each. */
	FLOW_RESTING,
	FLOW_ENDED
};

struct datagram {
	uint8_t *data;
	size_t size;
};

struct flow {
	struct flow *next;
	struct tunnel *tunnel;
	enum flow_state state;
	/* "127.0.0.1:50514" */
	char client[128];

	/* A stream of our own, or, for datagrams, the listener's socket. */
	int local;
	bool datagram;
	struct address from;
	struct datagram queue[QUEUE_MAX];
	size_t queued;

	int remote;
	struct addresses addresses;
	size_t address;
	iotsafe_tls *tls;
	bool in_handshake;

	/* Read and not sent; received and not written. */
	uint8_t *up, *down;
	size_t up_size, up_sent, down_size, down_written;
	bool up_ended, down_ended, said_goodbye, shut, hung_up;

	struct pollfd waits[2];
	int64_t wake;
	/* More can be done at once. */
	bool again;

	int64_t begun, deadline, active, handshake_begun;
	int64_t handshake_time;
	uint64_t up_total, down_total, dropped;
	bool resumed, has_session, said;
	/* Why it ended; `error` is NULL where that is no failure. */
	char *reason;
	const char *error;
	unsigned status;
};

/* flow.c. NULL: no memory. A stream is taken over, also then. */
struct flow *flow_new(struct tunnel *tunnel, int local, const char *client);
void flow_free(struct flow *flow);
/* Goes as far as it goes without waiting. */
void flow_advance(struct flow *flow);
/* Says good-bye to the server, if it hears it at once. */
void flow_end(struct flow *flow, const char *reason);

/* flow_data.c: both directions of an open flow. Statuses as everywhere. */
int flow_move(struct flow *flow);
/* Waits for what the session said last. */
int flow_wait_tls(struct flow *flow);
/* Ends it before its time: says good-bye, but where something is lost neither
 * side may take it for a good end. */
void flow_break_off(struct flow *flow);
/* Closing this will be no good end. */
void flow_break(int fd);

/* flow_local.c: as recv() and send(), never waiting. */
ssize_t local_read(struct flow *flow, uint8_t *room, size_t size);
ssize_t local_write(struct flow *flow, const uint8_t *data, size_t size);
/* A datagram has come; false if there is no room for it. */
bool local_take(struct flow *flow, const uint8_t *data, size_t size);
/* The client closed without a word. */
bool local_is_empty(const struct flow *flow);
/* The client is to see that the end is no good one. */
void local_break(const struct flow *flow);

/* flow_say.c: the line of a flow, and where we listen. False if it could not
 * be written; errno says why. */
bool flow_say(const struct flow *flow);
bool flow_say_listening(const struct tunnel *tunnel);

#endif
