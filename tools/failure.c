/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A failure becomes one sentence on standard error, an exit status, and what
 * main() puts into the member "error" of the JSON answer.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "cli.h"
#include "text.h"
#include "watch.h"

struct family {
	const char *error;
	int status;
	const char *words;
};

/* The statuses are an interface: they never change, new ones are appended.
 * Those without words are told by the row above them. */
static const struct family families[] = {
	{ERR_FILE, 1, "failed otherwise: a file, or no memory"},
	{"ERR_MEMORY", 1, NULL},
	{"ERR_CANCELLED", 1, NULL},
	{ERR_USAGE, 2, "wrong use: an option, an address or a name"},
	{"ERR_IO", 3, "no such port, or it failed"},
	{"ERR_BUSY", 4, "the port or the SIM is busy"},
	{"ERR_TIMEOUT", 5, "nothing answered in time"},
	{"ERR_MODEM", 6, "the modem answered an error"},
	{"ERR_CARD", 7, "the card refused"},
	{"ERR_DENIED", 8, "the card refused: access is not allowed"},
	{"ERR_PIN", 9, "the PIN is needed, wrong or blocked"},
	{"ERR_ABSENT", 10, "no such SIM, applet, key or file"},
	{"ERR_AMBIGUOUS", 11, "several objects match: name one"},
	{"ERR_FORMAT", 12, "an answer could not be understood"},
	{"ERR_VERIFY", 13, "a signature or a certificate is of another key"},
	{"ERR_UNTRUSTED", 14,
	 "the server, or a certificate, is not to be trusted"},
	{"ERR_TLS", 15, "TLS failed, or the server refused us"},
	{"ERR_CLOSED", 16, "the server, the modem or the card has gone"},
	{"ERR_SUPPORT", 17, "this build, modem, card or key cannot"},
	{ERR_HOST, 18, "the host was not found or not reached"},
	{ERR_HEALTH, 19, "the doctor found a problem"},
};

#define FAMILIES_COUNT (sizeof(families) / sizeof(families[0]))

int failure_status(const char *error)
{
	for (size_t i = 0; i < FAMILIES_COUNT; i++)
		if (!strcmp(families[i].error, error))
			return families[i].status;
	return 1;
}

static int report(struct cli *cli, const char *error)
{
	char *shown;

	cli->error = error;
	if (cli->quiet)
		return failure_status(error);
	shown = text_escape(cli->error_text);
	watch_end();
	fprintf(stderr, "iotsafe: %s\n", shown);
	text_free(shown);
	return failure_status(error);
}

int fail(struct cli *cli, const char *error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(cli->error_text, sizeof(cli->error_text), format, args);
	va_end(args);
	cli->error_status = 0;
	return report(cli, error);
}

/* The library's own words, and none beside them: but it cannot know that it was
 * the time of the command that was up. */
int fail_library(struct cli *cli)
{
	const char *error = iotsafe_error_name(iotsafe_last_code());
	const char *more = "";

	if (iotsafe_last_code() == IOTSAFE_ERR_CANCELLED && watch_late() &&
	    !watch_signal()) {
		error = "ERR_TIMEOUT";
		more = ": the time of the whole command was up";
	}
	cli->error_status = iotsafe_last_status();
	snprintf(cli->error_text, sizeof(cli->error_text), "%s%s",
		 iotsafe_last_error(), more);
	return report(cli, error);
}

void failure_list(void)
{
	printf("  %3d  %s\n", 0, "done");
	for (size_t i = 0; i < FAMILIES_COUNT; i++)
		if (families[i].words)
			printf("  %3d  %s\n", families[i].status,
			       families[i].words);
}
