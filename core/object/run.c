/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An operation becomes a turn on an open card. Where card or modem turn out to
 * have been reset, all is opened anew and the operation done once more.
 */
#include <string.h>
#include <unistd.h>
#include "base/error.h"
#include "base/trace.h"
#include "object/cache.h"
#include "object/card.h"

/* An operation, and the applet that it begins with. */
struct run {
	card_operation operation;
	void *self;
	struct holding *start; /* NULL: the first that is there */
	const struct deadline *deadline;
	bool link_was_open; /* when the turn began */
	bool attempt;	    /* no channel is opened for it */
	bool believes;	    /* what is known from disk */
};

/* ---- recovery ---- */

enum loss {
	LOST_NOTHING,
	LOST_CHANNEL, /* the card forgot it: reset */
	LOST_COMMAND, /* the modem refused; the channel may be there */
	LOST_LINK
};

/* What a failure says about the card's state. A card that was reset does not
 * know the channel (6881), or answers on it as the USIM would. What was opened
 * in this turn cannot have got lost in it, unless the modem says so; on a port
 * that is shared each turn opens, and none would be repeated. */
static enum loss what_is_lost(const iotsafe_card *card, const struct run *run,
			      int code)
{
	unsigned status = iotsafe_last_status();

	if (card->is_other)
		return LOST_NOTHING;
	if (code == IOTSAFE_ERR_CLOSED || code == IOTSAFE_ERR_IO)
		return run->link_was_open ? LOST_LINK : LOST_NOTHING;
	if (code == IOTSAFE_ERR_MODEM && card->link.restarted)
		return LOST_CHANNEL;
	if (!card->at->was_open && !card->link.shared)
		return LOST_NOTHING;
	if (code == IOTSAFE_ERR_MODEM)
		return LOST_COMMAND;
	if (code == IOTSAFE_ERR_CARD && (status == STATUS_NO_CHANNEL ||
					 status == 0x6D00 || status == 0x6E00))
		return LOST_CHANNEL;
	return LOST_NOTHING;
}

static int reopen(iotsafe_card *card, enum loss loss,
		  const struct deadline *deadline)
{
	/* Some modems let channels be opened with AT+CSIM, but not used. */
	const bool other_way =
		loss == LOST_COMMAND && card->link.either && !card->link.proven;
	struct error reason, away;
	int result;

	error_save(&reason);
	trace_line(IOTSAFE_TRACE_APDU, "card: opening again after: %s",
		   reason.text);
	/* A channel that a reset took may be another program's by now: it is
	 * closed only where it must still be ours. */
	if (loss == LOST_COMMAND)
		channel_close(&card->at->applet.channel, deadline);
	else if (reason.status == STATUS_NO_CHANNEL || card->link.restarted)
		card_lose_channels(card);
	if (other_way)
		link_leave_way(&card->link);
	if (loss == LOST_LINK)
		card_drop_link(card);
	card->at->applet.channel.open = false;
	/* What had no list was perhaps not the applet. */
	if (card->at->no_list)
		card_forget(card);
	card->link.restarted = false;
	result = card_open_all(card, deadline);
	/* No other way opens: the modem has perhaps lost one command. Or done
	 * it, and lost the answer. */
	if (result < 0 && other_way && !card->is_other &&
	    card->commitment == COMMIT_NOTHING && !deadline_passed(deadline)) {
		card->link.useless = 0;
		result = card_open_all(card, deadline);
	}
	if (result < 0 && card->is_other) {
		error_append("; found after: %s", reason.text);
		return result;
	}
	/* The first cause is the one to tell. */
	if (result < 0) {
		card->link.useless = 0;
		error_save(&away);
		error_restore(&reason);
		/* Another trouble than the first: perhaps no channel is free.
		 */
		if ((loss == LOST_LINK || away.code != reason.code) &&
		    strcmp(away.text, reason.text) != 0)
			error_append("; then: %s", away.text);
		return reason.code;
	}
	return IOTSAFE_OK;
}

static int run_once(iotsafe_card *card, const struct run *run)
{
	if (run->start || card->home)
		card->at = run->start ? run->start : card->home;
	if (run->attempt && !card->at->applet.channel.open)
		return IOTSAFE_OK;
	TRY(card_open_all(card, run->deadline));
	return run->operation(card, run->self, run->deadline);
}

/*
 * 6D00 and 6E00 tell a stranger's applet on our number from a command that
 * the applet does not have only by a second try: on a new channel the first
 * has the command, and the second refuses it again. Then the old channel was
 * ours all the time; cards have few, so that one of the two goes.
 */
static int run_in_new_channel(iotsafe_card *card, const struct run *run)
{
	struct channel *channel = &card->at->applet.channel;
	struct channel old = *channel;
	unsigned status = iotsafe_last_status();
	int result = reopen(card, LOST_CHANNEL, run->deadline);

	if (result < 0) {
		*channel = old;
		return result;
	}
	result = run_once(card, run);
	if (result >= 0)
		channel_lost(&old);
	/* A modem may call both by one name. */
	if (result < 0 && iotsafe_last_status() == status &&
	    (!*old.handle || strcmp(old.handle, channel->handle)))
		channel_close(&old, run->deadline);
	return result;
}

static int run_again(iotsafe_card *card, enum loss loss, const struct run *run)
{
	unsigned status = iotsafe_last_status();

	if (loss == LOST_CHANNEL && status && status != STATUS_NO_CHANNEL)
		return run_in_new_channel(card, run);
	TRY(reopen(card, loss, run->deadline));
	return run_once(card, run);
}

/* Remote administration (IoT.05 clause 2.5.10): 63CF, and the refusals 6984
 * and 6989, say that what was read may be history. */
