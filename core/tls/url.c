/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names like `iotsafe:label=client?card=at:/dev/ttyUSB2`, given to a program
 * where GnuTLS takes a file name, become keys, certificates and public keys.
 */
#include <gnutls/urls.h>
#include <gnutls/x509.h>
#include <iotsafe/gnutls.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/address.h"
#include "base/crypto.h"
#include "base/crypto_datum.h"
#include "base/error.h"
#include "object/key.h"
#include "tls/origin.h"
#include "tls/privkey.h"

/* Who uses names never closes anything: cards they opened stay open, so that
 * the next name need not open the port again. */
struct held_card {
	struct held_card *next;
	iotsafe_card *card;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct held_card *held;

/* Takes over one use of the card if it is not held already. */
static bool hold(struct held_card *entry)
{
	bool fresh = true;

	pthread_mutex_lock(&lock);
	for (struct held_card *at = held; at; at = at->next)
		if (at->card == entry->card)
			fresh = false;
	if (fresh) {
		entry->next = held;
		held = entry;
	}
	pthread_mutex_unlock(&lock);
	return fresh;
}

static int hold_card(iotsafe_card *card)
{
	struct held_card *entry = malloc(sizeof(*entry));

	if (!entry)
		return error_no_memory("card");
	entry->card = card_use(card);
	if (!hold(entry)) {
		iotsafe_card_free(entry->card);
		free(entry);
	}
	return IOTSAFE_OK;
}

/* The channel on the card is not left to whoever comes next. */
__attribute__((destructor)) static void release_cards(void)
{
	while (held) {
		struct held_card *entry = held;

		held = entry->next;
		iotsafe_card_free(entry->card);
		free(entry);
	}
}

/* The card that the name tells, or the environment. A use of it is the
 * caller's. */
static int open_card(const char *url, struct name *name, iotsafe_card **card)
{
	int result;

	TRY(name_parse(url, name));
	/* A line in some program's configuration must not run commands. */
	if (!strncasecmp(name->card, "exec:", strlen("exec:")))
		return error_set(IOTSAFE_ERR_ARG,
				 "name: card=exec: is refused inside a name; "
				 "IOTSAFE_CARD may say it");
	TRY(iotsafe_card_open(*name->card ? name->card : NULL, card));
	result = hold_card(*card);
	if (result < 0)
		iotsafe_card_free(*card);
	return result;
}

static int open_key(iotsafe_card *card, const char *url, iotsafe_key **key)
{
	int result;

	TRY(key_open(card, url, NULL, key));
	result = key_learn(*key, NULL);
	if (result < 0)
		iotsafe_key_free(*key);
	return result;
}

/* ---- private key ---- */

static int import_key_from(iotsafe_card *card, const char *url,
			   gnutls_privkey_t privkey)
{
	iotsafe_key *key;
	int result;

	TRY(open_key(card, url, &key));
	result = privkey_import_named(key, url, privkey);
	iotsafe_key_free(key);
	return result;
}

static int import_key(gnutls_privkey_t privkey, const char *url, unsigned flags)
{
	iotsafe_card *card;
	struct name name;
	int result;

	(void)flags;
	result = open_card(url, &name, &card);
	if (result >= 0) {
		result = import_key_from(card, url, privkey);
		iotsafe_card_free(card);
	}
	return origin_tell(result);
}

/* What a name stands for is found on its card, and given to GnuTLS. */
static int import_found(const char *url,
			int (*find)(iotsafe_card *card, const char *url,
				    const struct name *name, uint8_t **out,
				    size_t *out_size),
			int (*import)(void *target, struct bytes found),
			void *target)
{
	iotsafe_card *card;
	struct name name;
	uint8_t *found;
	size_t size;
	int result = open_card(url, &name, &card);

	if (result >= 0) {
		result = find(card, url, &name, &found, &size);
		iotsafe_card_free(card);
	}
	if (result >= 0) {
		result = import(target, (struct bytes){found, size});
		iotsafe_free(found);
	}
	return origin_tell(result);
}

/* ---- certificate ---- */

static int certificate_of_key(iotsafe_card *card, const char *url,
			      uint8_t **out, size_t *out_size)
{
	struct bytes certificate;
	iotsafe_key *key;
	int result;

	TRY(open_key(card, url, &key));
	certificate = key_chain(key, 0);
	result = certificate.size ? bytes_give(certificate.data,
					       certificate.size, out, out_size)
				  : key_without_certificate(key);
	iotsafe_key_free(key);
	return result;
}

/* A name may mean the certificate's own file, or the key that it is for. */
static int find_certificate(iotsafe_card *card, const char *url,
			    const struct name *name, uint8_t **out,
			    size_t *out_size)
{
	int result;

	if (name->class == IOTSAFE_CLASS_PRIVATE_KEY || name_is_empty(name))
		return certificate_of_key(card, url, out, out_size);
	result = card_ca(card, url, 0, NULL, out, out_size);
	if (result != IOTSAFE_ERR_ABSENT || name->class)
		return result;
	return certificate_of_key(card, url, out, out_size);
}

static int import_der(void *crt, struct bytes der)
{
	gnutls_datum_t datum = datum_of(der);
	int error = gnutls_x509_crt_import(crt, &datum, GNUTLS_X509_FMT_DER);

	if (error < 0)
		return crypto_failed(IOTSAFE_ERR_FORMAT, error, "certificate");
	return IOTSAFE_OK;
}

static int import_crt(gnutls_x509_crt_t crt, const char *url, unsigned flags)
{
	(void)flags;
	return import_found(url, find_certificate, import_der, crt);
}

static int issuer_from(iotsafe_card *card, gnutls_x509_crt_t crt,
		       gnutls_datum_t *out)
{
	gnutls_datum_t der;
	uint8_t *issuer;
	size_t size;
	int result;

	if (gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der) < 0)
		return error_set(IOTSAFE_ERR_FORMAT,
				 "certificate: cannot be written as DER");
	result = card_issuer(card, (struct bytes){der.data, der.size}, &issuer,
			     &size);
	gnutls_free(der.data);
	if (result < 0 || !issuer)
		return result;
	result = datum_give((struct bytes){issuer, size}, out);
	iotsafe_free(issuer);
	return result < 0 ? result : 1;
}

