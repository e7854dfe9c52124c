/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sessions of the GSMA IoT SAFE applet (IoT.05 clause 2.10): INIT begins a
 * signature, a verification or a public key on its way in, UPDATE ends it. A
 * session may be in the way of the next: left by a program that crashed, or
 * by ourselves on a card that has one in all. It is ended then, and what was
 * wanted is begun again.
 */
#include <string.h>
#include "applet/iotsafe.h"
#include "base/error.h"
#include "base/trace.h"

#define P1_OPEN	 0x00
#define P1_CLOSE 0x01
#define P1_MORE	 0x00
#define P1_LAST	 0x80

/* Public clients use numbers from 0 to 3, and 5 is the highest they close. */
#define NUMBER_MAX 5

static const struct use {
	const char *init, *update, *close;
	uint8_t ins_init, ins_update;
} uses[] = {
	[GSMA_SIGN] = {"COMPUTE SIGNATURE INIT", "COMPUTE SIGNATURE UPDATE",
		       "COMPUTE SIGNATURE close", 0x2A, 0x2B},
	[GSMA_VERIFY] = {"VERIFY SIGNATURE INIT", "VERIFY SIGNATURE UPDATE",
			 "VERIFY SIGNATURE close", 0x2C, 0x2D},
	[GSMA_PUT] = {"PUT PUBLIC KEY INIT", "PUT PUBLIC KEY UPDATE",
		      "PUT PUBLIC KEY close", 0x24, 0xD8},
};

const char *gsma_update_name(enum gsma_use use)
{
	return uses[use].update;
}

/* Cards count from 0 or from 1, and share numbers between uses or not: these
 * suit all that were seen, unless one was found that does not. */
static uint8_t number_of(const struct applet *applet, enum gsma_use use)
{
	const struct applet_manners *manners = &applet->manners;

	return manners->has_session ? manners->session : (uint8_t)(1 + use);
}

/* A command that brings nothing. What comes with bytes is garbled, and its
 * 9000 means nothing: a verdict least of all. */
static int tell(struct applet *applet, const struct apdu *apdu,
		const struct deadline *deadline)
{
	uint8_t answer[2 * APDU_RESPONSE_MAX];
	struct response response = {.data = answer, .room = sizeof(answer)};

	TRY(channel_command(&applet->channel, apdu, &response, deadline));
	if (response.size)
		return error_set(IOTSAFE_ERR_FORMAT,
				 "%s: the card's answer has %zu bytes, not "
				 "none",
				 apdu->name, response.size);
	return IOTSAFE_OK;
}

int gsma_session_update(struct applet *applet, enum gsma_use use, bool last,
			struct bytes body, struct response *response,
			const struct deadline *deadline)
{
	struct apdu update = {
		.name = uses[use].update,
		.cla = CLA_IOTSAFE,
		.ins = uses[use].ins_update,
		.p1 = last ? P1_LAST : P1_MORE,
		.p2 = number_of(applet, use),
		.data = body,
		.expect = response ? APDU_SOME : APDU_NOTHING,
		.le = applet->channel.manners.piece,
	};

	if (!response)
		return tell(applet, &update, deadline);
	if (applet->manners.signature_pieces)
		update.expect = APDU_EXACT;
	return channel_command(&applet->channel, &update, response, deadline);
}

/* Clean-up: its own failure must not hide what came before. */
static void close_number(struct applet *applet, enum gsma_use use,
			 uint8_t number, const struct deadline *deadline)
{
	uint8_t answer[APDU_RESPONSE_MAX];
	struct response response = {.data = answer, .room = sizeof(answer)};
	const struct apdu close = {
		.name = uses[use].close,
		.cla = CLA_IOTSAFE,
		.ins = uses[use].ins_init,
		.p1 = P1_CLOSE,
		.p2 = number,
	};
	struct error kept;

	error_save(&kept);
	channel_transact(&applet->channel, &close, &response, deadline);
	error_restore(&kept);
}

static void close_session(struct applet *applet, enum gsma_use use,
			  const struct deadline *deadline)
{
	close_number(applet, use, number_of(applet, use), deadline);
	applet->left_open &= ~(1u << use);
}

/* INIT on its way. */
struct opening {
	struct applet *applet;
	enum gsma_use use;
	struct bytes body;
	const struct deadline *deadline;
};

/* Status words that cards give when a session is open already, or when its
 * number is none of theirs. */
