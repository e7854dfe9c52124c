/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The lists of objects of a card's applets, read once and kept until they are
 * history.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "base/trace.h"
#include "object/cache.h"
#include "object/card.h"

/* ---- keeping ---- */

void card_forget_applet(struct holding *holding)
{
	for (size_t i = 0; i < holding->entries_count; i++)
		entry_release(&holding->entries[i]);
	free(holding->entries);
	holding->entries = NULL;
	holding->entries_count = 0;
	holding->listed = false;
	holding->no_list = 0;
	holding->absent = false;
	holding->left_out[0] = '\0';
	holding->cached = false;
	holding->kept = 0;
}

void card_forget(iotsafe_card *card)
{
	for (unsigned i = 0; i < APPLETS; i++)
		card_forget_applet(&card->holdings[i]);
}

static int keep_records(iotsafe_card *card, struct records *records)
{
	struct entry *entries;

	card_forget_applet(card->at);
	entries = calloc(records->count + 1, sizeof(*entries));
	if (!entries)
		return error_no_memory("card");
	for (size_t i = 0; i < records->count; i++) {
		entries[i].record = records->items[i];
		entries[i].record.applet = (uint8_t)(card->at - card->holdings);
	}
	card->at->entries = entries;
	card->at->entries_count = records->count;
	card->at->listed = true;
	return IOTSAFE_OK;
}

int card_go_without_list(iotsafe_card *card, unsigned status)
{
	struct records none = {NULL, 0};

	TRY(keep_records(card, &none));
	card->at->no_list = status;
	return IOTSAFE_OK;
}

int card_add_entry(iotsafe_card *card, const struct record *record,
		   struct entry **out)
{
	struct entry *entries =
		realloc(card->at->entries,
			(card->at->entries_count + 1) * sizeof(*entries));

	if (!entries)
		return error_no_memory("card");
	card->at->entries = entries;
	*out = &entries[card->at->entries_count++];
	**out = (struct entry){.record = *record};
	(*out)->record.applet = (uint8_t)(card->at - card->holdings);
	return IOTSAFE_OK;
}

/* ---- reading ---- */

bool record_is_locked(int result)
{
	return result == IOTSAFE_ERR_DENIED && iotsafe_last_status() == 0x6982;
}

/* The list has it and the card has not. */
static void leave_out(iotsafe_card *card, size_t place)
{
	struct holding *at = card->at;
	struct entry *entry = &at->entries[place];

	trace_line(IOTSAFE_TRACE_APDU, "card: an object is left out: %s",
		   iotsafe_last_error());
	if (!at->left_out[0])
		snprintf(at->left_out, sizeof(at->left_out), "%s",
			 iotsafe_last_error());
	entry_release(entry);
	memmove(entry, entry + 1,
		(--at->entries_count - place) * sizeof(*entry));
	for (size_t i = 0; i < at->entries_count; i++)
		at->entries[i].proven -= at->entries[i].proven > place + 1;
}

static int name_object(iotsafe_card *card, struct record *record,
		       const struct deadline *deadline)
{
	struct applet *applet = &card->at->applet;
	struct record named;
	int result = applet->kind->object(applet, record, &named, deadline);

	if (entry_may_be_good(result))
		result = applet->kind->object(applet, record, &named, deadline);
	TRY(result);
	named.applet = record->applet;
	*record = named;
	return IOTSAFE_OK;
}

int card_name_objects(iotsafe_card *card, int class,
		      const struct deadline *deadline)
{
	struct error locked = {.code = IOTSAFE_OK};

	for (size_t i = 0; i < card->at->entries_count;) {
		struct record *record = &card->at->entries[i].record;
		int result = IOTSAFE_OK;

		if (record->unnamed && (!class || record->class == class))
			result = name_object(card, record, deadline);
		if (record_is_locked(result))
			error_save(&locked);
		else if (result == IOTSAFE_ERR_FORMAT ||
			 (entry_is_refused(result) &&
			  iotsafe_last_status() != 0x6D00)) {
			leave_out(card, i);
			continue;
		} else {
			TRY(result);
		}
		i++;
	}
	if (locked.code < 0)
		error_restore(&locked);
	return locked.code;
}

