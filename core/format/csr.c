/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A key of the card, a subject and its names become a certificate signing
 * request: PKCS #10 (RFC 2986). GnuTLS writes the subject; the frame is written
 * here, since GnuTLS knows fewer curves than cards do.
 */
#include <gnutls/x509.h>
#include <string.h>
#include "base/crypto.h"
#include "base/error.h"
#include "format/csr.h"
#include "format/signing.h"
#include "object/key.h"

static int put_subject(struct der *der, const char *subject)
{
	gnutls_datum_t value = {NULL, 0};
	const char *where = subject;
	gnutls_x509_dn_t dn;
	int result;

	if (gnutls_x509_dn_init(&dn) < 0)
		return error_no_memory("csr");
	result = gnutls_x509_dn_set_str(dn, subject, &where);
	if (result >= 0)
		result =
			gnutls_x509_dn_export2(dn, GNUTLS_X509_FMT_DER, &value);
	gnutls_x509_dn_deinit(dn);
	if (result < 0)
		return error_set(IOTSAFE_ERR_ARG,
				 "csr: subject \"%s\" is no name by RFC 4514: "
				 "%s",
				 subject, gnutls_strerror(result));
	der_put(der, value.data, value.size);
	gnutls_free(value.data);
	return IOTSAFE_OK;
}

static int build_info(struct der *der, struct bytes spki, const char *subject,
		      const char *names, const char *usages)
{
	static const uint8_t version[] = {0x02, 0x01, 0x00};

	der_begin(der);
	TRY(csr_put_attributes(der, names, usages));
	der_put(der, spki.data, spki.size);
	TRY(put_subject(der, subject));
	der_put(der, version, sizeof(version));
	der_wrap(der, 0x30, sizeof(der->data));
	if (der->failed)
		return error_set(IOTSAFE_ERR_ARG,
				 "csr: subject and names are too long");
	return IOTSAFE_OK;
}

/* The AlgorithmIdentifier: RFC 5758 3.2 (ECDSA), RFC 4055 5 (PKCS #1) and
 * 3.1 (PSS with a salt of the hash's size). */
static void put_algorithm(struct der *der, int algorithm)
{
	uint8_t ecdsa[] = {0x30, 0x0A, 0x06, 0x08, 0x2A, 0x86,
			   0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02};
	uint8_t rsa[] = {0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86,
			 0xF7, 0x0D, 0x01, 0x01, 0x0B, 0x05, 0x00};
	uint8_t pss[] = {
		0x30, 0x41, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D,
		0x01, 0x01, 0x0A, 0x30, 0x34, 0xA0, 0x0F, 0x30, 0x0D, 0x06,
		0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01,
		0x05, 0x00, 0xA1, 0x1C, 0x30, 0x1A, 0x06, 0x09, 0x2A, 0x86,
		0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x08, 0x30, 0x0D, 0x06,
		0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01,
		0x05, 0x00, 0xA2, 0x03, 0x02, 0x01, 0x20,
	};
	uint8_t hash = algorithm & IOTSAFE_SHA256   ? 0
		       : algorithm & IOTSAFE_SHA384 ? 1
						    : 2;

	ecdsa[11] = (uint8_t)(ecdsa[11] + hash);
	rsa[12] = (uint8_t)(rsa[12] + hash);
	pss[29] = pss[59] = (uint8_t)(1 + hash);
	pss[66] = (uint8_t)(32 + 16 * hash);
	if (algorithm <= IOTSAFE_ECDSA_SHA512)
		der_put(der, ecdsa, sizeof(ecdsa));
	else if (algorithm <= IOTSAFE_RSA_PKCS1_SHA512)
		der_put(der, rsa, sizeof(rsa));
	else
		der_put(der, pss, sizeof(pss));
}

static int finish(struct der *der, int algorithm, struct bytes info,
		  struct bytes signature, uint8_t **out, size_t *out_size)
{
	struct bytes whole;

	der_begin(der);
	der_put(der, signature.data, signature.size);
	der_put(der, "", 1); /* of bits not used */
	der_wrap(der, 0x03, sizeof(der->data));
	put_algorithm(der, algorithm);
	der_put(der, info.data, info.size);
	der_wrap(der, 0x30, sizeof(der->data));
	if (der->failed)
		return error_set(IOTSAFE_ERR_ARG,
				 "csr: subject and names are too long");
	whole = der_bytes(der);
	return bytes_give(whole.data, whole.size, out, out_size);
}

static int sign_info(iotsafe_key *key, int algorithm, struct bytes info,
		     uint8_t **out, size_t *out_size)
{
	uint8_t room[CRYPTO_RS_MAX + 16];
	struct builder text = {room, 0, sizeof(room), false};
	struct bytes signature;
	uint8_t *raw;
	struct der der;
	int result;

	TRY(signing_sign(key, algorithm, info, &raw, &signature.size));
	signature.data = raw;
	if (algorithm <= IOTSAFE_ECDSA_SHA512) {
		crypto_rs_to_der(signature, &text);
		signature = (struct bytes){room, text.size};
	}
	result = finish(&der, algorithm, info, signature, out, out_size);
	iotsafe_free(raw);
	return result;
}

static int make_once(iotsafe_key *key, const char *subject, const char *names,
		     const char *usages, struct der *info, uint8_t **out,
		     size_t *out_size)
{
	struct bytes spki;
	uint8_t *given = NULL;
	int algorithm, result;

	TRY(signing_choose(key, ~0, false, "csr", &algorithm));
	spki = key_spki(key);
	/* Who asks for it may be told more than a signature needs. */
	if (!spki.size) {
		TRY(iotsafe_key_public_key(key, &given, &spki.size));
		spki.data = given;
	}
	result = build_info(info, spki, subject, names, usages);
	iotsafe_free(given);
	TRY(result);
	return sign_info(key, algorithm, der_bytes(info), out, out_size);
}

/* Names may mislead as to a key's public key; then the first signature has
 * corrected that, and is below a request for somebody else's key. */
static bool is_own_request(const iotsafe_key *key, const struct der *info)
{
	struct bytes all = der_bytes(info), spki = key_spki(key);

	return spki.size && memmem(all.data, all.size, spki.data, spki.size);
}

int iotsafe_key_csr(iotsafe_key *key, const char *subject, const char *names,
		    const char *usages, uint8_t **out, size_t *out_size)
{
	struct der info;

	if (!bytes_ready(out, out_size) || !key || !subject)
		return error_null("csr");
	if (!*subject)
		return error_set(IOTSAFE_ERR_ARG, "csr: the subject is empty");
	TRY(make_once(key, subject, names, usages, &info, out, out_size));
	if (is_own_request(key, &info))
		return IOTSAFE_OK;
	iotsafe_free(*out);
	bytes_ready(out, out_size);
	return make_once(key, subject, names, usages, &info, out, out_size);
}
