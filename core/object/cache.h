/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What was read of a card, kept on disk for the next process. All that touches
 * the disk is a module, object-cache.so: few ask for it. */
#ifndef OBJECT_CACHE_H
#define OBJECT_CACHE_H

#include "object/card.h"

#define CACHE_SIZE_MAX 65536

/* ---- cache.c: in the library ---- */

/* IOTSAFE_ERR_ARG for a `cache=` that means nothing. */
int cache_check(const iotsafe_card *card);
/* An operation begins: unless it believes, nothing that is from disk stays. */
void cache_begin(iotsafe_card *card, bool believes);
/* For card->at, instead of reading its list. */
void cache_load(iotsafe_card *card);
/* Within a turn that went well: writes what the file does not have. */
void cache_keep(iotsafe_card *card);
/* The card has changed, or will: there is no file any more. */
void cache_drop(iotsafe_card *card);
/* The same for what nobody knows the end of: what was read is not kept again
 * either. */
void cache_forget(iotsafe_card *card);
/* Drops it where a handshake has told that it is history (card->doubted). */
bool cache_settle_doubt(iotsafe_card *card);
/* True where an operation failed perhaps because the cache is history: it is
 * gone then, and doing it again asks the card. */
bool cache_misled(iotsafe_card *card, int result);

/* ---- what the module exports ---- */

/* Which file is meant. */
struct cache_place {
	const char *folder; /* NULL: the user's */
	const char *iccid;
	const struct aid *aid;
};

struct cache_module {
	const char *version; /* of the library it was built with */
	/* Fills the list, and the manners that were not known. */
	bool (*load)(const struct cache_place *place, struct holding *holding);
	void (*keep)(const struct cache_place *place,
		     const struct holding *holding);
	void (*drop)(const struct cache_place *place);
};
__attribute__((visibility(
	"default"))) extern const struct cache_module iotsafe_cache_module;

/* Where it is linked in. */
void cache_enter(const struct cache_module *module);

/* ---- cache_format.c: pure ---- */

/* The file's bytes into CACHE_SIZE_MAX bytes; 0 where it does not fit. */
size_t cache_format(const char *iccid, const struct aid *aid,
		    const struct holding *holding, uint8_t *out);
/* False, and nothing changed, where the bytes are not what cache_format()
 * makes for this card and applet. */
bool cache_parse(const char *iccid, const struct aid *aid, struct bytes file,
		 struct holding *holding);

#endif
