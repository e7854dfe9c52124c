/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The public handle of a card: an address, or the application's link, becomes
 * a card that is shared, counted and freed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/error.h"
#include "object/cache.h"
#include "object/card.h"
#include "object/key_parts.h"
#include "object/registry.h"

#define TIMEOUT_LOWEST	100
#define TIMEOUT_HIGHEST 600000
#define TIMEOUT_DEFAULT 10000
/* RSA keys take some cards half a minute. */
#define GENERATE_DEFAULT 60000
/* Freeing a card must not hang on a modem that has gone; nor longer than any
 * other operation may. */
#define FREE_LIMIT 2000

/* ---- addresses ---- */

static int parse_aids(iotsafe_card *card)
{
	const char *text = address_get(&card->address, "aid");

	while (text && *text) {
		size_t digits = strcspn(text, ",");
		struct aid *aid = &card->aids[card->aids_count];

		if (card->aids_count == CHANNEL_AIDS_MAX || digits < 10 ||
		    digits > 2 * AID_MAX ||
		    !hex_decode(text, digits, aid->data))
			return error_set(IOTSAFE_ERR_ARG,
					 "address: aid=%.80s is not a list of "
					 "AIDs of 5 to 16 bytes",
					 text);
		aid->size = digits / 2;
		card->aids_count++;
		text += digits + (text[digits] == ',');
	}
	return IOTSAFE_OK;
}

/* The application's link has none of its own. */
static int check_attributes(const iotsafe_card *card)
{
	const char *unknown;

	if (!card->own)
		return link_check_attributes(&card->address, card_attributes);
	unknown = address_unknown(&card->address, card_attributes, NULL);
	if (unknown)
		return error_set(IOTSAFE_ERR_ARG,
				 "address: a link of the application has no "
				 "attribute \"%.60s\"",
				 unknown);
	return IOTSAFE_OK;
}

static int parse(iotsafe_card *card, const char *text)
{
	long timeout, generate;

	TRY(address_parse(text, &card->address));
	TRY(card_whole_paths(card));
	address_format(&card->address, "timeout", card->name);
	TRY(check_attributes(card));
	TRY(cache_check(card));
	TRY(card_apply_manners(card));
	TRY(address_get_number(&card->address, "timeout", TIMEOUT_LOWEST,
			       TIMEOUT_HIGHEST, TIMEOUT_DEFAULT, &timeout));
	/* Who names a limit gets it everywhere. */
	generate = address_get(&card->address, "timeout") ? timeout
							  : GENERATE_DEFAULT;
	TRY(address_get_number(&card->address, "timeout-generate",
			       TIMEOUT_LOWEST, TIMEOUT_HIGHEST, generate,
			       &generate));
	card->timeout = (int)timeout;
	card->timeout_generate = (int)generate;
	return parse_aids(card);
}

/* ---- the handle ---- */

/* The application's own link is closed also if it was never used. */
static void close_link(iotsafe_card *card, const struct deadline *deadline)
{
	if (card->link.kind)
		card_hang_up(card, deadline);
	else if (card->own && card->own_link.close)
		card->own_link.close(card->own_link.self);
}

static void destroy(iotsafe_card *card)
{
	int limit = card->timeout < FREE_LIMIT ? card->timeout : FREE_LIMIT;
	struct deadline deadline = deadline_in(limit, -1);

	/* In a child made by fork() all of it is the parent's, down to a lock
	 * that a thread of the parent may hold: it stays as it is. */
	if (card->pid != getpid())
		return;
	cache_settle_doubt(card);
	close_link(card, &deadline);
	registry_remove(card);
	card_forget(card);
	if (card->guest.release)
		card->guest.release(card->guest.data);
	turns_destroy(&card->turns);
	free(card);
}

static iotsafe_card *make(void)
{
	iotsafe_card *card = calloc(1, sizeof(*card));

	if (!card) {
		error_no_memory("card");
		return NULL;
	}
	card->pid = getpid();
	card->at = card->holdings;
	turns_init(&card->turns);
	return card;
}

static int do_nothing(iotsafe_card *card, void *self,
		      const struct deadline *deadline)
{
	(void)card;
	(void)self;
	(void)deadline;
	return IOTSAFE_OK;
}

/* What an address for a card that is open already says of time. */
static void take_limits(iotsafe_card *card, const iotsafe_card *said)
{
	if (address_get(&said->address, "timeout"))
		card->timeout = (int)said->timeout;
	if (address_get(&said->address, "timeout") ||
	    address_get(&said->address, "timeout-generate"))
		card->timeout_generate = (int)said->timeout_generate;
}

/* Away with it, if what opens it has failed. */
static int opened(int result, iotsafe_card **card)
{
	struct error kept;

	if (result >= 0)
		return result;
	error_save(&kept);
	iotsafe_card_free(*card);
	error_restore(&kept);
	*card = NULL;
	return result;
}

