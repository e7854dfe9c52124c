/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The options that say who we are and whom we trust become a TLS session, the
 * same for every command that makes one.
 */
#include <gnutls/abstract.h>
#include <iotsafe/gnutls.h>
#include <stdio.h>
#include <string.h>
#include "client.h"
#include "input.h"

/* Whoever trusts everybody, a key in common, or certain keys, has no use for
 * authorities beside. */
static int check_trust(struct cli *cli)
{
	const struct options *options = &cli->options;
	bool authorities = options->ca_count || options->card_ca;
	bool pins = options->pin_count || options->pin_card;
	int kinds = options->insecure + (options->psk != NULL) + authorities +
		    pins + (options->ca_key != NULL);

	if (options->insecure && kinds > 1)
		return fail(cli, ERR_USAGE,
			    "--insecure trusts everybody: leave out what says "
			    "whom to trust");
	if (options->psk && kinds > 1)
		return fail(cli, ERR_USAGE,
			    "with --psk the key in common tells the server: "
			    "leave out what else says whom to trust");
	if (kinds > 1)
		return fail(cli, ERR_USAGE,
			    "give one kind of --ca or --card-ca, --ca-key, "
			    "--pin or --pin-card");
	return 0;
}

static int check_psk(struct cli *cli)
{
	const struct options *options = &cli->options;
	const char *kind = options->psk_kind;

	if (!options->psk && (options->psk_key || kind || options->context))
		return fail(cli, ERR_USAGE,
			    "--psk-key, --psk-kind and --context go with "
			    "--psk");
	if (options->psk && (options->key || options->cert || options->raw_key))
		return fail(cli, ERR_USAGE,
			    "--psk is instead of certificates: leave out "
			    "--key, --cert and --raw-key");
	if (kind && strcmp(kind, "card") && strcmp(kind, "derived"))
		return fail(cli, ERR_USAGE,
			    "--psk-kind takes card or derived, not \"%s\"",
			    kind);
	if (options->context && kind && !strcmp(kind, "card"))
		return fail(cli, ERR_USAGE,
			    "--context is for --psk-kind derived");
	return 0;
}

int client_check(struct cli *cli)
{
	const struct options *options = &cli->options;
	const char *tls = options->tls;

	if (tls && strcmp(tls, "1.2") && strcmp(tls, "1.3"))
		return fail(cli, ERR_USAGE,
			    "--tls takes 1.2 or 1.3, not \"%s\"", tls);
	if (tls && options->dtls)
		return fail(cli, ERR_USAGE,
			    "--dtls is always 1.2: leave out --tls");
	if (options->raw_key && options->cert)
		return fail(cli, ERR_USAGE, "give either --raw-key or --cert");
	TRY(check_psk(cli));
	return check_trust(cli);
}

/* One call after the other; the first that fails is told. */
static int set_identity(const struct options *options, iotsafe_tls *tls)
{
	int result = 0;

	if (options->key)
		result = iotsafe_tls_set_key(tls, options->key);
	if (!result && options->cert)
		result = iotsafe_tls_set_certificate(tls, options->cert);
	if (!result && options->raw_key)
		result = iotsafe_tls_set_raw_key(tls, 1);
	if (!result && options->alpn)
		result = iotsafe_tls_set_alpn(tls, options->alpn);
	if (!result && options->card_random)
		result = iotsafe_tls_set_card_random(tls, 1);
	if (!result && options->tls)
		result = strcmp(options->tls, "1.2")
				 ? iotsafe_tls_set_versions(tls, 13, 13)
				 : iotsafe_tls_set_versions(tls, 12, 12);
	return result;
}

static int set_psk(const struct options *options, iotsafe_tls *tls)
{
	const char *context = options->context;
	bool card = options->psk_kind && !strcmp(options->psk_kind, "card");

	if (!options->psk)
		return 0;
	return iotsafe_tls_set_psk(
		tls, options->psk, options->psk_key,
		card ? IOTSAFE_PSK_CARD : IOTSAFE_PSK_DERIVED,
		(const uint8_t *)context, context ? strlen(context) : 0);
}

