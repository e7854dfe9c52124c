/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which of the card's certificates is a key's, and who issued it.
 */
#include "base/crypto.h"
#include "base/error.h"
#include "object/card.h"
#include "object/identity.h"
#include "object/key_parts.h"

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

bool certificate_is_end(const iotsafe_card *card, const struct entry *entry)
{
	if (!entry->content)
		return false;
	for (size_t i = 0; i < card->at->entries_count; i++) {
		const struct entry *other = &card->at->entries[i];

		if (other != entry && other->content &&
		    crypto_certificate_issued(entry_content(entry),
					      entry_content(other)))
			return false;
	}
	return true;
}

bool certificate_is_leaf(const iotsafe_card *card, const struct entry *entry)
{
	return certificate_is_end(card, entry) &&
	       !crypto_certificate_is_ca(entry_content(entry));
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

int certificate_read_all(iotsafe_card *card, const struct deadline *deadline)
{
	TRY(read_files(card, true, deadline));
	for (size_t i = 0; i < card->at->entries_count; i++)
		if (certificate_is_leaf(card, &card->at->entries[i]))
			return IOTSAFE_OK;
	return read_files(card, false, deadline);
}

/* The public key of another private key makes a certificate that one's. */
static bool is_of_another_key(iotsafe_card *card, const struct entry *leaf)
{
	for (size_t i = 0; i < card->at->entries_count; i++) {
		struct entry *private = &card->at->entries[i];
		struct entry *public;

		if (!identity_can_sign(private, IOTSAFE_CLASS_PRIVATE_KEY))
			continue;
		public = identity_tied_by_name(card, &private->record);
		if (public && public->spki &&
		    bytes_equal(entry_spki(public), entry_spki(leaf)))
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
		if (entry->content && bytes_equal(entry_spki(entry), spki)) {
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
		    bytes_equal(entry_spki(&card->at->entries[i]), spki))
			return true;
	return false;
}

/* A certificate of a P-256 key is no RSA key's. */
static bool is_of_kind(const struct entry *leaf, const struct record *key)
{
	unsigned bits;
	int algorithms = crypto_spki_algorithms(entry_spki(leaf), &bits);

	return !algorithms || !key->algorithms || algorithms & key->algorithms;
}

/* Where labels tie, the certificate of the key's label is the key's, and no
 * other one is. */
static struct entry *labelled(iotsafe_card *card, const struct record *key)
{
	for (size_t i = 0; i < card->at->entries_count; i++) {
		struct entry *entry = &card->at->entries[i];

		if (may_be_certificate(entry, true) &&
		    identity_same_label(&entry->record, key))
			return entry;
	}
	return NULL;
}

static int find_by_label(iotsafe_card *card, const struct record *key,
			 struct entry **out, const struct deadline *deadline)
{
	struct entry *entry = labelled(card, key);
	int result = IOTSAFE_OK;

	if (!entry) {
		result = card_name_objects(card, IOTSAFE_CLASS_FILE, deadline);
		if (result < 0 && !record_is_locked(result))
			return result;
		entry = labelled(card, key);
	}
	if (!entry)
		return result;
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
	TRY(certificate_read_all(card, deadline));
	for (size_t i = 0; i < card->at->entries_count; i++) {
		struct entry *entry = &card->at->entries[i];

		if (!certificate_is_leaf(card, entry) ||
		    !is_of_kind(entry, key) || is_of_another_key(card, entry))
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
	if (!identity_only_one(card, IOTSAFE_CLASS_PRIVATE_KEY))
		return IOTSAFE_OK;
	for (size_t i = 0; i < card->at->entries_count; i++) {
		struct entry *entry = &card->at->entries[i];

		if (!identity_can_sign(entry, IOTSAFE_CLASS_PUBLIC_KEY))
			continue;
		TRY(card_need_entry(card, entry, deadline));
		if (entry->spki &&
		    identity_is_certified(card, entry_spki(entry)))
			*out = entry;
	}
	return IOTSAFE_OK;
}

/* Reads the public keys by which is_of_another_key() decides. */
static int read_tied_keys(iotsafe_card *card, const struct deadline *deadline)
{
	for (size_t i = 0; i < card->at->entries_count; i++) {
		struct entry *public = NULL;

		if (identity_can_sign(&card->at->entries[i],
				      IOTSAFE_CLASS_PRIVATE_KEY))
		public = identity_tied_by_name(card,
					       &card->at->entries[i].record);
		if (public)
			TRY(card_need_entry(card, public, deadline));
	}
	return IOTSAFE_OK;
}

int identity_stray_certificate(iotsafe_card *card, struct entry **out,
			       const struct deadline *deadline)
{
	*out = NULL;
	TRY(certificate_read_all(card, deadline));
	TRY(read_tied_keys(card, deadline));
	for (size_t i = 0; i < card->at->entries_count; i++) {
		struct entry *entry = &card->at->entries[i];

		if (certificate_is_leaf(card, entry) &&
		    !is_of_another_key(card, entry))
			*out = entry;
	}
	return IOTSAFE_OK;
}

const struct entry *identity_unread_certificate(const iotsafe_card *card)
{
	for (size_t i = 0; i < card->at->entries_count; i++) {
		const struct entry *entry = &card->at->entries[i];

		if (may_be_certificate(entry, true) && entry->refused)
			return entry;
	}
	return NULL;
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
			TRY(card_look_for_issuer(card, entry, certificate,
						 deadline));
		if (!entry->content)
			continue;
		if (crypto_certificate_issued(entry_content(entry),
					      certificate))
			*out = entry_content(entry);
		else
			*out = issuer_in(entry, certificate);
	}
	return IOTSAFE_OK;
}
