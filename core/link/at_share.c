/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A port that other processes use too becomes a modem that is ours for a turn:
 * what they left on the line is not taken for an answer to us.
 */
#include "base/error.h"
#include "link/at_init.h"
#include "link/at_link.h"

int at_share_open(struct link *link, const struct deadline *deadline)
{
	struct at_modem *modem = link->self;
	struct stream *stream = &modem->stream;

	link->shared = stream->shared;
	link->alone = !stream->shared;
	if (*stream->device)
		link->port = stream->device;
	if (!link->shared)
		return IOTSAFE_OK;
	if (!link->port)
		return error_set(IOTSAFE_ERR_SUPPORT,
				 "%s: share=yes is for devices: who listens on "
				 "a socket shares by itself, or not",
				 stream->name);
	return stream_turn_begin(stream, deadline);
}

/* Who had the turn before may have been killed in the middle of a line, with
 * its answer still to come. */
static int take_over(struct at_modem *modem, const struct deadline *deadline)
{
	modem->in_step = false;
	modem->line_open = true;
	TRY(at_modem_synchronise(modem, deadline));
	return at_init_say(modem, deadline);
}

int at_share_turn_begin(struct link *link, const struct deadline *deadline)
{
	struct at_modem *modem = link->self;
	int result;

	TRY(stream_turn_begin(&modem->stream, deadline));
	result = take_over(modem, deadline);
	if (result < 0)
		stream_turn_end(&modem->stream);
	return result;
}

void at_share_turn_end(struct link *link)
{
	struct at_modem *modem = link->self;

	at_init_leave(modem);
	/* From here on the line is others'. */
	modem->in_step = false;
	stream_turn_end(&modem->stream);
}
