/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A command's fields become exchanges on a logical channel: class byte,
 * GET RESPONSE, corrected Le. The one place that knows status words which
 * mean "go on".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "base/trace.h"
#include "uicc/channel.h"

/* A card that announces more data without end is stopped here. */
#define ROUNDS_MAX 256

/* The class of an applet's own commands. */
#define CLASS_8X 0x80

#define STATUS_ADMINISTERED 0x63CF

static void trace_exchange(const struct apdu *apdu, struct bytes command,
			   struct bytes answer, int64_t microseconds)
{
	char sent[2 * APDU_COMMAND_MAX + 1];
	char received[2 * APDU_RESPONSE_MAX + 1];

	if (!trace_wants(IOTSAFE_TRACE_APDU))
		return;
	if (apdu->secret) {
		/* Header and status word tell enough. */
		hex_encode(command.data, 4, sent);
		snprintf(received, sizeof(received), "%zu bytes, %02X%02X",
			 answer.size - 2, answer.data[answer.size - 2],
			 answer.data[answer.size - 1]);
	} else {
		hex_encode(command.data, command.size, sent);
		hex_encode(answer.data, answer.size, received);
	}
	trace_line(IOTSAFE_TRACE_APDU, "apdu %s: %s -> %s (%lld.%03lld ms)",
		   apdu->name, sent, received, (long long)(microseconds / 1000),
		   (long long)(microseconds % 1000));
	bytes_wipe(sent, sizeof(sent));
	bytes_wipe(received, sizeof(received));
}

int channel_exchange(struct channel *channel, const struct apdu *apdu,
		     uint8_t cla, bool with_le, struct response *response,
		     const struct deadline *deadline)
{
	uint64_t before = channel->link->counters.microseconds;
	uint8_t command[APDU_COMMAND_MAX], answer[APDU_RESPONSE_MAX];
	size_t answer_size = sizeof(answer);
	size_t size = apdu_encode(apdu, cla, with_le, command);
	struct builder out = {response->data, response->size, response->room,
			      false};
	struct bytes data;
	int result;

	if (!size)
		return error_set(IOTSAFE_ERR_ARG,
				 "%s: does not fit a short APDU", apdu->name);
	result = link_exchange(channel->link,
			       channel->handle[0] ? channel->handle : NULL,
			       command, size, answer, &answer_size, deadline);
	if (result < 0) {
		error_prepend("%s: ", apdu->name);
		goto out;
	}
	trace_exchange(
		apdu, (struct bytes){command, size},
		(struct bytes){answer, answer_size},
		(int64_t)(channel->link->counters.microseconds - before));
	apdu_split((struct bytes){answer, answer_size}, &data,
		   &response->status);
	build_bytes(&out, data.data, data.size);
	response->size = out.size;
	if (out.failed)
		result = error_set(IOTSAFE_ERR_FORMAT,
				   "%s: the card's answer is longer than %zu "
				   "bytes",
				   apdu->name, response->room);
out:
	if (apdu->secret) {
		bytes_wipe(command, sizeof(command));
		bytes_wipe(answer, sizeof(answer));
	}
	return result;
}

bool channel_data_waits(unsigned status)
{
	return status >> 8 == 0x61 || status >> 8 == 0x9F;
}

static unsigned announced(unsigned status)
{
	return status & 0xFF ? status & 0xFF : 256;
}

/* Sends one command, and again with the length that 6Cxx asks for. */
static int exchange_le(struct channel *channel, const struct apdu *apdu,
		       uint8_t cla, struct response *response,
		       const struct deadline *deadline)
{
	struct apdu again = *apdu;
	size_t size = response->size;

	TRY(channel_exchange(channel, apdu, cla, channel->manners.with_le,
			     response, deadline));
	if (response->status >> 8 != 0x6C)
		return IOTSAFE_OK;
	again.expect = APDU_EXACT;
	again.le = announced(response->status);
	response->size = size;
	return channel_exchange(channel, &again, cla, true, response, deadline);
}

