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
	/* Above 0. */
	INTEGER,
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
	/* Rows of one name mean the same place, and say of different commands
	 * what it is for. */
	unsigned commands;
	const char *value;
	const char *help;
};

#define PLACE(member) offsetof(struct options, member)

#define CONNECTS   (CONNECT | TUNNEL)
#define TAKES_HASH (SIGN | VERIFY | VERIFY_FILE | HKDF)
#define GIVES_BYTES                                                            \
	(SIGN | CERT | PUBKEY | RANDOM | FILE_ | GENERATE | AGREE | PRF |      \
	 HKDF | PSK | MAC | CSR | JWS | SEAL | OPEN | DECRYPT)
#define GIVES_SECRET (AGREE | PRF | HKDF | PSK | DECRYPT)

static const struct row rows[] = {
	{"key", TEXT, PLACE(key),
	 SIGN | CONNECTS | AGREE | CSR | JWS | SEAL | OPEN | DECRYPT | BENCH,
	 "OBJECT", "the private key (default: the card's identity)"},
	{"key", TEXT, PLACE(key), DOCTOR, "OBJECT",
	 "examine this identity, of several (default: the only\n"
	 "one)"},
	{"key", TEXT, PLACE(key), VERIFY | VERIFY_FILE, "OBJECT",
	 "the public key on the card"},
	{"key", TEXT, PLACE(key), PRF | PSK | MAC, "OBJECT",
	 "the secret key on the card"},
	{"hash", TEXT, PLACE(hash), TAKES_HASH, "NAME",
	 "sha256 (default), sha384 or sha512, or a whole\n"
	 "algorithm: ecdsa-sha256, rsa-pss-sha256, rsa-pkcs1-sha1, …"},
	{"digest", TEXT, PLACE(digest), SIGN | VERIFY, "HEX",
	 "this hash, instead of a file"},
	{"mode", TEXT, PLACE(mode), SIGN | VERIFY, "MODE",
	 "who hashes: host (default), full-text (the card) or\n"
	 "last-block (both)"},
	{"mode", TEXT, PLACE(mode), TUNNEL, "MODE",
	 "permissions of the Unix socket (default: 0600)"},
	{"data", TEXT, PLACE(data), SIGN | VERIFY, "FILE", "the same as FILE"},
	{"chain", FLAG, PLACE(chain), CERT, NULL,
	 "also those that issued it, as far as the card holds them"},
	{"complete", TEXT, PLACE(complete), CERT, "BUNDLE",
	 "also those that issued it, from a file or a directory of\n"
	 "CA certificates, up to the root, which is left out"},
	{"verify", TEXT, PLACE(verify), CERT, "BUNDLE",
	 "verify it with the CA certificates of a file or a\n"
	 "directory; the certificate itself goes to --out alone"},
	{"at", TEXT, PLACE(at), CERT, "TIME",
	 "as of that day, like 2021-06-30 (default: now)"},
	{"ignore-ca-expiry", FLAG, PLACE(ignore_ca_expiry), CERT, NULL,
	 "take CA certificates that have expired all the same"},
	{"der", FLAG, PLACE(der), SIGN | CERT | PUBKEY | GENERATE | CSR | KEY,
	 NULL, "DER: for `sign` the ASN.1 form that openssl wants"},
	{"raw", FLAG, PLACE(raw), SIGN | RANDOM, NULL,
	 "sign: r and s, one behind the other (default);\n"
	 "random: the bytes themselves"},
	{"hex", FLAG, PLACE(hex), RANDOM | FILE_ | MAC | SEAL | OPEN, NULL,
	 "hexadecimal digits (default of random and mac)"},
	{"hex", FLAG, PLACE(hex), GIVES_SECRET, NULL,
	 "show the secret, in hexadecimal digits"},
	{"out", TEXT, PLACE(out), GIVES_BYTES & ~GIVES_SECRET, "FILE",
	 "write to FILE, `-` for standard output: bytes, not\n"
	 "digits"},
	{"out", TEXT, PLACE(out), GIVES_SECRET, "FILE",
	 "write the secret's bytes to FILE, with mode 0600; `-`\n"
	 "for standard output"},
	{"out", TEXT, PLACE(out), KEY, "FILE",
	 "write the key to FILE, which must not be there yet, with\n"
	 "mode 0600; `-` for a pipe"},
	{"output", TEXT, PLACE(out), KEY, "FILE", "the same"},
	{"applet", TEXT, PLACE(applet), PIN, "APPLET",
	 "whose PIN: mias or mf (default: the one in use)"},
	{"pin-file", TEXT, PLACE(pin_file), PIN, "FILE",
	 "the PIN is in FILE (mode 0600): alone, or in lines of\n"
	 "ICCID applet=APPLET PIN"},
	{"pin-env", TEXT, PLACE(pin_env), PIN, "VARIABLE",
	 "the same in a variable of the environment; without\n"
	 "either the terminal is asked"},
	{"new-pin-file", TEXT, PLACE(new_pin_file), PIN, "FILE",
	 "the new PIN, likewise"},
	{"new-pin-env", TEXT, PLACE(new_pin_env), PIN, "VARIABLE",
	 "the new PIN, likewise"},
	{"last-try", FLAG, PLACE(last_try), PIN, NULL,
	 "send the PIN although a wrong one would block it"},
	{"secret", TEXT, PLACE(secret), PRF | HKDF | SEAL | OPEN, "FILE",
	 "the secret is what FILE holds, `-` is standard input"},
	{"secret-key", TEXT, PLACE(secret_key), SEAL | OPEN, "OBJECT",
	 "the secret is the PRF of this secret key of the card\n"
	 "with the label \"iotsafe seal\" and --kid"},
	{"peer", TEXT, PLACE(peer), SEAL | OPEN, "FILE",
	 "the secret is agreed upon with this public key, by the\n"
	 "card's private key --key"},
	{"slot", TEXT, PLACE(slot), AGREE | SEAL | OPEN, "OBJECT",
	 "the card's public-key object to put it into (default:\n"
	 "the only one that takes it)"},
	{"slot", TEXT, PLACE(slot), VERIFY_FILE, "OBJECT",
	 "the card's public-key object to put its key into"},
	{"label", TEXT, PLACE(label), PRF, "TEXT", "stands before the seed"},
	{"seed", TEXT, PLACE(seed), PRF, "HEX", "the seed"},
	{"salt", TEXT, PLACE(salt), HKDF, "HEX", "the salt (default: none)"},
	{"info", TEXT, PLACE(info), HKDF, "HEX",
	 "the info of HKDF-Expand (default: none)"},
	{"size", INTEGER, PLACE(size), PRF | HKDF, "N",
	 "how many bytes (prf: 32 by default)"},
	{"context", TEXT, PLACE(context), PSK | CONNECTS, "TEXT",
	 "what else the derived key is for (default: nothing)"},
	{"seed-kernel", FLAG, PLACE(seed_kernel), RANDOM, NULL,
	 "give the bytes to the kernel's pool, print nothing"},
	{"san", TEXT, PLACE(san), CSR, "LIST",
	 "names: dns:, ip:, email: and uri:, joined by commas"},
	{"usage", TEXT, PLACE(usage), CSR, "LIST",
	 "usages, joined by commas (default:\n"
	 "digitalSignature,clientAuth)"},
	{"type", TEXT, PLACE(type), JWS, "TEXT", "the header's typ"},
	{"kid", TEXT, PLACE(kid), JWS, "TEXT", "the header's kid"},
	{"kid", TEXT, PLACE(kid), SEAL | OPEN, "TEXT",
	 "the key id, 1 to 64 bytes, the same at both ends"},
	{"state", TEXT, PLACE(state), SEAL | OPEN, "FILE",
	 "keeps the numbers of the messages; never copy it back"},
	{"create", FLAG, PLACE(create), SEAL | OPEN, NULL,
	 "the first use of this secret: make the state file"},
	{"server", FLAG, PLACE(server), SEAL | OPEN, NULL,
	 "this is the end without the card"},
	{"server", FLAG, PLACE(server), BENCH, NULL,
	 "may stand in front of HOST:PORT"},
	{"extra", TEXT, PLACE(extra), SEAL | OPEN, "TEXT",
	 "authenticated with the message and not sent"},
	{"ca", FILES, PLACE(ca), CONNECTS | BENCH, "FILE",
	 "trust the CA certificates in FILE (PEM), several times\n"
	 "if need be; without it the system's"},
	{"card-ca", FLAG_TEXT, PLACE(card_ca), CONNECTS, "[=NAME]",
	 "trust the CA certificate on the card"},
	{"ca-key", TEXT, PLACE(ca_key), CONNECTS, "OBJECT",
	 "the card checks the CA's signature with this public key"},
	{"pin", FILES, PLACE(pin), CONNECTS, "FILE",
	 "trust the server that has the public key in FILE (a key\n"
	 "or a certificate), several times if need be"},
	{"pin-card", TEXT, PLACE(pin_card), CONNECTS, "OBJECT",
	 "the same with a public key on the card"},
	{"cert", TEXT, PLACE(cert), CONNECTS, "OBJECT",
	 "our certificate: a name on the card, or a file if it\n"
	 "begins with / or ./ (default: the key's)"},
	{"cert", TEXT, PLACE(cert), VERIFY_FILE, "FILE",
	 "the signer's certificate"},
	{"raw-key", FLAG, PLACE(raw_key), CONNECTS, NULL,
	 "show our public key alone, no certificate (RFC 7250)"},
	{"psk", TEXT, PLACE(psk), CONNECTS, "IDENTITY",
	 "a pre-shared key instead of certificates"},
	{"psk-key", TEXT, PLACE(psk_key), CONNECTS, "OBJECT",
	 "the card's secret key for it (default: the only one)"},
	{"psk-kind", TEXT, PLACE(psk_kind), CONNECTS, "KIND",
	 "derived (default: any version) or card (TLS 1.2; the\n"
	 "card computes the master secret)"},
	{"card-random", FLAG, PLACE(card_random), CONNECTS, NULL,
	 "our random number of the handshake comes from the card"},
	{"session", TEXT, PLACE(session), CONNECT, "FILE",
	 "resume the session in FILE, and keep the new one there\n"
	 "(mode 0600): whoever has it speaks for us"},
	{"report", TEXT, PLACE(report), DOCTOR, "FILE",
	 "write the findings to FILE (JSON, mode 0600) without\n"
	 "numbers of card and modem, names and host: to be shown\n"
	 "to others"},
	{"subject", FLAG, PLACE(subject), DOCTOR, NULL,
	 "keep the names in certificates in that report"},
	{"name", TEXT, PLACE(name), CONNECTS | BENCH, "NAME",
	 "the server's name (default: HOST)"},
	{"tls", TEXT, PLACE(tls), CONNECTS | BENCH, "VERSION",
	 "only 1.2 or only 1.3"},
	{"dtls", FLAG, PLACE(dtls), CONNECTS, NULL, "DTLS 1.2 over UDP"},
	{"alpn", TEXT, PLACE(alpn), CONNECTS, "LIST",
	 "protocols to offer, joined by commas"},
	{"insecure", FLAG, PLACE(insecure), CONNECTS | BENCH, NULL,
	 "do not authenticate the server: for tests only"},
	{"no-pipe", FLAG, PLACE(no_pipe), CONNECT, NULL,
	 "handshake, say what was agreed, close"},
	{"linger", INTEGER, PLACE(linger), CONNECT, "MS",
	 "say good-bye when the server has been silent so long\n"
	 "after the end of standard input (default: at once, then\n"
	 "read on until it closes)"},
	{"expose", FLAG, PLACE(expose), TUNNEL, NULL,
	 "listen where other hosts can reach it, too"},
	{"owner", TEXT, PLACE(owner), TUNNEL, "USER[:GROUP]",
	 "whose the Unix socket is"},
	{"max", INTEGER, PLACE(max), TUNNEL, "NUMBER",
	 "connections at once (default: 256); others wait"},
	{"idle", INTEGER, PLACE(idle), TUNNEL, "MS",
	 "end silent connections (default: none; --dtls 300000)"},
	{"resume", FLAG, PLACE(resume), TUNNEL, NULL,
	 "resume sessions, without the card"},
	{"count", INTEGER, PLACE(repeat), BENCH, "N",
	 "how often each is measured (10; opening 5 at most)"},
	{"svg", TEXT, PLACE(svg), BENCH, "FILE",
	 "draw the course of the middle handshake into FILE"},
	{"card", TEXT, PLACE(card), EVERY, "ADDRESS",
	 "how to reach the card (default: $IOTSAFE_CARD)"},
	{"timeout", INTEGER, PLACE(timeout), EVERY, "MS",
	 "limit of all that is done with the card (default: 10000\n"
	 "an operation); connect, tunnel: of an operation, of\n"
	 "reaching the host, and of the handshake"},
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

static int take_integer(struct cli *cli, const struct row *row, int *out)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(optarg, &end, 10);
	if (errno || end == optarg || *end || value < 1 || value > INT_MAX)
		return fail(cli, ERR_USAGE, "--%s takes %s, not \"%s\"",
			    row->name,
			    !strcmp(row->value, "MS") ? "milliseconds"
						      : "a number above 0",
			    optarg);
	*out = (int)value;
	return 0;
}

