/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls of tls/ become operations on keys in software. */
#include <gnutls/crypto.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/address.h"
#include "base/bytes.h"
#include "base/crypto.h"
#include "base/error.h"
#include "object/key.h"
#include "softcard.h"

struct iotsafe_card *softcard_default;

struct iotsafe_key {
	atomic_int uses;
	iotsafe_card *card;
	uint8_t *spki, *chain[SOFTCARD_CHAIN_MAX];
	size_t spki_size, chain_size[SOFTCARD_CHAIN_MAX];
};

/* ---- card ---- */

iotsafe_card *card_use(iotsafe_card *card)
{
	card->uses++;
	return card;
}

void iotsafe_card_free(iotsafe_card *card)
{
	if (!card || --card->uses || !card->guest.release)
		return;
	card->guest.release(card->guest.data);
	card->guest = (struct card_guest){NULL, NULL};
}

int key_open_card(const iotsafe_key *key, iotsafe_card **card)
{
	*card = card_use(key->card);
	return IOTSAFE_OK;
}

struct card_guest *card_guest(iotsafe_card *card)
{
	return &card->guest;
}

unsigned card_changes(const iotsafe_card *card)
{
	return card->changes;
}

const char *iotsafe_card_address(const iotsafe_card *card)
{
	return card->address ? card->address : "soft:";
}

int iotsafe_card_open(const char *address, iotsafe_card **card)
{
	*card = NULL;
	if (!address)
		address = secure_getenv("IOTSAFE_CARD");
	if (!address)
		return error_set(IOTSAFE_ERR_ARG, "no card address given");
	if (!softcard_default || strcmp(address, "soft:") != 0)
		return error_set(IOTSAFE_ERR_IO, "%s: no such port", address);
	*card = card_use(softcard_default);
	return IOTSAFE_OK;
}

/* Takes its time as a card does: no longer than the limit, or a cancel. */
static int work(iotsafe_card *card, int milliseconds,
		const struct deadline *limit)
{
	struct deadline own = deadline_in(600000, -1);
	struct deadline done = deadline_in(milliseconds, -1);
	int result = IOTSAFE_OK;

	if (limit)
		own = deadline_within(limit, 600000);
	if (++card->busy > card->most_busy)
		card->most_busy = (int)card->busy;
	while (!deadline_passed(&done) && result == IOTSAFE_OK) {
		struct deadline end = own.at < done.at ? own : done;

		end.cancel_fd = own.cancel_fd;
		result = deadline_wait(&end, -1, 0);
		if (result == IOTSAFE_ERR_TIMEOUT && end.at == done.at)
			break;
	}
	card->busy--;
	if (result == IOTSAFE_ERR_CANCELLED)
		return error_set(result, "soft card: cancelled");
	if (result == IOTSAFE_ERR_TIMEOUT && own.at < done.at)
		return error_set(result, "soft card: no answer in time");
	return IOTSAFE_OK;
}

static int give_der(const gnutls_datum_t *der, uint8_t **out, size_t *out_size)
{
	return bytes_give(der->data, der->size, out, out_size);
}

static const struct identity *certificate_named(iotsafe_card *card,
						const struct name *name)
{
	char wanted[SOFTCARD_CHAIN_MAX][8];

	for (int i = 0; i < SOFTCARD_CHAIN_MAX && card->chain[i]; i++) {
		snprintf(wanted[i], sizeof(wanted[i]), "cert%d", i);
		if (name->label_size == strlen(wanted[i]) &&
		    !memcmp(name->label, wanted[i], name->label_size))
			return card->chain[i];
	}
	if (name->label_size == 2 && !memcmp(name->label, "ca", 2))
		return card->root;
	return NULL;
}

int card_ca(iotsafe_card *card, const char *string, unsigned index,
	    const struct deadline *limit, uint8_t **out, size_t *out_size)
{
	const struct identity *found = NULL;
	struct name name;

	(void)limit;
	TRY(name_parse(string, &name));
	if (!string && !index)
		found = card->root;
	if (string && (!name.class || name.class == IOTSAFE_CLASS_FILE))
		found = certificate_named(card, &name);
	if (!found)
		return error_set(IOTSAFE_ERR_ABSENT,
				 "soft card: no such certificate");
	return give_der(&found->der, out, out_size);
}

