/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A name becomes the object that is meant, in the applet that the operation is
 * at or in those behind it.
 */
#include <string.h>
#include "base/error.h"
#include "object/card.h"

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

/* What a name is compared with. */
struct search {
	const struct name *name;
	int class;
	struct titles found, others;
	struct entry *entry;
	bool unnamed;	      /* some may be it, and do not say so yet */
	const char *left_out; /* and why others do not count */
};

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
		      const struct search *search)
{
	struct record wanted;
	char title[RECORD_TITLE_MAX];

	record_of_name(name, class, &wanted);
	record_title(&wanted, title, sizeof(title));
	return error_set(IOTSAFE_ERR_ABSENT, "no %s %s on the card%s%s%s%s",
			 class_words(class), name_is_empty(name) ? "" : title,
			 search->others.count ? "; it has " : "",
			 search->others.text,
			 search->left_out ? "; left out: " : "",
			 search->left_out ? search->left_out : "");
}

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

/* What is behind a PIN counts only where nothing else is meant. */
static int name_and_compare(iotsafe_card *card, struct search *search,
			    int class, const struct deadline *deadline)
{
	int result;

	if (!is_undecided(search))
		return IOTSAFE_OK;
	result = card_name_objects(card, class, deadline);
	compare(card, search);
	return record_is_locked(result) && !is_undecided(search) ? IOTSAFE_OK
								 : result;
}

static void add_others(iotsafe_card *card, struct search *search)
{
	for (size_t i = 0; i < card->at->entries_count; i++)
		if (card->at->entries[i].record.class == search->class)
			titles_add(&search->others,
				   &card->at->entries[i].record);
	if (card->at->left_out[0])
		search->left_out = card->at->left_out;
}

/* In card->at alone. IOTSAFE_ERR_ABSENT is not recorded. */
static int find_here(iotsafe_card *card, void *self,
		     const struct deadline *deadline)
{
	struct search *search = self;
	int result = card_need_list(card, deadline);

	/* A list that no modem lets through whole is none for who knows a
	 * name. */
	if (result == IOTSAFE_ERR_FORMAT && !name_is_empty(search->name) &&
	    !card->at->applet.kind->labels_tie)
		result = card_go_without_list(card, CARD_LIST_UNREADABLE);
	TRY(result);
	compare(card, search);
	/* Those that may be of the class first: others may want a PIN. */
	TRY(name_and_compare(card, search, search->class, deadline));
	TRY(name_and_compare(card, search, 0, deadline));
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

/* In the applets that the operation did not begin with: what `look` finds in
 * one, IOTSAFE_ERR_ABSENT where none has it. */
static int look_elsewhere(iotsafe_card *card, card_operation look, void *self,
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
			result = look(card, self, deadline);
		if (card_is_no_applet(card, result))
			result = IOTSAFE_ERR_ABSENT;
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
		result = look_elsewhere(card, find_here, &search, deadline);
	if (result == IOTSAFE_ERR_ABSENT && !asked)
		return none_found(name, class, &search);
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

static int find_identity_here(iotsafe_card *card, void *self,
			      const struct deadline *deadline)
{
	return identity_find(card, self, deadline);
}

int card_find_identity(iotsafe_card *card, const struct name *name,
		       struct record *out, const struct deadline *deadline)
{
	struct error first;
	int result;

	TRY(card_go_to_named(card, name, deadline));
	result = identity_find(card, out, deadline);
	if (result != IOTSAFE_ERR_ABSENT || *name->applet)
		return result;
	error_save(&first);
	result = look_elsewhere(card, find_identity_here, out, deadline);
	if (result == IOTSAFE_ERR_ABSENT)
		error_restore(&first);
	return result;
}
