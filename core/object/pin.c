/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A SIM or an applet that wants its PIN gets it, if somebody gave one for this
 * very card and a wrong one would still not block it.
 */
#include <string.h>
#include "base/error.h"
#include "base/trace.h"
#include "object/card.h"
#include "object/pin.h"

/* Fewer, and one mistake more would block the card. */
#define TRIES_LEAST 2

/* The applet of card->at, where it has a PIN of its own. */
static const char *applet_with_pin(const iotsafe_card *card)
{
	const struct applet_kind *kind = card->at->applet.kind;

	return kind && kind->pin_verify
		       ? applet_rows[card->at - card->holdings].name
		       : NULL;
}

bool card_has_pin(const iotsafe_card *card)
{
	return card->iccid[0] && pin_has_source(card, applet_with_pin(card));
}

/* The modem wants it. */
static bool is_of_modem(int result)
{
	return result == IOTSAFE_ERR_PIN && !iotsafe_last_status();
}

/* The modem wants it; or a key is closed without, which may have many reasons
 * of which this is one. */
bool card_wants_pin(const iotsafe_card *card, int result)
{
	if (!card->link.kind)
		return false;
	if (is_of_modem(result))
		return pin_has_source(card, NULL);
	return record_is_locked(result) && card_has_pin(card);
}

int card_explain_pin(const iotsafe_card *card, int result)
{
	const char *applet = applet_with_pin(card);
	struct error error;

	if (!record_is_locked(result) || !applet)
		return result;
	/* One that somebody has is kept back. */
	if (!card->iccid[0] && pin_has_source(card, applet))
		error_append("; the applet %s wants its PIN, which is not "
			     "sent: the card's ICCID cannot be read, and it "
			     "might be another card's",
			     applet);
	else
		error_append("; the applet %s wants its PIN (pin-file= in the "
			     "address)",
			     applet);
	error_save(&error);
	error.code = IOTSAFE_ERR_PIN;
	error_restore(&error);
	return IOTSAFE_ERR_PIN;
}

/* On an open channel the card is known. Where the modem refuses all, another
 * one may have taken its place: asked anew, and compared. */
static int know_number(iotsafe_card *card, bool by_modem,
		       char iccid[ICCID_TEXT], const struct deadline *deadline)
{
	struct channel none = {.link = &card->link};
	struct channel *channel = &card->at->applet.channel;

	if (by_modem || !channel->open)
		TRY(iccid_read(&none, channel->iccid, deadline));
	memcpy(iccid, channel->iccid, ICCID_TEXT);
	if (*iccid)
		return card->has_iccid ? card_recognise(card) : IOTSAFE_OK;
	return error_set(IOTSAFE_ERR_PIN,
			 "PIN: the card's ICCID cannot be read, so that no PIN "
			 "is sent: it might be another card's");
}

static int ask_tries(iotsafe_card *card, const char *applet, int *tries,
		     const struct deadline *deadline)
{
	struct applet *at = &card->at->applet;

	if (!applet)
		return pin_tries(&card->link, tries, deadline);
	return at->kind->pin_tries(at, tries, deadline);
}

static int untold(const iotsafe_card *card, const char *applet)
{
	bool blind;

	TRY(address_get_flag(&card->address, "pin-blind", false, &blind));
	if (blind)
		return IOTSAFE_OK;
	return error_set(IOTSAFE_ERR_PIN,
			 "PIN: the applet %s does not tell how many tries are "
			 "left: none is sent automatically (with pin-blind=yes "
			 "in the address, once)",
			 applet);
}

/* `tries` is -1 where that is not known, and the address says that it need not
 * be. */
static int check_tries(iotsafe_card *card, const char *iccid,
		       const char *applet, int *tries,
		       const struct deadline *deadline)
{
	const char *former;
	int result = ask_tries(card, applet, tries, deadline);

	if (result == IOTSAFE_ERR_SUPPORT) {
		*tries = -1;
		result = untold(card, applet);
	}
	TRY(result);
	if (*tries >= 0 && *tries < TRIES_LEAST)
		return error_set(
			IOTSAFE_ERR_PIN,
			"PIN: the card %s has %d %s left: none is sent "
			"automatically",
			iccid, *tries, *tries == 1 ? "try" : "tries");
	former = pin_former(iccid, applet);
	if (former)
		return error_set(IOTSAFE_ERR_PIN,
				 "PIN: the card %s %s: none is sent again",
				 iccid, former);
	return IOTSAFE_OK;
}

