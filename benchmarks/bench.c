/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Measures one thing many times on one card and prints every sample as JSON:
 * signatures, full handshakes with a TLS server in a thread, or each step with
 * one identity of Trust Onboard. What the
 * figures mean is run.py's business.
 */
#include <err.h>
#include <getopt.h>
#include <gnutls/gnutls.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <iotsafe/iotsafe.h>
#include "server.h"

#define TIMEOUT 60000

struct options {
	const char *card;
	const char *key;       /* NULL: the identity */
	const char *directory; /* of ca.pem, server.pem, server-key.pem */
	int count;
	int version; /* 12, 13; 0: DTLS 1.2 */
};

struct sample {
	uint64_t total, link; /* microseconds */
	uint64_t exchanges, sent, received;
};

static void check(int result, const char *what)
{
	if (result < 0)
		errx(1, "%s: %s", what, iotsafe_last_error());
}

static uint64_t microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static struct sample counters(iotsafe_card *card)
{
	return (struct sample){
		.total = microseconds(),
		.link = iotsafe_card_counter(card, IOTSAFE_LINK_TIME),
		.exchanges = iotsafe_card_counter(card, IOTSAFE_EXCHANGES),
		.sent = iotsafe_card_counter(card, IOTSAFE_BYTES_SENT),
		.received = iotsafe_card_counter(card, IOTSAFE_BYTES_RECEIVED),
	};
}

static void print_sample(struct sample before, struct sample after, int index)
{
	printf("%s{\"total_us\":%" PRIu64 ",\"link_us\":%" PRIu64
	       ",\"exchanges\":%" PRIu64 ",\"bytes_sent\":%" PRIu64
	       ",\"bytes_received\":%" PRIu64 "}",
	       index ? ",\n" : "", after.total - before.total,
	       after.link - before.link, after.exchanges - before.exchanges,
	       after.sent - before.sent, after.received - before.received);
}

/* ---- signatures ---- */

static void measure_signatures(iotsafe_card *card,
			       const struct options *options)
{
	const uint8_t hash[32] = {1};
	iotsafe_key *key;
	uint8_t *out;
	size_t out_size;

	check(iotsafe_key_open(card, NULL, &key), "key");
	for (int i = -1; i < options->count; i++) {
		struct sample before = counters(card);

		check(iotsafe_key_sign(key, IOTSAFE_SHA256, hash, sizeof(hash),
				       &out, &out_size),
		      "sign");
		/* The first one also reads the public key: not counted. */
		if (i >= 0)
			print_sample(before, counters(card), i);
		iotsafe_free(out);
	}
	iotsafe_key_free(key);
}

/* ---- one identity, step by step ---- */

/* What the simulator's cards have, and those that were sold. */
static int give_pin(void *self, const char *iccid, const char *applet,
		    int tries, char *pin, size_t pin_size)
{
	(void)self;
	(void)iccid;
	(void)applet;
	(void)tries;
	snprintf(pin, pin_size, "0000");
	return IOTSAFE_OK;
}

static void read_identity(iotsafe_key *key)
{
	iotsafe_object *object;
	uint8_t *out;
	size_t out_size;

	check(iotsafe_key_certificate(key, 0, &out, &out_size), "certificate");
	iotsafe_free(out);
	check(iotsafe_key_object(key, &object), "key");
	if (iotsafe_object_flags(object) & IOTSAFE_OBJECT_SOFTWARE) {
		check(iotsafe_key_export(key, &out, &out_size), "export");
		iotsafe_free(out);
	}
	iotsafe_object_free(object);
}

/* Samples: open (which was done by main(), so that it counts from 0), read,
 * the first signature, and one of those behind it. */
static void measure_identity(iotsafe_card *card, const struct options *options)
{
	const uint8_t hash[32] = {1};
	struct sample before = {.total = microseconds()}, after;
	iotsafe_key *key;
	uint8_t *out;
	size_t out_size;

	check(iotsafe_key_open(card, options->key, &key), "key");
	after = counters(card);
	print_sample(before, after, 0);
	before = after;
	read_identity(key);
	after = counters(card);
	print_sample(before, after, 1);
	for (int i = 0; i < 2; i++) {
		before = after;
		check(iotsafe_key_sign(key, IOTSAFE_SHA256, hash, sizeof(hash),
				       &out, &out_size),
		      "sign");
		iotsafe_free(out);
		after = counters(card);
		print_sample(before, after, 2 + i);
	}
	iotsafe_key_free(key);
}