void card_forget_entry(iotsafe_card *card, struct entry *entry)
{
	size_t place = (size_t)(entry - card->at->entries) + 1;

	entry_release(entry);
	*entry = (struct entry){.record = entry->record, .made = entry->made};
	for (size_t i = 0; i < card->at->entries_count; i++)
		if (card->at->entries[i].proven == place)
			card->at->entries[i].proven = 0;
}

int card_need_whole_list(iotsafe_card *card, const struct deadline *deadline)
{
	if (card->at->no_list == CARD_LIST_UNREADABLE)
		card_forget_applet(card->at);
	return card_need_list(card, deadline);
}

void card_changed(iotsafe_card *card, const char *why)
{
	trace_line(IOTSAFE_TRACE_APDU, "card: %s changed objects", why);
	card_forget(card);
	card->changes++;
	card_tell_others(card);
}

/* A list that was read anew has objects by the names of their files again; by
 * what stands in it a handle's object is known already. */
static void keep_name(iotsafe_card *card, const struct record *known)
{
	for (size_t i = 0; i < card->at->entries_count; i++) {
		struct record *listed = &card->at->entries[i].record;

		if (listed->unnamed && !known->unnamed &&
		    listed->applet == known->applet &&
		    bytes_equal(record_id(listed), record_id(known)))
			*listed = *known;
	}
}

struct entry *card_entry_of(iotsafe_card *card, const struct record *record)
{
	keep_name(card, record);
	for (size_t i = 0; i < card->at->entries_count; i++)
		if (record_is_same(&card->at->entries[i].record, record))
			return &card->at->entries[i];
	return NULL;
}

int card_refresh(iotsafe_card *card, struct record *record, unsigned *changes,
		 const struct deadline *deadline)
{
	const struct entry *entry;
	char title[RECORD_TITLE_MAX];

	if (*changes == card->changes)
		return IOTSAFE_OK;
	TRY(card_need_list(card, deadline));
	entry = card_entry_of(card, record);
	if (entry) {
		*record = entry->record;
		*changes = card->changes;
		return IOTSAFE_OK;
	}
	if (card->at->no_list)
		return IOTSAFE_OK;
	record_title(record, title, sizeof(title));
	return error_set(IOTSAFE_ERR_ABSENT, "%s %s is no longer on the card",
			 class_words(record->class), title);
}

/* Status words by which a card says that it has no list to give: it does not
 * know the command, or does not want to. */
static bool is_refused_list(int result)
{
	static const uint16_t refusals[] = {0x6700, 0x6982, 0x6985, 0x6A80,
					    0x6A81, 0x6A82, 0x6A86, 0x6A88,
					    0x6B00, 0x6D00, 0x6E00};

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (result < 0 && iotsafe_last_status() == refusals[i])
			return true;
	return false;
}

int card_need_list(iotsafe_card *card, const struct deadline *deadline)
{
	struct records records;
	int result;

	if (!card->at->listed)
		cache_load(card);
	if (card->at->listed)
		return IOTSAFE_OK;
	if (card->at->applet.manners.forced_no_list)
		result = error_set_status(IOTSAFE_ERR_CARD, 0x6D00,
					  "GET DATA object list: switched off "
					  "by the address");
	else
		result = card->at->applet.kind->list(&card->at->applet,
						     &records, deadline);
	/* Where names come with the list alone, its failure is told. */
	if (is_refused_list(result) &&
	    (card->at->applet.manners.forced_no_list ||
	     !card->at->applet.kind->labels_tie))
		return card_go_without_list(card, iotsafe_last_status());
	TRY(result);
	result = keep_records(card, &records);
	free(records.items);
	return result;
}