/* ---- keys ---- */

static int add_chain(iotsafe_key *key)
{
	for (int i = 0; i < SOFTCARD_CHAIN_MAX && key->card->chain[i]; i++)
		TRY(give_der(&key->card->chain[i]->der, &key->chain[i],
			     &key->chain_size[i]));
	return IOTSAFE_OK;
}

static gnutls_privkey_t private_key(const iotsafe_card *card)
{
	const struct identity *of = card->key ? card->key : card->chain[0];
	gnutls_privkey_t key;

	gnutls_privkey_init(&key);
	gnutls_privkey_import_x509(key, of->key, 0);
	return key;
}

static int add_spki(iotsafe_key *key)
{
	gnutls_privkey_t privkey = private_key(key->card);
	gnutls_datum_t der = {NULL, 0};
	gnutls_pubkey_t pubkey;
	int result;

	gnutls_pubkey_init(&pubkey);
	gnutls_pubkey_import_privkey(pubkey, privkey, 0, 0);
	gnutls_pubkey_export2(pubkey, GNUTLS_X509_FMT_DER, &der);
	result = give_der(&der, &key->spki, &key->spki_size);
	gnutls_free(der.data);
	gnutls_pubkey_deinit(pubkey);
	gnutls_privkey_deinit(privkey);
	return result;
}

int key_open(iotsafe_card *card, const char *string,
	     const struct deadline *limit, iotsafe_key **out)
{
	struct name name;
	iotsafe_key *key;

	*out = NULL;
	TRY(name_parse(string, &name));
	snprintf(card->last_name, sizeof(card->last_name), "%s",
		 string ? string : "(identity)");
	TRY(work(card, card->open_ms, limit));
	card->opened++;
	if (card->fail_open)
		return error_set_status(card->fail_open, 0x6985,
					"soft card: open failed (6985)");
	if (!name_is_empty(&name) &&
	    (name.label_size != 6 || memcmp(name.label, "client", 6) != 0))
		return error_set(IOTSAFE_ERR_ABSENT, "soft card: no such key");
	key = calloc(1, sizeof(*key));
	key->uses = 1;
	key->card = card_use(card);
	card->keys++;
	*out = key;
	return IOTSAFE_OK;
}

int iotsafe_key_open(iotsafe_card *card, const char *name, iotsafe_key **key)
{
	return key_open(card, name, NULL, key);
}

iotsafe_key *key_use(iotsafe_key *key)
{
	key->uses++;
	return key;
}

void iotsafe_key_free(iotsafe_key *key)
{
	if (!key || --key->uses)
		return;
	for (int i = 0; i < SOFTCARD_CHAIN_MAX; i++)
		iotsafe_free(key->chain[i]);
	iotsafe_free(key->spki);
	key->card->keys--;
	iotsafe_card_free(key->card);
	free(key);
}

int key_learn(iotsafe_key *key, const struct deadline *limit)
{
	(void)limit;
	if (key->spki)
		return IOTSAFE_OK;
	TRY(add_spki(key));
	return key->chain[0] ? IOTSAFE_OK : add_chain(key);
}

int key_learn_and(iotsafe_key *key, int (*with)(iotsafe_key *key, void *self),
		  void *self)
{
	TRY(key_learn(key, NULL));
	return with(key, self);
}

bool key_may_prepare(const iotsafe_key *key)
{
	return !key->card->never_ahead;
}

int key_prepare(iotsafe_key *key, const struct deadline *limit,
		atomic_bool *under_way)
{
	struct error kept;
	int result;

	key->card->prepared++;
	if (under_way)
		*under_way = !key->card->queues;
	error_save(&kept);
	result = work(key->card, key->card->prepare_ms, limit);
	if (result >= 0 && key->card->cancel_prepare)
		result = error_set(IOTSAFE_ERR_CANCELLED,
				   "soft card: cancelled by its user");
	if (result == IOTSAFE_ERR_CANCELLED)
		return result;
	error_restore(&kept);
	key->card->begun++;
	return result >= 0;
}

int key_algorithms(const iotsafe_key *key)
{
	return key->card->algorithms;
}

bool key_is_brainpool(const iotsafe_key *key)
{
	(void)key;
	return false;
}

struct bytes key_spki(const iotsafe_key *key)
{
	return (struct bytes){key->spki, key->spki_size};
}