static int get_response_once(struct channel *channel, const struct apdu *apdu,
			     uint8_t cla, struct response *response,
			     const struct deadline *deadline)
{
	struct apdu get = {
		.name = apdu->name,
		.ins = INS_GET_RESPONSE,
		.expect = APDU_EXACT,
		.le = announced(response->status),
		.secret = apdu->secret,
	};

	if (get.le > channel->manners.piece)
		get.le = channel->manners.piece;
	return exchange_le(channel, &get, cla, response, deadline);
}

/* The handle as a channel's number, 0 where it can be none. */
static int number_of_handle(const char *handle)
{
	size_t digits = strspn(handle, "0123456789");
	long number =
		digits <= 2 && !handle[digits] ? strtol(handle, NULL, 10) : 0;

	return number <= 19 ? (int)number : 0;
}

/* What the class byte says of the channel. */
static int number_in_class(const struct channel *channel)
{
	const bool numbered = channel->manners.class_numbered ||
			      channel->link->kind->host_sets_class;

	return *channel->handle && numbered ? number_of_handle(channel->handle)
					    : channel->number;
}

/* Fetches until nothing waits. The class of the command serves; a card that
 * takes GET RESPONSE as an interindustry command only gets it so. */
static int get_responses(struct channel *channel, const struct apdu *apdu,
			 uint8_t cla, struct response *response,
			 const struct deadline *deadline)
{
	uint8_t plain = apdu_class(0, number_in_class(channel));
	int result;

	for (int round = 0; channel_data_waits(response->status); round++) {
		unsigned waiting = response->status;
		size_t size = response->size;

		if (round == ROUNDS_MAX)
			return error_set(IOTSAFE_ERR_FORMAT,
					 "%s: the card announces data without "
					 "end",
					 apdu->name);
		if (channel->manners.response_0x)
			cla = plain;
		result = get_response_once(channel, apdu, cla, response,
					   deadline);
		/* The modem's filter knows it so, too. */
		if (result == IOTSAFE_ERR_MODEM && cla != plain)
			response->status = 0x6E00;
		else if (result < 0)
			return result;
		if ((response->status == 0x6E00 ||
		     response->status == 0x6D00) &&
		    cla != plain) {
			channel->manners.response_0x = true;
			response->status = waiting;
			continue;
		}
		if (response->size == size &&
		    channel_data_waits(response->status))
			return error_set(IOTSAFE_ERR_FORMAT,
					 "%s: the card announces data and "
					 "gives none",
					 apdu->name);
	}
	return IOTSAFE_OK;
}

static uint8_t class_for(const struct channel *channel, uint8_t cla)
{
	if (channel->manners.class_0x && cla == CLASS_8X)
		cla = 0x00;
	return apdu_class(cla, number_in_class(channel));
}

/* With T=0 no length goes behind data, and some cards and modems insist. What
 * is asked for in pieces then comes so by GET RESPONSE. */
static int send_without_le(struct channel *channel, const struct apdu *apdu,
			   struct response *response,
			   const struct deadline *deadline)
{
	struct apdu bare = *apdu;

	bare.expect = APDU_SOME;
	return channel_exchange(channel, &bare, class_for(channel, apdu->cla),
				false, response, deadline);
}

/* Sends a command with what is known of the card's manners, and corrects
 * them once each: class 8X or 0X (cards differ; the standard's own choice is
 * not public), Le behind data or not. */
static int send_command(struct channel *channel, const struct apdu *apdu,
			struct response *response,
			const struct deadline *deadline)
{
	struct manners *manners = &channel->manners;
	/* A length asked for by number is always said, if it may be. Where a
	 * card was found to want one, 6700 is about the number. */
	bool case_4 = apdu->data.size && apdu->expect == APDU_SOME &&
		      !manners->forced_le;
	bool exact_4 = apdu->data.size && apdu->expect == APDU_EXACT;

	if (exact_4 && manners->no_exact_le)
		return send_without_le(channel, apdu, response, deadline);
	TRY(exchange_le(channel, apdu, class_for(channel, apdu->cla), response,
			deadline));
	if (response->status == 0x6E00 && apdu->cla == CLASS_8X &&
	    !manners->class_0x && !manners->forced_class) {
		manners->class_0x = true;
		TRY(exchange_le(channel, apdu, class_for(channel, apdu->cla),
				response, deadline));
		if (response->status == 0x6E00)
			manners->class_0x = false;
	}
	if (response->status == 0x6700 && case_4) {
		manners->with_le = !manners->with_le;
		TRY(exchange_le(channel, apdu, class_for(channel, apdu->cla),
				response, deadline));
		if (response->status == 0x6700)
			manners->with_le = !manners->with_le;
	}
	if (response->status == 0x6700 && exact_4 && !manners->with_le &&
	    !manners->forced_le) {
		TRY(send_without_le(channel, apdu, response, deadline));
		manners->no_exact_le = response->status != 0x6700;
	}
	return IOTSAFE_OK;
}