static bool was_administered(iotsafe_card *card)
{
	bool administered = false;

	for (unsigned i = 0; i < APPLETS; i++) {
		struct channel *channel = &card->holdings[i].applet.channel;

		administered |= channel->administered;
		channel->administered = false;
	}
	if (administered)
		card_changed(card, "remote administration");
	return administered;
}

/* Repeats what was refused for that reason, once. */
static int run_once_or_anew(iotsafe_card *card, const struct run *run)
{
	int result = run_once(card, run);
	unsigned status = result < 0 ? iotsafe_last_status() : 0;

	if (was_administered(card) && (status == 0x6984 || status == 0x6989) &&
	    !deadline_passed(run->deadline)) {
		result = run_once(card, run);
		was_administered(card);
	}
	return result;
}

/* Sends the PIN that the card wants, and does what wanted it. */
static int run_with_pin(iotsafe_card *card, struct run *run)
{
	const bool may_repeat = card_may_repeat(card);
	struct error kept;

	error_save(&kept);
	TRY(card_unlock(card, run->deadline));
	/* On a card with one channel, to begin with another applet would close
	 * the channel that the PIN has opened. */
	run->start = card->at;
	if (may_repeat)
		return run_once(card, run);
	error_restore(&kept);
	return kept.code;
}

static void begin(iotsafe_card *card, struct run *run)
{
	run->link_was_open = card->link.kind;
	cache_begin(card, run->believes);
	for (unsigned i = 0; i < APPLETS; i++) {
		struct holding *holding = &card->holdings[i];

		holding->was_open = holding->applet.channel.open;
		holding->was_stuck = holding->applet.stuck;
		/* On the basic channel others may have selected something
		 * else. */
		if (card->link.way == LINK_ON_BASIC)
			holding->applet.channel.open = false;
	}
}

static int run_in_turn(iotsafe_card *card, struct run *run)
{
	enum loss loss = LOST_NOTHING;
	struct error kept;
	int result;

	begin(card, run);
	result = run_once_or_anew(card, run);
	if (result < 0 && card_wants_pin(card, result))
		result = run_with_pin(card, run);
	if (result < 0)
		loss = what_is_lost(card, run, result);
	if (loss == LOST_NOTHING && card_may_repeat(card) &&
	    !deadline_passed(run->deadline) && cache_misled(card, result))
		result = run_once_or_anew(card, run);

	/* Sessions go with their channel. */
	if (result < 0 && card->at->was_open && card->at->applet.stuck &&
	    !card->at->was_stuck)
		loss = LOST_COMMAND;
	if (loss != LOST_NOTHING && !deadline_passed(run->deadline) &&
	    card_may_repeat(card))
		result = run_again(card, loss, run);
	/* What a PIN has opened went with the channel. */
	if (loss != LOST_NOTHING && result < 0 && card_wants_pin(card, result))
		result = run_with_pin(card, run);
	if (result < 0)
		result = card_explain_pin(card, result);
	if (result == IOTSAFE_ERR_CLOSED || result == IOTSAFE_ERR_IO) {
		error_save(&kept);
		card_drop_link(card);
		error_restore(&kept);
	}
	return result;
}

/* What has to be closed is closed within the turn. */
static void end_link_turn(iotsafe_card *card, const struct deadline *deadline)
{
	if (card->link.shared && card->link.in_turn)
		card_close_channels(card, deadline);
	link_turn_end(&card->link);
	card->has_channel = card->at->applet.channel.open &&
			    card->link.way != LINK_ON_BASIC;
}

int card_check_process(const iotsafe_card *card)
{
	if (card->pid != getpid())
		return error_set(IOTSAFE_ERR_CLOSED,
				 "card: opened by the parent process; open it "
				 "again in this one");
	return IOTSAFE_OK;
}

static int run_within(iotsafe_card *card, int timeout,
		      const struct deadline *limit, struct run *run)
{
	struct turn turn;
	int result;

	TRY(card_check_process(card));
	TRY(card_check_same(card));
	TRY(turn_begin(&card->turns, &turn, timeout, limit));
	run->deadline = &turn.deadline;
	card_commit(card, COMMIT_NOTHING);
	result = card_check_same(card);
	if (result >= 0)
		result = run_in_turn(card, run);
	if (result >= 0)
		cache_keep(card);
	if (result < 0)
		card_explain_commitment(card, result);
	end_link_turn(card, &turn.deadline);
	card_count_up(card);
	turn_end(&card->turns, &turn);
	return result;
}

int card_run(iotsafe_card *card, const struct deadline *limit,
	     card_operation operation, void *self)
{
	return card_run_within(card, card->timeout, limit, operation, self);
}

int card_run_on(iotsafe_card *card, const struct record *record,
		const struct deadline *limit, card_operation operation,
		void *self)
{
	struct run run = {.operation = operation,
			  .self = self,
			  .start = &card->holdings[record->applet]};

	return run_within(card, card->timeout, limit, &run);
}

int card_attempt_on(iotsafe_card *card, const struct record *record,
		    const struct deadline *limit, card_operation operation,
		    void *self)
{
	struct run run = {.operation = operation,
			  .self = self,
			  .start = &card->holdings[record->applet],
			  .attempt = true,
			  .believes = true};

	return run_within(card, card->timeout, limit, &run);
}

int card_run_believing(iotsafe_card *card, const struct record *record,
		       const struct deadline *limit, card_operation operation,
		       void *self)
{
	struct run run = {
		.operation = operation, .self = self, .believes = true};

	if (record)
		run.start = &card->holdings[record->applet];
	return run_within(card, card->timeout, limit, &run);
}

int card_run_within(iotsafe_card *card, int timeout,
		    const struct deadline *limit, card_operation operation,
		    void *self)
{
	struct run run = {.operation = operation, .self = self};

	return run_within(card, timeout, limit, &run);
}
