/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command line becomes struct options. One table says which options there
 * are, which commands take them, and what the help says about them.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"

enum kind {
	FLAG,
	TEXT,
	MILLISECONDS,
	/* A list of files. */
	FILES,
	/* A flag that may carry a text. */
	FLAG_TEXT
};

struct row {
	const char *name;
	enum kind kind;
	/* Of a bool, a const char * or an int in struct options. */
	size_t place;
	unsigned commands;
	const char *value;
	const char *help;
};

#define PLACE(member) offsetof(struct options, member)

static const struct row rows[] = {
	{"key", TEXT, PLACE(key), SIGN | CONNECT, "OBJECT",
	 "the private key (default: the card's identity)"},
	{"hash", TEXT, PLACE(hash), SIGN, "NAME",
	 "sha256 (default), sha384 or sha512"},
	{"digest", TEXT, PLACE(digest), SIGN, "HEX",
	 "sign this hash, do not read a file"},
	{"chain", FLAG, PLACE(chain), CERT, NULL,
	 "also those that issued it, as far as the card holds them"},
	{"der", FLAG, PLACE(der), SIGN | CERT | PUBKEY, NULL,
	 "DER: for `sign` the ASN.1 form that openssl wants"},
	{"raw", FLAG, PLACE(raw), SIGN | RANDOM, NULL,
	 "sign: r and s, one behind the other (default);\n"
	 "random: the bytes themselves"},
	{"hex", FLAG, PLACE(hex), RANDOM, NULL, "hexadecimal digits (default)"},
	{"out", TEXT, PLACE(out), SIGN | CERT | PUBKEY | RANDOM, "FILE",
	 "write to FILE, `-` for standard output; sign and\n"
	 "random then write bytes, not digits"},
	{"ca", FILES, 0, CONNECT, "FILE",
	 "trust the CA certificates in FILE (PEM), several times\n"
	 "if need be; without it the system's"},
	{"card-ca", FLAG_TEXT, PLACE(card_ca), CONNECT, "[=NAME]",
	 "trust the CA certificate on the card"},
	{"cert", TEXT, PLACE(cert), CONNECT, "OBJECT",
	 "our certificate: a name on the card, or a file if it\n"
	 "begins with / or ./ (default: the key's)"},
	{"name", TEXT, PLACE(name), CONNECT, "NAME",
	 "the server's name (default: HOST)"},
	{"tls", TEXT, PLACE(tls), CONNECT, "VERSION", "only 1.2 or only 1.3"},
	{"dtls", FLAG, PLACE(dtls), CONNECT, NULL, "DTLS 1.2 over UDP"},
	{"alpn", TEXT, PLACE(alpn), CONNECT, "LIST",
	 "protocols to offer, joined by commas"},
	{"insecure", FLAG, PLACE(insecure), CONNECT, NULL,
	 "do not authenticate the server: for tests only"},
	{"no-pipe", FLAG, PLACE(no_pipe), CONNECT, NULL,
	 "handshake, say what was agreed, close"},
	{"linger", MILLISECONDS, PLACE(linger), CONNECT, "MS",
	 "say good-bye when the server has been silent so long\n"
	 "after the end of standard input (default: at once, then\n"
	 "read on until it closes)"},
	{"card", TEXT, PLACE(card), EVERY, "ADDRESS",
	 "how to reach the card (default: $IOTSAFE_CARD)"},
	{"timeout", MILLISECONDS, PLACE(timeout), EVERY, "MS",
	 "limit of one operation of the card (default: 10000);\n"
	 "connect: of reaching the host and of the handshake too"},
	{"json", FLAG, PLACE(json), EVERY, NULL,
	 "one JSON object on standard output"},
	{"trace", TEXT, PLACE(trace), EVERY, "WHAT",
	 "a line an exchange on standard error: apdu, at or all"},
	{"help", FLAG, PLACE(help), EVERY, NULL, "help, also on a command"},
	{"version", FLAG, PLACE(version), EVERY, NULL, "the version"},
};

#define ROWS_COUNT (sizeof(rows) / sizeof(rows[0]))

/* getopt_long() gives rows as values from here on, away from characters. */
#define FIRST_VALUE 256

static int wants_argument(const struct row *row)
{
	return row->kind == FLAG	? no_argument
	       : row->kind == FLAG_TEXT ? optional_argument
					: required_argument;
}

static int take_milliseconds(struct cli *cli, const struct row *row, int *out)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(optarg, &end, 10);
	if (errno || end == optarg || *end || value < 1 || value > INT_MAX)
		return fail(cli, ERR_USAGE,
			    "--%s takes milliseconds, not \"%s\"", row->name,
			    optarg);
	*out = (int)value;
	return 0;
}

