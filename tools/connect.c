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
#include "client.h"
#include "clock.h"
#include "dial.h"
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

static int set_all(struct cli *cli, struct agreed *agreed)
{
	TRY(client_new(cli, agreed->server_name, &agreed->tls));
	TRY(resume_load(cli, agreed->tls));
	client_warn(cli);
	return 0;
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
int connect_verdict(struct cli *cli, iotsafe_tls *tls)
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
	TRY(connect_verdict(cli, agreed->tls));
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

	TRY(client_check(cli));
	TRY(dial_parse(cli, cli->options.arguments[0], &peer));
	agreed.server_name = cli->options.name ? cli->options.name : peer.host;
	TRY(card_open(cli));
	if (!cli->options.psk && !resume_is_there(cli))
		status = client_learn(cli, &key);
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
