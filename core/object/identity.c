/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which private key, public key and certificate belong together. Nothing on
 * the card ties them, so it is worked out: a certificate to a public key by
 * its point; a public key to a private one by label, by id, or by being the
 * only ones. No signature is spent on it; the first one confirms it.
 */
#include <stdlib.h>
#include <string.h>
#include "base/crypto.h"
#include "base/error.h"
#include "object/card.h"

/* ---- what objects are for ---- */

static bool can_sign(const struct entry *entry, int class)
{
	const unsigned needed = IOTSAFE_OBJECT_ACTIVE | IOTSAFE_OBJECT_SIGN;

	return entry->record.class == class &&
	       (entry->record.flags & needed) == needed;
}

static bool is_active_file(const struct entry *entry)
{
	return entry->record.class == IOTSAFE_CLASS_FILE &&
	       entry->record.flags & IOTSAFE_OBJECT_ACTIVE;
}

/* Files marked as certificates are looked at first; one that is not marked may
 * be one all the same, where those do not do. */
static bool may_be_certificate(const struct entry *entry, bool marked)
{
	return is_active_file(entry) &&
	       !!(entry->record.flags & IOTSAFE_OBJECT_CERTIFICATE) == marked;
}

static bool same_label(const struct record *a, const struct record *b)
{
	return a->label_size && a->label_size == b->label_size &&
	       !memcmp(a->label, b->label, a->label_size);
}

static bool same_id(const struct record *a, const struct record *b)
{
	return a->id_size && a->id_size == b->id_size &&
	       !memcmp(a->id, b->id, a->id_size);
}

/* The only key of its class that can sign, or NULL. */
static struct entry *only_one(iotsafe_card *card, int class)
{
	struct entry *found = NULL;

	for (size_t i = 0; i < card->at->entries_count; i++) {
		if (!can_sign(&card->at->entries[i], class))
			continue;
		if (found)
			return NULL;
		found = &card->at->entries[i];
	}
	return found;
}

static struct bytes spki_of(const struct entry *entry)
{
	return (struct bytes){entry->spki, entry->spki_size};
}

static struct bytes content_of(const struct entry *entry)
{
	return (struct bytes){entry->content, entry->content_size};
}

/* ---- ties ---- */

struct entry *identity_private(iotsafe_card *card, const struct record *record)
{
	for (size_t i = 0; i < card->at->entries_count; i++)
		if (record_is_same(&card->at->entries[i].record, record))
			return &card->at->entries[i];
	return NULL;
}

void identity_prove(iotsafe_card *card, const struct record *key,
		    const struct entry *public)
{
	struct entry *private = identity_private(card, key);

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
	return 2 * same_label(a, b) + same_id(a, b);
}

/* Halves of a pair are for the same work. */
static bool may_be_its(const struct entry *public, const struct record *key)
{
	const unsigned work = IOTSAFE_OBJECT_SIGN | IOTSAFE_OBJECT_AGREE;

	return public->record.class == IOTSAFE_CLASS_PUBLIC_KEY &&
	       public->record.flags & IOTSAFE_OBJECT_ACTIVE &&
	       public->record.flags & key->flags & work;
}

/* The public key that belongs to the private one: proven by a signature, or
 * the likeliest by name. */
static struct entry *tied_by_name(iotsafe_card *card, const struct record *key)
{
	const struct entry *private = identity_private(card, key);
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
	struct entry *entry = tied_by_name(card, private);

	if (!entry && private->flags & IOTSAFE_OBJECT_SIGN &&
	    only_one(card, IOTSAFE_CLASS_PRIVATE_KEY))
		return only_one(card, IOTSAFE_CLASS_PUBLIC_KEY);
	return entry;
}

int identity_public_key(iotsafe_card *card, const struct record *key,
			struct entry **out, const struct deadline *deadline)
{
	*out = tied(card, key);
	return *out ? card_need_entry(card, *out, deadline) : IOTSAFE_OK;
}

