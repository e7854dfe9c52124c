/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A key of the card and its certificate chain go into GnuTLS's credentials,
 * without the signature that GnuTLS would spend on comparing the two.
 */
#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <iotsafe/gnutls.h>
#include "base/crypto.h"
#include "base/crypto_datum.h"
#include "base/error.h"
#include "object/key.h"
#include "tls/credentials.h"
#include "tls/trust.h"

static void release_chain(gnutls_pcert_st *chain, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		gnutls_pcert_deinit(&chain[i]);
}

static int import_one(gnutls_pcert_st *out, struct bytes der)
{
	gnutls_datum_t datum = datum_of(der);
	int error;

	error = gnutls_pcert_import_x509_raw(out, &datum, GNUTLS_X509_FMT_DER,
					     0);
	if (error < 0)
		return crypto_failed(IOTSAFE_ERR_FORMAT, error,
				     "certificate: GnuTLS cannot read it");
	return IOTSAFE_OK;
}

static int import_chain(iotsafe_key *key, gnutls_pcert_st *chain,
			unsigned *count)
{
	struct bytes der;

	for (*count = 0; *count < CHAIN_MAX; ++*count) {
		int result;

		der = key_chain(key, *count);
		if (!der.size)
			break;
		result = import_one(&chain[*count], der);
		if (result < 0) {
			release_chain(chain, *count);
			return result;
		}
	}
	if (!*count)
		return key_without_certificate(key);
	return IOTSAFE_OK;
}

static int import_raw(iotsafe_key *key, gnutls_pcert_st *chain, unsigned *count)
{
	gnutls_datum_t spki = datum_of(key_spki(key));
	int error;

	*count = 1;
	if (!spki.size)
		return error_set(IOTSAFE_ERR_ABSENT,
				 "key %s: nothing on the card tells its public "
				 "key",
				 key_title(key));
	error = gnutls_pcert_import_rawpk_raw(chain, &spki, GNUTLS_X509_FMT_DER,
					      0, 0);
	if (error < 0)
		return error_set(IOTSAFE_ERR_SUPPORT, "key %s: GnuTLS: %s",
				 key_title(key), gnutls_strerror(error));
	return IOTSAFE_OK;
}

/* GnuTLS's own comparison is switched off, so this one must not be missed,
 * whatever the levels below have compared already. */
static int compare_key(iotsafe_key *key)
{
	struct bytes spki = key_spki(key);
	uint8_t *of_certificate;
	size_t size;
	bool same;

	if (!spki.size)
		return IOTSAFE_OK;
	TRY(crypto_spki_of_certificate(key_chain(key, 0), &of_certificate,
				       &size));
	same = bytes_equal(spki, (struct bytes){of_certificate, size});
	iotsafe_free(of_certificate);
	if (same)
		return IOTSAFE_OK;
	return error_set(IOTSAFE_ERR_VERIFY,
			 "the certificate is of another key than %s",
			 key_title(key));
}

static int make_privkey(iotsafe_key *key, struct signing *signing,
			gnutls_privkey_t *out)
{
	int result;

	if (gnutls_privkey_init(out) < 0)
		return error_no_memory("key");
	result = privkey_import(key, signing, *out);
	if (result < 0)
		gnutls_privkey_deinit(*out);
	return result;
}

int credentials_install(gnutls_certificate_credentials_t cred, iotsafe_key *key,
			struct signing *signing, bool raw)
{
	gnutls_pcert_st chain[CHAIN_MAX];
	gnutls_privkey_t privkey;
	unsigned count;
	int result;

	TRY(raw ? import_raw(key, chain, &count)
		: import_chain(key, chain, &count));
	result = raw ? IOTSAFE_OK : compare_key(key);
	if (result >= 0)
		result = make_privkey(key, signing, &privkey);
	if (result < 0) {
		release_chain(chain, count);
		return result;
	}
	gnutls_certificate_set_flags(cred,
				     GNUTLS_CERTIFICATE_SKIP_KEY_CERT_MATCH);
	/* From here on the chain's contents and the key belong to GnuTLS,
	 * unless it fails. */
	result = gnutls_certificate_set_key(cred, NULL, 0, chain, (int)count,
					    privkey);
	if (result >= 0)
		return IOTSAFE_OK;
	gnutls_privkey_deinit(privkey);
	release_chain(chain, count);
	return crypto_failed(IOTSAFE_ERR_TLS, result,
			     "GnuTLS did not take key and certificate");
}

int iotsafe_credentials_set(gnutls_certificate_credentials_t cred,
			    iotsafe_card *card, const char *name,
			    unsigned flags)
{
	iotsafe_key *key;
	int result;

	if (!cred || !card)
		return error_set(IOTSAFE_ERR_ARG,
				 "credentials_set: no credentials or no card");
	if (flags & ~(unsigned)IOTSAFE_CREDENTIALS_CARD_CA)
		return error_set(IOTSAFE_ERR_ARG,
				 "credentials_set: unknown flags %#x", flags);
	TRY(iotsafe_key_open(card, name, &key));
	result = key_learn(key, NULL);
	if (result >= 0)
		result = credentials_install(cred, key, NULL, false);
	iotsafe_key_free(key);
	if (result >= 0 && flags & IOTSAFE_CREDENTIALS_CARD_CA)
		result = trust_add_card_roots(cred, card, NULL);
	return result < 0 ? result : IOTSAFE_OK;
}
