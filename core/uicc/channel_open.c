/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A list of AIDs becomes an open channel with the first applet of it that is
 * on the card: by MANAGE CHANNEL and SELECT, or by the modem.
 */
#include <string.h>
#include "base/error.h"
#include "base/state.h"
#include "uicc/channel.h"
#include "uicc/channel_left.h"
#include "uicc/channel_way.h"

/* ---- opening ---- */

/* MANAGE CHANNEL, open, the card chooses the number: 00 70 00 00 01. */
static int manage_open(struct channel *channel, const struct deadline *deadline)
{
	uint8_t data[APDU_RESPONSE_MAX];
	struct response response = {.data = data, .room = sizeof(data)};
	struct apdu open = {
		.name = "MANAGE CHANNEL open",
		.ins = INS_MANAGE_CHANNEL,
		.expect = APDU_EXACT,
		.le = 1,
	};

	TRY(channel_transact(channel, &open, &response, deadline));
	if (response.status == 0x6700 || response.status == 0x6A86 ||
	    response.status == 0x6B00) {
		/* Some take only Le = 00. */
		open.expect = APDU_SOME;
		TRY(channel_transact(channel, &open, &response, deadline));
	}
	if (response.status == STATUS_NO_CHANNEL || response.status == 0x6A81 ||
	    response.status == 0x6A84)
		return error_set_status(IOTSAFE_ERR_BUSY, response.status,
					"%s: the card has no free logical "
					"channel (card answered %04X)",
					open.name, response.status);
	if (response.status != STATUS_OK)
		return channel_refused(open.name, response.status);
	if (response.size != 1 || data[0] < 1 || data[0] > 19)
		return error_set(IOTSAFE_ERR_FORMAT,
				 "%s: the card's answer is no channel number",
				 open.name);
	channel->number = data[0];
	channel->open = true;
	return IOTSAFE_OK;
}

/* SELECT by AID. Some modems drop the first one (Quectel EG95: +CME ERROR:
 * 0), so an error of the modem is answered by asking again, once. Public
 * clients send it with and without Le; a card that insists gets it. */
static int select_aid(struct channel *channel, const struct aid *aid,
		      unsigned *status, const struct deadline *deadline)
{
	uint8_t data[APDU_RESPONSE_MAX];
	struct response response = {.data = data, .room = sizeof(data)};
	struct apdu select = {
		.name = "SELECT",
		.ins = INS_SELECT,
		.p1 = 0x04,
		.data = {aid->data, aid->size},
	};
	uint8_t cla = apdu_class(0, channel->number);
	int result = channel_exchange(channel, &select, cla, false, &response,
				      deadline);

	if (result == IOTSAFE_ERR_MODEM)
		result = channel_exchange(channel, &select, cla, false,
					  &response, deadline);
	if (result >= 0 && response.status == 0x6700) {
		select.expect = APDU_SOME;
		response.size = 0;
		result = channel_exchange(channel, &select, cla, true,
					  &response, deadline);
	}
	*status = response.status;
	return result;
}

static bool is_selected(unsigned status)
{
	/* What 61xx announces (an FCI template) is of no use: not fetched. */
	return status == STATUS_OK || channel_data_waits(status) ||
	       status >> 8 == 0x91;
}

/* What cards say to the name of an applet that they do not have: not found,
 * wrong parameters, applet selection failed (Java Card), no such command; or
 * that nobody may use any more: deactivated, terminated (ISO/IEC 7816-4). */
static bool says_not_there(unsigned status)
{
	return status >> 8 == 0x6A || status == 0x6999 || status == 0x6985 ||
	       status == 0x6D00 || status == 0x6E00 || status == 0x6283 ||
	       status == 0x6285;
}

/* The applet is there, and nobody may select it: deactivated, terminated; or
 * selected on another channel, where it lets itself be selected only once (Java
 * Card Runtime Environment 4.5.2). */
bool channel_applet_is_closed(unsigned status)
{
	return status == 0x6985 || status == 0x6283 || status == 0x6285;
}

