/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A port that other processes use too becomes a modem that is ours for a turn:
 * what they left on the line is not taken for an answer to us.
 */
#include <string.h>
#include "base/error.h"
#include "base/state.h"
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
	at_share_seek(modem);
	if (!link->shared)
		return IOTSAFE_OK;
	if (!link->port)
		return error_set(IOTSAFE_ERR_SUPPORT,
				 "%s: share=yes is for devices: who listens on "
				 "a socket shares by itself, or not",
				 stream->name);
	return stream_turn_begin(stream, deadline);
}

void at_share_seek(struct at_modem *modem)
{
	modem->seek = state_channel_awaited(modem->stream.device);
}

/* Ours may be killed before the answer ends. */
static void found(struct at_modem *modem, unsigned number, const char *handle)
{
	if (modem->seek)
		state_channel_late(modem->stream.device, number, handle);
	else
		state_channel_answered(modem->note, number, handle);
	modem->seek = false;
}

/* MANAGE CHANNEL gives one byte and 9000, AT+CCHO a handle. */
void at_share_look(struct at_modem *modem, const struct at_line *line)
{
	const char *handle = at_value(line, "+CCHO");
	uint8_t answer[LINK_RESPONSE_MAX];
	struct at_csim csim = {0};
	size_t size;

	if (handle && *handle && strlen(handle) < STATE_HANDLE_MAX &&
	    !handle[strcspn(handle, " ,;")])
		found(modem, 0, handle);
	at_csim_take(&csim, line);
	if (csim.state != AT_CSIM_WHOLE ||
	    at_csim_response(&csim, answer, sizeof(answer), &size) < 0)
		return;
	if (size == 3 && answer[0] >= 1 && answer[0] <= 19 &&
	    answer[1] == 0x90 && answer[2] == 0x00)
		found(modem, answer[0], "");
	modem->seek = false;
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
