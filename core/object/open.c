/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a card needs to be worked with: its link, a turn on it, and a channel
 * for each of its applets that is asked for.
 */
#include <string.h>
#include "base/error.h"
#include "base/trace.h"
#include "object/card.h"
#include "uicc/channel_left.h"

/* ---- applets ---- */

#define ALL_APPLETS ((1u << APPLETS) - 1)

static unsigned number_of(const iotsafe_card *card,
			  const struct holding *holding)
{
	return (unsigned)(holding - card->holdings);
}

/* The AIDs of some applets, in their order: those of the address, if it has
 * any. */
static size_t collect_aids(const iotsafe_card *card, unsigned wanted,
			   struct aid out[CHANNEL_AIDS_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < card->aids_count; i++)
		if (wanted & 1u << applet_by_aid(&card->aids[i]))
			out[count++] = card->aids[i];
	for (unsigned number = 0; number < APPLETS && !card->aids_count;
	     number++)
		for (size_t i = 0; wanted & 1u << number &&
				   i < applet_rows[number].aids_count;
		     i++)
			out[count++] = applet_rows[number].aids[i];
	return count;
}

/* Another applet than this one that has a channel. */
static struct holding *other_open(iotsafe_card *card,
				  const struct holding *holding)
{
	for (unsigned i = 0; i < APPLETS; i++)
		if (&card->holdings[i] != holding &&
		    card->holdings[i].applet.channel.open)
			return &card->holdings[i];
	return NULL;
}

/* Opens a channel for the first of these AIDs that is there. A card, or a
 * modem, may have one channel for us and no more: where there is none left for
 * a second applet the first one's is given up: each change from one to the
 * other then costs closing and opening. */
static int open_channel(iotsafe_card *card, struct holding *holding,
			const struct aid *aids, size_t count,
			const struct deadline *deadline)
{
	struct channel *channel = &holding->applet.channel;
	struct holding *other;
	int result;

	/* Every command on it selects anew what it is for. */
	while (card->link.way == LINK_ON_BASIC &&
	       (other = other_open(card, holding)))
		other->applet.channel.open = false;
	card->link.more = other_open(card, holding);
	result = channel_open(channel, &card->link, aids, count, deadline);
	while (result < 0 && channel_is_full(card->link.way, result) &&
	       (other = other_open(card, holding))) {
		trace_line(IOTSAFE_TRACE_APDU,
			   "card: applet %s gives up its channel for another",
			   other->applet.kind->name);
		card_close_channel(other, deadline);
		card->link.more = other_open(card, holding);
		result = channel_open(channel, &card->link, aids, count,
				      deadline);
	}
	card->link.more = false;
	return result;
}

/* A card that was reset gives numbers anew: what we had by this one is gone. */
static void forget_namesakes(iotsafe_card *card, const struct holding *holding)
{
	const struct channel *fresh = &holding->applet.channel;

	for (unsigned i = 0; i < APPLETS; i++) {
		struct channel *channel = &card->holdings[i].applet.channel;

		if (&card->holdings[i] != holding &&
		    channel->number == fresh->number &&
		    !strcmp(channel->handle, fresh->handle))
			channel->open = false;
	}
}

/* The channel was opened: is the card still the same, and the applet the one
 * that its AID says? */
static int take_up(iotsafe_card *card, struct holding *holding,
		   const struct deadline *deadline)
{
	struct applet *applet = &holding->applet;

	card->at = holding;
	holding->pin_seen = false;
	applet->left_open = 0;
	applet->prepared.size = 0;
	applet->given_up = false;
	forget_namesakes(card, holding);
	TRY(card_recognise(card));
	TRY(applet_load(number_of(card, holding), &applet->kind));
	return applet->kind->probe ? applet->kind->probe(applet, deadline)
				   : IOTSAFE_OK;
}

