/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The card's list of objects, read once and kept until it is history; names
 * find the object that is meant.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "base/trace.h"
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
		return error_set(IOTSAFE_ERR_MEMORY, "card: no memory");
	for (size_t i = 0; i < records->count; i++) {
		entries[i].record = records->items[i];
		entries[i].record.applet = (uint8_t)(card->at - card->holdings);
	}
	card->at->entries = entries;
	card->at->entries_count = records->count;
	card->at->listed = true;
	return IOTSAFE_OK;
}

static int go_without_list(iotsafe_card *card, unsigned status)
{
	struct records none = {NULL, 0};

	TRY(keep_records(card, &none));
	card->at->no_list = status;
	return IOTSAFE_OK;
}

/* ---- finding ---- */

static void record_of_name(const struct name *name, int class,
			   struct record *out)
{
	memset(out, 0, sizeof(*out));
	out->class = class;
	out->id_size = (uint8_t)name->id_size;
	memcpy(out->id, name->id, name->id_size);
	out->label_size = (uint8_t)name->label_size;
	memcpy(out->label, name->label, name->label_size);
}

/* Where even one object's data is refused, its name is all there is; it is
 * taken to be what the applet's keys mostly are. */
static void assume(struct record *record)
{
	record->flags = IOTSAFE_OBJECT_ACTIVE | IOTSAFE_OBJECT_READABLE;
	if (record->class == IOTSAFE_CLASS_SECRET_KEY)
		record->flags |= IOTSAFE_OBJECT_DERIVE;
	if (record->class == IOTSAFE_CLASS_FILE ||
	    record->class == IOTSAFE_CLASS_SECRET_KEY)
		return;
	record->flags |= IOTSAFE_OBJECT_SIGN;
	record->algorithms = IOTSAFE_ECDSA_SHA256;
	record->key_type = 0x13;
}

int card_add_entry(iotsafe_card *card, const struct record *record,
		   struct entry **out)
{
	struct entry *entries =
		realloc(card->at->entries,
			(card->at->entries_count + 1) * sizeof(*entries));

	if (!entries)
		return error_set(IOTSAFE_ERR_MEMORY, "card: no memory");
	card->at->entries = entries;
	*out = &entries[card->at->entries_count++];
	**out = (struct entry){.record = *record};
	(*out)->record.applet = (uint8_t)(card->at - card->holdings);
	return IOTSAFE_OK;
}

/* A card without a list still knows its objects one by one. */
static int ask_for_one(iotsafe_card *card, const struct name *name, int class,
		       struct entry **out, const struct deadline *deadline)
{
	struct record wanted, record;
	int result;

	record_of_name(name, class, &wanted);
	result = card->at->applet.kind->object(&card->at->applet, &wanted,
					       &record, deadline);
	/* "Not found" is believed where the list was not "not found" too. */
	if (result == IOTSAFE_ERR_CARD || result == IOTSAFE_ERR_DENIED ||
	    (result == IOTSAFE_ERR_ABSENT &&
	     iotsafe_last_status() == card->at->no_list)) {
		record = wanted;
		assume(&record);
		result = IOTSAFE_OK;
	}
	TRY(result);
	return card_add_entry(card, &record, out);
}

static int none_found(const struct name *name, int class,
		      const struct titles *others)
{
	struct record wanted;
	char title[RECORD_TITLE_MAX];

	record_of_name(name, class, &wanted);
	record_title(&wanted, title, sizeof(title));
	return error_set(IOTSAFE_ERR_ABSENT, "no %s %s on the card%s%s",
			 class_words(class), name_is_empty(name) ? "" : title,
			 others->count ? "; it has " : "", others->text);
}

/* What a name is compared with. */
struct search {
	const struct name *name;
	int class;
	struct titles found, others;
	struct entry *entry;
	bool unnamed; /* some may be it, and do not say so yet */
};

