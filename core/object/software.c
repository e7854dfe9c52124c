/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Private keys that the card gives out: read once, kept in locked memory, and
 * used here.
 */
#include "base/crypto.h"
#include "base/error.h"
#include "object/card.h"
#include "object/key.h"
#include "object/key_parts.h"

static bool is_software(const iotsafe_key *key)
{
	return key_record(key)->flags & IOTSAFE_OBJECT_SOFTWARE;
}

int key_need_software(iotsafe_card *card, iotsafe_key *key,
		      const struct deadline *deadline)
{
	struct entry *entry;
	int result;

	if (key->software)
		return IOTSAFE_OK;
	TRY(card_need_list(card, deadline));
	entry = card_entry_of(card, key_record(key));
	if (!entry)
		return key_gone(key);
	result = card_need_software(card, entry, deadline);
	TRY(record_explain(result, key_record(key), IOTSAFE_OBJECT_READABLE));
	key->software = secret_use(entry->software);
	return IOTSAFE_OK;
}

static int need_in_turn(iotsafe_card *card, void *self,
			const struct deadline *deadline)
{
	iotsafe_key *key = self;

	TRY(key_check(card, key));
	return key_need_software(card, key, deadline);
}

/* What was read of a card that is no longer there is not used any more. */
static int need(iotsafe_key *key)
{
	TRY(card_check_process(key->card));
	TRY(card_check_same(key->card));
	if (key->software)
		return IOTSAFE_OK;
	return card_run_on(key->card, key_record(key), NULL, need_in_turn, key);
}

int iotsafe_key_export(iotsafe_key *key, uint8_t **out, size_t *out_size)
{
	struct bytes der;

	if (!bytes_ready(out, out_size) || !key)
		return error_null("key");
	if (!is_software(key))
		return error_set(IOTSAFE_ERR_DENIED,
				 "key %s: cannot leave the card",
				 key_title(key));
	TRY(need(key));
	der = secret_bytes(key->software);
	return bytes_give(der.data, der.size, out, out_size);
}

/* ---- decryption ---- */

struct decrypting {
	iotsafe_key *key;
	struct bytes in;
	uint8_t out[APPLET_SIGNATURE_MAX];
	size_t out_size;
};

static int ask_card(iotsafe_card *card, struct decrypting *work,
		    const struct deadline *deadline)
{
	struct applet *applet = &card->at->applet;
	const struct record *record = key_record(work->key);
	int result = applet->kind->decrypt(applet, record, work->in, work->out,
					   &work->out_size, deadline);

	return record_explain(result, record, IOTSAFE_OBJECT_DECRYPT);
}

static int decrypt_in_turn(iotsafe_card *card, void *self,
			   const struct deadline *deadline)
{
	struct decrypting *work = self;

	TRY(key_settle(card, work->key, deadline));
	TRY(key_check(card, work->key));
	TRY(card_unlock_first(card, deadline));
	return ask_card(card, work, deadline);
}

static int decrypt(struct decrypting *work)
{
	iotsafe_key *key = work->key;

	if (!is_software(key))
		return card_run_on(key->card, key_record(key), NULL,
				   decrypt_in_turn, work);
	TRY(need(key));
	return crypto_private_decrypt(key->software, work->in, work->out,
				      sizeof(work->out), &work->out_size);
}

int iotsafe_key_decrypt(iotsafe_key *key, const uint8_t *data, size_t data_size,
			uint8_t **out, size_t *out_size)
{
	struct decrypting work = {.key = key, .in = {data, data_size}};
	int result;

	if (!bytes_ready(out, out_size) || !key || !data)
		return error_null("key");
	if (!(key_record(key)->flags & IOTSAFE_OBJECT_DECRYPT))
		return error_set(IOTSAFE_ERR_SUPPORT, "key %s does not decrypt",
				 key_title(key));
	result = decrypt(&work);
	if (result >= 0)
		result = bytes_give(work.out, work.out_size, out, out_size);
	bytes_wipe(work.out, sizeof(work.out));
	return result;
}
