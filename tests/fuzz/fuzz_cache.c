/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The cache of a card: bytes of any kind, with a digest that fits, become
 * objects within their bounds, or nothing; what is understood is written and
 * understood again. */
#include <string.h>
#include "base/crypto.h"
#include "check.h"
#include "object/cache.h"

#define HEAD_MAX 128
#define DIGEST	 32

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct aid aid = {{0xA0, 0, 0, 5, 0x59}, 5};
static uint8_t file[CACHE_SIZE_MAX + HEAD_MAX], again[CACHE_SIZE_MAX];

/* An empty list's file without manners, count and digest is the head. */
static size_t put_head(const struct holding *holding)
{
	size_t size = cache_format("89", &aid, holding, file);

	CHECK(size > 5 + DIGEST);
	return size - 5 - DIGEST;
}

static void check_entry(const struct holding *holding,
			const struct entry *entry)
{
	CHECK(entry->record.class >= 1 && entry->record.class <= 4);
	CHECK(!(entry->record.flags & IOTSAFE_OBJECT_SOFTWARE));
	CHECK(entry->record.id_size <= APPLET_ID_MAX);
	CHECK(entry->record.label_size <= APPLET_LABEL_MAX);
	CHECK(entry->proven <= holding->entries_count);
	CHECK(!entry->content_size == !entry->content);
	CHECK(!entry->start_size == !entry->start);
	CHECK(!entry->start || !entry->read);
	CHECK(!entry->software);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct holding holding = {0};
	uint8_t digest[CRYPTO_HASH_MAX];
	size_t head = put_head(&holding);

	if (size > CACHE_SIZE_MAX - head - DIGEST)
		return 0;
	if (size)
		memcpy(file + head, data, size);
	crypto_hash(IOTSAFE_SHA256, (struct bytes){file, head + size}, digest);
	memcpy(file + head + size, digest, DIGEST);
	if (!cache_parse("89", &aid, (struct bytes){file, head + size + DIGEST},
			 &holding)) {
		CHECK(!holding.listed && !holding.entries);
		return 0;
	}
	for (size_t i = 0; i < holding.entries_count; i++)
		check_entry(&holding, &holding.entries[i]);
	size = cache_format("89", &aid, &holding, again);
	card_forget_applet(&holding);
	CHECK(size &&
	      cache_parse("89", &aid, (struct bytes){again, size}, &holding));
	card_forget_applet(&holding);
	return 0;
}
