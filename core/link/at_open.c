/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The addresses at:, exec:, sim: and unix: become an open modem.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "link/at_init.h"
#include "link/at_link.h"
#include "link/words.h"

/* How long a port may be silent when it is opened, in milliseconds. A child
 * has all the time there is: ssh must find its host first. */
#define PORT_PATIENCE  3000
#define CHILD_PATIENCE 60000

#define WORDS_MAX 64

/* The program, --stdio, --profile NAME, two words an attribute, NULL. */
#define SIM_WORDS_MAX (5 + 2 * ADDRESS_ATTRIBUTES_MAX)

typedef int open_stream_func(struct stream *stream,
			     const struct address *address);

static const char *const ways[LINK_WAYS + 1] = {
	[LINK_BY_MODEM] = "cgla",
	[LINK_BY_HOST] = "csim",
	[LINK_ON_BASIC] = "basic",
};

/* Which of these words the attribute has; ends with NULL. */
static int read_word(const struct address *address, const char *name,
		     const char *const *words, unsigned otherwise,
		     unsigned *out)
{
	const char *value = address_get(address, name);

	*out = otherwise;
	if (!value)
		return IOTSAFE_OK;
	for (*out = 0; words[*out]; ++*out)
		if (!strcmp(value, words[*out]))
			return IOTSAFE_OK;
	error_set(IOTSAFE_ERR_ARG, "address: %s=%.40s is none of %s", name,
		  value, *words);
	while (*++words)
		error_append(", %s", *words);
	return IOTSAFE_ERR_ARG;
}

/* AT+CSIM first: it is on most modems. */
static int read_interface(struct link *link, const struct address *address)
{
	unsigned way;

	TRY(read_word(address, "interface", ways, LINK_BY_HOST, &way));
	link->either = !address_get(address, "interface");
	link->way = (enum link_way)way;
	return IOTSAFE_OK;
}

static int open_modem(struct link *link, const struct address *address,
		      open_stream_func *open_stream, int patience,
		      const struct deadline *deadline)
{
	struct at_modem *modem;
	int result;

	TRY(read_interface(link, address));
	modem = calloc(1, sizeof(*modem));
	if (!modem)
		return error_no_memory(address->scheme);
	modem->counters = &link->counters;
	modem->note = &link->note;
	modem->stream.fd = -1;
	modem->stream.child_fd = -1;
	snprintf(modem->stream.name, sizeof(modem->stream.name), "%s%s%s",
		 address->scheme, *address->path ? ":" : "", address->path);
	link->self = modem;
	result = at_init_read(modem, address);
	if (result >= 0)
		result = open_stream(&modem->stream, address);
	if (result >= 0)
		result = at_share_open(link, deadline);
	if (result >= 0)
		result = at_link_start(modem, patience, deadline);
	modem->stream.hasty = result == IOTSAFE_ERR_TIMEOUT ||
			      result == IOTSAFE_ERR_CANCELLED;
	if (result < 0)
		at_link_close(link);
	return result;
}

static const char *const flows[] = {
	[STREAM_FLOW_NONE] = "none",
	[STREAM_FLOW_RTS] = "rts",
	[STREAM_FLOW_XON] = "xon",
	NULL,
};

static int open_port(struct stream *stream, const struct address *address)
{
	struct stream_settings settings;
	unsigned flow;

	TRY(address_get_number(address, "baud", 300, 4000000, 115200,
			       &settings.baud));
	TRY(read_word(address, "flow", flows, STREAM_FLOW_NONE, &flow));
	settings.flow = (enum stream_flow)flow;
	TRY(address_get_flag(address, "share", false, &stream->shared));
	return stream_open_port(stream, address->path, &settings);
}

static int at_open(struct link *link, const struct address *address,
		   const struct deadline *deadline)
{
	return open_modem(link, address, open_port, PORT_PATIENCE, deadline);
}