/* ---- handshakes ---- */

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

static struct sample handshake(iotsafe_card *card,
			       const struct options *options,
			       struct server *server, const char *ca,
			       struct sample *before)
{
	iotsafe_tls *tls = new_session(card, options, ca);
	int fd = server_start(server);
	struct sample after;

	*before = counters(card);
	check(iotsafe_tls_handshake(tls, fd, TIMEOUT), "handshake");
	after = counters(card);
	check(iotsafe_tls_close(tls, TIMEOUT), "close");
	close(fd);
	server_join(server);
	iotsafe_tls_free(tls);
	if (!server->authenticated)
		errx(1, "server: the client was not authenticated: %s",
		     gnutls_strerror(server->result));
	return after;
}

static void measure_handshakes(iotsafe_card *card,
			       const struct options *options)
{
	struct server server = {.datagram = !options->version};
	char ca[4096], certificate[4096], key[4096];

	snprintf(ca, sizeof(ca), "%s/ca.pem", options->directory);
	snprintf(certificate, sizeof(certificate), "%s/server.pem",
		 options->directory);
	snprintf(key, sizeof(key), "%s/server-key.pem", options->directory);
	server_load(&server, certificate, key, ca);
	for (int i = -1; i < options->count; i++) {
		struct sample before;
		struct sample after =
			handshake(card, options, &server, ca, &before);

		/* The first one reads certificates and keys: not counted. */
		if (i >= 0)
			print_sample(before, after, i);
	}
	server_free(&server);
}

/* ---- options ---- */

static void usage(FILE *out)
{
	fputs("usage: bench sign|handshake|identity [--card ADDRESS] [--count N]\n"
	      "             [--pki DIR] [--tls 1.2|1.3|dtls] [--key NAME]\n"
	      "Prints {\"versions\":…,\"samples\":[…]}; a handshake needs a "
	      "directory made by\n`iotsafe-sim pki`. Exit status: 0, 1 failed, "
	      "2 wrong usage.\n",
	      out);
}

static int parse_version(const char *text)
{
	if (!strcmp(text, "1.3"))
		return 13;
	if (!strcmp(text, "1.2"))
		return 12;
	if (!strcmp(text, "dtls"))
		return 0;
	errx(2, "--tls %s: not 1.2, 1.3 or dtls", text);
}

static void parse(int argc, char **argv, struct options *options)
{
	static const struct option names[] = {
		{"card", required_argument, NULL, 'c'},
		{"key", required_argument, NULL, 'k'},
		{"count", required_argument, NULL, 'n'},
		{"pki", required_argument, NULL, 'p'},
		{"tls", required_argument, NULL, 't'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1)
		switch (option) {
		case 'c':
			options->card = optarg;
			break;
		case 'k':
			options->key = optarg;
			break;
		case 'n':
			options->count = atoi(optarg);
			break;
		case 'p':
			options->directory = optarg;
			break;
		case 't':
			options->version = parse_version(optarg);
			break;
		case 'h':
			usage(stdout);
			exit(0);
		default:
			usage(stderr);
			exit(2);
		}
	if (options->count < 1 || argc - optind != 1) {
		usage(stderr);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct options options = {.count = 50, .version = 13, .directory = "."};
	void (*measure)(iotsafe_card *, const struct options *);
	iotsafe_card *card;

	parse(argc, argv, &options);
	if (!strcmp(argv[optind], "sign"))
		measure = measure_signatures;
	else if (!strcmp(argv[optind], "handshake"))
		measure = measure_handshakes;
	else if (!strcmp(argv[optind], "identity"))
		measure = measure_identity;
	else
		errx(2, "%s: neither sign, handshake nor identity",
		     argv[optind]);
	iotsafe_pin_set_applet(give_pin, NULL);
	check(iotsafe_card_open(options.card, &card), "card");
	printf("{\"versions\":{\"libiotsafe\":\"%s\",\"gnutls\":\"%s\"},"
	       "\"samples\":[\n",
	       iotsafe_version(), gnutls_check_version(NULL));
	measure(card, &options);
	puts("]}");
	iotsafe_card_free(card);
	return 0;
}