static int send(iotsafe_card *card, bool by_modem, const char *applet,
		const char *pin, const struct deadline *deadline)
{
	struct applet *at = &card->at->applet;

	if (applet)
		return at->kind->pin_verify(at, pin, deadline);
	return by_modem && card->link.kind->unlock
		       ? card->link.kind->unlock(&card->link, pin, deadline)
		       : pin_verify(&card->link, pin, deadline);
}

/* A card that was reset meanwhile has no such channel: the PIN went nowhere.
 * Where the answer was lost it may have been wrong. */
static bool is_unheard(void)
{
	return iotsafe_last_status() == 0x6881;
}

/* Where the answer was lost the turn ends there, and says why. */
static int send_once(iotsafe_card *card, bool by_modem, const char *iccid,
		     const char *applet, const char *pin,
		     const struct deadline *deadline)
{
	const enum commitment before = card->commitment;
	const uint64_t before_at = card->committed_at;
	int result;

	trace_line(IOTSAFE_TRACE_APDU, "card: sends the PIN of %s%s%s", iccid,
		   applet ? ", applet " : "", applet ? applet : "");
	if (applet)
		card_commit(card, COMMIT_AT_ONCE);
	result = send(card, by_modem, applet, pin, deadline);
	if (result < 0 && !is_unheard())
		pin_keep_former(iccid, applet);
	card->at->pin_seen |= result >= 0 && applet;
	if (result >= 0 || iotsafe_last_status()) {
		card_commit(card, before);
		card->committed_at = before_at;
	}
	return result;
}

static int unlock(iotsafe_card *card, bool by_modem, const struct error *why,
		  const struct deadline *deadline)
{
	const char *applet = by_modem ? NULL : applet_with_pin(card);
	char iccid[ICCID_TEXT], pin[PIN_MAX + 1] = "";
	int tries, result;

	TRY(know_number(card, by_modem, iccid, deadline));
	TRY(check_tries(card, iccid, applet, &tries, deadline));
	result = pin_find(card, iccid, applet, tries, pin);
	if (result >= 0) {
		result =
			send_once(card, by_modem, iccid, applet, pin, deadline);
	} else if (!by_modem && result != IOTSAFE_ERR_PIN) {
		error_restore(why);
		result = why->code;
	}
	bytes_wipe(pin, sizeof(pin));
	return result;
}

int card_unlock(iotsafe_card *card, const struct deadline *deadline)
{
	bool by_modem = is_of_modem(iotsafe_last_code());
	struct error why;
	int result;

	error_save(&why);
	result = unlock(card, by_modem, &why, deadline);
	/* 6982 was the answer: that no PIN helps is not the cause. */
	if (result < 0 && !by_modem && iotsafe_last_status() && !is_unheard() &&
	    result != IOTSAFE_ERR_PIN) {
		error_restore(&why);
		return why.code;
	}
	return result;
}

/* Whether anything else than the PIN is in the way: the key is tried then, and
 * says so itself. */
static bool may_go_on(int result)
{
	return result == IOTSAFE_OK || result == IOTSAFE_ERR_SUPPORT ||
	       (iotsafe_last_status() && !is_unheard() &&
		result != IOTSAFE_ERR_PIN);
}

