/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Handshakes: warm, from a cold start, and resumed. */
#include <err.h>
#include <stdio.h>
#include <unistd.h>
#include "sample.h"
#include "server.h"

struct place {
	struct server server;
	char ca[4096];
};

static void open_place(struct place *place, const struct options *options)
{
	char certificate[4096], key[4096];

	place->server = (struct server){
		.datagram = !options->version,
		.delay_ms = options->delay_ms,
		.loss = options->loss,
	};
	snprintf(place->ca, sizeof(place->ca), "%s/ca.pem", options->directory);
	snprintf(certificate, sizeof(certificate), "%s/server.pem",
		 options->directory);
	snprintf(key, sizeof(key), "%s/server-key.pem", options->directory);
	server_load(&place->server, certificate, key, place->ca);
}

static iotsafe_tls *new_session(iotsafe_card *card,
				const struct options *options, const char *ca)
{
	iotsafe_tls *tls;

	check(iotsafe_tls_new(card, options->version ? 0 : IOTSAFE_TLS_DATAGRAM,
			      &tls),
	      "session");
	check(iotsafe_tls_set_server_name(tls, "localhost"), "server name");
	check(iotsafe_tls_set_ca_file(tls, ca), ca);
	if (options->version)
		check(iotsafe_tls_set_versions(tls, options->version,
					       options->version),
		      "version");
	return tls;
}

static void end(struct place *place, iotsafe_tls *tls, int fd)
{
	check(iotsafe_tls_close(tls, TIMEOUT), "close");
	close(fd);
	server_join(&place->server);
	iotsafe_tls_free(tls);
	if (!place->server.authenticated)
		errx(1, "server: the client was not authenticated: %s",
		     gnutls_strerror(place->server.result));
}

static struct sample handshake(iotsafe_card *card,
			       const struct options *options,
			       struct place *place, struct sample *before)
{
	iotsafe_tls *tls = new_session(card, options, place->ca);
	int fd = server_start(&place->server);
	struct sample after;

	*before = counters(card);
	check(iotsafe_tls_handshake(tls, fd, TIMEOUT), "handshake");
	after = counters(card);
	end(place, tls, fd);
	return after;
}

void measure_handshakes(const struct options *options)
{
	struct sample before, after;
	struct place place;
	iotsafe_card *card;

	open_place(&place, options);
	check(iotsafe_card_open(options->card, &card), "card");
	/* The first one reads certificates and keys: not counted. */
	handshake(card, options, &place, &before);
	for (int i = 0; i < options->count; i++) {
		rest(options);
		after = handshake(card, options, &place, &before);
		print_sample(before, after, i);
	}
	iotsafe_card_free(card);
	server_free(&place.server);
}

/* From a card that nobody has opened; only once in a process. */
void measure_cold(const struct options *options)
{
	struct sample start, before, after;
	struct place place;
	iotsafe_card *card;

	open_place(&place, options);
	start = counters(NULL);
	check(iotsafe_card_open(options->card, &card), "card");
	after = handshake(card, options, &place, &before);
	print_sample(start, after, 0);
	iotsafe_card_free(card);
	server_free(&place.server);
}

/* Tickets of TLS 1.3 come with the first byte from the server. */
static void keep_session(struct place *place, iotsafe_tls *tls, int fd,
			 uint8_t **out, size_t *out_size)
{
	uint8_t *byte;
	size_t size;

	check(iotsafe_tls_receive(tls, 1, TIMEOUT, &byte, &size), "receive");
	iotsafe_free(byte);
	check(iotsafe_tls_session(tls, out, out_size), "session data");
	end(place, tls, fd);
}

static void full_session(iotsafe_card *card, const struct options *options,
			 struct place *place, uint8_t **out, size_t *out_size)
{
	iotsafe_tls *tls = new_session(card, options, place->ca);
	int fd = server_start(&place->server);

	check(iotsafe_tls_handshake(tls, fd, TIMEOUT), "handshake");
	keep_session(place, tls, fd, out, out_size);
}

void measure_resumption(const struct options *options)
{
	struct place place;
	iotsafe_card *card;
	uint8_t *data;
	size_t size;

	open_place(&place, options);
	place.server.resumes = true;
	check(iotsafe_card_open(options->card, &card), "card");
	full_session(card, options, &place, &data, &size);
	for (int i = 0; i < options->count; i++) {
		iotsafe_tls *tls = new_session(card, options, place.ca);
		int fd = server_start(&place.server);
		struct sample before = counters(card);

		check(iotsafe_tls_set_session(tls, data, size), "resume");
		iotsafe_free(data);
		check(iotsafe_tls_handshake(tls, fd, TIMEOUT), "handshake");
		print_sample(before, counters(card), i);
		if (!iotsafe_tls_resumed(tls))
			errx(1, "the server did not resume");
		keep_session(&place, tls, fd, &data, &size);
	}
	iotsafe_free(data);
	iotsafe_card_free(card);
	server_free(&place.server);
}
