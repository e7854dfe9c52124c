/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a session agreed on becomes a table or JSON members.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include "agreed.h"
#include "certificate.h"
#include "json.h"
#include "text.h"
#include "watch.h"

struct cost cost_now(iotsafe_card *card)
{
	return (struct cost){
		.exchanges = iotsafe_card_counter(card, IOTSAFE_EXCHANGES),
		.sent = iotsafe_card_counter(card, IOTSAFE_BYTES_SENT),
		.received = iotsafe_card_counter(card, IOTSAFE_BYTES_RECEIVED),
		.signatures = iotsafe_card_counter(card, IOTSAFE_SIGNATURES),
		.link = iotsafe_card_counter(card, IOTSAFE_LINK_TIME),
	};
}

struct cost cost_since(iotsafe_card *card, const struct cost *before)
{
	struct cost cost = cost_now(card);

	cost.exchanges -= before->exchanges;
	cost.sent -= before->sent;
	cost.received -= before->received;
	cost.signatures -= before->signatures;
	cost.link -= before->link;
	return cost;
}

/* The server's certificate; false if it gave none that can be read. */
static bool read_server(iotsafe_tls *tls, struct certificate *certificate)
{
	uint8_t *der;
	size_t size;
	bool read;

	if (iotsafe_tls_peer_certificate(tls, 0, &der, &size) < 0)
		return false;
	read = certificate_read(certificate, der, size);
	iotsafe_free(der);
	return read;
}

static void put_cost(struct json *json, const char *name,
		     const struct cost *cost)
{
	json_object(json, name);
	json_number(json, "exchanges", cost->exchanges);
	json_number(json, "bytes_sent", cost->sent);
	json_number(json, "bytes_received", cost->received);
	json_number(json, "signatures", cost->signatures);
	json_milliseconds(json, "link_ms", cost->link);
	json_end(json);
}

static void put_times(struct json *json, const struct agreed *agreed)
{
	json_object(json, "card");
	put_cost(json, "open", &agreed->opening);
	put_cost(json, "handshake", &agreed->handshake);
	json_end(json);
	json_object(json, "times");
	json_milliseconds(json, "open_ms", agreed->open_time);
	json_milliseconds(json, "connect_ms", agreed->connect_time);
	json_milliseconds(json, "handshake_ms", agreed->handshake_time);
	json_end(json);
}

static const char *or_null(const char *text)
{
	return *text ? text : NULL;
}

static int put_agreed(struct cli *cli, const struct agreed *agreed)
{
	struct json *json = cli->json;
	struct certificate server;
	int status = 0;

	json_string(json, "host", agreed->peer->host);
	json_string(json, "port", agreed->peer->port);
	json_string(json, "address", agreed->peer->address);
	json_string(json, "server_name", agreed->server_name);
	json_flag(json, "authenticated", !cli->options.insecure);
	json_string(json, "version", iotsafe_tls_version(agreed->tls));
	json_string(json, "cipher_suite",
		    iotsafe_tls_cipher_suite(agreed->tls));
	json_string(json, "alpn", or_null(iotsafe_tls_alpn(agreed->tls)));
	json_string(json, "key", agreed->key);
	json_flag(json, "certificate_used",
		  iotsafe_tls_certificate_used(agreed->tls));
	json_string(json, "psk", cli->options.psk);
	json_flag(json, "resumed", iotsafe_tls_resumed(agreed->tls) == 1);
	if (read_server(agreed->tls, &server)) {
		status = certificate_put(cli, "server_certificate", &server);
		certificate_free(&server);
	} else {
		json_string(json, "server_certificate", NULL);
	}
	put_times(json, agreed);
	return status;
}

/* A row of the table, from a format. */
static void add(struct table *table, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void add(struct table *table, const char *name, const char *format, ...)
{
	char value[512];
	va_list args;

	va_start(args, format);
	vsnprintf(value, sizeof(value), format, args);
	va_end(args);
	table_pair(table, name, value);
}

static void add_server(struct table *table, const struct cli *cli,
		       const struct agreed *agreed)
{
	struct certificate server;

	if (!read_server(agreed->tls, &server)) {
		add(table, "server", "%s",
		    cli->options.psk ? "has the key in common" : "-");
		return;
	}
	add(table, "server", "%s", server.subject);
	add(table, "issued by", "%s", server.issuer);
	certificate_free(&server);
	if (cli->options.insecure)
		add(table, "warning", "the server was not authenticated");
}

static void add_client(struct table *table, const struct cli *cli,
		       const struct agreed *agreed)
{
	if (iotsafe_tls_resumed(agreed->tls) == 1)
		add(table, "resumed", "without the card");
	if (cli->options.psk)
		add(table, "our identity", "%s", cli->options.psk);
	else if (iotsafe_tls_certificate_used(agreed->tls))
		add(table, "our key", "%s", agreed->key);
	else
		add(table, "our key", "the server did not ask for it");
}

static void add_cost(struct table *table, const char *name,
		     const struct cost *cost)
{
	add(table, name,
	    "%" PRIu64 " exchanges, %" PRIu64 " bytes out, %" PRIu64
	    " in, %" PRIu64 " signature%s, %" PRIu64 " ms",
	    cost->exchanges, cost->sent, cost->received, cost->signatures,
	    cost->signatures == 1 ? "" : "s", cost->link / 1000);
}

static void print_agreed(struct cli *cli, const struct agreed *agreed)
{
	iotsafe_tls *tls = agreed->tls;
	struct table table;

	table_init(&table, 2);
	add(&table, "connected to", "%s port %s (%s)", agreed->peer->host,
	    agreed->peer->port, agreed->peer->address);
	add(&table, "version", "%s", iotsafe_tls_version(tls));
	add(&table, "cipher suite", "%s", iotsafe_tls_cipher_suite(tls));
	if (*iotsafe_tls_alpn(tls))
		add(&table, "protocol", "%s", iotsafe_tls_alpn(tls));
	add_server(&table, cli, agreed);
	add_client(&table, cli, agreed);
	add_cost(&table, "card, open", &agreed->opening);
	add_cost(&table, "card, handshake", &agreed->handshake);
	add(&table, "time",
	    "open %" PRIu64 " ms, connect %" PRIu64 " ms, handshake %" PRIu64
	    " ms",
	    agreed->open_time / 1000, agreed->connect_time / 1000,
	    agreed->handshake_time / 1000);
	table_print(&table, "", true);
	table_free(&table);
}

int agreed_show(struct cli *cli, const struct agreed *agreed)
{
	watch_end();
	if (cli->json)
		return put_agreed(cli, agreed);
	print_agreed(cli, agreed);
	return 0;
}