struct bytes key_chain(const iotsafe_key *key, unsigned index)
{
	if (index >= SOFTCARD_CHAIN_MAX)
		return (struct bytes){NULL, 0};
	return (struct bytes){key->chain[index], key->chain_size[index]};
}

int key_without_certificate(const iotsafe_key *key)
{
	return error_set(IOTSAFE_ERR_ABSENT,
			 "key %s has no certificate on the card",
			 key_title(key));
}

void key_doubt(iotsafe_key *key)
{
	(void)key;
}

const char *key_title(const iotsafe_key *key)
{
	(void)key;
	return "\"client\"";
}

static int take_certificate(void *self, struct bytes der)
{
	iotsafe_key *key = self;

	for (int i = 0; i < SOFTCARD_CHAIN_MAX; i++)
		if (!key->chain[i])
			return bytes_give(der.data, der.size, &key->chain[i],
					  &key->chain_size[i]);
	return IOTSAFE_OK;
}

int key_set_certificate(iotsafe_key *key, struct bytes data,
			const struct deadline *limit)
{
	(void)limit;
	return crypto_certificates_read(data, take_certificate, key);
}

/* With the issuers behind it. */
int key_use_certificate(iotsafe_key *key, const char *string,
			const struct deadline *limit)
{
	const struct identity *leaf;
	struct name name;

	(void)limit;
	TRY(name_parse(string, &name));
	leaf = certificate_named(key->card, &name);
	if (!leaf)
		return error_set(IOTSAFE_ERR_ABSENT,
				 "soft card: no such certificate");
	for (int i = 0; key->card->chain[i]; i++)
		if (key->card->chain[i] == leaf || key->chain[0])
			TRY(take_certificate(
				key,
				(struct bytes){key->card->chain[i]->der.data,
					       key->card->chain[i]->der.size}));
	return IOTSAFE_OK;
}

int iotsafe_key_certificate(iotsafe_key *key, unsigned index, uint8_t **out,
			    size_t *out_size)
{
	struct bytes der = key_chain(key, index);

	if (!der.size)
		return error_set(IOTSAFE_ERR_ABSENT, "soft card: no more");
	return bytes_give(der.data, der.size, out, out_size);
}

int iotsafe_key_public_key(iotsafe_key *key, uint8_t **out, size_t *out_size)
{
	return bytes_give(key->spki, key->spki_size, out, out_size);
}

int iotsafe_card_public_key(iotsafe_card *card, const char *name, uint8_t **out,
			    size_t *out_size)
{
	iotsafe_key *key;
	int result;

	(void)name;
	TRY(key_open(card, NULL, NULL, &key));
	key_learn(key, NULL);
	result = iotsafe_key_public_key(key, out, out_size);
	iotsafe_key_free(key);
	return result;
}

/* ---- signatures ---- */

static gnutls_sign_algorithm_t scheme_of(int algorithm)
{
	switch (algorithm) {
	case IOTSAFE_ECDSA_SHA256:
		return GNUTLS_SIGN_ECDSA_SHA256;
	case IOTSAFE_ECDSA_SHA384:
		return GNUTLS_SIGN_ECDSA_SHA384;
	case IOTSAFE_RSA_PKCS1_SHA256:
		return GNUTLS_SIGN_RSA_SHA256;
	case IOTSAFE_RSA_PKCS1_SHA384:
		return GNUTLS_SIGN_RSA_SHA384;
	case IOTSAFE_RSA_PKCS1_SHA512:
		return GNUTLS_SIGN_RSA_SHA512;
	case IOTSAFE_RSA_PSS_SHA256:
		return GNUTLS_SIGN_RSA_PSS_RSAE_SHA256;
	case IOTSAFE_RSA_PSS_SHA384:
		return GNUTLS_SIGN_RSA_PSS_RSAE_SHA384;
	case IOTSAFE_RSA_PSS_SHA512:
		return GNUTLS_SIGN_RSA_PSS_RSAE_SHA512;
	default:
		return GNUTLS_SIGN_UNKNOWN;
	}
}

