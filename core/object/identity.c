/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which private key, public key and certificate belong together. Nothing on
 * the card ties them, so it is worked out: a certificate to a public key by
 * its point; a public key to a private one by label, by id, or by being the
 * only ones. No signature is spent on it; the first one confirms it.
 */
#include "base/crypto.h"
#include "base/error.h"
#include "object/card.h"
#include "object/identity.h"
#include "object/key_parts.h"

/* ---- what objects are for ---- */

bool identity_can_sign(const struct entry *entry, int class)
{
	const unsigned needed = IOTSAFE_OBJECT_ACTIVE | IOTSAFE_OBJECT_SIGN;

	return entry->record.class == class &&
	       (entry->record.flags & needed) == needed;
}

bool identity_same_label(const struct record *a, const struct record *b)
{
	return a->label_size && bytes_equal(record_label(a), record_label(b));
}

static bool same_id(const struct record *a, const struct record *b)
{
	return a->id_size && bytes_equal(record_id(a), record_id(b));
}

struct entry *identity_only_one(iotsafe_card *card, int class)
{
	struct entry *found = NULL;

	for (size_t i = 0; i < card->at->entries_count; i++) {
		if (!identity_can_sign(&card->at->entries[i], class))
			continue;
		if (found)
			return NULL;
		found = &card->at->entries[i];
	}
	return found;
}

/* ---- ties ---- */

void identity_prove(iotsafe_card *card, const struct record *key,
		    const struct entry *public)
{
	struct entry *private = card_entry_of(card, key);

	if (private)
	private->proven = (size_t)(public - card->at->entries) + 1;
}

static bool is_proven(const iotsafe_card *card, const struct entry *public)
{
	for (size_t i = 0; i < card->at->entries_count; i++)
		if (card->at->entries[i].proven &&
		    &card->at->entries[card->at->entries[i].proven - 1] ==
			    public)
			return true;
	return false;
}

/* Labels are given by people and count for more than ids, which need be
 * unique only within a class. */
static int likeness(const struct record *a, const struct record *b)
{
	return 2 * identity_same_label(a, b) + same_id(a, b);
}

/* Halves of a pair are for the same work. */
static bool may_be_its(const struct entry *public, const struct record *key)
{
	const unsigned work = IOTSAFE_OBJECT_SIGN | IOTSAFE_OBJECT_AGREE;

	return public->record.class == IOTSAFE_CLASS_PUBLIC_KEY &&
	       public->record.flags & IOTSAFE_OBJECT_ACTIVE &&
	       public->record.flags & key->flags & work;
}

struct entry *identity_tied_by_name(iotsafe_card *card,
				    const struct record *key)
{
	const struct entry *private = card_entry_of(card, key);
	struct entry *likeliest = NULL;
	int most = 0;

	if (private && private->proven)
		return &card->at->entries[private->proven - 1];
	for (size_t i = 0; i < card->at->entries_count; i++) {
		struct entry *entry = &card->at->entries[i];
		int like = likeness(&entry->record, key);

		if (!may_be_its(entry, key) || like <= most ||
		    is_proven(card, entry))
			continue;
		likeliest = entry;
		most = like;
	}
	return likeliest;
}

static struct entry *tied(iotsafe_card *card, const struct record *private)
{
	struct entry *entry = identity_tied_by_name(card, private);

	if (!entry && private->flags & IOTSAFE_OBJECT_SIGN &&
	    identity_only_one(card, IOTSAFE_CLASS_PRIVATE_KEY))
		return identity_only_one(card, IOTSAFE_CLASS_PUBLIC_KEY);
	return entry;
}

int identity_public_key(iotsafe_card *card, const struct record *key,
			struct entry **out, const struct deadline *deadline)
{
	*out = tied(card, key);
	return *out ? card_need_entry(card, *out, deadline) : IOTSAFE_OK;
}

/* ---- the identity ---- */

/* What is known while private keys are matched with certificates. */
struct matching {
	struct titles confirmed; /* keys whose certificate is on the card */
	struct titles possible;	 /* keys that nothing speaks against */
	const struct record *confirmed_key, *possible_key;
	size_t leaves; /* certificates that must be a key's */
	size_t ends;   /* and those that may be one's */
	size_t keys;   /* private keys that can sign */
};

