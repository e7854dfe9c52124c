/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An operation becomes a turn on an open card: link, channel and applet are
 * opened when first needed, and once again where card or modem turn out to
 * have been reset.
 */
#include <string.h>
#include <unistd.h>
#include "base/error.h"
#include "base/state.h"
#include "base/trace.h"
#include "object/card.h"

/* The applets, in the order of trying. */
static const struct applet_kind *const applets[] = {&applet_iotsafe};

/* ---- what other processes do ---- */

/* False where the count is another than it was, or cannot be kept. */
static bool count_changes(iotsafe_card *card)
{
	uint64_t before = card->common_changes;
	struct state state;
	bool known = state_read(card->link.port, &state);

	card->common_changes = state.changes;
	return known && state.changes == before;
}

void card_tell_others(iotsafe_card *card)
{
	state_card_changed(card->link.port);
	count_changes(card);
}

/* Between our turns others may have changed the card. */
static void hear_of_others(iotsafe_card *card)
{
	if (count_changes(card))
		return;
	trace_line(IOTSAFE_TRACE_APDU,
		   "card: other processes may have changed objects");
	card_forget(card);
	card->changes++;
}

/* ---- opening ---- */

static int open_applet(iotsafe_card *card, const struct deadline *deadline)
{
	const struct applet_kind *kind = applets[0];
	const struct aid *aids = card->aids_count ? card->aids : kind->aids;
	size_t count = card->aids_count ? card->aids_count : kind->aids_count;
	int result;

	card->applet.kind = kind;
	if (!card->applet.channel.manners.piece)
		card->applet.channel.manners.piece = 256;
	card->applet.left_open = 0;
	TRY(channel_open(&card->applet.channel, &card->link, aids, count,
			 deadline));
	result = card_recognise(card);
	if (result < 0)
		channel_close(&card->applet.channel, deadline);
	return result;
}

/* Counters outlive links, and are read without a turn. */
static void count_up(iotsafe_card *card)
{
	const struct link_counters *now = &card->link.counters;
	const struct link_counters *then = &card->counted;

	card->counters[IOTSAFE_EXCHANGES] += now->exchanges - then->exchanges;
	card->counters[IOTSAFE_BYTES_SENT] +=
		now->bytes_sent - then->bytes_sent;
	card->counters[IOTSAFE_BYTES_RECEIVED] +=
		now->bytes_received - then->bytes_received;
	card->counters[IOTSAFE_LINK_TIME] +=
		now->microseconds - then->microseconds;
	card->counted = *now;
}

static int open_link(iotsafe_card *card, const struct deadline *deadline)
{
	struct manners *manners = &card->applet.channel.manners;
	int result;

	if (card->own)
		result = link_open_own(&card->link, &card->own_link);
	else if (card->was_open)
		result = link_open_again(&card->link, &card->address, deadline);
	else
		result = link_open(&card->link, &card->address, deadline);
	if (result < 0)
		return result;
	card->link_open = card->was_open = true;
	card->applet.channel.iccid[0] = '\0';
	*manners = (struct manners){.piece = 256};
	manners->with_le = card->link.wants_le;
	card_apply_manners(card);
	/* Behind a new link may be another card. */
	card_forget(card);
	count_changes(card);
	return IOTSAFE_OK;
}

static void drop_link(iotsafe_card *card)
{
	if (!card->link_open)
		return;
	count_up(card);
	card->applet.channel.open = false;
	/* The application's own link has one life. */
	if (card->own)
		return;
	link_close(&card->link);
	card->link_open = false;
	card->link = (struct link){0};
	card->counted = (struct link_counters){0};
}

static int begin_link_turn(iotsafe_card *card, const struct deadline *deadline)
{
	if (card->link.in_turn)
		return IOTSAFE_OK;
	TRY(link_turn_begin(&card->link, deadline));
	if (card->link.shared)
		hear_of_others(card);
	return IOTSAFE_OK;
}