static int give_form(const gnutls_datum_t *signature, int algorithm,
		     uint8_t **out, size_t *out_size)
{
	struct bytes der = {signature->data, signature->size};
	uint8_t rs[64];

	if (algorithm > IOTSAFE_ECDSA_SHA512)
		return give_der(signature, out, out_size);
	if (!crypto_der_to_rs(der, 32, rs))
		return error_set(IOTSAFE_ERR_FORMAT, "soft card: no r and s");
	return bytes_give(rs, sizeof(rs), out, out_size);
}

static int sign_in_software(iotsafe_card *card, int algorithm,
			    struct bytes hash, uint8_t **out, size_t *out_size)
{
	gnutls_datum_t data = {NULL, (unsigned)hash.size};
	gnutls_privkey_t key = private_key(card);
	gnutls_datum_t signature;
	int result;

	memcpy(&data.data, &hash.data, sizeof(data.data));
	result = gnutls_privkey_sign_hash2(key, scheme_of(algorithm), 0, &data,
					   &signature);
	gnutls_privkey_deinit(key);
	if (result < 0)
		return error_set(IOTSAFE_ERR_CARD, "soft card: %s",
				 gnutls_strerror(result));
	if (card->wrong)
		signature.size -= 5;
	result = give_form(&signature, algorithm, out, out_size);
	gnutls_free(signature.data);
	return result;
}

int key_sign(iotsafe_key *key, int algorithm, struct bytes hash,
	     const struct deadline *limit, uint8_t **out, size_t *out_size)
{
	iotsafe_card *card = key->card;

	*out = NULL;
	*out_size = 0;
	if (!(algorithm & card->algorithms) ||
	    hash.size != crypto_hash_size(algorithm))
		return error_set(IOTSAFE_ERR_SUPPORT,
				 "soft card: cannot sign %#x over %zu bytes",
				 (unsigned)algorithm, hash.size);
	TRY(work(card, card->sign_ms, limit));
	if (card->fail_sign)
		return error_set_status(card->fail_sign, 0x6985,
					"COMPUTE SIGNATURE INIT: card answered "
					"6985 conditions not satisfied (key "
					"\"client\")");
	card->signatures++;
	return sign_in_software(card, algorithm, hash, out, out_size);
}

/* ---- public-key objects, secrets ---- */

static int check_name(const char *name, const char *expected)
{
	if (name && !strcmp(name, expected))
		return IOTSAFE_OK;
	return error_set(IOTSAFE_ERR_ABSENT, "soft card: no object \"%s\"",
			 name ? name : "");
}

static int spki_of(const struct identity *identity, uint8_t **out,
		   size_t *out_size)
{
	struct bytes der = {identity->der.data, identity->der.size};

	return crypto_spki_of_certificate(der, out, out_size);
}

int card_public_key_spki(iotsafe_card *card, const char *name, uint8_t **out,
			 size_t *out_size, const struct deadline *limit)
{
	*out = NULL;
	*out_size = 0;
	TRY(work(card, card->open_ms, limit));
	TRY(check_name(name, card->public_key ? "peer" : ""));
	return spki_of(card->public_key, out, out_size);
}

int card_verify(iotsafe_card *card, const char *name, int algorithm,
		struct bytes hash, struct bytes signature,
		const struct deadline *limit)
{
	uint8_t *spki;
	size_t size;
	int result;

	TRY(work(card, card->sign_ms, limit));
	TRY(check_name(name, card->public_key ? "peer" : ""));
	if (!(algorithm & (IOTSAFE_ECDSA_SHA256 | IOTSAFE_ECDSA_SHA384)))
		return error_set(IOTSAFE_ERR_SUPPORT,
				 "soft card: cannot verify %#x",
				 (unsigned)algorithm);
	card->verifications++;
	if (card->fail_verify)
		return error_set_status(card->fail_verify, 0x6985,
					"soft card: verify failed (6985)");
	TRY(spki_of(card->public_key, &spki, &size));
	result = crypto_verify((struct bytes){spki, size}, algorithm, hash,
			       signature);
	iotsafe_free(spki);
	if (result < 0)
		return error_set_status(result, 0x6D01,
					"VERIFY SIGNATURE: not this key's");
	return result;
}

int card_random(iotsafe_card *card, uint8_t *out, size_t size,
		const struct deadline *limit)
{
	TRY(work(card, card->open_ms, limit));
	card->randoms++;
	gnutls_rnd(GNUTLS_RND_NONCE, out, size);
	memcpy(card->last_random, out, size < 32 ? size : 32);
	return IOTSAFE_OK;
}