/* An error of ISO/IEC 7816-4 table 5, no warning. */
static bool is_refusal(unsigned status)
{
	return status >= 0x6400 && status <= 0x6FFF;
}

/*
 * The modem puts the number of a channel that it opened into the class byte
 * (3GPP TS 27.007 section 8.43). A few want it there already, and send what has
 * none to the basic channel, where the applet is not: when the first command of
 * all is refused it is said again with the number. Others take no number there
 * and refuse it themselves: then the card's refusal stands.
 */
static int send_numbered(struct channel *channel, const struct apdu *apdu,
			 struct response *response,
			 const struct deadline *deadline)
{
	const unsigned refusal = response->status;
	int result;

	channel->manners.class_known = true;
	if (!is_refusal(refusal) || !number_of_handle(channel->handle))
		return IOTSAFE_OK;
	channel->manners.class_numbered = true;
	response->size = 0;
	result = send_command(channel, apdu, response, deadline);
	if (result >= 0 && !is_refusal(response->status))
		return IOTSAFE_OK;
	channel->manners.class_numbered = false;
	response->size = 0;
	response->status = refusal;
	return result == IOTSAFE_ERR_MODEM && !channel->link->restarted
		       ? IOTSAFE_OK
		       : result;
}

int channel_transact(struct channel *channel, const struct apdu *apdu,
		     struct response *response, const struct deadline *deadline)
{
	response->size = 0;
	TRY(send_command(channel, apdu, response, deadline));
	if (*channel->handle && !channel->manners.class_known &&
	    !channel->link->kind->host_sets_class)
		TRY(send_numbered(channel, apdu, response, deadline));
	TRY(get_responses(channel, apdu, class_for(channel, apdu->cla),
			  response, deadline));
	if (channel->open)
		channel->link->proven = true;
	/* 91xx: done, and a SIM toolkit command waits for the modem. */
	if (response->status >> 8 == 0x91)
		response->status = STATUS_OK;
	if (response->status == STATUS_ADMINISTERED ||
	    response->status == 0x6984 || response->status == 0x6989)
		channel->administered = true;
	return IOTSAFE_OK;
}

int channel_once(struct channel *channel, const struct apdu *apdu,
		 struct response *response, const struct deadline *deadline)
{
	const bool once = channel->link->once;
	int result;

	response->size = 0;
	channel->link->once = true;
	result = channel_exchange(channel, apdu, class_for(channel, apdu->cla),
				  false, response, deadline);
	channel->link->once = once;
	return result;
}

int channel_refused(const char *name, unsigned status)
{
	const char *words = apdu_status_words(status);

	return error_set_status(apdu_status_code(status), status,
				"%s: card answered %04X%s%s", name, status,
				*words ? " " : "", words);
}

int channel_command(struct channel *channel, const struct apdu *apdu,
		    struct response *response, const struct deadline *deadline)
{
	TRY(channel_transact(channel, apdu, response, deadline));
	if (apdu_is_done(response->status))
		return IOTSAFE_OK;
	return channel_refused(apdu->name, response->status);
}

int channel_obtain(struct channel *channel, const struct apdu *apdu,
		   struct response *response, const struct deadline *deadline)
{
	struct manners *manners = &channel->manners;

	TRY(channel_command(channel, apdu, response, deadline));
	if (response->size || manners->with_le || manners->forced_le)
		return IOTSAFE_OK;
	manners->with_le = true;
	TRY(channel_command(channel, apdu, response, deadline));
	if (!response->size)
		manners->with_le = false;
	return IOTSAFE_OK;
}
