/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What processes of ours did on the card behind a port becomes what is left of
 * it to do.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/state.h"
#include "base/state_file.h"

/* ---- what is known ---- */

enum known { KNOWN_IMPOSSIBLE, KNOWN_NOTHING, KNOWN };

/* The state of the port as it is now; empty if there is none, or if that of the
 * file is of another time. */
static enum known load(const char *port, struct state *out)
{
	char text[STATE_SIZE_MAX];
	struct state here;
	ssize_t size;

	memset(out, 0, sizeof(*out));
	if (!port || !*port || !state_here(port, &here))
		return KNOWN_IMPOSSIBLE;
	size = state_file_read(port, text, sizeof(text));
	if (size >= 0 && state_parse(text, (size_t)size, out) &&
	    !strcmp(out->boot, here.boot) && out->node == here.node &&
	    out->since == here.since)
		return KNOWN;
	memset(out, 0, sizeof(*out));
	memcpy(out->boot, here.boot, sizeof(out->boot));
	out->node = here.node;
	out->since = here.since;
	return KNOWN_NOTHING;
}

/* As state_file_write(). */
static int store_open(const char *port, const struct state *state)
{
	char text[STATE_SIZE_MAX];

	return state_file_write(port, text, state_format(state, text));
}

static void store(const char *port, const struct state *state)
{
	int fd = store_open(port, state);

	if (fd >= 0)
		close(fd);
}

bool state_read(const char *port, struct state *out)
{
	return load(port, out) == KNOWN;
}

/* ---- channels ---- */

static bool is_known(const struct state_channel *channel)
{
	return channel->number || channel->handle[0];
}

static bool is_lost(const struct state_channel *channel)
{
	return !channel->pid && !is_known(channel);
}

static bool is_left_over(const struct state_channel *channel)
{
	uint64_t started;

	if (!channel->pid || state_process_is_gone(channel->pid))
		return true;
	started = state_process_started(channel->pid);
	return started && started != channel->started;
}

static void drop(struct state *state, size_t i)
{
	state->channels_count--;
	memmove(&state->channels[i], &state->channels[i + 1],
		(state->channels_count - i) * sizeof(state->channels[0]));
}

static bool drop_channel(struct state *state, pid_t pid, unsigned number,
			 const char *handle)
{
	for (size_t i = 0; i < state->channels_count; i++) {
		const struct state_channel *channel = &state->channels[i];

		if (channel->number == number && channel->pid == pid &&
		    !strcmp(channel->handle, handle)) {
			drop(state, i);
			return true;
		}
	}
	return false;
}

/* More than a card has are not kept: the oldest goes. */
static void add_own(struct state *state, unsigned number, const char *handle)
{
	struct state_channel *channel;

	if (state->channels_count == STATE_CHANNELS_MAX)
		drop(state, 0);
	channel = &state->channels[state->channels_count++];
	*channel = (struct state_channel){
		.pid = getpid(),
		.started = state_process_started(getpid()),
		.number = number,
	};
	snprintf(channel->handle, sizeof(channel->handle), "%s", handle);
}

/* How the line ends of a channel that is asked for. */
#define NOT_KNOWN "0 \n"