static int no_applet(size_t count, unsigned status)
{
	const char *words = apdu_status_words(status);

	if (channel_applet_is_closed(status))
		return error_set_status(
			IOTSAFE_ERR_ABSENT, status,
			"SELECT: the card lets nobody select its IoT SAFE "
			"applet (card answered %04X%s%s): it is in use on "
			"another channel, or switched off",
			status, *words ? " " : "", words);
	return error_set_status(IOTSAFE_ERR_ABSENT, status,
				"SELECT: this SIM has no IoT SAFE applet (card "
				"answered %04X%s%s to %zu known AID%s)",
				status, *words ? " " : "", words, count,
				count == 1 ? "" : "s");
}

static int select_first(struct channel *channel, const struct aid *aids,
			size_t aids_count, const struct deadline *deadline)
{
	unsigned status = 0, failed = 0, closed = 0;

	for (size_t i = 0; i < aids_count; i++) {
		TRY(select_aid(channel, &aids[i], &status, deadline));
		if (is_selected(status)) {
			channel->aid = aids[i];
			return IOTSAFE_OK;
		}
		/* Nothing is said of the applet: the channel is gone. */
		if (status == STATUS_NO_CHANNEL) {
			channel->open = false;
			return channel_refused("SELECT", status);
		}
		/* Nor by a card that is in trouble. */
		if (!failed && !says_not_there(status))
			failed = status;
		if (!closed && channel_applet_is_closed(status))
			closed = status;
	}
	if (failed)
		return channel_refused("SELECT", failed);
	return no_applet(aids_count, closed ? closed : status);
}

/* A card has few channels: what was opened must be closed even if the rest
 * takes all the time there is. */
static struct deadline leave_time_to_close(const struct deadline *deadline)
{
	struct deadline inner = *deadline;
	int left = deadline_left(deadline);

	if (left > 0)
		inner.at -= left / 4 < CHANNEL_CLOSE_LIMIT
				    ? left / 4
				    : CHANNEL_CLOSE_LIMIT;
	return inner;
}

/* The channel stays open only if the way to the card does. */
static int know_card(struct channel *channel, const struct deadline *deadline)
{
	struct deadline inner = leave_time_to_close(deadline);
	int result = iccid_read(channel, channel->iccid, &inner);

	if (result < 0)
		channel_close(channel, deadline);
	/* The one that has just been opened is the new card's. */
	else if (*channel->iccid &&
		 state_set_iccid(channel->link->port, channel->iccid))
		channel_record(channel, result);
	return result;
}

/* Where the modem opens channels it selects the applet with the same
 * command, and puts the channel into the class byte itself. */
static int ask_modem(struct channel *channel, const struct aid *aid,
		     const struct deadline *deadline)
{
	int result;

	channel_ask(channel);
	result = channel->link->kind->channel_open(
		channel->link, aid->data, aid->size, channel->handle, deadline);
	channel_record(channel, result);
	if (result < 0) {
		channel->handle[0] = '\0';
		return result;
	}
	channel->aid = *aid;
	channel->open = true;
	return know_card(channel, deadline);
}

/* No such applet, no free channel, no such command: many modems say the same
 * to all. */
static bool may_be_another(const struct channel *channel, int result)
{
	return !*channel->handle && !channel->link->restarted &&
	       (result == IOTSAFE_ERR_ABSENT || result == IOTSAFE_ERR_MODEM);
}

/* Tells more than that another applet is not there; and where the others were
 * answered otherwise, the command may just have been lost. */
static int judge_refusal(struct channel *channel, struct error *refused,
			 const struct aid *aid, const struct deadline *deadline)
{
	int result;

	if (!strcmp(refused->text, iotsafe_last_error())) {
		error_restore(refused);
		return refused->code;
	}
	result = ask_modem(channel, aid, deadline);
	if (may_be_another(channel, result)) {
		error_restore(refused);
		result = refused->code;
	}
	return result;
}

