/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The `iotsafe` command: one command line becomes one command run, one answer
 * and one exit status.
 */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli.h"
#include "json.h"
#include "watch.h"

static const struct command commands[] = {
	{"info", INFO, command_info, "", 0, 0, "what is known of the card",
	 "Prints names and values: the link, the applet and what it can do,\n"
	 "the card's identity, and whether its signatures are verified."},
	{"list", LIST, command_list, "[NAME]", 0, 1, "the objects on the card",
	 "Prints a line an object: keys, certificates and other files. NAME\n"
	 "chooses: label=client, id=0102, type=cert, joined by `;`."},
	{"cert", CERT, command_cert, "[NAME]", 0, 1, "a certificate, in PEM",
	 "Prints the certificate of the card's identity and those that issued\n"
	 "it, or the certificate NAME, or that of the private key NAME."},
	{"pubkey", PUBKEY, command_pubkey, "[NAME]", 0, 1,
	 "a public key, in PEM",
	 "Prints the public key of the card's identity, or the public key\n"
	 "NAME, or that of the private key NAME."},
	{"random", RANDOM, command_random, "N", 1, 1,
	 "N random bytes from the card",
	 "Prints N bytes (1 to 65536) made by the card."},
	{"sign", SIGN, command_sign, "[FILE]", 0, 1,
	 "a signature by a key on the card",
	 "Hashes FILE (standard input if it is `-` or missing) and has the\n"
	 "card sign the hash. For `openssl dgst -verify`: --der --out FILE."},
	{"connect", CONNECT, command_connect, "HOST:PORT", 1, 1,
	 "a TLS session with the card's identity",
	 "Connects, says what was agreed on standard error, and copies\n"
	 "standard input to the server and what it says to standard output,\n"
	 "until the server closes. With --json nothing is copied: what was\n"
	 "agreed is printed, and the session closed. An IPv6 address is\n"
	 "written in brackets."},
	{"apdu", APDU, command_apdu, "HEX...", 1, 1 << 16,
	 "commands to the applet, byte by byte",
	 "Sends each HEX on the applet's channel (written with channel 0) and\n"
	 "prints the answer and its status word. The exit status is 0 if all\n"
	 "were answered, whatever the status words say."},
};

#define COMMANDS_COUNT (sizeof(commands) / sizeof(commands[0]))

const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < COMMANDS_COUNT; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static void help_all(void)
{
	printf("Usage: iotsafe COMMAND [OPTION]...\n"
	       "The SIM card as TLS identity.\n\n"
	       "Commands (iotsafe COMMAND --help tells more):\n");
	for (size_t i = 0; i < COMMANDS_COUNT; i++)
		printf("  %-7s %-10s  %s\n", commands[i].name,
		       commands[i].arguments, commands[i].summary);
	printf("\nOptions of every command:\n");
	options_list(EVERY);
	printf("\nADDRESS is at:/dev/ttyUSB2?baud=115200 (a modem), sim: (the\n"
	       "software SIM, for trying without hardware) or exec:COMMAND.\n"
	       "NAME and OBJECT are label=client, id=0102, type=private (public,\n"
	       "cert, data, secret-key), or several joined by `;`.\n"
	       "\nExit status:\n");
	failure_list();
}

static void help_command(const struct command *command)
{
	printf("Usage: iotsafe %s%s%s [OPTION]...\n%s\n\nOptions:\n",
	       command->name, *command->arguments ? " " : "",
	       command->arguments, command->detail);
	options_list(command->bit);
	options_list(EVERY);
}

static void print_help(const struct cli *cli)
{
	if (cli->options.version)
		printf("iotsafe %s (library %s)\n", IOTSAFE_VERSION,
		       iotsafe_version());
	else if (cli->command)
		help_command(cli->command);
	else
		help_all();
}

/* A descriptor missing from 0 to 2 would be given to the modem's port. The
 * one that takes its place refuses what it is there for. */
static void fill_descriptors(void)
{
	while (fcntl(STDIN_FILENO, F_GETFD) < 0)
		if (open("/dev/null", O_WRONLY) < 0)
			return;
	for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++)
		while (fcntl(fd, F_GETFD) < 0)
			if (open("/dev/null", O_RDONLY) < 0)
				return;
}

static int set_trace(struct cli *cli)
{
	static const struct {
		const char *name;
		unsigned what;
	} kinds[] = {
		{"apdu", IOTSAFE_TRACE_APDU},
		{"at", IOTSAFE_TRACE_AT},
		{"all", IOTSAFE_TRACE_APDU | IOTSAFE_TRACE_AT},
	};
	const char *name = cli->options.trace;

	if (!name)
		return 0;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].name, name)) {
			iotsafe_trace_set(kinds[i].what, NULL, NULL);
			return 0;
		}
	return fail(cli, ERR_USAGE, "--trace takes apdu, at or all, not \"%s\"",
		    name);
}

static int run(struct cli *cli, int argc, char **argv)
{
	int status;

	TRY(options_parse(cli, argc, argv));
	if (cli->options.help || cli->options.version) {
		print_help(cli);
		cli->options.json = false;
		return 0;
	}
	TRY(set_trace(cli));
	if (cli->options.json && !(cli->json = json_new()))
		return fail(cli, "ERR_MEMORY", "no memory");
	if (!watch_start(cli->options.trace || getenv("IOTSAFE_TRACE")))
		return fail(cli, ERR_FILE, "cannot watch for signals: %s",
			    strerror(errno));
	status = cli->command->run(cli);
	card_close(cli);
	watch_stop();
	return status;
}

static void add_error(struct cli *cli)
{
	char status[8];

	json_end_inner(cli->json);
	json_object(cli->json, "error");
	json_string(cli->json, "code", cli->error);
	snprintf(status, sizeof(status), "%04X", cli->error_status & 0xFFFF);
	json_string(cli->json, "status", cli->error_status ? status : NULL);
	json_string(cli->json, "text", cli->error_text);
	json_end(cli->json);
}

/* Writes what has been gathered; a full disk must not pass for success. */
static int finish(struct cli *cli, int status)
{
	bool written;

	if (cli->options.json && !cli->json)
		cli->json = json_new();
	if (cli->json && cli->error)
		add_error(cli);
	written = cli->json ? json_finish(cli->json)
			    : !fflush(stdout) && !ferror(stdout);
	json_free(cli->json);
	cli->json = NULL;
	if (!written && !status)
		status = fail(cli, ERR_FILE,
			      "cannot write to standard output: %s",
			      strerror(errno));
	return status;
}

int main(int argc, char **argv)
{
	struct cli cli = {0};
	int status;

	fill_descriptors();
	setlocale(LC_CTYPE, "");
	signal(SIGPIPE, SIG_IGN);
	status = finish(&cli, run(&cli, argc, argv));
	if (watch_signal()) {
		/* As one who was killed by it, so that shells notice. */
		sigset_t all;

		signal(watch_signal(), SIG_DFL);
		sigfillset(&all);
		sigprocmask(SIG_UNBLOCK, &all, NULL);
		raise(watch_signal());
	}
	return status;
}
