/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Moves what comes in at one end to the other, when its time has come. Each
 * direction is a queue of pieces in the order of their coming.
 */
#include "relay.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PIECE_MAX 65536
/* More of a stream has to wait with its sender. */
#define QUEUE_MAX (4 * PIECE_MAX)
/* RFC 6298: not below a second; Linux has this. */
#define RETRANSMISSION_NS 200000000ULL

struct piece {
	struct piece *next;
	uint64_t due;
	size_t size, sent;
	uint8_t data[];
};

/* From `from` to `to`. */
struct way {
	int from, to;
	bool endless; /* UDP: an empty datagram is no end */
	struct piece *first, *last;
	size_t size;
	bool ended; /* nothing more comes in */
	bool shut;  /* and the other end knows */
};

static uint64_t nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Marsaglia's xorshift. */
static bool is_lost(struct relay *relay)
{
	relay->seed ^= relay->seed << 13;
	relay->seed ^= relay->seed >> 7;
	relay->seed ^= relay->seed << 17;
	return (double)(relay->seed >> 11) / 9007199254740992.0 * 100 <
	       relay->loss;
}

static uint64_t due_at(struct relay *relay, const struct way *way, bool lost)
{
	uint64_t delay = (uint64_t)(relay->delay_ms * 1e6);
	uint64_t due = nanoseconds() + delay;

	if (lost)
		due += RETRANSMISSION_NS + 2 * delay;
	return way->last && way->last->due > due ? way->last->due : due;
}

static void put(struct way *way, uint64_t due, const uint8_t *data, size_t size)
{
	struct piece *piece = malloc(sizeof(*piece) + size);

	if (!piece)
		abort();
	*piece = (struct piece){.due = due, .size = size};
	memcpy(piece->data, data, size);
	if (way->last)
		way->last->next = piece;
	else
		way->first = piece;
	way->last = piece;
	way->size += size;
}

static void drop_first(struct way *way)
{
	struct piece *piece = way->first;

	way->size -= piece->size;
	way->first = piece->next;
	if (!way->first)
		way->last = NULL;
	free(piece);
}

/* False when the end has failed. */
static bool take_in(struct relay *relay, struct way *way)
{
	uint8_t data[PIECE_MAX];
	ssize_t size = recv(way->from, data, sizeof(data), MSG_DONTWAIT);
	bool lost;

	if (size < 0)
		return errno == EAGAIN || errno == EINTR ||
		       errno == ECONNREFUSED;
	if (size == 0 && !way->endless) {
		way->ended = true;
		return true;
	}
	lost = is_lost(relay);
	if (!lost || !relay->datagram)
		put(way, due_at(relay, way, lost), data, (size_t)size);
	return true;
}

static bool give_out(struct relay *relay, struct way *way)
{
	uint64_t now = nanoseconds();

	while (way->first && way->first->due <= now) {
		struct piece *piece = way->first;
		ssize_t size = send(way->to, piece->data + piece->sent,
				    piece->size - piece->sent,
				    MSG_DONTWAIT | MSG_NOSIGNAL);

		if (size < 0 && (errno == EAGAIN || errno == EINTR))
			return true;
		if (size < 0 && !relay->datagram)
			return false;
		piece->sent += size < 0 ? 0 : (size_t)size;
		if (relay->datagram || piece->sent == piece->size)
			drop_first(way);
	}
	if (way->ended && !way->first && !way->shut) {
		shutdown(way->to, SHUT_WR);
		way->shut = true;
	}
	return true;
}

/* The time to the next piece that is due; NULL for none. */
static struct timespec *next_due(const struct way ways[2],
				 struct timespec *left)
{
	uint64_t now = nanoseconds(), first = UINT64_MAX;

	for (int i = 0; i < 2; i++)
		if (ways[i].first && ways[i].first->due < first)
			first = ways[i].first->due;
	if (first == UINT64_MAX)
		return NULL;
	first = first > now ? first - now : 0;
	left->tv_sec = (time_t)(first / 1000000000);
	left->tv_nsec = (long)(first % 1000000000);
	return left;
}

/* A piece that is due and did not fit waits for room, not for time. */
static struct timespec *wait_time(const struct way ways[2],
				  const struct pollfd fds[2],
				  struct timespec *left)
{
	if ((fds[0].events | fds[1].events) & POLLOUT)
		return NULL;
	return next_due(ways, left);
}

static bool turn(struct relay *relay, struct way ways[2])
{
	struct pollfd fds[2];
	struct timespec left;
	uint64_t now = nanoseconds();

	for (int i = 0; i < 2; i++) {
		const struct way *in = &ways[i], *out = &ways[1 - i];

		fds[i] = (struct pollfd){.fd = relay->ends[i]};
		if (!in->ended && in->size < QUEUE_MAX)
			fds[i].events |= POLLIN;
		if (out->first && out->first->due <= now)
			fds[i].events |= POLLOUT;
		/* or POLLHUP would wake for ever */
		if (!fds[i].events)
			fds[i].fd = -1;
	}
	if (ppoll(fds, 2, wait_time(ways, fds, &left), NULL) < 0)
		return errno == EINTR;
	for (int i = 0; i < 2; i++)
		if (fds[i].revents & (POLLIN | POLLHUP | POLLERR) &&
		    fds[i].events & POLLIN && !take_in(relay, &ways[i]))
			return false;
	return give_out(relay, &ways[0]) && give_out(relay, &ways[1]);
}

static struct way new_way(int from, int to)
{
	int type = 0;
	socklen_t size = sizeof(type);

	getsockopt(from, SOL_SOCKET, SO_TYPE, &type, &size);
	return (struct way){
		.from = from, .to = to, .endless = type == SOCK_DGRAM};
}

void relay_run(struct relay *relay)
{
	struct way ways[2] = {
		new_way(relay->ends[0], relay->ends[1]),
		new_way(relay->ends[1], relay->ends[0]),
	};

	if (!relay->seed)
		relay->seed = 1;
	prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0);
	while (!(ways[0].shut && ways[1].shut) && turn(relay, ways))
		continue;
	for (int i = 0; i < 2; i++) {
		while (ways[i].first)
			drop_first(&ways[i]);
		close(relay->ends[i]);
	}
}