/* ---- certificates ---- */

/* A certificate that signed no other one on the card may be a key's. */
static bool is_end(const iotsafe_card *card, const struct entry *entry)
{
	if (!entry->content)
		return false;
	for (size_t i = 0; i < card->at->entries_count; i++) {
		const struct entry *other = &card->at->entries[i];

		if (other != entry && other->content &&
		    crypto_certificate_issued(content_of(entry),
					      content_of(other)))
			return false;
	}
	return true;
}

/* One that may not sign any is no CA's. */
static bool is_leaf(const iotsafe_card *card, const struct entry *entry)
{
	return is_end(card, entry) &&
	       !crypto_certificate_is_ca(content_of(entry));
}

static int read_files(iotsafe_card *card, bool marked,
		      const struct deadline *deadline)
{
	for (size_t i = 0; i < card->at->entries_count; i++)
		if (may_be_certificate(&card->at->entries[i], marked))
			TRY(card_need_entry(card, &card->at->entries[i],
					    deadline));
	return IOTSAFE_OK;
}

/* Reads files until a certificate is there that may be a key's. */
static int read_certificates(iotsafe_card *card,
			     const struct deadline *deadline)
{
	TRY(read_files(card, true, deadline));
	for (size_t i = 0; i < card->at->entries_count; i++)
		if (is_leaf(card, &card->at->entries[i]))
			return IOTSAFE_OK;
	return read_files(card, false, deadline);
}

/* The public key of another private key makes a certificate that one's. */
static bool is_of_another_key(iotsafe_card *card, const struct entry *leaf)
{
	for (size_t i = 0; i < card->at->entries_count; i++) {
		struct entry *private = &card->at->entries[i];
		struct entry *public;

		if (!can_sign(private, IOTSAFE_CLASS_PRIVATE_KEY))
			continue;
		public = tied_by_name(card, &private->record);
		if (public && public->spki &&
		    bytes_equal(spki_of(public), spki_of(leaf)))
			return true;
	}
	return false;
}

/* Reads files until one is a certificate with this key. */
static int find_by_key(iotsafe_card *card, struct bytes spki, bool marked,
		       struct entry **out, const struct deadline *deadline)
{
	for (size_t i = 0; i < card->at->entries_count; i++) {
		struct entry *entry = &card->at->entries[i];

		if (!may_be_certificate(entry, marked))
			continue;
		TRY(card_need_entry(card, entry, deadline));
		/* A self-signed certificate of the key may be its own. */
		if (entry->content && bytes_equal(spki_of(entry), spki)) {
			*out = entry;
			return IOTSAFE_OK;
		}
	}
	return IOTSAFE_OK;
}

bool identity_is_certified(const iotsafe_card *card, struct bytes spki)
{
	for (size_t i = 0; i < card->at->entries_count; i++)
		if (card->at->entries[i].content &&
		    bytes_equal(spki_of(&card->at->entries[i]), spki))
			return true;
	return false;
}

/* A certificate of a P-256 key is no RSA key's. */
static bool is_of_kind(const struct entry *leaf, const struct record *key)
{
	unsigned bits;
	int algorithms = crypto_spki_algorithms(spki_of(leaf), &bits);

	return !algorithms || !key->algorithms || algorithms & key->algorithms;
}

/* Where labels tie, the certificate of the key's label is the key's, and no
 * other one is. */
static struct entry *labelled(iotsafe_card *card, const struct record *key)
{
	for (size_t i = 0; i < card->at->entries_count; i++) {
		struct entry *entry = &card->at->entries[i];

		if (may_be_certificate(entry, true) &&
		    same_label(&entry->record, key))
			return entry;
	}
	return NULL;
}

static int find_by_label(iotsafe_card *card, const struct record *key,
			 struct entry **out, const struct deadline *deadline)
{
	struct entry *entry = labelled(card, key);