static bool may_be_open(unsigned status)
{
	return status == 0x6985 || status == 0x6986 || status == 0x6989 ||
	       status == 0x6A84 || status == 0x6A86 || status == 0x6B00;
}

/* True where that is how INIT failed; while we have a session open ourselves
 * it may be in the way whatever the card says of it. */
static bool is_in_the_way(const struct applet *applet, int result)
{
	unsigned status = iotsafe_last_status();
	unsigned sw1 = status >> 8;

	return result < 0 &&
	       (may_be_open(status) ||
		(applet->left_open && (sw1 == 0x69 || sw1 == 0x6A)));
}

/* True where the card refuses for a reason that the object's record tells. */
static bool is_refused(const struct record *record, enum gsma_use use)
{
	if (use == GSMA_PUT)
		return record->has_access &&
		       !(record->flags & IOTSAFE_OBJECT_UPDATABLE);
	return record->has_state && !(record->flags & IOTSAFE_OBJECT_ACTIVE);
}

static int init(const struct opening *opening)
{
	const struct use *use = &uses[opening->use];
	const struct apdu init = {
		.name = use->init,
		.cla = CLA_IOTSAFE,
		.ins = use->ins_init,
		.p1 = P1_OPEN,
		.p2 = number_of(opening->applet, opening->use),
		.data = opening->body,
	};

	return tell(opening->applet, &init, opening->deadline);
}

/* Ends what we left open ourselves, and this session, whoever opened it. */
static int init_after_close(const struct opening *opening)
{
	struct applet *applet = opening->applet;
	unsigned left = applet->left_open;
	int result;

	for (unsigned use = 0; use < GSMA_USES; use++)
		if (use == opening->use || left & 1u << use)
			close_session(applet, use, opening->deadline);
	result = init(opening);
	/* So our own last one was in the way: not again. */
	if (result >= 0 && left && !applet->given_up &&
	    !applet->manners.forced_close)
		applet->manners.close_session = true;
	return result;
}

/* One number for all, as cards with a single session have it. */
static int init_with_number(const struct opening *opening, uint8_t number)
{
	struct applet_manners *manners = &opening->applet->manners;
	const struct applet_manners before = *manners;
	int result;

	if (number == number_of(opening->applet, opening->use))
		return IOTSAFE_ERR_CARD;
	manners->has_session = true;
	manners->session = number;
	result = init(opening);
	if (is_in_the_way(opening->applet, result)) {
		close_number(opening->applet, opening->use, number,
			     opening->deadline);
		result = init(opening);
	}
	if (result < 0)
		*manners = before;
	return result;
}

/* The last UPDATE of a signature, under any number. A public client ends one
 * with P1 = 90, of which only 80 is explained: both are tried. */
static void finish_signature(const struct opening *opening, uint8_t number)
{
	static const uint8_t text[] = {0x9B, 0x04, 0x01, 0x02, 0x03, 0x04};
	uint8_t answer[APDU_RESPONSE_MAX * 2];
	struct response response = {.data = answer, .room = sizeof(answer)};
	struct apdu update = {
		.name = uses[GSMA_SIGN].update,
		.cla = CLA_IOTSAFE,
		.ins = uses[GSMA_SIGN].ins_update,
		.p2 = number,
		.data = {text, sizeof(text)},
		.expect = APDU_SOME,
	};

	for (unsigned p1 = P1_LAST; p1 <= 0x90; p1 += 0x10) {
		update.p1 = (uint8_t)p1;
		channel_transact(&opening->applet->channel, &update, &response,
				 opening->deadline);
	}
}

/* Some cards stay stuck after a signature that was broken off until it is
 * closed under its own number, or a last UPDATE ends it. */
static int init_after_all(const struct opening *opening)
{
	for (unsigned use = 0; use < GSMA_USES; use++)
		for (uint8_t number = 0; number <= NUMBER_MAX; number++)
			close_number(opening->applet, use, number,
				     opening->deadline);
	if (init(opening) >= 0)
		return IOTSAFE_OK;
	for (uint8_t number = 0; number <= GSMA_USES; number++)
		finish_signature(opening, number);
	return init(opening);
}