/* Opens the first of these applets that is there, which is card->at then. */
static int open_any(iotsafe_card *card, unsigned wanted,
		    const struct deadline *deadline)
{
	struct holding *holding = card->holdings, *found;
	struct aid aids[CHANNEL_AIDS_MAX];
	size_t count = collect_aids(card, wanted, aids);
	const struct applet_kind *known;
	int result;

	while (!(wanted & 1u << number_of(card, holding)))
		holding++;
	TRY(open_channel(card, holding, aids, count, deadline));
	found = &card->holdings[applet_by_aid(&holding->applet.channel.aid)];
	if (found != holding) {
		found->applet.channel = holding->applet.channel;
		holding->applet.channel.open = false;
	}
	known = found->applet.kind;
	result = take_up(card, found, deadline);
	if (result < 0) {
		channel_close(&found->applet.channel, deadline);
		found->applet.kind = known;
	} else
		for (; holding < found; holding++)
			holding->absent |=
				wanted >> number_of(card, holding) & 1u;
	return result;
}

static int open_home(iotsafe_card *card, const struct deadline *deadline)
{
	int result = open_any(card, ALL_APPLETS, deadline);

	if (result == IOTSAFE_ERR_ABSENT && iotsafe_last_status() &&
	    !channel_applet_is_closed(iotsafe_last_status()) &&
	    !card->aids_count)
		error_append(", nor Trust Onboard's");
	TRY(result);
	card->home = card->at;
	return IOTSAFE_OK;
}

static int open_applet(iotsafe_card *card, const struct deadline *deadline)
{
	if (!card->home)
		return open_home(card, deadline);
	if (card->at->applet.channel.open)
		return IOTSAFE_OK;
	return open_any(card, 1u << number_of(card, card->at), deadline);
}

static int is_absent(struct holding *holding, const char *name)
{
	const unsigned status = iotsafe_last_status();

	holding->absent = true;
	return error_set_status(IOTSAFE_ERR_ABSENT, status,
				"card: this SIM has no applet %s", name);
}

int card_go_to(iotsafe_card *card, unsigned number,
	       const struct deadline *deadline)
{
	struct holding *holding = &card->holdings[number];
	struct holding *former = card->at;
	struct aid aids[CHANNEL_AIDS_MAX];
	int result = IOTSAFE_ERR_ABSENT;

	card->at = holding;
	if (!holding->absent && collect_aids(card, 1u << number, aids))
		result = open_applet(card, deadline);
	/* Many modems say the same to all. */
	if (result == IOTSAFE_ERR_MODEM && !holding->was_open &&
	    card->link.way == LINK_BY_MODEM && !card->link.restarted)
		result = IOTSAFE_ERR_ABSENT;
	if (result >= 0)
		return result;
	if (result == IOTSAFE_ERR_ABSENT && holding != card->home) {
		card->at = former;
		return is_absent(holding, applet_rows[number].name);
	}
	return result;
}

int card_go_to_named(iotsafe_card *card, const struct name *name,
		     const struct deadline *deadline)
{
	unsigned number;

	if (!*name->applet)
		return IOTSAFE_OK;
	number = applet_by_name(name->applet);
	if (number == APPLETS)
		return error_set(IOTSAFE_ERR_ARG,
				 "name: applet=%s is none of iotsafe, mias, mf",
				 name->applet);
	return card_go_to(card, number, deadline);
}

/* What nobody has asked for yet. Where the address has AIDs, what has none
 * among them is not there for us. */
static unsigned unknown_applets(iotsafe_card *card)
{
	struct aid aids[CHANNEL_AIDS_MAX];
	unsigned unknown = 0;

	for (unsigned i = 0; i < APPLETS; i++) {
		struct holding *holding = &card->holdings[i];

		if (holding->absent || holding->applet.kind)
			continue;
		if (collect_aids(card, 1u << i, aids))
			unknown |= 1u << i;
		else
			holding->absent = true;
	}
	return unknown;
}

static void all_absent(iotsafe_card *card, unsigned which)
{
	for (unsigned i = 0; i < APPLETS; i++)
		card->holdings[i].absent |= which >> i & 1u;
}