	if (!entry) {
		TRY(card_name_objects(card, IOTSAFE_CLASS_FILE, deadline));
		entry = labelled(card, key);
	}
	if (!entry)
		return IOTSAFE_OK;
	TRY(card_need_entry(card, entry, deadline));
	*out = entry->content ? entry : NULL;
	return IOTSAFE_OK;
}

int identity_certificate(iotsafe_card *card, const struct record *key,
			 struct bytes spki, struct entry **out,
			 const struct deadline *deadline)
{
	struct titles titles = {{0}, 0};

	*out = NULL;
	if (card->at->applet.kind->labels_tie)
		return find_by_label(card, key, out, deadline);
	if (spki.size) {
		TRY(find_by_key(card, spki, true, out, deadline));
		if (*out)
			return IOTSAFE_OK;
		return find_by_key(card, spki, false, out, deadline);
	}
	TRY(read_certificates(card, deadline));
	for (size_t i = 0; i < card->at->entries_count; i++) {
		struct entry *entry = &card->at->entries[i];

		if (!is_leaf(card, entry) || !is_of_kind(entry, key) ||
		    is_of_another_key(card, entry))
			continue;
		titles_add(&titles, &entry->record);
		*out = entry;
	}
	if (titles.count < 2)
		return IOTSAFE_OK;
	*out = NULL;
	return error_set(IOTSAFE_ERR_AMBIGUOUS,
			 "%zu certificates may belong to the key; choose one "
			 "of: %s",
			 titles.count, titles.text);
}

int identity_other_public_key(iotsafe_card *card, struct entry **out,
			      const struct deadline *deadline)
{
	*out = NULL;
	if (!only_one(card, IOTSAFE_CLASS_PRIVATE_KEY))
		return IOTSAFE_OK;
	for (size_t i = 0; i < card->at->entries_count; i++) {
		struct entry *entry = &card->at->entries[i];

		if (!can_sign(entry, IOTSAFE_CLASS_PUBLIC_KEY))
			continue;
		TRY(card_need_entry(card, entry, deadline));
		if (entry->spki && identity_is_certified(card, spki_of(entry)))
			*out = entry;
	}
	return IOTSAFE_OK;
}

/* Reads the public keys by which is_of_another_key() decides. */
static int read_tied_keys(iotsafe_card *card, const struct deadline *deadline)
{
	for (size_t i = 0; i < card->at->entries_count; i++) {
		struct entry *public = NULL;

		if (can_sign(&card->at->entries[i], IOTSAFE_CLASS_PRIVATE_KEY))
		public = tied_by_name(card, &card->at->entries[i].record);
		if (public)
			TRY(card_need_entry(card, public, deadline));
	}
	return IOTSAFE_OK;
}

int identity_stray_certificate(iotsafe_card *card, struct entry **out,
			       const struct deadline *deadline)
{
	*out = NULL;
	TRY(read_certificates(card, deadline));
	TRY(read_tied_keys(card, deadline));
	for (size_t i = 0; i < card->at->entries_count; i++) {
		struct entry *entry = &card->at->entries[i];

		if (is_leaf(card, entry) && !is_of_another_key(card, entry))
			*out = entry;
	}
	return IOTSAFE_OK;
}

/* Most certificates are issued by none that is on the card, and data may be
 * long: files without the mark are read where no file has it. */
static bool are_marked(const iotsafe_card *card)
{
	for (size_t i = 0; i < card->at->entries_count; i++)
		if (may_be_certificate(&card->at->entries[i], true))
			return true;
	return false;
}

/* In what stands behind the first certificate of a file: writers have put
 * chains of others there, so that names do not count, but signatures. */
static struct bytes issuer_in(const struct entry *entry,
			      struct bytes certificate)
{
	struct bytes rest = {entry->more, entry->more_size}, one;
	struct tlv outer;

	while (one = rest, tlv_next(&rest, &outer)) {
		one.size -= rest.size;
		if (crypto_certificate_signed(one, certificate))
			return one;
	}
	return (struct bytes){NULL, 0};
}

