/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Open channels become lines of a file, and lines channels again. What the
 * file says is believed only if all of it is as we write it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/state.h"

/* What is left of the text; a failure stays. */
struct reader {
	const char *at, *end;
	bool failed;
};

/* These characters, exactly. */
static bool is_next(struct reader *in, const char *word)
{
	size_t size = strlen(word);

	if (in->failed || (size_t)(in->end - in->at) < size ||
	    memcmp(in->at, word, size) != 0)
		return false;
	in->at += size;
	return true;
}

static void expect(struct reader *in, const char *word)
{
	if (!is_next(in, word))
		in->failed = true;
}

static uint64_t take_number(struct reader *in, uint64_t highest)
{
	const char *start = in->at;
	uint64_t number = 0;

	while (!in->failed && in->at < in->end && *in->at >= '0' &&
	       *in->at <= '9') {
		unsigned digit = (unsigned)(*in->at++ - '0');

		if (number > (highest - digit) / 10)
			in->failed = true;
		number = number * 10 + digit;
	}
	if (in->at == start || (*start == '0' && in->at - start > 1))
		in->failed = true;
	return in->failed ? 0 : number;
}

/* Characters to the next blank or end of line; may be none. */
static void take_word(struct reader *in, char *out, size_t room)
{
	size_t size = 0;

	while (!in->failed && in->at<in->end && * in->at> ' ' &&
	       *in->at <= '~') {
		if (size + 1 == room)
			in->failed = true;
		else
			out[size++] = *in->at++;
	}
	out[size] = '\0';
}

static void take_channel(struct reader *in, struct state_channel *channel)
{
	channel->pid = (pid_t)take_number(in, INT32_MAX);
	expect(in, " ");
	channel->started = take_number(in, UINT64_MAX);
	expect(in, " ");
	channel->number = (unsigned)take_number(in, 19);
	expect(in, " ");
	take_word(in, channel->handle, sizeof(channel->handle));
	expect(in, "\n");
	if (channel->number && channel->handle[0])
		in->failed = true;
}

bool state_parse(const char *text, size_t size, struct state *out)
{
	struct reader in = {text, text + size, false};

	memset(out, 0, sizeof(*out));
	expect(&in, "iotsafe 1\nboot ");
	take_word(&in, out->boot, sizeof(out->boot));
	expect(&in, "\nport ");
	out->node = take_number(&in, UINT64_MAX);
	expect(&in, " ");
	out->since = take_number(&in, UINT64_MAX);
	expect(&in, "\ncard ");
	out->changes = take_number(&in, UINT64_MAX);
	expect(&in, " ");
	take_word(&in, out->iccid, sizeof(out->iccid));
	expect(&in, "\n");
	while (is_next(&in, "channel ")) {
		if (out->channels_count == STATE_CHANNELS_MAX) {
			in.failed = true;
			break;
		}
		take_channel(&in, &out->channels[out->channels_count++]);
	}
	if (in.failed || in.at != in.end)
		memset(out, 0, sizeof(*out));
	return !in.failed && in.at == in.end;
}

size_t state_format(const struct state *state, char out[STATE_SIZE_MAX])
{
	int size = snprintf(out, STATE_SIZE_MAX,
			    "iotsafe 1\nboot %s\nport %" PRIu64 " %" PRIu64
			    "\ncard %" PRIu64 " %s\n",
			    state->boot, state->node, state->since,
			    state->changes, state->iccid);

	for (size_t i = 0; i < state->channels_count; i++) {
		const struct state_channel *channel = &state->channels[i];

		size += snprintf(out + size, STATE_SIZE_MAX - (size_t)size,
				 "channel %d %" PRIu64 " %u %s\n", channel->pid,
				 channel->started, channel->number,
				 channel->handle);
	}
	return (size_t)size;
}
