/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Measures one thing many times and prints every sample as JSON. What the
 * figures mean is run.py's business.
 */
#include <err.h>
#include <getopt.h>
#include <gnutls/gnutls.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "sample.h"

static const struct {
	const char *name;
	void (*measure)(const struct options *options);
} measurements[] = {
	{"sign", measure_signatures},	   {"threads", measure_threads},
	{"handshake", measure_handshakes}, {"cold", measure_cold},
	{"resume", measure_resumption},	   {"identity", measure_identity},
};
#define MEASUREMENTS (sizeof(measurements) / sizeof(measurements[0]))

static void usage(FILE *out)
{
	fputs("usage: bench sign|threads|handshake|cold|resume|identity\n"
	      "             [--card ADDRESS] [--key NAME] [--count N] [--pki DIR]\n"
	      "             [--tls 1.2|1.3|dtls] [--delay-ms N] [--loss N]\n"
	      "             [--rest-ms N] [--cards N] [--threads N]\n"
	      "Prints {\"versions\":…,\"samples\":[…]}; a handshake needs a "
	      "directory made by\n`iotsafe-sim pki`, threads one to keep cards "
	      "in. Exit status: 0, 1 failed, 2 wrong usage.\n",
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

static void parse_option(struct options *options, int option)
{
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
	case 'd':
		options->delay_ms = atof(optarg);
		break;
	case 'l':
		options->loss = atof(optarg);
		break;
	case 'r':
		options->rest_ms = atof(optarg);
		break;
	case 'C':
		options->cards = atoi(optarg);
		break;
	case 'T':
		options->threads = atoi(optarg);
		break;
	case 'h':
		usage(stdout);
		exit(0);
	default:
		usage(stderr);
		exit(2);
	}
}

static void parse(int argc, char **argv, struct options *options)
{
	static const struct option names[] = {
		{"card", required_argument, NULL, 'c'},
		{"key", required_argument, NULL, 'k'},
		{"count", required_argument, NULL, 'n'},
		{"pki", required_argument, NULL, 'p'},
		{"tls", required_argument, NULL, 't'},
		{"delay-ms", required_argument, NULL, 'd'},
		{"loss", required_argument, NULL, 'l'},
		{"rest-ms", required_argument, NULL, 'r'},
		{"cards", required_argument, NULL, 'C'},
		{"threads", required_argument, NULL, 'T'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1)
		parse_option(options, option);
	if (options->count < 1 || options->cards < 1 || options->threads < 1 ||
	    argc - optind != 1) {
		usage(stderr);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct options options = {
		.card = "sim:",
		.directory = ".",
		.count = 50,
		.version = 13,
		.cards = 1,
		.threads = 1,
	};
	size_t i = 0;

	parse(argc, argv, &options);
	while (i < MEASUREMENTS && strcmp(argv[optind], measurements[i].name))
		i++;
	if (i == MEASUREMENTS)
		errx(2, "%s: no such measurement; see --help", argv[optind]);
	/* The server may write to a client that has gone. */
	signal(SIGPIPE, SIG_IGN);
	printf("{\"versions\":{\"libiotsafe\":\"%s\",\"gnutls\":\"%s\"},"
	       "\"samples\":[\n",
	       iotsafe_version(), gnutls_check_version(NULL));
	measurements[i].measure(&options);
	puts("]}");
	return 0;
}