static int take_ca(struct cli *cli, struct options *options)
{
	if (options->ca_count == CA_FILES_MAX)
		return fail(cli, ERR_USAGE, "--ca: more than %d files",
			    CA_FILES_MAX);
	options->ca[options->ca_count++] = optarg;
	return 0;
}

static int take(struct cli *cli, const struct row *row)
{
	struct options *options = &cli->options;
	void *place = (char *)options + row->place;

	switch (row->kind) {
	case FLAG:
		*(bool *)place = true;
		return 0;
	case TEXT:
		*(const char **)place = optarg;
		return 0;
	case MILLISECONDS:
		return take_milliseconds(cli, row, place);
	case FILES:
		return take_ca(cli, options);
	case FLAG_TEXT:
		options->card_ca = true;
		options->card_ca_name = optarg;
		return 0;
	}
	return 0;
}

static int refuse(struct cli *cli, int result, char **argv)
{
	const char *word = argv[optind - 1];

	if (result == ':')
		return fail(cli, ERR_USAGE, "%s needs a value", word);
	/* A long option that takes no value was given one. */
	if (optopt >= FIRST_VALUE)
		return fail(cli, ERR_USAGE, "--%s takes no value",
			    rows[optopt - FIRST_VALUE].name);
	if (optopt)
		return fail(cli, ERR_USAGE,
			    "no such option: -%c; see iotsafe --help", optopt);
	return fail(cli, ERR_USAGE, "no such option: %s; see iotsafe --help",
		    word);
}

static int parse(struct cli *cli, int argc, char **argv, bool *given)
{
	struct option longs[ROWS_COUNT + 1] = {0};
	int result;

	for (size_t i = 0; i < ROWS_COUNT; i++)
		longs[i] =
			(struct option){rows[i].name, wants_argument(&rows[i]),
					NULL, FIRST_VALUE + (int)i};
	opterr = 0;
	while ((result = getopt_long(argc, argv, ":h", longs, NULL)) >= 0) {
		if (result == 'h') {
			cli->options.help = true;
			continue;
		}
		if (result < FIRST_VALUE)
			return refuse(cli, result, argv);
		given[result - FIRST_VALUE] = true;
		TRY(take(cli, &rows[result - FIRST_VALUE]));
	}
	cli->options.arguments = argv + optind;
	cli->options.count = argc - optind;
	return 0;
}

static int take_command(struct cli *cli)
{
	struct options *options = &cli->options;

	if (!options->count)
		return 0;
	cli->command = command_find(options->arguments[0]);
	if (!cli->command)
		return fail(cli, ERR_USAGE,
			    "no such command: %s; see iotsafe --help",
			    options->arguments[0]);
	options->arguments++;
	options->count--;
	return 0;
}

static int check_arguments(struct cli *cli)
{
	const struct command *command = cli->command;
	int count = cli->options.count;

	if (!command)
		return fail(cli, ERR_USAGE,
			    "give a command; see iotsafe --help");
	if (count < command->least || count > command->most)
		return fail(cli, ERR_USAGE,
			    "%s takes %s; see iotsafe %s --help", command->name,
			    *command->arguments ? command->arguments
						: "no argument",
			    command->name);
	return 0;
}

static int check_options(struct cli *cli, const bool *given)
{
	for (size_t i = 0; i < ROWS_COUNT; i++)
		if (given[i] && !(rows[i].commands & cli->command->bit))
			return fail(cli, ERR_USAGE,
				    "%s takes no --%s; see iotsafe %s --help",
				    cli->command->name, rows[i].name,
				    cli->command->name);
	return 0;
}

int options_parse(struct cli *cli, int argc, char **argv)
{
	bool given[ROWS_COUNT] = {false};

	/* So that a wrong command line is told in JSON as well. */
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--json"))
			cli->options.json = true;
	TRY(parse(cli, argc, argv, given));
	TRY(take_command(cli));
	if (cli->options.help || cli->options.version)
		return 0;
	TRY(check_arguments(cli));
	return check_options(cli, given);
}

static void list_one(const struct row *row)
{
	char head[32];
	const char *text = row->help;

	snprintf(head, sizeof(head), "--%s%s%s", row->name,
		 row->value && row->kind != FLAG_TEXT ? " " : "",
		 row->value ? row->value : "");
	printf("  %-18s ", head);
	for (; *text; text++) {
		putchar(*text);
		if (*text == '\n')
			printf("%21s", "");
	}
	putchar('\n');
}

/* `command` is a bit, or EVERY for what every command takes. */
void options_list(unsigned command)
{
	for (size_t i = 0; i < ROWS_COUNT; i++)
		if (command == EVERY ? rows[i].commands == EVERY
				     : rows[i].commands != EVERY &&
					       rows[i].commands & command)
			list_one(&rows[i]);
}