int card_unlock_first(iotsafe_card *card, const struct deadline *deadline)
{
	const char *applet = applet_with_pin(card);
	char pin[PIN_MAX + 1] = "";
	int tries, result;

	if (card->at->pin_seen || !applet ||
	    !card->at->applet.kind->keys_want_pin || !card_has_pin(card) ||
	    pin_former(card->iccid, applet))
		return IOTSAFE_OK;
	card->at->pin_seen = true;
	result = ask_tries(card, applet, &tries, deadline);
	if (result < 0)
		return may_go_on(result) ? IOTSAFE_OK : result;
	/* -1: it was given. */
	if (tries < TRIES_LEAST ||
	    pin_find(card, card->iccid, applet, tries, pin) < 0)
		return IOTSAFE_OK;
	result = send_once(card, false, card->iccid, applet, pin, deadline);
	bytes_wipe(pin, sizeof(pin));
	return may_go_on(result) ? IOTSAFE_OK : result;
}

/* ---- as the caller wants it ---- */

struct pin_work {
	const char *applet;
	const char *pin, *new_pin; /* NULL, NULL: how many tries are left */
	int tries;
};

static int go_to(iotsafe_card *card, const struct pin_work *work,
		 const struct deadline *deadline)
{
	if (work->applet)
		TRY(card_go_to(card, applet_by_name(work->applet), deadline));
	if (applet_with_pin(card))
		return IOTSAFE_OK;
	return error_set(IOTSAFE_ERR_SUPPORT,
			 "PIN: the applet %s has none of its own",
			 card->at->applet.kind->name);
}

static int ask_in_turn(iotsafe_card *card, void *self,
		       const struct deadline *deadline)
{
	struct pin_work *work = self;

	TRY(go_to(card, work, deadline));
	return ask_tries(card, applet_with_pin(card), &work->tries, deadline);
}

/* What was refused, or may have been, is not sent again by ourselves. */
static int send_in_turn(iotsafe_card *card, void *self,
			const struct deadline *deadline)
{
	const struct pin_work *work = self;
	struct applet *at;
	int result;

	TRY(go_to(card, work, deadline));
	at = &card->at->applet;
	card_commit(card, COMMIT_AT_ONCE);
	result = work->new_pin ? at->kind->pin_change(at, work->pin,
						      work->new_pin, deadline)
			       : at->kind->pin_verify(at, work->pin, deadline);
	if (result < 0 && !is_unheard() && *at->channel.iccid)
		pin_keep_former(at->channel.iccid, applet_with_pin(card));
	card->at->pin_seen |= result >= 0 && !work->new_pin;
	return result;
}

static int check_applet(const iotsafe_card *card, const char *applet)
{
	if (!card)
		return error_set(IOTSAFE_ERR_ARG, "PIN: no card given");
	if (applet && applet_by_name(applet) == APPLETS)
		return error_set(IOTSAFE_ERR_ARG,
				 "PIN: \"%.40s\" is no applet: mias or mf",
				 applet);
	return IOTSAFE_OK;
}

static int check_pin(const char *pin)
{
	size_t size = pin ? strnlen(pin, PIN_MAX + 1) : 0;

	if (pin && pin_is_possible(pin, size, "any"))
		return IOTSAFE_OK;
	return error_set(IOTSAFE_ERR_ARG,
			 "PIN: four to eight characters of ASCII; nothing was "
			 "sent");
}

int iotsafe_card_pin_tries(iotsafe_card *card, const char *applet, int *tries)
{
	struct pin_work work = {.applet = applet};
	int result;

	if (!tries)
		return error_set(IOTSAFE_ERR_ARG, "PIN: no room given");
	*tries = -1;
	TRY(check_applet(card, applet));
	result = card_run(card, NULL, ask_in_turn, &work);
	if (result >= 0)
		*tries = work.tries;
	return result;
}

int iotsafe_card_pin_verify(iotsafe_card *card, const char *applet,
			    const char *pin)
{
	struct pin_work work = {.applet = applet, .pin = pin};

	TRY(check_applet(card, applet));
	TRY(check_pin(pin));
	return card_run(card, NULL, send_in_turn, &work);
}

int iotsafe_card_pin_change(iotsafe_card *card, const char *applet,
			    const char *old_pin, const char *new_pin)
{
	struct pin_work work = {
		.applet = applet, .pin = old_pin, .new_pin = new_pin};

	TRY(check_applet(card, applet));
	TRY(check_pin(old_pin));
	TRY(check_pin(new_pin));
	return card_run(card, NULL, send_in_turn, &work);
}