static int set_trust(const struct options *options, iotsafe_tls *tls,
		     const char *server_name)
{
	int result = iotsafe_tls_set_server_name(tls, server_name);

	for (size_t i = 0; !result && i < options->ca_count; i++)
		result = iotsafe_tls_set_ca_file(tls, options->ca[i]);
	if (!result && options->card_ca)
		result = iotsafe_tls_set_ca_card(tls, options->card_ca_name);
	if (!result && options->ca_key)
		result = iotsafe_tls_set_ca_key(tls, options->ca_key);
	if (!result && options->pin_card)
		result = iotsafe_tls_set_pin_card(tls, options->pin_card);
	if (!result && options->insecure)
		result = iotsafe_tls_set_verify(tls, 0);
	return result;
}

static int set_pins(struct cli *cli, iotsafe_tls *tls)
{
	const struct options *options = &cli->options;
	struct buffer der;
	int status = 0;

	for (size_t i = 0; !status && i < options->pin_count; i++) {
		TRY(input_public_key(cli, options->pin[i], &der));
		if (iotsafe_tls_set_pin(tls, der.data, der.size) < 0)
			status = fail_library(cli);
		input_free(&der);
	}
	return status;
}

int client_new(struct cli *cli, const char *server_name, iotsafe_tls **tls)
{
	const struct options *options = &cli->options;
	unsigned kind = options->dtls ? IOTSAFE_TLS_DATAGRAM : 0;

	if (iotsafe_tls_new(cli->card, kind, tls) < 0 ||
	    set_identity(options, *tls) < 0 || set_psk(options, *tls) < 0 ||
	    set_trust(options, *tls, server_name) < 0)
		return fail_library(cli);
	return set_pins(cli, *tls);
}

void client_warn(const struct cli *cli)
{
	if (cli->options.insecure)
		fputs("iotsafe: WARNING: --insecure: the server is not "
		      "authenticated\n",
		      stderr);
}

/* TLS 1.3 has no signatures of PKCS#1 v1.5 (RFC 8446 4.2.3), and some cards
 * make no others: said before a server is asked. */
static int check_version(struct cli *cli, iotsafe_key *key)
{
	const int pkcs1 = IOTSAFE_RSA_PKCS1_SHA1 | IOTSAFE_RSA_PKCS1_SHA224 |
			  IOTSAFE_RSA_PKCS1_SHA256 | IOTSAFE_RSA_PKCS1_SHA384 |
			  IOTSAFE_RSA_PKCS1_SHA512;
	iotsafe_object *object;
	int status = 0, algorithms;

	if (!cli->options.tls || strcmp(cli->options.tls, "1.3") != 0)
		return 0;
	TRY(key_record(cli, key, &object));
	algorithms = iotsafe_object_algorithms(object);
	if (algorithms && !(algorithms & ~pkcs1))
		status = fail(cli, "ERR_SUPPORT",
			      "key %s signs with RSA PKCS#1 v1.5 alone, which "
			      "TLS 1.3 does not have: use --tls 1.2 or --dtls, "
			      "or another key (`iotsafe list`)",
			      iotsafe_object_name(object));
	iotsafe_object_free(object);
	return status;
}

int client_learn(struct cli *cli, iotsafe_key **key)
{
	gnutls_privkey_t privkey;
	int result;

	TRY(card_key(cli, cli->options.key, key));
	TRY(check_version(cli, *key));
	if (cli->options.cert || cli->options.raw_key)
		return 0;
	if (gnutls_privkey_init(&privkey) < 0)
		return 0;
	result = iotsafe_key_import(*key, privkey);
	gnutls_privkey_deinit(privkey);
	return result < 0 ? fail_library(cli) : 0;
}