int state_channel_asked(const char *port)
{
	struct state state;
	int fd;

	if (!load(port, &state))
		return 0;
	drop_channel(&state, getpid(), 0, "");
	add_own(&state, 0, "");
	fd = store_open(port, &state);
	/* Its line is the last one. 0 is no descriptor of ours. */
	if (fd > 0 && lseek(fd, -(off_t)strlen(NOT_KNOWN), SEEK_END) > 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return 0;
}

/* One write, which is done or is not; no file is shorter behind it. */
void state_channel_answered(int *note, unsigned number, const char *handle)
{
	if (*note && (number || *handle))
		(void)!dprintf(*note, "%u %s\n", number, handle);
	if (*note)
		close(*note);
	*note = 0;
}

void state_channel_opened(const char *port, unsigned number, const char *handle)
{
	struct state state;

	if (!load(port, &state))
		return;
	drop_channel(&state, getpid(), 0, "");
	if (number || *handle) {
		/* The card's word: whoever had it before has it no more. */
		for (size_t i = state.channels_count; i-- > 0;)
			if (state.channels[i].number == number &&
			    !strcmp(state.channels[i].handle, handle))
				drop(&state, i);
		add_own(&state, number, handle);
	}
	store(port, &state);
}

static struct state_channel *find_awaited(struct state *state)
{
	for (size_t i = 0; i < state->channels_count; i++)
		if (state->channels[i].pid && !is_known(&state->channels[i]))
			return &state->channels[i];
	return NULL;
}

bool state_channel_awaited(const char *port)
{
	struct state state;

	return load(port, &state) && find_awaited(&state);
}

void state_channel_late(const char *port, unsigned number, const char *handle)
{
	struct state_channel *channel;
	struct state state;

	if (!load(port, &state))
		return;
	channel = find_awaited(&state);
	if (!channel)
		return;
	channel->pid = 0;
	channel->number = number;
	snprintf(channel->handle, sizeof(channel->handle), "%s", handle);
	store(port, &state);
}

void state_channel_closed(const char *port, unsigned number, const char *handle)
{
	struct state state;

	if (load(port, &state) &&
	    drop_channel(&state, getpid(), number, handle))
		store(port, &state);
}

void state_channel_left(const char *port, unsigned number, const char *handle)
{
	struct state state;

	if (!load(port, &state))
		return;
	for (size_t i = 0; i < state.channels_count; i++) {
		struct state_channel *channel = &state.channels[i];

		if (channel->number == number && channel->pid == getpid() &&
		    !strcmp(channel->handle, handle))
			channel->pid = 0;
	}
	store(port, &state);
}

bool state_find_channel(const char *port, bool any, struct state_channel *out)
{
	struct state state;

	if (!load(port, &state))
		return false;
	for (size_t i = 0; i < state.channels_count; i++) {
		*out = state.channels[i];
		if (!is_lost(out) && (any || is_left_over(out)))
			return true;
	}
	return false;
}

void state_drop_channel(const char *port, const struct state_channel *channel)
{
	struct state state;

	if (load(port, &state) &&
	    drop_channel(&state, channel->pid, channel->number,
			 channel->handle))
		store(port, &state);
}

/* ---- channels that nobody knows ---- */

static unsigned count_lost(const struct state *state)
{
	unsigned count = 0;

	for (size_t i = 0; i < state->channels_count; i++)
		count += is_lost(&state->channels[i]);
	return count;
}

void state_channel_lost(const char *port, const struct state_channel *channel)
{
	struct state state;

	if (!load(port, &state) || !drop_channel(&state, channel->pid, 0, ""))
		return;
	if (count_lost(&state) < STATE_LOST_MAX)
		state.channels[state.channels_count++] =
			(struct state_channel){0};
	store(port, &state);
}

unsigned state_lost_channels(const char *port)
{
	struct state state;

	return load(port, &state) ? count_lost(&state) : 0;
}

void state_forget_lost(const char *port)
{
	struct state state;

	if (!load(port, &state))
		return;
	while (drop_channel(&state, 0, 0, ""))
		;
	store(port, &state);
}

/* ---- the card ---- */

bool state_set_iccid(const char *port, const char *iccid)
{
	struct state state;
	bool other;

	if (!load(port, &state) || !strcmp(state.iccid, iccid))
		return false;
	other = state.iccid[0];
	if (other) {
		state.channels_count = 0;
		state.changes++;
	}
	snprintf(state.iccid, sizeof(state.iccid), "%s", iccid);
	store(port, &state);
	return other;
}

void state_card_changed(const char *port)
{
	struct state state;

	if (!load(port, &state))
		return;
	state.changes++;
	store(port, &state);
}