static int open_all(iotsafe_card *card, const struct deadline *deadline)
{
	if (!card->link_open)
		TRY(open_link(card, deadline));
	TRY(begin_link_turn(card, deadline));
	if (!card->applet.channel.open)
		return open_applet(card, deadline);
	return IOTSAFE_OK;
}

/* ---- recovery ---- */

#define STATUS_NO_CHANNEL 0x6881

enum loss {
	LOST_NOTHING,
	LOST_CHANNEL, /* the card forgot it: reset */
	LOST_COMMAND, /* the modem refused; the channel may be there */
	LOST_LINK
};

/* What was open when the turn began. */
struct before {
	bool link, channel;
};

/* What a failure says about the card's state. A card that was reset does not
 * know the channel (6881), or answers on it as the USIM would. What was opened
 * in this turn cannot have got lost in it, unless the modem says so. */
static enum loss what_is_lost(const iotsafe_card *card, struct before before,
			      int code)
{
	unsigned status = iotsafe_last_status();

	if (card->is_other)
		return LOST_NOTHING;
	if (code == IOTSAFE_ERR_CLOSED || code == IOTSAFE_ERR_IO)
		return before.link ? LOST_LINK : LOST_NOTHING;
	if (code == IOTSAFE_ERR_MODEM && card->link.restarted)
		return LOST_CHANNEL;
	if (!before.channel)
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
		channel_close(&card->applet.channel, deadline);
	else if (reason.status == STATUS_NO_CHANNEL || card->link.restarted)
		channel_lost(&card->applet.channel);
	if (other_way)
		link_leave_way(&card->link);
	card->applet.channel.open = false;
	if (loss == LOST_LINK)
		drop_link(card);
	/* What had no list was perhaps not the applet. */
	if (card->no_list)
		card_forget(card);
	card->link.restarted = false;
	result = open_all(card, deadline);
	if (result < 0 && card->is_other) {
		error_append("; found after: %s", reason.text);
		return result;
	}
	/* The first cause is the one to tell. */
	if (result < 0) {
		card->link.useless = 0;
		error_save(&away);
		error_restore(&reason);
		if (loss == LOST_LINK && strcmp(away.text, reason.text) != 0)
			error_append("; then: %s", away.text);
		return reason.code;
	}
	return IOTSAFE_OK;
}

static int run_once(iotsafe_card *card, card_operation operation, void *self,
		    const struct deadline *deadline)
{
	TRY(open_all(card, deadline));
	return operation(card, self, deadline);
}

/*
 * 6D00 and 6E00 tell a stranger's applet on our number from a command that
 * the applet does not have only by a second try: on a new channel the first
 * has the command, and the second refuses it again. Then the old channel was
 * ours all the time; cards have few, so that one of the two goes.
 */
static int run_in_new_channel(iotsafe_card *card, card_operation operation,
			      void *self, const struct deadline *deadline)
{
	struct channel old = card->applet.channel;
	unsigned status = iotsafe_last_status();
	int result = reopen(card, LOST_CHANNEL, deadline);

	if (result < 0) {
		card->applet.channel = old;
		return result;
	}
	result = run_once(card, operation, self, deadline);
	if (result >= 0)
		channel_lost(&old);
	/* A modem may call both by one name. */
	if (result < 0 && iotsafe_last_status() == status &&
	    (!*old.handle || strcmp(old.handle, card->applet.channel.handle)))
		channel_close(&old, deadline);
	return result;
}

static int run_again(iotsafe_card *card, enum loss loss,
		     card_operation operation, void *self,
		     const struct deadline *deadline)
{
	unsigned status = iotsafe_last_status();

	if (loss == LOST_CHANNEL && status && status != STATUS_NO_CHANNEL)
		return run_in_new_channel(card, operation, self, deadline);
	TRY(reopen(card, loss, deadline));
	return run_once(card, operation, self, deadline);
}

/* Remote administration (IoT.05 clause 2.5.10): 63CF, and the refusals 6984
 * and 6989, say that what was read may be history. */
