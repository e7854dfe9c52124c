/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a key's handle has found out: kept for who looks at it without a turn of
 * the card, and answered from here.
 */
#include <stdlib.h>
#include <string.h>
#include "base/crypto.h"
#include "base/error.h"
#include "object/card.h"
#include "object/key.h"
#include "object/key_parts.h"

static int copy(struct bytes bytes, struct held *next, struct held **out)
{
	struct held *held = malloc(sizeof(*held) + bytes.size);

	if (!held)
		return error_no_memory("key");
	held->next = next;
	held->size = bytes.size;
	memcpy(held->data, bytes.data, bytes.size);
	*out = held;
	return IOTSAFE_OK;
}

int key_hold(iotsafe_key *key, _Atomic(const struct held *) *place,
	     struct bytes bytes)
{
	struct held *held = key->all;

	while (held && !bytes_equal(borrow(held), bytes))
		held = held->next;
	if (!held) {
		TRY(copy(bytes, key->all, &held));
		key->all = held;
	}
	*place = held;
	return IOTSAFE_OK;
}

void key_drop_chain(iotsafe_key *key)
{
	while (key->chain_count)
		free(key->chain[--key->chain_count]);
	key->chain_learned = key->chain_given = false;
}

void key_release(iotsafe_key *key)
{
	key_drop_chain(key);
	while (key->all) {
		struct held *next = key->all->next;

		free(key->all);
		key->all = next;
	}
}

int key_add_to_chain(iotsafe_key *key, struct bytes certificate)
{
	if (key->chain_count == CHAIN_MAX)
		return error_set(IOTSAFE_ERR_SUPPORT,
				 "certificate: a chain of more than %d",
				 CHAIN_MAX);
	TRY(copy(certificate, NULL, &key->chain[key->chain_count]));
	key->chain_count++;
	return IOTSAFE_OK;
}

int key_own_spki(iotsafe_key *key, struct bytes spki)
{
	unsigned bits;

	TRY(key_hold(key, &key->spki, spki));
	key->able = crypto_spki_algorithms(spki, &bits);
	return IOTSAFE_OK;
}

int key_take_record(iotsafe_key *key, const struct record *record)
{
	struct described described;

	/* What stands between the fields is compared as well. */
	memset(&described, 0, sizeof(described));
	memcpy(&described.record, record, sizeof(*record));
	record_title(record, described.title, sizeof(described.title));
	return key_hold(
		key, &key->described,
		(struct bytes){(const uint8_t *)&described, sizeof(described)});
}

const char *key_title(const iotsafe_key *key)
{
	return key_described(key)->title;
}

int key_algorithms(const iotsafe_key *key)
{
	const int algorithms = key_record(key)->algorithms & ~key->refused;
	const int able = key->able;

	return able ? algorithms & able : algorithms;
}

bool key_is_brainpool(const iotsafe_key *key)
{
	return record_is_brainpool(key_record(key));
}

struct bytes key_spki(const iotsafe_key *key)
{
	return borrow(key->spki);
}

struct bytes key_chain(const iotsafe_key *key, unsigned index)
{
	return borrow(index < key->chain_count ? key->chain[index] : NULL);
}