static int open_command(struct stream *stream, const struct address *address)
{
	char text[ADDRESS_SIZE_MAX];
	char *words[WORDS_MAX];
	int count;

	snprintf(text, sizeof(text), "%s", address->path);
	count = words_split(text, words, WORDS_MAX);
	if (count < 0)
		return error_set(IOTSAFE_ERR_ARG,
				 "%s: a quotation does not end, or more than "
				 "%d words",
				 stream->name, WORDS_MAX - 1);
	if (count == 0)
		return error_set(IOTSAFE_ERR_ARG, "%s names no command",
				 stream->name);
	/* On the same terminal: ssh may have to ask there. */
	return stream_open_child(stream, words, true, false);
}

static int exec_open(struct link *link, const struct address *address,
		     const struct deadline *deadline)
{
	return open_modem(link, address, open_command, CHILD_PATIENCE,
			  deadline);
}

static const char *const sim_attributes[] = {
	"exit", "init",	  "interface", "quirk",	    "fault",   "store",
	"log",	"baud",	  "modem-ms",  "char-us",   "card-ms", "replay",
	"link", "gap-ms", "ta1",       "clock-mhz", NULL,
};

/* What the software SIM takes on its command line. */
static const char *const *const sim_options = &sim_attributes[3];

/* Two words: "--quirk" and its value. */
static size_t add_attributes(const struct address *address, char **words,
			     char names[][32])
{
	size_t count = 0;

	for (size_t i = 0; i < address->attributes_count; i++) {
		const struct address_attribute *attribute =
			&address->attributes[i];

		if (!address_is_in(attribute->name, sim_options))
			continue;
		snprintf(names[i], sizeof(names[i]), "--%s", attribute->name);
		words[count++] = names[i];
		words[count++] = (char *)(uintptr_t)attribute->value;
	}
	return count;
}

static int open_sim(struct stream *stream, const struct address *address)
{
	const char *program = secure_getenv("IOTSAFE_SIM");
	char names[ADDRESS_ATTRIBUTES_MAX][32];
	const char *profile = address->path;
	char *words[SIM_WORDS_MAX];
	size_t count = 0;

	if (!program || !*program)
		program = IOTSAFE_SIM_PROGRAM;
	words[count++] = (char *)(uintptr_t)program;
	words[count++] = (char *)(uintptr_t) "--stdio";
	if (*profile) {
		words[count++] = (char *)(uintptr_t) "--profile";
		words[count++] = (char *)(uintptr_t)profile;
	}
	count += add_attributes(address, words + count, names);
	words[count] = NULL;
	return stream_open_child(stream, words, false, true);
}

static int sim_open(struct link *link, const struct address *address,
		    const struct deadline *deadline)
{
	return open_modem(link, address, open_sim, CHILD_PATIENCE, deadline);
}

static const char *const at_attributes[] = {
	"baud", "exit", "flow", "init", "interface", "share", NULL,
};

static const char *const plain_attributes[] = {
	"exit",
	"init",
	"interface",
	NULL,
};

static int open_socket(struct stream *stream, const struct address *address)
{
	return stream_open_socket(stream, address->path);
}

static int unix_open(struct link *link, const struct address *address,
		     const struct deadline *deadline)
{
	return open_modem(link, address, open_socket, PORT_PATIENCE, deadline);
}

/* All are the same behind their stream. */
#define AT_WAYS                                                                \
	.exchange = at_link_exchange, .close = at_link_close,                  \
	.abandon = at_link_abandon, .channel_open = at_link_channel_open,      \
	.channel_close = at_link_channel_close, .iccid = at_link_iccid,        \
	.unlock = at_link_unlock, .turn_begin = at_share_turn_begin,           \
	.turn_end = at_share_turn_end, .ways = ways

const struct link_kind at_kind_at = {
	.scheme = "at",
	.attributes = at_attributes,
	.open = at_open,
	AT_WAYS,
};

const struct link_kind at_kind_exec = {
	.scheme = "exec",
	.attributes = plain_attributes,
	.open = exec_open,
	AT_WAYS,
};

const struct link_kind at_kind_sim = {
	.scheme = "sim",
	.attributes = sim_attributes,
	.open = sim_open,
	AT_WAYS,
};

const struct link_kind at_kind_unix = {
	.scheme = "unix",
	.attributes = plain_attributes,
	.open = unix_open,
	AT_WAYS,
};