static int take_file(struct cli *cli, const struct row *row, const char **files,
		     size_t *count)
{
	if (*count == FILES_MAX)
		return fail(cli, ERR_USAGE, "--%s: more than %d files",
			    row->name, FILES_MAX);
	files[(*count)++] = optarg;
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
	case INTEGER:
		return take_integer(cli, row, place);
	case FILES:
		return place == options->ca
			       ? take_file(cli, row, place, &options->ca_count)
			       : take_file(cli, row, place,
					   &options->pin_count);
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
	struct option longs[ROWS_COUNT + 1] = {0}, *next = longs;
	int result;

	for (size_t i = 0; i < ROWS_COUNT; i++)
		if (!i || strcmp(rows[i].name, rows[i - 1].name) != 0)
			*next++ = (struct option){rows[i].name,
						  wants_argument(&rows[i]),
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

static bool takes(const struct command *command, const char *name)
{
	for (size_t i = 0; i < ROWS_COUNT; i++)
		if (rows[i].commands & command->bit &&
		    !strcmp(rows[i].name, name))
			return true;
	return false;
}

static int check_options(struct cli *cli, const bool *given)
{
	for (size_t i = 0; i < ROWS_COUNT; i++)
		if (given[i] && !takes(cli->command, rows[i].name))
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
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
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
	printf("  %-19s ", head);
	for (; *text; text++) {
		putchar(*text);
		if (*text == '\n')
			printf("%22s", "");
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