static bool was_administered(iotsafe_card *card)
{
	bool administered = card->applet.channel.administered;

	card->applet.channel.administered = false;
	if (administered)
		card_changed(card, "remote administration");
	return administered;
}

/* Repeats what was refused for that reason, once. */
static int run_once_or_anew(iotsafe_card *card, card_operation operation,
			    void *self, const struct deadline *deadline)
{
	int result = run_once(card, operation, self, deadline);
	unsigned status = result < 0 ? iotsafe_last_status() : 0;

	if (was_administered(card) && (status == 0x6984 || status == 0x6989) &&
	    !deadline_passed(deadline)) {
		result = run_once(card, operation, self, deadline);
		was_administered(card);
	}
	return result;
}

static int run_in_turn(iotsafe_card *card, card_operation operation, void *self,
		       const struct deadline *deadline)
{
	const bool stuck = card->applet.stuck;
	const struct before before = {card->link_open,
				      card->applet.channel.open};
	enum loss loss = LOST_NOTHING;
	struct error kept;
	int result;

	/* On the basic channel others may have selected something else. */
	if (card->link.way == LINK_ON_BASIC)
		card->applet.channel.open = false;
	result = run_once_or_anew(card, operation, self, deadline);
	if (result < 0 && card_wants_pin(card, result)) {
		const bool may_repeat = card_may_repeat(card);

		error_save(&kept);
		result = card_unlock(card, deadline);
		if (result >= 0 && !may_repeat) {
			error_restore(&kept);
			result = kept.code;
		} else if (result >= 0)
			result = run_once(card, operation, self, deadline);
	}
	if (result < 0)
		loss = what_is_lost(card, before, result);

	/* Sessions go with their channel. */
	if (result < 0 && before.channel && card->applet.stuck && !stuck)
		loss = LOST_COMMAND;
	if (loss != LOST_NOTHING && !deadline_passed(deadline) &&
	    card_may_repeat(card))
		result = run_again(card, loss, operation, self, deadline);
	if (result == IOTSAFE_ERR_CLOSED || result == IOTSAFE_ERR_IO) {
		error_save(&kept);
		drop_link(card);
		error_restore(&kept);
	}
	return result;
}

/* What has to be closed is closed within the turn. */
static void end_link_turn(iotsafe_card *card, const struct deadline *deadline)
{
	struct channel *channel = &card->applet.channel;

	if (card->link.shared && card->link.in_turn)
		channel_close(channel, deadline);
	link_turn_end(&card->link);
}

void card_hang_up(iotsafe_card *card, const struct deadline *deadline)
{
	if (!card->link_open)
		return;
	/* Without a turn the card is not ours to talk to. */
	if (card->applet.channel.open &&
	    link_turn_begin(&card->link, deadline) >= 0)
		channel_close(&card->applet.channel, deadline);
	link_turn_end(&card->link);
	link_close(&card->link);
	card->link_open = false;
	card->link = (struct link){0};
	card->counted = (struct link_counters){0};
}

int card_check_process(const iotsafe_card *card)
{
	if (card->pid != getpid())
		return error_set(IOTSAFE_ERR_CLOSED,
				 "card: opened by the parent process; open it "
				 "again in this one");
	return IOTSAFE_OK;
}

int card_run(iotsafe_card *card, const struct deadline *limit,
	     card_operation operation, void *self)
{
	return card_run_within(card, card->timeout, limit, operation, self);
}

int card_run_within(iotsafe_card *card, int timeout,
		    const struct deadline *limit, card_operation operation,
		    void *self)
{
	struct turn turn;
	int result;

	TRY(card_check_process(card));
	TRY(card_check_same(card));
	TRY(turn_begin(&card->turns, &turn, timeout, limit));
	card_commit(card, COMMIT_NOTHING);
	result = card_check_same(card);
	if (result >= 0)
		result = run_in_turn(card, operation, self, &turn.deadline);
	if (result < 0)
		card_explain_commitment(card, result);
	end_link_turn(card, &turn.deadline);
	count_up(card);
	turn_end(&card->turns, &turn);
	return result;
}
