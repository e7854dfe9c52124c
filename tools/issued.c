/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `iotsafe cert --verify`: a chain and a bundle of CA certificates become
 * "OK", or the reason why not.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "cli.h"
#include "issued.h"
#include "json.h"
#include "text.h"
#include "watch.h"

static bool read_day(const char *text, const char *form, int64_t *at)
{
	struct tm parts = {0};
	const char *end = strptime(text, form, &parts);

	if (!end || *end)
		return false;
	*at = (int64_t)timegm(&parts);
	return *at >= 0;
}

static bool read_seconds(const char *text, int64_t *at)
{
	char *end;

	if (text[0] != '@' || !text[1])
		return false;
	errno = 0;
	*at = strtoll(text + 1, &end, 10);
	return !errno && !*end && *at >= 0;
}

/* -1: now. */
static int take_time(struct cli *cli, int64_t *at)
{
	const char *text = cli->options.at;

	*at = -1;
	if (!text || read_day(text, "%Y-%m-%d", at) ||
	    read_day(text, "%Y-%m-%dT%H:%M:%SZ", at) || read_seconds(text, at))
		return 0;
	return fail(cli, ERR_USAGE,
		    "--at takes a time of UTC like 2021-06-30 or "
		    "2021-06-30T12:00:00Z, or @ and seconds since 1970, not "
		    "\"%s\"",
		    text);
}

int issued_check(struct cli *cli)
{
	const struct options *options = &cli->options;
	int64_t at;

	if (!options->verify && (options->at || options->ignore_ca_expiry))
		return fail(cli, ERR_USAGE,
			    "--at and --ignore-ca-expiry go with --verify");
	return take_time(cli, &at);
}

/* Which choices there are, where an issuer's date is all that is wrong. */
static int explain(struct cli *cli)
{
	const char *said = iotsafe_last_error();
	bool expired = strstr(said, "(CA) has expired") != NULL;
	char *words = text_copy(said);
	int status;

	if (!expired || cli->options.at || !words)
		status = fail_library(cli);
	else
		status = fail(cli, "ERR_UNTRUSTED",
			      "%s; --ignore-ca-expiry takes it all the same, "
			      "--at TIME asks for another day",
			      words);
	text_free(words);
	return status;
}

static void say(struct cli *cli, const struct certificate *leaf)
{
	const struct options *options = &cli->options;
	char *subject;

	if (cli->json) {
		json_flag(cli->json, "verified", true);
		json_string(cli->json, "at", options->at);
		json_flag(cli->json, "ca_expiry_ignored",
			  options->ignore_ca_expiry);
		return;
	}
	watch_end();
	subject = text_escape(leaf->subject);
	fprintf(options->out ? stderr : stdout, "%s: OK%s%s%s\n", subject,
		options->at ? " at " : "", options->at ? options->at : "",
		options->ignore_ca_expiry ? ", expiry of CAs ignored" : "");
	text_free(subject);
}

int issued_verify(struct cli *cli, const char *pem,
		  const struct certificate *leaf)
{
	const struct options *options = &cli->options;
	unsigned flags =
		options->ignore_ca_expiry ? IOTSAFE_VERIFY_IGNORE_CA_EXPIRY : 0;
	int64_t at;

	TRY(take_time(cli, &at));
	if (iotsafe_certificate_verify((const uint8_t *)pem, strlen(pem),
				       options->verify, at, flags) < 0)
		return explain(cli);
	say(cli, leaf);
	return 0;
}
