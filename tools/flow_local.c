/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The local side of a flow: a stream, or datagrams from one address that come
 * by a socket which all such flows have in common.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include "flow.h"

bool local_take(struct flow *flow, const uint8_t *data, size_t size)
{
	struct datagram *datagram = &flow->queue[flow->queued];

	if (flow->queued == QUEUE_MAX)
		return false;
	datagram->data = malloc(size ? size : 1);
	if (!datagram->data)
		return false;
	memcpy(datagram->data, data, size);
	datagram->size = size;
	flow->queued++;
	return true;
}

/* An empty datagram carries nothing, and would be taken for the end. */
static ssize_t read_queue(struct flow *flow, uint8_t *room, size_t size)
{
	struct datagram first = flow->queue[0];

	if (!flow->queued) {
		errno = EAGAIN;
		return -1;
	}
	flow->queued--;
	memmove(flow->queue, flow->queue + 1,
		flow->queued * sizeof(flow->queue[0]));
	if (first.size < size)
		size = first.size;
	memcpy(room, first.data, size);
	free(first.data);
	return size ? (ssize_t)size : read_queue(flow, room, size);
}

ssize_t local_read(struct flow *flow, uint8_t *room, size_t size)
{
	if (flow->datagram)
		return read_queue(flow, room, size);
	return recv(flow->local, room, size, MSG_DONTWAIT);
}

ssize_t local_write(struct flow *flow, const uint8_t *data, size_t size)
{
	if (!flow->datagram)
		return send(flow->local, data, size,
			    MSG_DONTWAIT | MSG_NOSIGNAL);
	/* Datagrams may get lost, here as anywhere. */
	if (sendto(flow->local, data, size, MSG_DONTWAIT | MSG_NOSIGNAL,
		   (struct sockaddr *)&flow->from.bytes, flow->from.size) < 0)
		flow->dropped++;
	return (ssize_t)size;
}

bool local_is_empty(const struct flow *flow)
{
	uint8_t byte;

	return !flow->datagram &&
	       !recv(flow->local, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
}

void local_break(const struct flow *flow)
{
	if (!flow->datagram)
		flow_break(flow->local);
}
