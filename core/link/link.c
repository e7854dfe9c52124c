/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of ways to a card, and what all of them share: limits, counters,
 * and the application's own two functions as one way among the others.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "base/error.h"
#include "base/trace.h"
#include "link/at_link.h"
#include "link/link.h"
#include "link/module.h"

/* The kinds that are built in; module.h has the others. */
static const struct link_kind *const kinds[] = {
	&at_kind_at, &at_kind_exec, &at_kind_sim, &at_kind_unix, NULL,
};

static int unknown_kind(const char *scheme)
{
	error_set(IOTSAFE_ERR_ARG,
		  "address: unknown kind \"%s\" (known:", scheme);
	for (size_t i = 0; kinds[i]; i++)
		error_append(" %s:", kinds[i]->scheme);
	for (size_t i = 0; link_modules[i]; i++)
		error_append(" %s:", link_modules[i]);
	error_append(")");
	return IOTSAFE_ERR_ARG;
}

static int find_kind(const char *scheme, const struct link_kind **kind)
{
	for (size_t i = 0; kinds[i]; i++)
		if (!strcmp(kinds[i]->scheme, scheme)) {
			*kind = kinds[i];
			return IOTSAFE_OK;
		}
	if (address_is_in(scheme, link_modules))
		return link_module_load(scheme, kind);
	return unknown_kind(scheme);
}

int link_check_attributes(const struct address *address,
			  const char *const *others)
{
	const struct link_kind *kind;
	const char *unknown;

	TRY(find_kind(address->scheme, &kind));
	unknown = address_unknown(address, kind->attributes, others);
	if (unknown)
		return error_set(IOTSAFE_ERR_ARG,
				 "address: %s: has no attribute \"%.60s\"",
				 kind->scheme, unknown);
	return IOTSAFE_OK;
}

static bool has_turns(const struct link *link)
{
	return link->kind->turn_begin && !link->alone;
}

static void now_in_turn(struct link *link)
{
	link->in_turn = true;
	if (has_turns(link))
		trace_line(IOTSAFE_TRACE_APDU, "link: turn begins");
}

int link_open(struct link *link, const struct address *address,
	      const struct deadline *deadline)
{
	const struct link_kind *kind;
	int result;

	memset(link, 0, sizeof(*link));
	TRY(find_kind(address->scheme, &kind));
	/* First: a child that is forked meanwhile has something to abandon. */
	link->kind = kind;
	result = kind->open(link, address, deadline);
	if (result < 0)
		link->kind = NULL;
	else
		now_in_turn(link);
	return result < 0 ? result : IOTSAFE_OK;
}

int link_turn_begin(struct link *link, const struct deadline *deadline)
{
	if (!link->kind || link->in_turn)
		return IOTSAFE_OK;
	if (has_turns(link))
		TRY(link->kind->turn_begin(link, deadline));
	now_in_turn(link);
	return IOTSAFE_OK;
}

void link_turn_end(struct link *link)
{
	struct error kept;

	if (!link->kind || !link->in_turn)
		return;
	link->in_turn = false;
	if (!has_turns(link))
		return;
	error_save(&kept);
	link->kind->turn_end(link);
	error_restore(&kept);
	trace_line(IOTSAFE_TRACE_APDU, "link: turn ends");
}

static uint64_t microseconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* However wrong a way to a card may be, the answer has a status word and fits.
 */
static int check_answer(size_t size, size_t room)
{
	if (size < 2)
		return error_set(IOTSAFE_ERR_FORMAT,
				 "link: an answer of %zu bytes has no status "
				 "word",
				 size);
	if (size > room || size > LINK_RESPONSE_MAX)
		return error_set(IOTSAFE_ERR_FORMAT,
				 "link: an answer of %zu bytes is too long",
				 size);
	return IOTSAFE_OK;
}

int link_exchange(struct link *link, const char *handle, const uint8_t *command,
		  size_t command_size, uint8_t *response, size_t *response_size,
		  const struct deadline *deadline)
{
	size_t room = *response_size;
	uint64_t start;
	int result;

	if (!link->kind)
		return error_set(IOTSAFE_ERR_CLOSED, "link: closed");
	if (command_size < 4 || command_size > LINK_COMMAND_MAX ||
	    room < LINK_RESPONSE_ONE)
		return error_set(IOTSAFE_ERR_ARG,
				 "link: a command of %zu bytes, room for %zu",
				 command_size, room);
	start = microseconds_now();
	result = link->kind->exchange(link, handle, command, command_size,
				      response, response_size, deadline);
	link->counters.microseconds += microseconds_now() - start;
	link->counters.exchanges++;
	if (result < 0)
		return result;
	return check_answer(*response_size, room);
}

void link_leave_way(struct link *link)
{
	link->useless |= 1u << link->way;
	if (link->useless == (1u << LINK_WAYS) - 1)
		link->useless = 0;
}

void link_abandon(struct link *link)
{
	if (link->kind && link->kind->abandon && link->self)
		link->kind->abandon(link);
	link->kind = NULL;
}

void link_close(struct link *link)
{
	if (link->kind)
		link->kind->close(link);
	link->kind = NULL;
}

/* The application's functions record no error: what they return is all that
 * is known, if it is one of the codes they may return. */
static int own_failed(int result)
{
	static const struct {
		int code;
		const char *words;
	} known[] = {
		{IOTSAFE_ERR_IO, "cannot reach the card"},
		{IOTSAFE_ERR_BUSY, "busy"},
		{IOTSAFE_ERR_TIMEOUT, "the card did not answer in time"},
		{IOTSAFE_ERR_CANCELLED, "cancelled"},
		{IOTSAFE_ERR_MODEM, "the modem refused the command"},
		{IOTSAFE_ERR_ABSENT, "no card"},
		{IOTSAFE_ERR_CLOSED, "the far side has gone"},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].code == result)
			return error_set(result, "application's link: %s",
					 known[i].words);
	return error_set(IOTSAFE_ERR_IO, "application's link: failed (%d)",
			 result);
}

static int own_exchange(struct link *link, const char *handle,
			const uint8_t *command, size_t command_size,
			uint8_t *response, size_t *response_size,
			const struct deadline *deadline)
{
	const iotsafe_link *own = link->self;
	size_t room = *response_size;
	int result;

	(void)handle;
	/* The application's function knows nothing of a cancel: an operation
	 * of several exchanges ends between two of them. */
	if (deadline_cancelled(deadline))
		return own_failed(IOTSAFE_ERR_CANCELLED);
	if (deadline_passed(deadline))
		return own_failed(IOTSAFE_ERR_TIMEOUT);
	result = own->exchange(own->self, command, command_size, response,
			       response_size, deadline->at);
	if (result)
		return own_failed(result);
	if (*response_size > room)
		return check_answer(*response_size, room);
	link->counters.bytes_sent += command_size;
	link->counters.bytes_received += *response_size;
	return IOTSAFE_OK;
}

static void own_close(struct link *link)
{
	iotsafe_link *own = link->self;

	if (own->close)
		own->close(own->self);
	free(own);
	link->self = NULL;
}

static const struct link_kind own_kind = {
	.scheme = "own",
	.exchange = own_exchange,
	.close = own_close,
};

int link_open_own(struct link *link, const iotsafe_link *own)
{
	iotsafe_link *copy = malloc(sizeof(*copy));

	memset(link, 0, sizeof(*link));
	if (!copy) {
		if (own->close)
			own->close(own->self);
		return error_no_memory("link");
	}
	*copy = *own;
	link->self = copy;
	link->kind = &own_kind;
	return IOTSAFE_OK;
}