static void compare(iotsafe_card *card, struct search *search)
{
	search->found = (struct titles){{0}, 0};
	search->unnamed = false;
	for (size_t i = 0; i < card->at->entries_count; i++) {
		struct entry *entry = &card->at->entries[i];

		search->unnamed |= entry->record.unnamed;
		if (entry->record.class != search->class ||
		    !record_matches(&entry->record, search->name))
			continue;
		search->entry = entry;
		titles_add(&search->found, &entry->record);
	}
}

static bool is_undecided(const struct search *search)
{
	return search->unnamed &&
	       (search->found.count != 1 || search->entry->record.unnamed);
}

static void add_others(iotsafe_card *card, struct search *search)
{
	for (size_t i = 0; i < card->at->entries_count; i++)
		if (card->at->entries[i].record.class == search->class)
			titles_add(&search->others,
				   &card->at->entries[i].record);
}

/* In card->at alone. IOTSAFE_ERR_ABSENT is not recorded. */
static int find_here(iotsafe_card *card, struct search *search,
		     const struct deadline *deadline)
{
	int result = card_need_list(card, deadline);

	/* A list that no modem lets through whole is none for who knows a
	 * name. */
	if (result == IOTSAFE_ERR_FORMAT && !name_is_empty(search->name) &&
	    !card->at->applet.kind->labels_tie)
		result = go_without_list(card, CARD_LIST_UNREADABLE);
	TRY(result);
	compare(card, search);
	/* Those that may be of the class first: others may want a PIN. */
	if (is_undecided(search)) {
		TRY(card_name_objects(card, search->class, deadline));
		compare(card, search);
	}
	if (is_undecided(search)) {
		TRY(card_name_objects(card, 0, deadline));
		compare(card, search);
	}

	if (search->found.count == 1)
		return IOTSAFE_OK;
	if (search->found.count > 1)
		return error_set(
			IOTSAFE_ERR_AMBIGUOUS,
			"%zu %ss match; choose one of: %s", search->found.count,
			class_words(search->class), search->found.text);
	if (card->at->no_list && !name_is_empty(search->name))
		return ask_for_one(card, search->name, search->class,
				   &search->entry, deadline);
	add_others(card, search);
	return IOTSAFE_ERR_ABSENT;
}

/* In the applets that the operation did not begin with. */
static int find_elsewhere(iotsafe_card *card, struct search *search,
			  const struct deadline *deadline)
{
	const struct holding *begun = card->at;
	int result = IOTSAFE_ERR_ABSENT;

	TRY(card_look_for_others(card, deadline));
	for (unsigned i = 0; i < APPLETS && result == IOTSAFE_ERR_ABSENT; i++) {
		if (&card->holdings[i] == begun || card->holdings[i].absent)
			continue;
		result = card_go_to(card, i, deadline);
		if (result >= 0)
			result = find_here(card, search, deadline);
	}
	return result;
}

int card_find(iotsafe_card *card, const struct name *name, int class,
	      struct entry **out, const struct deadline *deadline)
{
	struct search search = {.name = name, .class = class};
	bool asked;
	int result;

	if (name->class && name->class != class)
		return error_set(IOTSAFE_ERR_ARG,
				 "name: its type is not that of a %s",
				 class_words(class));
	TRY(card_go_to_named(card, name, deadline));
	result = find_here(card, &search, deadline);
	/* Then the card itself has said "not found", of this very object. */
	asked = card->at->no_list && !name_is_empty(name);
	if (result == IOTSAFE_ERR_ABSENT && !asked && !*name->applet &&
	    !name_is_empty(name))
		result = find_elsewhere(card, &search, deadline);
	if (result == IOTSAFE_ERR_ABSENT && !asked)
		return none_found(name, class, &search.others);
	*out = search.entry;
	return result;
}

/* A public key's object that is the other half of a pair on the card. */
static bool is_of_pair(const iotsafe_card *card, const struct record *public)
{
	for (size_t i = 0; i < card->at->entries_count; i++) {
		struct record record = card->at->entries[i].record;
		bool private = record.class == IOTSAFE_CLASS_PRIVATE_KEY;

		record.class = public->class;
		if (private && record_is_same(&record, public))
			return true;
	}
	return false;
}