static int clear_the_way(const struct opening *opening)
{
	struct applet *applet = opening->applet;
	int result = init_after_close(opening);

	if (!is_in_the_way(applet, result) || applet->stuck)
		return result;
	for (uint8_t number = 1; !applet->manners.forced_session; number--) {
		if (init_with_number(opening, number) >= 0)
			return IOTSAFE_OK;
		if (!number)
			break;
	}
	result = init_after_all(opening);
	/* What is left is a new channel. */
	if (is_in_the_way(applet, result))
		applet->stuck = true;
	return result;
}

/* ---- ahead ---- */

static bool is_prepared(const struct applet *applet)
{
	const struct prepared *prepared = &applet->prepared;

	return prepared->size &&
	       prepared->session == number_of(applet, GSMA_SIGN) &&
	       prepared->exchanges == applet->channel.link->counters.exchanges;
}

static bool is_prepared_for(const struct applet *applet, struct bytes body)
{
	return is_prepared(applet) &&
	       bytes_equal((struct bytes){applet->prepared.init,
					  applet->prepared.size},
			   body);
}

/* What is not used any more is ended where the card is known to want that;
 * where it is not, INIT shows it. */
static void drop_prepared(struct applet *applet,
			  const struct deadline *deadline)
{
	if (!applet->prepared.size)
		return;
	applet->prepared.size = 0;
	if (applet->manners.close_session)
		close_session(applet, GSMA_SIGN, deadline);
	else
		applet->given_up = true;
}

void gsma_session_give_up(struct applet *applet,
			  const struct deadline *deadline)
{
	if (applet->prepared.size)
		close_session(applet, GSMA_SIGN, deadline);
	applet->prepared.size = 0;
}

/* Whatever is refused here the signature itself will find, and clear out of
 * its way with all that there is to it. */
int gsma_session_prepare(struct applet *applet, const struct record *record,
			 struct bytes body, const struct deadline *deadline)
{
	const struct opening opening = {applet, GSMA_SIGN, body, deadline};
	struct prepared *prepared = &applet->prepared;
	int result;

	if (is_prepared(applet))
		return is_prepared_for(applet, body);
	if (applet->stuck || is_refused(record, GSMA_SIGN) ||
	    body.size > sizeof(prepared->init))
		return 0;
	drop_prepared(applet, deadline);
	result = init(&opening);
	if (is_in_the_way(applet, result))
		result = init_after_close(&opening);
	/* The number is none of the card's: the one of public clients. */
	if (result < 0 && iotsafe_last_status() == 0x6A86 &&
	    !applet->manners.forced_session)
		result = init_with_number(&opening, 0);
	TRY(result);
	memcpy(prepared->init, body.data, body.size);
	prepared->size = body.size;
	prepared->session = number_of(applet, GSMA_SIGN);
	prepared->exchanges = applet->channel.link->counters.exchanges;
	applet->given_up = false;
	applet->left_open |= 1u << GSMA_SIGN;
	return 1;
}

int gsma_session_open(struct applet *applet, enum gsma_use use,
		      const struct record *record, struct bytes body,
		      const struct deadline *deadline)
{
	const struct opening opening = {applet, use, body, deadline};
	struct error first;
	int result;

	if (use == GSMA_SIGN && is_prepared_for(applet, body)) {
		applet->prepared.size = 0;
		return 1;
	}
	drop_prepared(applet, deadline);
	result = init(&opening);
	if (!is_in_the_way(applet, result) || is_refused(record, use))
		goto out;
	error_save(&first);
	trace_line(IOTSAFE_TRACE_APDU, "%s: is a session open? closing it",
		   uses[use].init);
	result = clear_the_way(&opening);
	/* The first cause is the one to tell. */
	if (result < 0 &&
	    (iotsafe_last_status() || result == IOTSAFE_ERR_TIMEOUT)) {
		error_restore(&first);
		result = first.code;
	}
out:
	if (result >= 0)
		applet->stuck = applet->given_up = false;
	return result;
}

/* A session is closed where the card still answers, and on this channel. */
static bool can_close(int result)
{
	unsigned status = iotsafe_last_status();

	return result == IOTSAFE_ERR_FORMAT || result == IOTSAFE_ERR_SUPPORT ||
	       (status && status != 0x6881);
}

void gsma_session_end(struct applet *applet, enum gsma_use use, int result,
		      const struct deadline *deadline)
{
	bool done = result >= 0 || result == IOTSAFE_ERR_VERIFY;

	if (done ? applet->manners.close_session : can_close(result))
		close_session(applet, use, deadline);
	else if (done)
		applet->left_open |= 1u << use;
}