/* GnuTLS asks until it hears that there is no more, 8 times at most. */
static int get_issuer(const char *url, gnutls_x509_crt_t crt,
		      gnutls_datum_t *out, unsigned flags)
{
	iotsafe_card *card;
	struct name name;
	int result;

	(void)flags;
	result = open_card(url, &name, &card);
	if (result >= 0) {
		result = issuer_from(card, crt, out);
		iotsafe_card_free(card);
	}
	if (result < 0)
		return origin_tell(result);
	return result ? 0 : GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE;
}

/* ---- public key ---- */

static int public_key_of_key(iotsafe_card *card, const char *url, uint8_t **out,
			     size_t *out_size)
{
	iotsafe_key *key;
	int result;

	TRY(open_key(card, url, &key));
	result = iotsafe_key_public_key(key, out, out_size);
	iotsafe_key_free(key);
	return result;
}

static int public_key_of_certificate(iotsafe_card *card, const char *url,
				     uint8_t **out, size_t *out_size)
{
	uint8_t *der;
	size_t size;
	int result;

	TRY(card_ca(card, url, 0, NULL, &der, &size));
	result = crypto_spki_of_certificate((struct bytes){der, size}, out,
					    out_size);
	iotsafe_free(der);
	return result;
}

/* A name without a type is taken for the private key's first: that is what
 * certificate requests are made of. */
static int find_public_key(iotsafe_card *card, const char *url,
			   const struct name *name, uint8_t **out,
			   size_t *out_size)
{
	int result;

	if (name->class == IOTSAFE_CLASS_FILE && !name_is_empty(name))
		return public_key_of_certificate(card, url, out, out_size);
	if (name->class == IOTSAFE_CLASS_PUBLIC_KEY && !name_is_empty(name))
		return iotsafe_card_public_key(card, url, out, out_size);
	result = public_key_of_key(card, url, out, out_size);
	if (result != IOTSAFE_ERR_ABSENT || name->class)
		return result;
	return iotsafe_card_public_key(card, url, out, out_size);
}

static int import_spki(void *pubkey, struct bytes spki)
{
	gnutls_datum_t datum = datum_of(spki);
	int error = gnutls_pubkey_import(pubkey, &datum, GNUTLS_X509_FMT_DER);

	if (error < 0)
		return crypto_failed(IOTSAFE_ERR_SUPPORT, error, "public key");
	return IOTSAFE_OK;
}

static int import_pubkey(gnutls_pubkey_t pubkey, const char *url,
			 unsigned flags)
{
	(void)flags;
	return import_found(url, find_public_key, import_spki, pubkey);
}

/* ---- registration ---- */

static int registered;

/* GnuTLS keeps the pointer to the name for ever, and has no lock here. */
static void register_once(void)
{
	static const gnutls_custom_url_st scheme = {
		.name = "iotsafe:",
		.name_size = sizeof("iotsafe:") - 1,
		.import_key = import_key,
		.import_crt = import_crt,
		.import_pubkey = import_pubkey,
		.get_issuer = get_issuer,
	};

	registered = gnutls_register_custom_url(&scheme);
	/* Another copy of the library in this process was first. */
	if (registered == GNUTLS_E_INVALID_REQUEST)
		registered = 0;
}

int iotsafe_gnutls_register(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, register_once);
	if (registered >= 0)
		return IOTSAFE_OK;
	return crypto_failed(IOTSAFE_ERR_SUPPORT, registered,
			     "GnuTLS did not take the scheme iotsafe");
}