/* Not there, or as good as that: this library was installed without it. */
static bool is_not_there(const iotsafe_card *card, int result)
{
	return result == IOTSAFE_ERR_ABSENT || result == IOTSAFE_ERR_SUPPORT ||
	       (result == IOTSAFE_ERR_MODEM &&
		card->link.way == LINK_BY_MODEM && !card->link.restarted);
}

int card_look_for_others(iotsafe_card *card, const struct deadline *deadline)
{
	struct holding *former = card->at;
	unsigned unknown;
	int result;

	while ((unknown = unknown_applets(card))) {
		card->at = former;
		result = open_any(card, unknown, deadline);
		if (is_not_there(card, result))
			all_absent(card,
				   card->at == former
					   ? unknown
					   : 1u << number_of(card, card->at));
		else
			TRY(result);
	}
	card->at = former;
	return IOTSAFE_OK;
}

/* A card, or what is in its place, may answer to any name: an applet that
 * nobody asked for, and whose objects make no sense, is none. */
bool card_is_no_applet(iotsafe_card *card, int result)
{
	if (result != IOTSAFE_ERR_FORMAT || card->at == card->home)
		return false;
	trace_line(IOTSAFE_TRACE_APDU, "card: passes over applet %s: %s",
		   card->at->applet.kind->name, iotsafe_last_error());
	card->at->absent = true;
	return true;
}

int card_need_iotsafe(const iotsafe_card *card, const char *what)
{
	if (card->at->applet.kind == &applet_iotsafe)
		return IOTSAFE_OK;
	return error_set(IOTSAFE_ERR_SUPPORT,
			 "%s: the applet %s has no command for it", what,
			 card->at->applet.kind->name);
}

/* ---- links ---- */

/* Counters outlive links, and are read without a turn. */
void card_count_up(iotsafe_card *card)
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
	int result;

	if (card->own)
		result = link_open_own(&card->link, &card->own_link);
	else if (card->was_open)
		result = link_open_again(&card->link, &card->address, deadline);
	else
		result = link_open(&card->link, &card->address, deadline);
	if (result < 0)
		return result;
	card->was_open = true;
	for (unsigned i = 0; i < APPLETS; i++) {
		struct channel *channel = &card->holdings[i].applet.channel;

		channel->iccid[0] = '\0';
		channel->manners = (struct manners){.piece = 256};
		channel->manners.with_le = card->link.wants_le;
	}
	card_apply_manners(card);
	/* Behind a new link may be another card. */
	card_forget(card);
	card_count_changes(card);
	return IOTSAFE_OK;
}

static void close_link(iotsafe_card *card)
{
	link_close(&card->link);
	card->link = (struct link){0};
	card->counted = (struct link_counters){0};
}

void card_drop_link(iotsafe_card *card)
{
	if (!card->link.kind)
		return;
	card_count_up(card);
	/* The application's own link has one life, and may go on. */
	for (unsigned i = 0; i < APPLETS; i++) {
		channel_left(&card->holdings[i].applet.channel);
		channel_strays(&card->holdings[i].applet.channel);
	}
	if (!card->own)
		close_link(card);
}

static int begin_link_turn(iotsafe_card *card, const struct deadline *deadline)
{
	if (card->link.in_turn)
		return IOTSAFE_OK;
	TRY(link_turn_begin(&card->link, deadline));
	if (card->link.shared)
		card_hear_of_others(card);
	return IOTSAFE_OK;
}

int card_open_all(iotsafe_card *card, const struct deadline *deadline)
{
	if (!card->link.kind)
		TRY(open_link(card, deadline));
	TRY(begin_link_turn(card, deadline));
	return open_applet(card, deadline);
}

void card_hang_up(iotsafe_card *card, const struct deadline *deadline)
{
	if (!card->link.kind)
		return;
	/* Without a turn the card is not ours to talk to. */
	if (other_open(card, NULL) &&
	    link_turn_begin(&card->link, deadline) >= 0)
		card_close_channels(card, deadline);
	channel_close_strays(&(struct channel){.link = &card->link}, deadline);
	link_turn_end(&card->link);
	close_link(card);
}
