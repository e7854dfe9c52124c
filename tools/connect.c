/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `iotsafe connect`: a TLS or DTLS session with the card's identity, in this
 * order: card, network, handshake, data, good-bye.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "agreed.h"
#include "cli.h"
#include "clock.h"
#include "dial.h"
#include "input.h"
#include "pump.h"
#include "resume.h"
#include "wants.h"
#include "watch.h"

/* Milliseconds to reach the host, and again for the handshake. */
#define TIMEOUT 30000

/* How long a server may take to refuse us after a handshake. */
#define VERDICT 3000

static int limit(const struct cli *cli)
{
	return cli->options.timeout ? cli->options.timeout : TIMEOUT;
}

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

static int check_options(struct cli *cli)
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

static int set_all(struct cli *cli, struct agreed *agreed)
{
	const struct options *options = &cli->options;
	unsigned kind = options->dtls ? IOTSAFE_TLS_DATAGRAM : 0;

	if (iotsafe_tls_new(cli->card, kind, &agreed->tls) < 0 ||
	    set_identity(options, agreed->tls) < 0 ||
	    set_psk(options, agreed->tls) < 0 ||
	    set_trust(options, agreed->tls, agreed->server_name) < 0)
		return fail_library(cli);
	TRY(set_pins(cli, agreed->tls));
	TRY(resume_load(cli, agreed->tls));
	if (options->insecure)
		fputs("iotsafe: WARNING: --insecure: the server is not "
		      "authenticated\n",
		      stderr);
	return 0;
}

/* Reads what the handshake will need of the card before a server waits. What
 * a missing certificate means is for the handshake to say. */
static int learn_identity(struct cli *cli, iotsafe_key **key)
{
	uint8_t *der;
	size_t size;
	int result = 0;

	TRY(card_key(cli, cli->options.key, key));
	if (cli->options.cert || cli->options.raw_key)
		return 0;
	for (unsigned i = 0; result >= 0; i++) {
		result = iotsafe_key_certificate(*key, i, &der, &size);
		iotsafe_free(der);
	}
	return result == IOTSAFE_ERR_ABSENT ? 0 : fail_library(cli);
}

static int handshake(struct cli *cli, struct agreed *agreed)
{
	int64_t deadline = clock_after(limit(cli));
	struct wants wants;
	bool late = false;
	int result;

	watch_begin("waiting for the handshake");
	for (;;) {
		result =
			iotsafe_tls_handshake(agreed->tls, agreed->peer->fd, 0);
		if (!wants_more(result))
			return result < 0 ? fail_library(cli) : 0;
		if (late)
			return fail(cli, "ERR_TIMEOUT",
				    "handshake with %s: not done in %d ms",
				    agreed->peer->host, limit(cli));
		wants_init(&wants);
		TRY(wants_add_tls(cli, &wants, agreed->tls));
		TRY(wants_wait(cli, &wants, deadline, &late));
	}
}

static int say_goodbye(struct cli *cli, iotsafe_tls *tls)
{
	(void)cli;
	/* Whether the server still hears it makes no difference to us. */
	iotsafe_tls_close(tls, 0);
	return 0;
}

/* A TLS 1.3 server judges our certificate after our handshake has ended
 * (RFC 8446 4.4.4): after our good-bye it either closes or says why not. */
static int hear_verdict(struct cli *cli, iotsafe_tls *tls)
{
	int64_t deadline = clock_after(VERDICT);
	struct wants wants;
	uint8_t *data;
	size_t size;
	bool late = false;

	/* The ticket of a session comes then as well (RFC 8446 4.6.1). */
	if (strcmp(iotsafe_tls_version(tls), "TLS1.3") ||
	    (!iotsafe_tls_certificate_used(tls) && !cli->options.session))
		return 0;
	watch_begin("waiting for the server");
	while (!late) {
		int result = iotsafe_tls_receive(tls, 4096, 0, &data, &size);

		if (result == IOTSAFE_ERR_TLS)
			return fail_library(cli);
		if (!wants_more(result)) {
			iotsafe_free(data);
			return 0;
		}
		wants_init(&wants);
		TRY(wants_add_tls(cli, &wants, tls));
		TRY(wants_wait(cli, &wants, deadline, &late));
	}
	return 0;
}

static int finish(struct cli *cli, const struct agreed *agreed)
{
	if (!cli->json && !cli->options.no_pipe) {
		TRY(agreed_show(cli, agreed));
		TRY(pump(cli, agreed->tls));
		TRY(resume_keep(cli, agreed->tls));
		return say_goodbye(cli, agreed->tls);
	}
	TRY(say_goodbye(cli, agreed->tls));
	TRY(hear_verdict(cli, agreed->tls));
	TRY(resume_keep(cli, agreed->tls));
	return agreed_show(cli, agreed);
}

/* With a pre-shared key, or a session that was resumed, there need be no key
 * on the card. */
static int tell_key(struct cli *cli, struct agreed *agreed, iotsafe_key **key)
{
	if (!*key && iotsafe_tls_certificate_used(agreed->tls))
		TRY(card_key(cli, cli->options.key, key));
	if (!*key)
		return 0;
	TRY(key_record(cli, *key, &agreed->object));
	agreed->key = iotsafe_object_name(agreed->object);
	return 0;
}

static int run(struct cli *cli, struct agreed *agreed, struct peer *peer,
	       iotsafe_key **key)
{
	struct cost before;
	uint64_t start = clock_microseconds();

	TRY(set_all(cli, agreed));
	TRY(dial(cli, peer, cli->options.dtls, clock_after(limit(cli))));
	agreed->connect_time = clock_microseconds() - start;
	before = cost_now(cli->card);
	start = clock_microseconds();
	TRY(handshake(cli, agreed));
	agreed->handshake_time = clock_microseconds() - start;
	agreed->handshake = cost_since(cli->card, &before);
	TRY(tell_key(cli, agreed, key));
	return finish(cli, agreed);
}

int command_connect(struct cli *cli)
{
	struct peer peer;
	struct agreed agreed = {.peer = &peer};
	iotsafe_key *key = NULL;
	uint64_t start = clock_microseconds();
	int status = 0;

	TRY(check_options(cli));
	TRY(dial_parse(cli, cli->options.arguments[0], &peer));
	agreed.server_name = cli->options.name ? cli->options.name : peer.host;
	TRY(card_open(cli));
	if (!cli->options.psk && !resume_is_there(cli))
		status = learn_identity(cli, &key);
	agreed.opening = cost_now(cli->card);
	agreed.open_time = clock_microseconds() - start;
	if (!status)
		status = run(cli, &agreed, &peer, &key);
	iotsafe_object_free(agreed.object);
	iotsafe_tls_free(agreed.tls);
	iotsafe_key_free(key);
	if (peer.fd >= 0)
		close(peer.fd);
	return status;
}
