/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the caller asks of a session, checked when it is said; offer.c gives it
 * to GnuTLS when the handshake begins.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/bytes.h"
#include "base/crypto_datum.h"
#include "tls/psk.h"
#include "tls/session.h"
#include "tls/trust.h"

#define ALPN_NAME_MAX 32 /* of GnuTLS; RFC 7301 allows 255 */

int settings_check(const struct iotsafe_tls *tls, const char *what)
{
	TRY(session_check(tls, what));
	if (tls->stage != STAGE_NEW)
		return error_set(IOTSAFE_ERR_ARG,
				 "tls: %s is set before the handshake", what);
	return IOTSAFE_OK;
}

int settings_replace(char **slot, const char *text)
{
	char *copy = NULL;

	if (text) {
		copy = strdup(text);
		if (!copy)
			return error_no_memory("tls");
	}
	free(*slot);
	*slot = copy;
	return IOTSAFE_OK;
}

void settings_release(struct iotsafe_tls *tls)
{
	free(tls->key_name);
	free(tls->certificate_name);
	free(tls->ca_key);
	iotsafe_free(tls->certificate);
	iotsafe_free(tls->offered);
	free(tls->alpn);
	free(tls->priority);
	for (unsigned i = 0; i < tls->card_ca_count; i++)
		free(tls->card_ca[i]);
	for (unsigned i = 0; i < tls->card_pins_count; i++)
		free(tls->card_pins[i]);
}

int iotsafe_tls_set_key(iotsafe_tls *tls, const char *name)
{
	TRY(settings_check(tls, "the key"));
	return settings_replace(&tls->key_name, name);
}

/* Takes the data over, or the name of what is on the card. */
static int take_certificate(struct iotsafe_tls *tls, uint8_t *data, size_t size,
			    const char *name)
{
	iotsafe_free(tls->certificate);
	tls->certificate = data;
	tls->certificate_size = size;
	return settings_replace(&tls->certificate_name, name);
}

int iotsafe_tls_set_certificate(iotsafe_tls *tls, const char *name)
{
	uint8_t *data = NULL;
	size_t size = 0;

	TRY(settings_check(tls, "the certificate"));
	if (name && (name[0] == '/' || !strncmp(name, "./", 2))) {
		TRY(trust_read_file("certificate file", name, &data, &size));
		name = NULL;
	}
	return take_certificate(tls, data, size, name);
}

int iotsafe_tls_set_certificate_data(iotsafe_tls *tls, const uint8_t *data,
				     size_t data_size)
{
	uint8_t *copy;
	size_t size;

	TRY(settings_check(tls, "the certificate"));
	if (!data || !data_size)
		return error_set(IOTSAFE_ERR_ARG,
				 "TLS settings: no certificate given");
	TRY(bytes_give(data, data_size, &copy, &size));
	return take_certificate(tls, copy, size, NULL);
}

/* An address as text, perhaps with a zone (RFC 4007 11), which no
 * certificate has. */
static bool parse_address(struct server *server)
{
	char text[SERVER_NAME_MAX + 1];

	memcpy(text, server->name, sizeof(text));
	server->address_size = 4;
	if (inet_pton(AF_INET, text, server->address) == 1)
		return true;
	text[strcspn(text, "%")] = '\0';
	server->address_size = 16;
	return inet_pton(AF_INET6, text, server->address) == 1;
}

static int parse_server(const char *name, struct server *server)
{
	size_t size = strlen(name);

	/* The dot of an absolute name is not part of SNI (RFC 6066 3). */
	if (size > 1 && name[size - 1] == '.')
		size--;
	if (!size || size > SERVER_NAME_MAX)
		return error_set(IOTSAFE_ERR_ARG,
				 "server name: %zu characters, 1 to %d are "
				 "possible",
				 size, SERVER_NAME_MAX);
	memcpy(server->name, name, size);
	snprintf(server->title, sizeof(server->title), "\"%s\"", server->name);
	if (parse_address(server)) {
		server->kind = SERVER_ADDRESS;
		return IOTSAFE_OK;
	}
	for (size_t i = 0; i < size; i++)
		if ((unsigned char)name[i] <= ' ' || strchr(":/[]@", name[i]))
			return error_set(IOTSAFE_ERR_ARG,
					 "server name \"%.100s\" is neither a "
					 "DNS name nor an IP address",
					 name);
	server->kind = SERVER_NAME;
	return IOTSAFE_OK;
}

int iotsafe_tls_set_server_name(iotsafe_tls *tls, const char *name)
{
	struct server server = {.kind = SERVER_ANY};

	TRY(settings_check(tls, "the server name"));
	if (name)
		TRY(parse_server(name, &server));
	tls->server = server;
	return IOTSAFE_OK;
}

static int add_ca(struct iotsafe_tls *tls, struct bytes data)
{
	TRY(trust_add(tls->cred, data));
	tls->trusting = true;
	return resume_bind(tls->trust, 'a', data);
}

int iotsafe_tls_set_ca_file(iotsafe_tls *tls, const char *path)
{
	uint8_t *data;
	size_t size;
	int result;

	TRY(settings_check(tls, "a CA file"));
	if (!path)
		return error_set(IOTSAFE_ERR_ARG, "CA file: no path given");
	TRY(trust_read_file("CA file", path, &data, &size));
	result = add_ca(tls, (struct bytes){data, size});
	iotsafe_free(data);
	if (result < 0)
		error_prepend("CA file %s: ", path);
	return result;
}

