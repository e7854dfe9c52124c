/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A server known by its public key: keys given beforehand, or read from the
 * card, against the one the server has shown, in a certificate or alone
 * (RFC 7250).
 */
#include <gnutls/abstract.h>
#include <string.h>
#include "base/crypto.h"
#include "base/crypto_datum.h"
#include "base/error.h"
#include "object/key.h"
#include "tls/session.h"

static bool is_pinned(const struct iotsafe_tls *tls,
		      const uint8_t digest[PIN_SIZE])
{
	for (unsigned i = 0; i < tls->pins_count; i++)
		if (!memcmp(tls->pins[i], digest, PIN_SIZE))
			return true;
	return false;
}

static int add_pin(struct iotsafe_tls *tls, struct bytes spki)
{
	uint8_t digest[PIN_SIZE];

	TRY(session_hash(spki, digest));
	if (is_pinned(tls, digest))
		return IOTSAFE_OK;
	if (tls->pins_count == PINS_MAX)
		return error_set(IOTSAFE_ERR_ARG, "pin: at most %d keys",
				 PINS_MAX);
	memcpy(tls->pins[tls->pins_count++], digest, PIN_SIZE);
	return IOTSAFE_OK;
}

static int check_public_key(struct bytes spki)
{
	gnutls_datum_t der = datum_of(spki);
	gnutls_pubkey_t pubkey;
	int error = gnutls_pubkey_init(&pubkey);

	if (error >= 0) {
		error = gnutls_pubkey_import(pubkey, &der, GNUTLS_X509_FMT_DER);
		gnutls_pubkey_deinit(pubkey);
	}
	if (error >= 0)
		return IOTSAFE_OK;
	return crypto_failed(IOTSAFE_ERR_ARG, error,
			     "pin: no public key in DER that GnuTLS can use");
}

int iotsafe_tls_set_pin(iotsafe_tls *tls, const uint8_t *data, size_t data_size)
{
	struct bytes spki = {data, data_size};

	TRY(settings_check(tls, "a pin"));
	if (!data || !data_size)
		return error_set(IOTSAFE_ERR_ARG, "pin: no public key given");
	TRY(check_public_key(spki));
	TRY(add_pin(tls, spki));
	tls->pinning = tls->trusting = true;
	return resume_bind(tls->trust, 'p', spki);
}

int iotsafe_tls_set_pin_card(iotsafe_tls *tls, const char *name)
{
	TRY(settings_check(tls, "a pin"));
	if (tls->card_pins_count == PINS_MAX)
		return error_set(IOTSAFE_ERR_ARG, "pin: at most %d keys",
				 PINS_MAX);
	if (!tls->card || !name || !*name)
		return error_set(IOTSAFE_ERR_ARG,
				 "pin: wants a card and the name of a public "
				 "key on it");
	TRY(settings_replace(&tls->card_pins[tls->card_pins_count], name));
	tls->card_pins_count++;
	tls->pinning = tls->trusting = true;
	return resume_bind_text(tls->trust, 'P', name);
}

int pin_load(struct iotsafe_tls *tls, const char *name)
{
	uint8_t *spki;
	size_t size;
	int result;

	TRY(card_public_key_spki(tls->card, name, &spki, &size,
				 &tls->signing.limit));
	result = add_pin(tls, (struct bytes){spki, size});
	iotsafe_free(spki);
	return result;
}

static int digest_of_peer(struct iotsafe_tls *tls, uint8_t out[PIN_SIZE])
{
	const gnutls_datum_t *chain;
	struct bytes shown;
	unsigned count;
	uint8_t *spki;
	size_t size;
	int result;

	chain = gnutls_certificate_get_peers(tls->session, &count);
	if (!chain || !count)
		return error_set(IOTSAFE_ERR_UNTRUSTED,
				 "TLS handshake: the server showed no key");
	shown = (struct bytes){chain->data, chain->size};
	if (session_is_raw(tls, GNUTLS_CTYPE_SERVER))
		return session_hash(shown, out);
	if (crypto_spki_of_certificate(shown, &spki, &size) < 0)
		return IOTSAFE_ERR_UNTRUSTED;
	result = session_hash((struct bytes){spki, size}, out);
	iotsafe_free(spki);
	return result;
}

/* GnuTLS has seen to it that the server has the private key. */
int pin_check(struct iotsafe_tls *tls)
{
	uint8_t shown[PIN_SIZE];

	TRY(digest_of_peer(tls, shown));
	if (is_pinned(tls, shown))
		return IOTSAFE_OK;
	return error_set(IOTSAFE_ERR_UNTRUSTED,
			 "TLS handshake: the public key of %s is none of those "
			 "it is pinned to",
			 failure_peer(tls));
}
