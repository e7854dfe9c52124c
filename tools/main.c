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

static void help_all(void)
{
	printf("Usage: iotsafe COMMAND [OPTION]...\n"
	       "The SIM card as TLS identity.\n\n"
	       "Commands (iotsafe COMMAND --help tells more):\n");
	commands_list();
	printf("\nOptions of every command:\n");
	options_list(EVERY);
	printf("\nADDRESS is at:/dev/ttyUSB2?baud=115200 (a modem), sim: (the\n"
	       "software SIM, for trying without hardware), exec:COMMAND,\n"
	       "qmi:/dev/cdc-wdm0, mbim:/dev/cdc-wdm0 (beside ModemManager), or\n"
	       "pcsc:READER (a card reader).\n"
	       "Attributes follow `?`, joined by `&`: cache=yes (what is known of\n"
	       "the card is kept on disk), ahead=no (no signature is begun before\n"
	       "it is asked for), pin-file=FILE, share=yes, timeout=MS; iotsafe(1)\n"
	       "has all of them.\n"
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

unsigned trace_bits(const struct cli *cli)
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

	for (size_t i = 0; name && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].name, name))
			return kinds[i].what;
	return 0;
}

static int set_trace(struct cli *cli)
{
	const unsigned what = trace_bits(cli);

	if (!cli->options.trace)
		return 0;
	if (!what)
		return fail(cli, ERR_USAGE,
			    "--trace takes apdu, at or all, not \"%s\"",
			    cli->options.trace);
	iotsafe_trace_set(what, NULL, NULL);
	return 0;
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
	/* What becomes another program leaves signals to that. */
	if (cli->command->bit == WITH)
		return cli->command->run(cli);
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
	cli.sigpipe = signal(SIGPIPE, SIG_IGN);
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