int iotsafe_tls_set_ca_data(iotsafe_tls *tls, const uint8_t *data,
			    size_t data_size)
{
	int result;

	TRY(settings_check(tls, "CA data"));
	if (!data || !data_size)
		return error_set(IOTSAFE_ERR_ARG, "CA data: none given");
	result = add_ca(tls, (struct bytes){data, data_size});
	if (result < 0)
		error_prepend("CA data: ");
	return result;
}

static int no_card(const char *what)
{
	return error_set(IOTSAFE_ERR_ARG, "%s: the session has no card", what);
}

int iotsafe_tls_set_ca_card(iotsafe_tls *tls, const char *name)
{
	TRY(settings_check(tls, "a CA of the card"));
	if (!tls->card)
		return no_card("CA of the card");
	if (tls->card_ca_count == CARD_CA_MAX)
		return error_set(IOTSAFE_ERR_ARG,
				 "CA of the card: at most %d can be named",
				 CARD_CA_MAX);
	name = name ? name : "";
	TRY(settings_replace(&tls->card_ca[tls->card_ca_count], name));
	tls->card_ca_count++;
	tls->trusting = true;
	return resume_bind_text(tls->trust, 'A', name);
}

int iotsafe_tls_set_raw_key(iotsafe_tls *tls, int raw)
{
	TRY(settings_check(tls, "the raw key"));
	if (raw && !tls->card)
		return no_card("raw key");
	tls->raw_key = raw != 0;
	return IOTSAFE_OK;
}

int iotsafe_tls_set_card_random(iotsafe_tls *tls, int on)
{
	TRY(settings_check(tls, "the card's random"));
	if (on && !tls->card)
		return no_card("card random");
	tls->card_random = on != 0;
	return IOTSAFE_OK;
}

int iotsafe_tls_set_ca_key(iotsafe_tls *tls, const char *name)
{
	TRY(settings_check(tls, "a CA key"));
	if (name && (!*name || !tls->card))
		return error_set(IOTSAFE_ERR_ARG,
				 "CA key: wants a card and the name of a "
				 "public key on it");
	TRY(settings_replace(&tls->ca_key, name));
	return resume_bind_text(tls->trust, 'K', name ? name : "");
}

int iotsafe_tls_set_psk(iotsafe_tls *tls, const char *identity,
			const char *name, int kind, const uint8_t *data,
			size_t data_size)
{
	struct bytes context = {data, data_size};

	TRY(settings_check(tls, "the PSK"));
	TRY(psk_attach(tls->session, tls->card, identity, name, kind, context,
		       &tls->signing.limit));
	tls->psk = tls->trusting = true;
	tls->psk_kind = kind;
	TRY(resume_bind_text(tls->trust, 'i', identity));
	TRY(resume_bind_text(tls->trust, 's', name));
	return resume_bind(tls->trust, kind ? 'C' : 'D', context);
}

int iotsafe_tls_set_verify(iotsafe_tls *tls, int verify)
{
	TRY(settings_check(tls, "verification"));
	if (verify < IOTSAFE_VERIFY_NONE || verify > IOTSAFE_VERIFY_CHAIN)
		return error_set(IOTSAFE_ERR_ARG,
				 "verification %d: there are 0, 1 and 2",
				 verify);
	tls->verify = verify;
	return IOTSAFE_OK;
}

int settings_split_alpn(const char *protocols, gnutls_datum_t out[ALPN_MAX])
{
	struct bytes name;
	int count = 0;

	for (;;) {
		name.data = (const uint8_t *)protocols;
		name.size = strcspn(protocols, ",");
		if (!name.size || name.size > ALPN_NAME_MAX)
			return error_set(IOTSAFE_ERR_ARG,
					 "ALPN: each protocol has 1 to %d "
					 "characters",
					 ALPN_NAME_MAX);
		if (count == ALPN_MAX)
			return error_set(IOTSAFE_ERR_ARG,
					 "ALPN: more than %d protocols",
					 ALPN_MAX);
		out[count++] = datum_of(name);
		protocols += name.size;
		if (!*protocols++)
			return count;
	}
}

int iotsafe_tls_set_alpn(iotsafe_tls *tls, const char *protocols)
{
	gnutls_datum_t names[ALPN_MAX];

	TRY(settings_check(tls, "ALPN"));
	if (protocols && !*protocols)
		protocols = NULL;
	if (protocols)
		TRY(settings_split_alpn(protocols, names));
	return settings_replace(&tls->alpn, protocols);
}

int iotsafe_tls_set_versions(iotsafe_tls *tls, int lowest, int highest)
{
	TRY(settings_check(tls, "the version"));
	if ((lowest && lowest != 12 && lowest != 13) ||
	    (highest && highest != 12 && highest != 13))
		return error_set(IOTSAFE_ERR_ARG,
				 "versions %d to %d: each is 12, 13 or 0",
				 lowest, highest);
	if (lowest && highest && lowest > highest)
		return error_set(IOTSAFE_ERR_ARG,
				 "versions: the lowest is %d, the highest %d",
				 lowest, highest);
	if (tls->transport.datagram && lowest == 13)
		return error_set(IOTSAFE_ERR_SUPPORT,
				 "versions: DTLS is always 1.2");
	tls->lowest = lowest;
	tls->highest = highest;
	return IOTSAFE_OK;
}

int iotsafe_tls_set_priority(iotsafe_tls *tls, const char *priority)
{
	gnutls_priority_t parsed;
	const char *at = "";
	int error;

	TRY(settings_check(tls, "the priority"));
	if (priority) {
		error = gnutls_priority_init(&parsed, priority, &at);
		if (error < 0)
			return error_set(IOTSAFE_ERR_ARG,
					 "priority string: %s at \"%.60s\"",
					 gnutls_strerror(error), at);
		gnutls_priority_deinit(parsed);
	}
	return settings_replace(&tls->priority, priority);
}
