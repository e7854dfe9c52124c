/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ways that a modem has become the one that a channel is opened on, with
 * room made on a card that has none.
 */
#include "base/error.h"
#include "base/trace.h"
#include "uicc/channel.h"
#include "uicc/channel_left.h"
#include "uicc/channel_way.h"

bool channel_is_full(enum link_way way, int result)
{
	if (way == LINK_BY_MODEM)
		return result == IOTSAFE_ERR_BUSY ||
		       result == IOTSAFE_ERR_MODEM;
	return result == IOTSAFE_ERR_BUSY && iotsafe_last_status();
}

/* Opening may be repeated: where the modem started anew in the middle of it,
 * and where channels can be had again. What we lost ourselves, with a link for
 * example, is open for nobody. */
static int open_with_room(struct channel *channel, enum link_way way,
			  const struct aid *aids, size_t aids_count,
			  const struct deadline *deadline)
{
	/* Through a proxy several of us use one card at a time. */
	const bool ours_alone =
		channel->link->kind->turn_begin && !channel->link->more;
	int result =
		channel_open_one_way(channel, way, aids, aids_count, deadline);
	struct error full;

	if (result == IOTSAFE_ERR_MODEM && channel->link->restarted)
		return channel_open_one_way(channel, way, aids, aids_count,
					    deadline);
	if (!channel_is_full(way, result) || deadline_passed(deadline))
		return result;
	error_save(&full);
	if (channel_close_left_over(channel, ours_alone, deadline) > 0 ||
	    channel_close_strays(channel, deadline) > 0 ||
	    (ours_alone && way == LINK_BY_HOST &&
	     channel_close_lost(channel, deadline) > 0))
		return channel_open_one_way(channel, way, aids, aids_count,
					    deadline);
	error_restore(&full);
	return result;
}

/* The modem refused, or would not let the card's commands for channels pass.
 * That there is no applet, no SIM or no PIN is true on any way. */
static bool may_go_otherwise(int result)
{
	return result == IOTSAFE_ERR_MODEM || result == IOTSAFE_ERR_CARD ||
	       (result == IOTSAFE_ERR_BUSY &&
		iotsafe_last_status() == STATUS_NO_CHANNEL);
}

/* The error of one way behind those of the ways before it. */
static void add_error(struct error *all)
{
	struct error one;

	error_save(&one);
	if (!all->code) {
		*all = one;
		return;
	}
	error_restore(all);
	error_append("; %s", one.text);
	error_save(all);
}

/* The way that is next: that of the last time, then the others, those that
 * disturb nobody first. LINK_WAYS: none is left. */
static enum link_way next_way(const struct link *link, unsigned tried)
{
	static const enum link_way order[] = {LINK_BY_HOST, LINK_BY_MODEM,
					      LINK_ON_BASIC};

	if (!(tried & 1u << link->way))
		return link->way;
	for (size_t i = 0; i < LINK_WAYS; i++)
		if (!(tried & 1u << order[i]))
			return order[i];
	return LINK_WAYS;
}

/* The applet of the last time first: with every turn, and every operation on
 * the basic channel, the others would be asked for in vain again. */
static size_t last_first(const struct channel *channel, const struct aid *aids,
			 size_t count, struct aid order[CHANNEL_AIDS_MAX])
{
	size_t first = 0;

	if (count > CHANNEL_AIDS_MAX)
		count = CHANNEL_AIDS_MAX;
	while (first < count && !aid_is(&aids[first], &channel->aid))
		first++;
	if (first == count)
		first = 0;
	order[0] = aids[first];
	for (size_t i = 0, n = 1; i < count; i++)
		if (i != first)
			order[n++] = aids[i];
	return count;
}

int channel_open(struct channel *channel, struct link *link,
		 const struct aid *known, size_t aids_count,
		 const struct deadline *deadline)
{
	unsigned tried = link->useless;
	struct aid aids[CHANNEL_AIDS_MAX];
	struct error all = {0};
	enum link_way way;
	int result;

	channel->link = link;
	aids_count = last_first(channel, known, aids_count, aids);
	TRY(channel_close_left_over(channel, link->shared && !link->more,
				    deadline));
	if (!link->either || link->more)
		return open_with_room(channel, link->way, aids, aids_count,
				      deadline);
	while ((way = next_way(link, tried)) < LINK_WAYS) {
		if (all.code)
			trace_line(IOTSAFE_TRACE_APDU,
				   "channel: interface=%s after: %s",
				   link->kind->ways[way], iotsafe_last_error());
		result = open_with_room(channel, way, aids, aids_count,
					deadline);
		if (result >= 0) {
			link->way = way;
			return result;
		}
		if (!may_go_otherwise(result))
			return result;
		add_error(&all);
		if (deadline_passed(deadline))
			break;
		tried |= 1u << way;
	}
	error_restore(&all);
	return all.code;
}