static bool may_be_meant(const iotsafe_card *card, const struct record *record,
			 int class, unsigned flags)
{
	return record->class == class && (record->flags & flags) == flags &&
	       (!(flags & IOTSAFE_OBJECT_UPDATABLE) ||
		!is_of_pair(card, record));
}

int card_find_with(iotsafe_card *card, const struct name *name, int class,
		   unsigned flags, const struct record *mate,
		   struct entry **out, const struct deadline *deadline)
{
	struct titles found = {{0}, 0};

	if (!name_is_empty(name))
		return card_find(card, name, class, out, deadline);
	TRY(card_go_to_named(card, name, deadline));
	TRY(card_need_list(card, deadline));
	for (size_t i = 0; i < card->at->entries_count; i++) {
		const struct record *record = &card->at->entries[i].record;

		if (!may_be_meant(card, record, class, flags) ||
		    (mate &&
		     record_is_brainpool(mate) != record_is_brainpool(record)))
			continue;
		titles_add(&found, record);
		*out = &card->at->entries[i];
	}
	if (found.count == 1)
		return IOTSAFE_OK;
	if (found.count)
		return error_set(IOTSAFE_ERR_AMBIGUOUS,
				 "%zu %ss may be meant; choose one of: %s",
				 found.count, class_words(class), found.text);
	return error_set(IOTSAFE_ERR_ABSENT,
			 "no %s on the card may be meant; name one",
			 class_words(class));
}

/* ---- identities ---- */

int card_find_identity(iotsafe_card *card, const struct name *name,
		       struct record *out, const struct deadline *deadline)
{
	const struct holding *begun;
	struct error first;
	int result;

	TRY(card_go_to_named(card, name, deadline));
	begun = card->at;
	result = identity_find(card, out, deadline);
	if (result != IOTSAFE_ERR_ABSENT || *name->applet)
		return result;
	error_save(&first);
	TRY(card_look_for_others(card, deadline));
	for (unsigned i = 0; i < APPLETS && result == IOTSAFE_ERR_ABSENT; i++) {
		if (&card->holdings[i] == begun || card->holdings[i].absent)
			continue;
		result = card_go_to(card, i, deadline);
		if (result >= 0)
			result = identity_find(card, out, deadline);
	}
	if (result == IOTSAFE_ERR_ABSENT)
		error_restore(&first);
	return result;
}

/* ---- reading ---- */

bool record_is_locked(int result)
{
	return result == IOTSAFE_ERR_DENIED && iotsafe_last_status() == 0x6982;
}

int card_name_objects(iotsafe_card *card, int class,
		      const struct deadline *deadline)

{
	struct applet *applet = &card->at->applet;

	for (size_t i = 0; i < card->at->entries_count; i++) {
		struct record *record = &card->at->entries[i].record;
		struct record named;

		if (!record->unnamed || (class && record->class != class))
			continue;
		TRY(applet->kind->object(applet, record, &named, deadline));
		named.applet = record->applet;
		*record = named;
	}
	return IOTSAFE_OK;
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

int card_refresh(iotsafe_card *card, struct record *record, unsigned *changes,
		 const struct deadline *deadline)
{
	char title[RECORD_TITLE_MAX];

	if (*changes == card->changes)
		return IOTSAFE_OK;
	TRY(card_need_list(card, deadline));
	for (size_t i = 0; i < card->at->entries_count; i++) {
		const struct record *other = &card->at->entries[i].record;

		if (!record_is_same(record, other))
			continue;
		*record = *other;
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

	if (card->at->listed)
		return IOTSAFE_OK;
	if (card->at->applet.manners.forced_no_list)
		result = error_set_status(IOTSAFE_ERR_CARD, 0x6D00,
					  "GET DATA object list: switched off "
					  "by the address");
	else
		result = card->at->applet.kind->list(&card->at->applet,
						     &records, deadline);
	if (is_refused_list(result))
		return go_without_list(card, iotsafe_last_status());
	TRY(result);
	result = keep_records(card, &records);
	free(records.items);
	return result;
}