int identity_issuer(iotsafe_card *card, struct bytes certificate,
		    struct bytes *out, const struct deadline *deadline)
{
	bool marked = are_marked(card);

	*out = (struct bytes){NULL, 0};
	if (crypto_certificate_issued(certificate, certificate))
		return IOTSAFE_OK;
	for (size_t i = 0; i < card->at->entries_count && !out->size; i++) {
		struct entry *entry = &card->at->entries[i];

		/* Where labels tie, files hold the certificates of keys. */
		if (may_be_certificate(entry, marked) &&
		    !card->at->applet.kind->labels_tie)
			TRY(card_need_entry(card, entry, deadline));
		if (!entry->content)
			continue;
		if (crypto_certificate_issued(content_of(entry), certificate))
			*out = content_of(entry);
		else
			*out = issuer_in(entry, certificate);
	}
	return IOTSAFE_OK;
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
		matching->leaves += is_leaf(card, &card->at->entries[i]);
		matching->ends += is_end(card, &card->at->entries[i]);
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
	    identity_is_certified(card, spki_of(public))) {
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

		if (!can_sign(entry, IOTSAFE_CLASS_PRIVATE_KEY))
			continue;
		TRY(match_key(card, entry, matching, deadline));
		if (matching->leaves &&
		    matching->confirmed.count == matching->leaves)
			break;
	}
	return IOTSAFE_OK;
}

static int choose(const struct matching *matching, struct record *out)
{
	const struct titles *titles = &matching->possible;

	if (matching->confirmed.count == 1 ||
	    (!matching->confirmed.count && matching->possible.count == 1)) {
		*out = *(matching->confirmed.count ? matching->confirmed_key
						   : matching->possible_key);
		return IOTSAFE_OK;
	}
	if (matching->confirmed.count)
		titles = &matching->confirmed;
	if (titles->count)
		return error_set(IOTSAFE_ERR_AMBIGUOUS,
				 "the card has %zu identities; choose one of: "
				 "%s",
				 titles->count, titles->text);
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
		if (can_sign(&card->at->entries[i], IOTSAFE_CLASS_PRIVATE_KEY))
			titles_add(&titles, &card->at->entries[i].record);
	if (!titles.count)
		return error_set(IOTSAFE_ERR_ABSENT,
				 "no private key on the card that can sign");
	return error_set(IOTSAFE_ERR_AMBIGUOUS,
			 "the card has %zu identities; choose one of: %s",
			 titles.count, titles.text);
}

/* A key behind the PIN is counted, whatever it is called. */
static int name_keys(iotsafe_card *card, const struct deadline *deadline)
{
	int result = card_name_objects(card, 0, deadline);

	return record_is_locked(result) && !card_has_pin(card) ? IOTSAFE_OK
							       : result;
}

int identity_find(iotsafe_card *card, struct record *out,
		  const struct deadline *deadline)
{
	struct entry *only;
	struct matching matching;

	memset(&matching, 0, sizeof(matching));
	TRY(card_need_whole_list(card, deadline));
	if (card->at->no_list)
		return error_set_status(IOTSAFE_ERR_SUPPORT, card->at->no_list,
					"the card does not list its objects "
					"(card answered %04X); name the key by "
					"id",
					card->at->no_list);
	TRY(name_keys(card, deadline));
	only = only_one(card, IOTSAFE_CLASS_PRIVATE_KEY);
	if (only) {
		*out = only->record;
		return IOTSAFE_OK;
	}
	if (card->at->applet.kind->labels_tie)
		return choose_by_label(card);
	TRY(read_certificates(card, deadline));
	count_certificates(card, &matching);
	TRY(match_keys(card, &matching, deadline));
	if (!matching.keys)
		return error_set(IOTSAFE_ERR_ABSENT,
				 "no private key on the card that can sign");
	return choose(&matching, out);
}
