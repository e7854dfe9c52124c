/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Channels that a process left open when it was killed become closed ones: by
 * what was recorded of them, or, when the card has none left, by their look.
 */
#include <string.h>
#include "base/bytes.h"
#include "base/error.h"
#include "base/state.h"
#include "base/trace.h"
#include "uicc/channel.h"
#include "uicc/channel_left.h"

#define INS_STATUS 0xF2

bool channel_was_answered(int result)
{
	return result != IOTSAFE_ERR_TIMEOUT &&
	       result != IOTSAFE_ERR_CANCELLED && result != IOTSAFE_ERR_IO &&
	       result != IOTSAFE_ERR_CLOSED && result != IOTSAFE_ERR_FORMAT;
}

void channel_ask(const struct channel *channel)
{
	channel->link->note = state_channel_asked(channel->link->port);
}

void channel_record(const struct channel *channel, int result)
{
	state_channel_answered(&channel->link->note, (unsigned)channel->number,
			       channel->handle);
	if (channel_was_answered(result))
		state_channel_opened(channel->link->port,
				     (unsigned)channel->number,
				     channel->handle);
}

/* A modem that drops a command now and then must not cost a channel: asked
 * again, once. */
static int manage_close(struct channel *channel,
			const struct deadline *deadline)
{
	int result;
	uint8_t data[APDU_RESPONSE_MAX];
	struct response response = {.data = data, .room = sizeof(data)};
	const struct apdu close = {
		.name = "MANAGE CHANNEL close",
		.ins = INS_MANAGE_CHANNEL,
		.p1 = 0x80,
		.p2 = (uint8_t)channel->number,
	};

	result = channel_exchange(channel, &close, 0x00, false, &response,
				  deadline);
	if (result == IOTSAFE_ERR_MODEM && !channel->link->restarted)
		result = channel_exchange(channel, &close, 0x00, false,
					  &response, deadline);
	return result;
}

int channel_close_on_card(struct channel *channel,
			  const struct deadline *deadline)
{
	if (channel->handle[0])
		return channel->link->kind->channel_close(
			channel->link, channel->handle, deadline);
	return channel->number ? manage_close(channel, deadline) : IOTSAFE_OK;
}

/* Asked for, and the answer will not come: nobody knows which. */
static void give_up(const struct link *link, const struct state_channel *left)
{
	if (left->number || *left->handle)
		state_drop_channel(link->port, left);
	else
		state_channel_lost(link->port, left);
}

int channel_close_left_over(const struct channel *channel, bool any,
			    const struct deadline *deadline)
{
	const struct link *link = channel->link;
	struct deadline limit = deadline_within(deadline, CHANNEL_CLOSE_LIMIT);
	struct state_channel left;
	int count = 0;

	/* A record that cannot be written comes again. */
	for (int i = 0; i < STATE_CHANNELS_MAX; i++) {
		struct channel stale = {.link = channel->link};
		int result = IOTSAFE_OK;

		if (!state_find_channel(link->port, any, &left))
			break;
		stale.number = (int)left.number;
		memcpy(stale.handle, left.handle, sizeof(stale.handle));
		trace_line(IOTSAFE_TRACE_APDU,
			   "channel: process %d left one open: %u%s", left.pid,
			   left.number, left.handle);
		if (left.number ||
		    (*left.handle && link->kind->channel_close)) {
			result = channel_close_on_card(&stale, &limit);
			count++;
		}
		if (result == IOTSAFE_ERR_TIMEOUT)
			break;
		if (result == IOTSAFE_ERR_CANCELLED ||
		    result == IOTSAFE_ERR_IO || result == IOTSAFE_ERR_CLOSED)
			return result;
		give_up(link, &left);
	}
	return count;
}

void channel_left(const struct channel *channel)
{
	if (channel->open && channel->link->way_gone)
		state_channel_left(channel->link->port,
				   (unsigned)channel->number, channel->handle);
}

void channel_strays(struct channel *channel)
{
	if (channel->open)
		channel->link->strays |= 1u << channel->number;
	channel->open = false;
}

int channel_close_strays(const struct channel *channel,
			 const struct deadline *deadline)
{
	struct link *link = channel->link;
	const uint32_t strays = link->strays;
	struct deadline limit;
	int count = 0;

	link->strays = 0;
	if (!strays || (channel->open && strays >> channel->number & 1))
		return 0;
	limit = deadline_within(deadline, CHANNEL_CLOSE_LIMIT);
	for (int number = 1; strays >> number; number++) {
		struct channel stray = {.link = link, .number = number};

		if (!(strays >> number & 1))
			continue;
		if (!channel_was_answered(manage_close(&stray, &limit)))
			link->strays |= 1u << number;
		else
			count++;
	}
	return count;
}

/* File control parameters (ETSI TS 102 221 11.1.1.3) of the master file. */
static bool is_master(struct bytes answer)
{
	static const uint8_t master[] = {0x3F, 0x00};
	struct bytes parameters, id;

	return tlv_find(answer, 0x62, &parameters) &&
	       tlv_find(parameters, 0x83, &id) && id.size == sizeof(master) &&
	       !memcmp(id.data, master, sizeof(master));
}

/* 1: the channel is open, and in the state of a new one (ETSI TS 102 221 8.7).
 */
static int is_untouched(struct channel *channel,
			const struct deadline *deadline)
{
	uint8_t data[APDU_RESPONSE_MAX];
	struct response response = {.data = data, .room = sizeof(data)};
	const struct apdu status = {
		.name = "STATUS",
		.ins = INS_STATUS,
		.expect = APDU_SOME,
	};

	TRY(channel_transact(channel, &status, &response, deadline));
	return response.status == 0x9000 &&
	       is_master((struct bytes){data, response.size});
}

int channel_close_lost(const struct channel *channel,
		       const struct deadline *deadline)
{
	struct link *link = channel->link;
	int lost = (int)state_lost_channels(link->port);
	const bool proven = link->proven;
	int count = 0;

	for (int number = 1; number <= 19 && count < lost; number++) {
		struct channel one = {.link = link, .number = number};
		int untouched = is_untouched(&one, deadline);

		link->proven = proven;
		TRY(untouched);
		if (!untouched)
			continue;
		trace_line(IOTSAFE_TRACE_APDU,
			   "channel: a killed process left one open: %d",
			   number);
		TRY(manage_close(&one, deadline));
		count++;
	}
	if (lost)
		state_forget_lost(link->port);
	return count;
}