static int open_by_modem(struct channel *channel, const struct aid *aids,
			 size_t aids_count, const struct deadline *deadline)
{
	struct error refused = {.code = IOTSAFE_OK};
	int result = IOTSAFE_ERR_ABSENT;
	size_t which = 0;

	for (size_t i = 0; i < aids_count; i++) {
		result = ask_modem(channel, &aids[i], deadline);
		if (!may_be_another(channel, result))
			return result;
		if (result != IOTSAFE_ERR_MODEM || refused.code)
			continue;
		error_save(&refused);
		which = i;
	}
	if (refused.code)
		result = judge_refusal(channel, &refused, &aids[which],
				       deadline);
	if (may_be_another(channel, result))
		error_append(", asked for %zu known AID%s", aids_count,
			     aids_count == 1 ? "" : "s");
	return result;
}

static int manage_and_select(struct channel *channel, const struct aid *aids,
			     size_t aids_count, const struct deadline *deadline)
{
	struct deadline inner;
	int result;

	channel->number = 0; /* the basic one opens it */
	channel->link->restarted = false;
	channel_ask(channel);
	result = manage_open(channel, deadline);
	channel_record(channel, result);
	TRY(result);
	channel_close_strays(channel, deadline);
	TRY(know_card(channel, deadline));
	inner = leave_time_to_close(deadline);
	result = select_first(channel, aids, aids_count, &inner);
	if (result < 0)
		channel_close(channel, deadline);
	return result;
}

static int open_by_host(struct channel *channel, const struct aid *aids,
			size_t aids_count, const struct deadline *deadline)
{
	int result = manage_and_select(channel, aids, aids_count, deadline);

	/* A card that was reset between the two has forgotten the channel. */
	if (result == IOTSAFE_ERR_CARD &&
	    iotsafe_last_status() == STATUS_NO_CHANNEL)
		result = manage_and_select(channel, aids, aids_count, deadline);
	return result;
}

/* Every card has this channel open, for the modem itself and for whoever sends
 * AT+CSIM: what is selected on it holds until somebody selects another. It is
 * closed by nothing. */
static int open_basic(struct channel *channel, const struct aid *aids,
		      size_t aids_count, const struct deadline *deadline)
{
	TRY(select_first(channel, aids, aids_count, deadline));
	channel->open = true;
	/* For every turn: no channel goes when another card takes the place of
	 * this one. */
	return know_card(channel, deadline);
}

int channel_open_one_way(struct channel *channel, enum link_way way,
			 const struct aid *aids, size_t aids_count,
			 const struct deadline *deadline)
{
	channel->open = false;
	channel->number = 0;
	channel->handle[0] = '\0';
	channel->link->restarted = false;
	if (way == LINK_ON_BASIC)
		return open_basic(channel, aids, aids_count, deadline);
	if (way == LINK_BY_MODEM && channel->link->kind->channel_open)
		return open_by_modem(channel, aids, aids_count, deadline);
	return open_by_host(channel, aids, aids_count, deadline);
}

void channel_lost(struct channel *channel)
{
	channel->open = false;
	state_channel_closed(channel->link->port, (unsigned)channel->number,
			     channel->handle);
}

void channel_close(struct channel *channel, const struct deadline *deadline)
{
	struct deadline limit = deadline_in(CHANNEL_CLOSE_LIMIT, -1);
	struct error kept;

	if (!channel->open)
		return;
	/* It went with the restart; its name may be another's by now. */
	if (channel->link->restarted) {
		channel_lost(channel);
		return;
	}
	/* What cancels the operation does not cancel its good-bye. */
	if (deadline && deadline->at < limit.at)
		limit.at = deadline->at;
	error_save(&kept);
	if (channel_was_answered(channel_close_on_card(channel, &limit)) &&
	    !channel->link->way_gone)
		state_channel_closed(channel->link->port,
				     (unsigned)channel->number,
				     channel->handle);
	channel_left(channel);
	error_restore(&kept);
	channel->open = false;
}