static void count_certificates(const iotsafe_card *card,
			       struct matching *matching)
{
	for (size_t i = 0; i < card->at->entries_count; i++) {
		matching->leaves +=
			certificate_is_leaf(card, &card->at->entries[i]);
		matching->ends +=
			certificate_is_end(card, &card->at->entries[i]);
	}
}

static int match_key(iotsafe_card *card, struct entry *private,
		     struct matching *matching, const struct deadline *deadline)
{
	struct entry *public = NULL;

	matching->keys++;
	/* Without certificates a public key decides nothing. */
	if (matching->ends)
		TRY(identity_public_key(card, &private->record, &public,
					deadline));
	if (public && public->spki &&
	    identity_is_certified(card, entry_spki(public))) {
		titles_add(&matching->confirmed, &private->record);
		matching->confirmed_key = &private->record;
		return IOTSAFE_OK;
	}
	/* A certificate that must be a key's is not this one's. */
	if (public && public->spki && matching->leaves)
		return IOTSAFE_OK;
	titles_add(&matching->possible, &private->record);
	matching->possible_key = &private->record;
	return IOTSAFE_OK;
}

/* Goes through the private keys until every certificate has found its own;
 * in the order of the list, where the personalised key mostly comes first. */
static int match_keys(iotsafe_card *card, struct matching *matching,
		      const struct deadline *deadline)
{
	for (size_t i = 0; i < card->at->entries_count; i++) {
		struct entry *entry = &card->at->entries[i];

		if (!identity_can_sign(entry, IOTSAFE_CLASS_PRIVATE_KEY))
			continue;
		TRY(match_key(card, entry, matching, deadline));
		if (matching->leaves &&
		    matching->confirmed.count == matching->leaves)
			break;
	}
	return IOTSAFE_OK;
}

static int not_one(const struct titles *keys)
{
	if (!keys->count)
		return error_set(IOTSAFE_ERR_ABSENT,
				 "no private key on the card that can sign");
	return error_set(IOTSAFE_ERR_AMBIGUOUS,
			 "the card has %zu identities; choose one of: %s",
			 keys->count, keys->text);
}

static int choose(const struct matching *matching, struct record *out)
{
	const bool sure = matching->confirmed.count;
	const struct titles *keys =
		sure ? &matching->confirmed : &matching->possible;

	if (keys->count == 1) {
		*out = *(sure ? matching->confirmed_key
			      : matching->possible_key);
		return IOTSAFE_OK;
	}
	if (keys->count || !matching->keys)
		return not_one(keys);
	return error_set(IOTSAFE_ERR_VERIFY,
			 "the certificates on the card are of other keys than "
			 "those on it");
}

/* Keys whose names alone decide what is theirs: whose is meant only their
 * names can say. */
static int choose_by_label(iotsafe_card *card)
{
	struct titles titles = {{0}, 0};

	for (size_t i = 0; i < card->at->entries_count; i++)
		if (identity_can_sign(&card->at->entries[i],
				      IOTSAFE_CLASS_PRIVATE_KEY))
			titles_add(&titles, &card->at->entries[i].record);
	return not_one(&titles);
}

/* A key behind the PIN is counted, whatever it is called. */
static int name_keys(iotsafe_card *card, const struct deadline *deadline)
{
	int result = card_name_objects(card, 0, deadline);

	return record_is_locked(result) &&
			       (!card_has_pin(card) || card->at->pin_seen)
		       ? IOTSAFE_OK
		       : result;
}

int identity_find(iotsafe_card *card, struct record *out,
		  const struct deadline *deadline)
{
	struct matching matching = {0};
	struct entry *only;

	TRY(card_need_whole_list(card, deadline));
	if (card->at->no_list)
		return error_set_status(IOTSAFE_ERR_SUPPORT, card->at->no_list,
					"the card does not list its objects "
					"(card answered %04X); name the key by "
					"id",
					card->at->no_list);
	TRY(name_keys(card, deadline));
	only = identity_only_one(card, IOTSAFE_CLASS_PRIVATE_KEY);
	if (only) {
		*out = only->record;
		return IOTSAFE_OK;
	}
	if (card->at->applet.kind->labels_tie)
		return choose_by_label(card);
	TRY(certificate_read_all(card, deadline));
	count_certificates(card, &matching);
	TRY(match_keys(card, &matching, deadline));
	return choose(&matching, out);
}