int iotsafe_card_open(const char *address, iotsafe_card **card)
{
	iotsafe_card *fresh;
	int result;

	if (!card)
		return error_set(IOTSAFE_ERR_ARG, "card: no room given");
	*card = NULL;
	if (!address)
		address = secure_getenv("IOTSAFE_CARD");
	if (!address || !*address)
		return error_set(IOTSAFE_ERR_ARG,
				 "card: no address given, and IOTSAFE_CARD is "
				 "not set (for example at:/dev/ttyUSB2, or "
				 "sim: for the software SIM)");
	fresh = make();
	if (!fresh)
		return IOTSAFE_ERR_MEMORY;
	result = parse(fresh, address);
	if (result < 0) {
		destroy(fresh);
		return result;
	}
	*card = registry_enter(fresh);
	if (*card != fresh) {
		take_limits(*card, fresh);
		destroy(fresh);
	}
	/* The first operation opens everything. */
	return opened(card_run(*card, NULL, do_nothing, NULL), card);
}

int key_open_card(const iotsafe_key *key, iotsafe_card **card)
{
	const iotsafe_card *before = key->card;
	char text[ADDRESS_NAME_MAX + 64], found[ICCID_TEXT];

	snprintf(text, sizeof(text), "%s%ctimeout=%d&timeout-generate=%d",
		 before->name, strchr(before->name, '?') ? '&' : '?',
		 before->timeout, before->timeout_generate);
	TRY(iotsafe_card_open(text, card));
	strcpy(found, iotsafe_card_iccid(*card));
	if (!before->has_iccid || !strcmp(before->iccid, found))
		return IOTSAFE_OK;
	iotsafe_card_free(*card);
	return error_set(IOTSAFE_ERR_CLOSED,
			 "card: its ICCID is %s, was %s before fork()",
			 *found ? found : "not told", before->iccid);
}

static int open_own(iotsafe_card *card, const char *attributes)
{
	char text[ADDRESS_SIZE_MAX];

	if (snprintf(text, sizeof(text), "link:?%s",
		     attributes ? attributes : "") >= (int)sizeof(text))
		return error_set(IOTSAFE_ERR_ARG, "address: too long");
	TRY(parse(card, text));
	return card_run(card, NULL, do_nothing, NULL);
}

int iotsafe_card_open_link(const iotsafe_link *link, const char *attributes,
			   iotsafe_card **card)
{
	if (!card)
		return error_set(IOTSAFE_ERR_ARG, "card: no room given");
	*card = NULL;
	if (!link || link->size < sizeof(*link) || !link->exchange)
		return error_set(IOTSAFE_ERR_ARG,
				 "card: the link is missing, of another size "
				 "or without exchange function");
	*card = make();
	if (!*card)
		return IOTSAFE_ERR_MEMORY;
	(*card)->own = true;
	(*card)->own_link = *link;
	(*card)->uses = 1;
	return opened(open_own(*card, attributes), card);
}

iotsafe_card *card_use(iotsafe_card *card)
{
	card->uses++;
	return card;
}

struct card_guest *card_guest(iotsafe_card *card)
{
	return &card->guest;
}

unsigned card_changes(const iotsafe_card *card)
{
	return card->changes;
}

void iotsafe_card_free(iotsafe_card *card)
{
	if (!card)
		return;
	if (registry_leave(card))
		destroy(card);
}

int iotsafe_card_cancel(iotsafe_card *card)
{
	if (!card)
		return error_set(IOTSAFE_ERR_ARG, "card: none given");
	TRY(card_check_process(card));
	turns_cancel(&card->turns);
	return IOTSAFE_OK;
}

int iotsafe_card_set_timeout(iotsafe_card *card, int milliseconds)
{
	if (!card || milliseconds < TIMEOUT_LOWEST ||
	    milliseconds > TIMEOUT_HIGHEST)
		return error_set(IOTSAFE_ERR_ARG,
				 "card: a time-out is %d to %d milliseconds",
				 TIMEOUT_LOWEST, TIMEOUT_HIGHEST);
	card->timeout = milliseconds;
	if (!address_get(&card->address, "timeout-generate"))
		card->timeout_generate = milliseconds;
	return IOTSAFE_OK;
}

const char *iotsafe_card_address(const iotsafe_card *card)
{
	return card ? card->name : "";
}

const char *iotsafe_card_iccid(const iotsafe_card *card)
{
	return card && card->has_iccid ? card->iccid : "";
}

uint64_t iotsafe_card_counter(iotsafe_card *card, int counter)
{
	if (!card || counter < 0 || counter >= CARD_COUNTERS)
		return 0;
	return card->counters[counter];
}