/* P_SHA256 of RFC 5246 section 5. */
static void expand(struct bytes secret, struct bytes seed, uint8_t *out,
		   size_t size)
{
	uint8_t joined[32 + 512], block[32];
	size_t a_size = 0;

	while (size) {
		size_t take = size < 32 ? size : 32;

		/* A(0) = seed, A(i) = HMAC(secret, A(i-1)) */
		gnutls_hmac_fast(GNUTLS_MAC_SHA256, secret.data, secret.size,
				 a_size ? joined : seed.data,
				 a_size ? a_size : seed.size, joined);
		a_size = 32;
		memcpy(joined + 32, seed.data, seed.size);
		gnutls_hmac_fast(GNUTLS_MAC_SHA256, secret.data, secret.size,
				 joined, 32 + seed.size, block);
		memcpy(out, block, take);
		out += take;
		size -= take;
	}
}

/* The premaster secret of plain PSK (RFC 4279 section 2). */
static struct bytes premaster(const char *secret, uint8_t *room)
{
	size_t size = strlen(secret);
	struct builder out = {room, 0, 256, false};

	build_byte(&out, 0);
	build_byte(&out, (uint8_t)size);
	for (size_t i = 0; i < size; i++)
		build_byte(&out, 0);
	build_byte(&out, 0);
	build_byte(&out, (uint8_t)size);
	build_bytes(&out, (const uint8_t *)secret, size);
	return (struct bytes){room, out.size};
}

int card_prf(iotsafe_card *card, const char *name, struct bytes secret,
	     const char *label, struct bytes seed, uint8_t *out, size_t size,
	     const struct deadline *limit)
{
	uint8_t room[256], joined[512];
	struct builder whole = {joined, 0, sizeof(joined), false};

	TRY(work(card, card->sign_ms, limit));
	TRY(check_name(name, card->secret ? "psk" : ""));
	card->derivations++;
	if (card->fail_derive)
		return error_set_status(card->fail_derive, 0x6985,
					"COMPUTE PRF: card answered 6985");
	if (secret.size)
		return error_set(IOTSAFE_ERR_SUPPORT, "soft card: mode 1 only");
	build_bytes(&whole, (const uint8_t *)label, strlen(label));
	build_bytes(&whole, seed.data, seed.size);
	expand(premaster(card->secret, room),
	       (struct bytes){joined, whole.size}, out, size);
	return IOTSAFE_OK;
}

int card_psk(iotsafe_card *card, const char *name, const char *identity,
	     const uint8_t *context_hash, uint8_t *out,
	     const struct deadline *limit)
{
	uint8_t seed[64];

	gnutls_hash_fast(GNUTLS_DIG_SHA256, identity, strlen(identity), seed);
	memcpy(seed + 32, context_hash, 32);
	return card_prf(card, name, (struct bytes){NULL, 0}, "iotsafe psk",
			(struct bytes){seed, sizeof(seed)}, out, 32, limit);
}

/* ---- what is on the card besides ---- */

int card_issuer(iotsafe_card *card, struct bytes certificate, uint8_t **out,
		size_t *out_size)
{
	*out = NULL;
	*out_size = 0;
	for (int i = 0; i < SOFTCARD_CHAIN_MAX && card->chain[i]; i++) {
		const gnutls_datum_t *der = &card->chain[i]->der;
		struct bytes issuer = {der->data, der->size};

		if (!bytes_equal(issuer, certificate) &&
		    crypto_certificate_issued(issuer, certificate) &&
		    !crypto_certificate_is_root(issuer))
			return give_der(der, out, out_size);
	}
	return IOTSAFE_OK;
}

int iotsafe_key_decrypt(iotsafe_key *key, const uint8_t *data, size_t data_size,
			uint8_t **out, size_t *out_size)
{
	(void)key;
	(void)data;
	(void)data_size;
	*out = NULL;
	*out_size = 0;
	return error_set(IOTSAFE_ERR_SUPPORT, "soft card: does not decrypt");
}

int key_add_issuer(iotsafe_key *key, struct bytes certificate)
{
	(void)key;
	(void)certificate;
	return error_set(IOTSAFE_ERR_SUPPORT, "soft card: adds no issuer");
}
