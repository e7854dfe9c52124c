/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What was read of an applet's objects becomes bytes, and bytes become that
 * again: all of them as they should be, or nothing. There are no secrets in
 * it: what the card gives to anybody, and nothing of keys that sign here.
 */
#include <stdlib.h>
#include <string.h>
#include "base/crypto.h"
#include "object/cache.h"

/* Another release may mean something else by its records. */
#define MAGIC  "iotsafe-cache 1 " IOTSAFE_VERSION
#define DIGEST 32

/* ---- writing ---- */

static void put_number(struct builder *out, uint32_t number)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		build_byte(out, (uint8_t)(number >> shift));
}

static void put_bytes(struct builder *out, const uint8_t *data, size_t size)
{
	put_number(out, (uint32_t)size);
	build_bytes(out, data, size);
}

static void put_record(struct builder *out, const struct record *record)
{
	build_byte(out, (uint8_t)record->class);
	put_number(out, record->flags);
	put_number(out, (uint32_t)record->algorithms);
	build_byte(out, record->key_type);
	put_number(out, record->size);
	build_byte(out, (uint8_t)(record->has_size | record->has_state << 1 |
				  record->has_access << 2 |
				  record->has_functions << 3));
	put_bytes(out, record->id, record->id_size);
	put_bytes(out, record->label, record->label_size);
}

/* A certificate's public key is taken from it again. */
static void put_entry(struct builder *out, const struct entry *known)
{
	const struct entry unknown = {.record = known->record};
	const struct entry *entry = known;

	/* A key that does not survive a reset is another one tomorrow, and what
	 * the card has refused it may give then. */
	if (known->refused || known->record.flags & IOTSAFE_OBJECT_VOLATILE)
		entry = &unknown;
	put_record(out, &entry->record);
	build_byte(out, entry->read);
	put_number(out, (uint32_t)entry->proven);
	put_bytes(out, entry->spki, entry->content ? 0 : entry->spki_size);
	put_bytes(out, entry->content, entry->content_size);
	put_bytes(out, entry->more, entry->more_size);
	put_bytes(out, entry->start, entry->start_size);
}

static void put_head(struct builder *out, const char *iccid,
		     const struct aid *aid)
{
	build_bytes(out, (const uint8_t *)MAGIC, sizeof(MAGIC));
	put_bytes(out, (const uint8_t *)iccid, strlen(iccid));
	put_bytes(out, aid->data, aid->size);
}

static struct bytes digest_of(struct bytes data, uint8_t out[DIGEST])
{
	crypto_hash(IOTSAFE_SHA256, data, out);
	return (struct bytes){out, DIGEST};
}

size_t cache_format(const char *iccid, const struct aid *aid,
		    const struct holding *holding, uint8_t *out)
{
	struct builder file = {out, 0, CACHE_SIZE_MAX - DIGEST, false};
	uint8_t digest[CRYPTO_HASH_MAX];

	put_head(&file, iccid, aid);
	build_byte(&file, holding->applet.manners.close_session);
	put_number(&file, (uint32_t)holding->entries_count);
	for (size_t i = 0; i < holding->entries_count; i++)
		put_entry(&file, &holding->entries[i]);
	if (file.failed)
		return 0;
	digest_of((struct bytes){out, file.size}, digest);
	memcpy(out + file.size, digest, DIGEST);
	return file.size + DIGEST;
}

/* ---- reading ---- */

struct source {
	struct bytes rest;
	bool failed;
};

static struct bytes take(struct source *in, size_t size)
{
	struct bytes taken = {in->rest.data, size};

	if (in->failed || size > in->rest.size) {
		in->failed = true;
		return (struct bytes){NULL, 0};
	}
	in->rest.data += size;
	in->rest.size -= size;
	return taken;
}

/* One byte, no more than `most`. */
static uint8_t take_byte(struct source *in, unsigned most)
{
	struct bytes byte = take(in, 1);
	uint8_t value = byte.size ? *byte.data : 0;

	in->failed |= value > most;
	return in->failed ? 0 : value;
}

static uint32_t take_number(struct source *in, uint32_t most)
{
	struct bytes bytes = take(in, 4);
	uint32_t value = 0;

	for (size_t i = 0; i < bytes.size; i++)
		value = value << 8 | bytes.data[i];
	in->failed |= value > most;
	return in->failed ? 0 : value;
}

static uint8_t take_short(struct source *in, uint8_t *out, uint32_t most)
{
	struct bytes bytes = take(in, take_number(in, most));

	if (bytes.size)
		memcpy(out, bytes.data, bytes.size);
	return (uint8_t)bytes.size;
}

