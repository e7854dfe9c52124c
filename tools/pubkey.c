/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `iotsafe pubkey`: a public key on the card as PEM, DER or JSON.
 */
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include "cli.h"
#include "file.h"
#include "json.h"

static int read_of_key(struct cli *cli, const char *name, uint8_t **der,
		       size_t *size)
{
	iotsafe_key *key;
	int status;

	TRY(card_key(cli, name, &key));
	status = iotsafe_key_public_key(key, der, size) < 0 ? fail_library(cli)
							    : 0;
	iotsafe_key_free(key);
	return status;
}

/* NAME may be a public key, or the private key whose public key is meant. The
 * identity's may be known from its certificate alone. */
static int read_key(struct cli *cli, const char *name, uint8_t **der,
		    size_t *size)
{
	unsigned classes;

	if (!name || !*name)
		return read_of_key(cli, NULL, der, size);
	TRY(card_matches(cli, name, &classes));
	if (classes & 1u << IOTSAFE_CLASS_PRIVATE_KEY &&
	    !(classes & 1u << IOTSAFE_CLASS_PUBLIC_KEY))
		return read_of_key(cli, name, der, size);
	if (iotsafe_card_public_key(cli->card, name, der, size) < 0)
		return fail_library(cli);
	return 0;
}

/* "EC" and "SECP256R1", or "RSA" and nothing; a key that GnuTLS cannot read is
 * still given out. */
static void put_kind(struct json *json, const gnutls_datum_t *der)
{
	gnutls_pubkey_t key;
	gnutls_ecc_curve_t curve;
	unsigned bits = 0;
	int algorithm;

	if (gnutls_pubkey_init(&key) < 0)
		return;
	if (gnutls_pubkey_import(key, der, GNUTLS_X509_FMT_DER) >= 0) {
		algorithm = gnutls_pubkey_get_pk_algorithm(key, &bits);
		json_string(
			json, "algorithm",
			gnutls_pk_get_name((gnutls_pk_algorithm_t)algorithm));
		json_number(json, "bits", bits);
		if (gnutls_pubkey_export_ecc_raw(key, &curve, NULL, NULL) >= 0)
			json_string(json, "curve",
				    gnutls_ecc_curve_get_name(curve));
	}
	gnutls_pubkey_deinit(key);
}

static void put_key(struct json *json, gnutls_datum_t *der,
		    const gnutls_datum_t *pem)
{
	uint8_t hash[32];

	put_kind(json, der);
	gnutls_hash_fast(GNUTLS_DIG_SHA256, der->data, der->size, hash);
	json_hex(json, "sha256", hash, sizeof(hash));
	json_string(json, "pem", (const char *)pem->data);
}

int public_key_show(struct cli *cli, uint8_t *data, size_t size)
{
	gnutls_datum_t der = {data, (unsigned)size}, pem;
	int status = 0;

	TRY(pem_encode(cli, "PUBLIC KEY", data, size, &pem));
	if (cli->json)
		put_key(cli->json, &der, &pem);
	if (cli->options.out || !cli->json)
		status = cli->options.der ? out_write(cli, data, size)
					  : out_write(cli, pem.data, pem.size);
	gnutls_free(pem.data);
	return status;
}

int command_pubkey(struct cli *cli)
{
	uint8_t *der;
	size_t size;
	int status;

	TRY(out_check(cli));
	TRY(card_open(cli));
	TRY(read_key(cli, cli->options.arguments[0], &der, &size));
	status = public_key_show(cli, der, size);
	iotsafe_free(der);
	return status;
}
