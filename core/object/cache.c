/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * When a card's list, certificates and public keys come from disk, when they go
 * there, and when the file is not believed any more. Everything works without.
 */
#include <stdatomic.h>
#include <string.h>
#include <sys/auxv.h>
#include "base/error.h"
#include "base/module.h"
#include "base/trace.h"
#include "object/cache.h"

#ifdef WITHOUT_MODULES
static _Atomic(const struct cache_module *) loaded = &iotsafe_cache_module;
#else
static _Atomic(const struct cache_module *) loaded;
#endif

void cache_enter(const struct cache_module *module)
{
	loaded = module;
}

/* A cache is never what an operation fails for. */
static const struct cache_module *module(void)
{
	struct error kept;
	void *found;

	if (loaded)
		return loaded;
	error_save(&kept);
	if (module_load("object-cache", "cache", "iotsafe_cache_module",
			&found) >= 0)
		loaded = found;
	else
		trace_line(IOTSAFE_TRACE_APDU, "card: no cache: %s",
			   iotsafe_last_error());
	error_restore(&kept);
	return loaded;
}

/* ---- whether there is one ---- */

int cache_check(const iotsafe_card *card)
{
	const char *said = address_get(&card->address, "cache");

	if (!said || *said == '/' || !strcmp(said, "yes") ||
	    !strcmp(said, "no"))
		return IOTSAFE_OK;
	return error_set(IOTSAFE_ERR_ARG,
			 "address: cache=%.80s is neither yes nor no nor the "
			 "path of a folder",
			 said);
}

/* What a user may write decides nothing with another one's rights; a software
 * SIM without a store is a new card each time. */
static bool is_possible(const iotsafe_card *card)
{
	const struct address *address = &card->address;

	return card->has_iccid && !getauxval(AT_SECURE) &&
	       (strcmp(address->scheme, "sim") != 0 ||
		address_get(address, "store"));
}

static bool is_wanted(const iotsafe_card *card)
{
	const char *said = address_get(&card->address, "cache");

	return said && strcmp(said, "no") != 0 && is_possible(card);
}

/* Only the applet whose objects anybody may read. */
static struct cache_place place_of(const iotsafe_card *card)
{
	const char *said = address_get(&card->address, "cache");
	const struct applet *applet = &card->holdings[APPLET_IOTSAFE].applet;

	return (struct cache_place){said && *said == '/' ? said : NULL,
				    card->iccid, &applet->channel.aid};
}

/* ---- reading and writing ---- */

/* How much there is to keep: it grows as the card is read. */
static unsigned amount(const struct holding *holding)
{
	unsigned amount = holding->listed;

	for (size_t i = 0; i < holding->entries_count; i++) {
		const struct entry *entry = &holding->entries[i];

		/* Of some files the beginning is enough. */
		if (entry->start)
			amount++;
		if (entry->read)
			amount += 2;
		if (entry->proven)
			amount++;
	}
	return amount;
}

void cache_begin(iotsafe_card *card, bool believes)
{
	struct holding *holding = &card->holdings[APPLET_IOTSAFE];

	card->believes = believes;
	card->leans = false;
	if (cache_settle_doubt(card))
		believes = false;
	if (!believes && holding->cached)
		card_forget_applet(holding);
}

bool cache_settle_doubt(iotsafe_card *card)
{
	bool doubted = atomic_exchange(&card->doubted, false);

	if (doubted)
		cache_drop(card);
	return doubted;
}

void cache_load(iotsafe_card *card)
{
	struct holding *holding = card->at;
	const struct cache_place place = place_of(card);

	if (!card->believes || holding != &card->holdings[APPLET_IOTSAFE] ||
	    holding->applet.manners.forced_no_list || !place.aid->size ||
	    !is_wanted(card) || !module() || !(*loaded).load(&place, holding))
		return;
	holding->cached = true;
	holding->kept = amount(holding);
	trace_line(IOTSAFE_TRACE_APDU, "card: %zu objects from the cache",
		   holding->entries_count);
}

void cache_keep(iotsafe_card *card)
{
	struct holding *holding = &card->holdings[APPLET_IOTSAFE];
	const struct cache_place place = place_of(card);
	unsigned now = amount(holding);

	if (!holding->listed || holding->no_list || now <= holding->kept ||
	    !place.aid->size || !is_wanted(card) || !module())
		return;
	holding->kept = now;
	(*loaded).keep(&place, holding);
}

/* ---- doubts ---- */

/* Also where this handle has no use for one: another process may have. */
void cache_drop(iotsafe_card *card)
{
	const struct cache_place place = place_of(card);

	card->holdings[APPLET_IOTSAFE].kept = 0;
	if (is_possible(card) && place.aid->size && module())
		(*loaded).drop(&place);
}

void cache_forget(iotsafe_card *card)
{
	cache_drop(card);
	if (is_wanted(card))
		card_forget_applet(&card->holdings[APPLET_IOTSAFE]);
}

/* What a card may say, or what may be missing on it, because it is not as it
 * was. A PIN that is wanted is none of that. */
static bool is_doubtful(int result)
{
	return result == IOTSAFE_ERR_ABSENT ||
	       result == IOTSAFE_ERR_AMBIGUOUS || result == IOTSAFE_ERR_CARD ||
	       result == IOTSAFE_ERR_DENIED || result == IOTSAFE_ERR_VERIFY ||
	       result == IOTSAFE_ERR_FORMAT || result == IOTSAFE_ERR_SUPPORT;
}

bool cache_misled(iotsafe_card *card, int result)
{
	struct holding *holding = &card->holdings[APPLET_IOTSAFE];

	if (!card->believes || !(holding->cached || card->leans) ||
	    !is_doubtful(result))
		return false;
	trace_line(IOTSAFE_TRACE_APDU, "card: not trusting the cache after: %s",
		   iotsafe_last_error());
	cache_drop(card);
	cache_begin(card, false);
	return true;
}
