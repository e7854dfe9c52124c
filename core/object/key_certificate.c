/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Another certificate for a key than the one that is found: given by the
 * caller, or named on the card; issuers from elsewhere; and its public key.
 */
#include "base/crypto.h"
#include "base/error.h"
#include "object/card.h"
#include "object/key.h"
#include "object/key_parts.h"

/* The chosen certificate must be of the key, as far as that is known. */
static int take_leaf(iotsafe_key *key, struct bytes certificate)
{
	uint8_t *spki;
	size_t spki_size;
	bool same;
	int result = IOTSAFE_OK;

	TRY(crypto_spki_of_certificate(certificate, &spki, &spki_size));
	same = bytes_equal(borrow(key->spki), (struct bytes){spki, spki_size});
	if (key->spki && !same)
		result = error_set(IOTSAFE_ERR_VERIFY,
				   "the certificate is of another key than %s",
				   key_title(key));
	else if (!key->spki)
		result = key_own_spki(key, (struct bytes){spki, spki_size});
	iotsafe_free(spki);
	return result;
}

static int take_certificate(void *self, struct bytes certificate)
{
	iotsafe_key *key = self;

	if (!key->chain_count)
		TRY(take_leaf(key, certificate));
	return key_add_to_chain(key, certificate);
}

int key_add_issuer(iotsafe_key *key, struct bytes certificate)
{
	return key_add_to_chain(key, certificate);
}

struct setting {
	iotsafe_key *key;
	struct bytes data;
};

static int set_certificate(iotsafe_card *card, void *self,
			   const struct deadline *deadline)
{
	const struct setting *setting = self;
	iotsafe_key *key = setting->key;
	int result;

	TRY(key_learn_spki(card, key, deadline));
	key_drop_chain(key);
	result = crypto_certificates_read(setting->data, take_certificate, key);
	key->chain_learned = key->chain_given = result >= 0;
	if (result < 0)
		key_drop_chain(key);
	return result;
}

int key_set_certificate(iotsafe_key *key, struct bytes data,
			const struct deadline *limit)
{
	struct setting setting = {key, data};

	return card_run_believing(key->card, key_record(key), limit,
				  set_certificate, &setting);
}

int iotsafe_key_set_certificate(iotsafe_key *key, const uint8_t *data,
				size_t data_size)
{
	if (!key || !data)
		return error_null("key");
	return key_set_certificate(key, (struct bytes){data, data_size}, NULL);
}

struct choosing {
	iotsafe_key *key;
	const struct name *name;
};

static int choose_certificate(iotsafe_card *card, void *self,
			      const struct deadline *deadline)
{
	struct choosing *choosing = self;
	iotsafe_key *key = choosing->key;
	struct entry *entry;
	char title[RECORD_TITLE_MAX];

	TRY(key_learn_spki(card, key, deadline));
	TRY(card_find(card, choosing->name, IOTSAFE_CLASS_FILE, &entry,
		      deadline));
	TRY(card_need_entry(card, entry, deadline));
	record_title(&entry->record, title, sizeof(title));
	if (!entry->content)
		return error_set(IOTSAFE_ERR_FORMAT,
				 "file %s is no certificate", title);
	key_drop_chain(key);
	TRY(take_leaf(key, entry_content(entry)));
	TRY(key_build_chain(card, key, entry, deadline));
	key->chain_learned = key->chain_given = true;
	return IOTSAFE_OK;
}

int key_use_certificate(iotsafe_key *key, const char *name,
			const struct deadline *limit)
{
	struct name parsed;
	struct choosing choosing = {key, &parsed};

	TRY(name_parse(name, &parsed));
	return card_run_on(key->card, key_record(key), limit,
			   choose_certificate, &choosing);
}