static void take_copy(struct source *in, bool allowed, uint8_t **out,
		      size_t *out_size)
{
	struct bytes bytes = take(in, take_number(in, CACHE_SIZE_MAX));

	in->failed |= bytes.size && !allowed;
	if (!in->failed && bytes.size)
		in->failed |=
			bytes_give(bytes.data, bytes.size, out, out_size) < 0;
}

static void take_record(struct source *in, struct record *record)
{
	unsigned bits;

	record->class = take_byte(in, IOTSAFE_CLASS_SECRET_KEY);
	in->failed |= !record->class;
	record->flags = take_number(in, UINT16_MAX);
	in->failed |= record->flags & IOTSAFE_OBJECT_SOFTWARE;
	record->algorithms = (int)take_number(in, UINT16_MAX);
	record->key_type = take_byte(in, UINT8_MAX);
	record->size = (uint16_t)take_number(in, UINT16_MAX);
	bits = take_byte(in, 0x0F);
	record->has_size = bits & 1;
	record->has_state = bits & 2;
	record->has_access = bits & 4;
	record->has_functions = bits & 8;
	record->id_size = take_short(in, record->id, APPLET_ID_MAX);
	record->label_size = take_short(in, record->label, APPLET_LABEL_MAX);
}

static void take_certificate(struct source *in, struct entry *entry)
{
	const struct bytes content = entry_content(entry);

	/* As when it is read: one whose key cannot be found stays. */
	if (!in->failed && content.size)
		in->failed |= crypto_spki_of_certificate(content, &entry->spki,
							 &entry->spki_size) ==
			      IOTSAFE_ERR_MEMORY;
}

static void take_entry(struct source *in, struct entry *entry, uint32_t count)
{
	const int *class = &entry->record.class;
	bool is_file, is_key;

	take_record(in, &entry->record);
	is_file = *class == IOTSAFE_CLASS_FILE;
	is_key = *class == IOTSAFE_CLASS_PUBLIC_KEY;
	entry->read = take_byte(in, is_file || is_key);
	entry->proven = take_number(
		in, *class == IOTSAFE_CLASS_PRIVATE_KEY ? count : 0);
	take_copy(in, entry->read && is_key, &entry->spki, &entry->spki_size);
	take_copy(in, entry->read && is_file, &entry->content,
		  &entry->content_size);
	take_copy(in, entry->content, &entry->more, &entry->more_size);
	take_copy(in, is_file && !entry->read, &entry->start,
		  &entry->start_size);
	in->failed |= is_key && entry->read && !entry->spki;
	take_certificate(in, entry);
}

static void take_entries(struct source *in, struct holding *holding)
{
	const uint32_t count = take_number(in, APPLET_OBJECTS_MAX);
	struct entry *entries;

	if (in->failed)
		return;
	entries = calloc(count + 1, sizeof(*entries));
	in->failed |= !entries;
	for (uint32_t i = 0; i < count && !in->failed; i++)
		take_entry(in, &entries[i], count);
	for (uint32_t i = 0; i < count && !in->failed; i++)
		in->failed |= entries[i].proven &&
			      entries[entries[i].proven - 1].record.class !=
				      IOTSAFE_CLASS_PUBLIC_KEY;
	holding->entries = entries;
	holding->entries_count = entries ? count : 0;
}

/* Whole, undamaged, and of this card and applet; what stands behind that. */
static bool open_file(const char *iccid, const struct aid *aid,
		      struct bytes *file)
{
	uint8_t head[256], digest[CRYPTO_HASH_MAX];
	struct builder wanted = {head, 0, sizeof(head), false};

	put_head(&wanted, iccid, aid);
	if (wanted.failed || file->size < wanted.size + DIGEST ||
	    memcmp(file->data, head, wanted.size) != 0)
		return false;
	file->size -= DIGEST;
	if (!bytes_equal(digest_of(*file, digest),
			 (struct bytes){file->data + file->size, DIGEST}))
		return false;
	file->data += wanted.size;
	file->size -= wanted.size;
	return true;
}

bool cache_parse(const char *iccid, const struct aid *aid, struct bytes file,
		 struct holding *holding)
{
	struct source in = {file, false};
	struct holding found = {0};
	bool close_session;

	if (!open_file(iccid, aid, &in.rest))
		return false;
	close_session = take_byte(&in, 1);
	take_entries(&in, &found);
	if (in.failed || in.rest.size) {
		card_forget_applet(&found);
		return false;
	}
	holding->entries = found.entries;
	holding->entries_count = found.entries_count;
	holding->listed = true;
	if (!holding->applet.manners.forced_close)
		holding->applet.manners.close_session |= close_session;
	return true;
}
