// SPDX-License-Identifier: LGPL-2.1-or-later
/* Trust Onboard on a card: keys, certificates and PINs, from the store or not.
 */
#include "tob.h"

#include "crypto.h"
#include "pki.h"
#include "problem.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>

#define NAME_MAX_SIZE 64

static const char *const identities[TOB_IDENTITIES] = {
	[TOB_AVAILABLE] = "available",
	[TOB_SIGNING] = "signing",
};

static const enum tob_key fixed[][TOB_IDENTITIES] = {
	[TOB_FIRST] = {KEY_AVAILABLE, KEY_SIGNING},
	[TOB_SECOND] = {KEY_OTHER_AVAILABLE, KEY_OTHER_SIGNING},
};

static void name_of(const struct tob *tob, enum tob_identity identity,
		    const char *suffix, char name[NAME_MAX_SIZE])
{
	snprintf(name, NAME_MAX_SIZE, "%s/%s%s", tob->folder,
		 identities[identity], suffix);
}

/* A key that somebody put into the store goes before the fixed one. */
static bool open_key(struct tob *tob, enum tob_identity identity,
		     enum tob_set set)
{
	char name[NAME_MAX_SIZE];
	bool failed;

	name_of(tob, identity, ".pem", name);
	tob->keys[identity] = pki_read_key(tob->store, name, KEY_RSA, &failed);
	if (tob->keys[identity] == NULL && !failed)
		tob->keys[identity] = tob_key(fixed[set][identity]);
	return tob->keys[identity] != NULL;
}

/* The name of a certificate: WC and 16 random bytes in lower case. */
static bool make_sid(char sid[TOB_SID_SIZE + 1])
{
	uint8_t bytes[16];

	if (!crypto_random(bytes, sizeof(bytes)))
		return false;
	strcpy(sid, "WC");
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(sid + 2 + 2 * i, 3, "%02x", bytes[i]);
	return true;
}

static bool open_sid(struct tob *tob, enum tob_identity identity,
		     char sid[TOB_SID_SIZE + 1])
{
	char name[NAME_MAX_SIZE];
	enum store_found found;
	uint8_t *data;
	size_t size;

	name_of(tob, identity, ".sid", name);
	found = store_read(tob->store, name, &data, &size);
	if (found == STORE_ABSENT)
		return make_sid(sid) &&
		       store_write(tob->store, name, sid, TOB_SID_SIZE, 0600);
	if (found == STORE_ERROR)
		return false;
	if (size == TOB_SID_SIZE)
		memcpy(sid, data, size);
	sid[TOB_SID_SIZE] = '\0';
	free(data);
	return size == TOB_SID_SIZE ||
	       problem("%s/%s: not a certificate's name", tob->store->path,
		       name);
}

/* `wrong`: of a key that the card does not have. */
static bool open_chain(struct tob *tob, enum tob_identity identity,
		       enum tob_set set, bool is_first_generation, bool wrong)
{
	EVP_PKEY *other =
		wrong ? tob_key(fixed[TOB_SECOND - set][identity]) : NULL;
	char sid[TOB_SID_SIZE + 1];
	bool done;

	done = open_sid(tob, identity, sid) && (!wrong || other != NULL) &&
	       tob_issue(identity, is_first_generation, sid,
			 wrong ? other : tob->keys[identity],
			 tob->chains[identity]);
	EVP_PKEY_free(other);
	return done;
}

static X509 *root_of(struct tob *tob)
{
	size_t last = TOB_CHAIN_MAX - 1;

	while (tob->chains[TOB_SIGNING][last] == NULL)
		last--;
	return tob->chains[TOB_SIGNING][last];
}

/* Leaves the authorities where a test server or a person finds them. */
static bool publish(struct tob *tob)
{
	char bundle[0x8000];
	struct writer out = writer_on(bundle, sizeof(bundle));

	if (!tob_put_pem(&out, root_of(tob)))
		return false;
	for (size_t i = 0; i < TOB_IDENTITIES; i++)
		for (size_t j = 1; j < TOB_CHAIN_MAX; j++)
			if (tob->chains[i][j] != NULL &&
			    X509_cmp(tob->chains[i][j], root_of(tob)) != 0 &&
			    !tob_put_pem(&out, tob->chains[i][j]))
				return false;
	return pki_write_certificates(tob->store, "trust-onboard-ca.pem",
				      root_of(tob), NULL) &&
	       store_write(tob->store, "trust-onboard-bundle.pem", bundle,
			   out.size, 0644);
}

static bool fill(struct tob *tob, enum tob_set set, const struct quirks *quirks,
		 const struct faults *faults)
{
	bool is_first = quirk_on(quirks, QUIRK_G1);
	bool wrong = fault_on(faults, FAULT_WRONG_CERTIFICATE);

	for (enum tob_identity i = 0; i < TOB_IDENTITIES; i++)
		if (!open_key(tob, i, set) ||
		    !open_chain(tob, i, set, is_first, wrong))
			return false;
	if (!tob_pin_open(tob, &tob->pin, "pin", "0000") ||
	    !tob_pin_open(tob, &tob->chv1, "chv1", "1111"))
		return false;
	if (quirk_on(quirks, QUIRK_TOB_TRIES))
		tob->pin.tries = tob->chv1.tries =
			(unsigned int)quirk_value(quirks, QUIRK_TOB_TRIES, 0);
	return publish(tob);
}

struct tob *tob_open(struct store *store, const char *folder, enum tob_set set,
		     const struct quirks *quirks, const struct faults *faults)
{
	struct tob *tob = OPENSSL_zalloc(sizeof(*tob));

	if (tob == NULL)
		return NULL;
	tob->store = store;
	snprintf(tob->folder, sizeof(tob->folder), "%s", folder);
	if (fill(tob, set, quirks, faults))
		return tob;
	tob_close(tob);
	return NULL;
}

void tob_close(struct tob *tob)
{
	if (tob == NULL)
		return;
	for (size_t i = 0; i < TOB_IDENTITIES; i++) {
		EVP_PKEY_free(tob->keys[i]);
		for (size_t j = 0; j < TOB_CHAIN_MAX; j++)
			X509_free(tob->chains[i][j]);
	}
	OPENSSL_clear_free(tob, sizeof(*tob));
}

bool tob_put_pem(struct writer *out, X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data;
	long size = 0;

	if (bio != NULL && PEM_write_bio_X509(bio, cert) == 1)
		size = BIO_get_mem_data(bio, &data);
	if (size > 0)
		put_bytes(out, data, (size_t)size);
	BIO_free(bio);
	return size > 0;
}
