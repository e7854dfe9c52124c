/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `iotsafe pin`: how many tries an applet's PIN has left, whether a PIN is the
 * right one, and another one in its place. Nothing is sent by accident: a PIN
 * that cannot be one never is, and a last try only when told so.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"
#include "json.h"
#include "pin_source.h"
#include "watch.h"

/* In place of a number. */
#define TRIES_UNKNOWN (-1) /* the card never tells */
#define TRIES_GIVEN   (-2) /* nor while the PIN holds */

struct work {
	char applet[16];
	int tries;
};

static int take_applet(struct cli *cli, struct work *work)
{
	const char *name = cli->options.applet;
	iotsafe_info *info;

	if (!name) {
		if (iotsafe_card_info(cli->card, &info) < 0)
			return fail_library(cli);
		for (size_t i = 0; i < iotsafe_info_count(info); i++)
			if (!strcmp(iotsafe_info_name(info, i), "applet"))
				snprintf(work->applet, sizeof(work->applet),
					 "%s", iotsafe_info_value(info, i));
		iotsafe_info_free(info);
	} else if (!strcmp(name, "mias") || !strcmp(name, "mf")) {
		strcpy(work->applet, name);
	} else {
		return fail(cli, ERR_USAGE,
			    "--applet takes mias or mf, not \"%s\"", name);
	}
	if (strcmp(work->applet, "iotsafe") != 0)
		return 0;
	return fail(cli, "ERR_SUPPORT",
		    "the applet iotsafe has no PIN of its own, only the SIM "
		    "has; for Trust Onboard's say --applet mias or --applet "
		    "mf");
}

/* A card that does not tell is no failure yet. */
static int ask_tries(struct cli *cli, struct work *work)
{
	int result =
		iotsafe_card_pin_tries(cli->card, work->applet, &work->tries);

	if (result == IOTSAFE_ERR_SUPPORT)
		work->tries = TRIES_UNKNOWN;
	else if (result < 0)
		return fail_library(cli);
	else if (work->tries < 0)
		work->tries = TRIES_GIVEN;
	return 0;
}

static void put_tries(struct cli *cli, const struct work *work)
{
	json_string(cli->json, "applet", work->applet);
	if (work->tries >= 0)
		json_number(cli->json, "tries", (uint64_t)work->tries);
	else
		json_string(cli->json, "tries", NULL);
}

/* ---- tries ---- */

static int show_tries(struct cli *cli, const struct work *work)
{
	if (work->tries == TRIES_UNKNOWN)
		return fail_library(cli);
	if (cli->json) {
		put_tries(cli, work);
		return 0;
	}
	watch_end();
	if (work->tries == TRIES_GIVEN)
		printf("%s: the PIN was given; the card does not tell the "
		       "tries while it holds\n",
		       work->applet);
	else
		printf("%s: %d %s left%s\n", work->applet, work->tries,
		       work->tries == 1 ? "try" : "tries",
		       work->tries ? "" : ": the PIN is blocked");
	return 0;
}

/* ---- what costs a try ---- */

static int check_tries(struct cli *cli, const struct work *work)
{
	if (!work->tries)
		return fail(cli, "ERR_PIN",
			    "the PIN of applet %s is blocked: no try is left; "
			    "nothing was sent",
			    work->applet);
	if (work->tries == 1 && !cli->options.last_try)
		return fail(cli, "ERR_PIN",
			    "the PIN of applet %s has 1 try left: a wrong one "
			    "blocks it for good. Nothing was sent; if you are "
			    "sure, say --last-try",
			    work->applet);
	watch_end();
	if (work->tries == 1)
		fprintf(stderr,
			"iotsafe: WARNING: this is the last try: a wrong PIN "
			"blocks applet %s for good\n",
			work->applet);
	if (work->tries == TRIES_UNKNOWN)
		fputs("iotsafe: WARNING: the card does not tell how many tries "
		      "are left\n",
		      stderr);
	return 0;
}

static int take_old(struct cli *cli, const struct work *work,
		    char pin[PIN_MOST + 1])
{
	const struct pin_wanted wanted = {
		.iccid = iotsafe_card_iccid(cli->card),
		.applet = work->applet,
		.file = cli->options.pin_file,
		.variable = cli->options.pin_env,
		.what = "the PIN",
	};

	return pin_take(cli, &wanted, pin);
}

static int take_new(struct cli *cli, const struct work *work,
		    char pin[PIN_MOST + 1])
{
	const struct pin_wanted wanted = {
		.iccid = iotsafe_card_iccid(cli->card),
		.applet = work->applet,
		.file = cli->options.new_pin_file,
		.variable = cli->options.new_pin_env,
		.what = "the new PIN",
		.twice = true,
	};

	return pin_take(cli, &wanted, pin);
}

/* The card has just said yes: as many tries as ever. */
static void say_done(struct cli *cli, const struct work *work, const char *what)
{
	if (cli->json) {
		json_string(cli->json, "applet", work->applet);
		json_flag(cli->json, what, true);
		return;
	}
	watch_end();
	if (!strcmp(what, "changed"))
		printf("%s: the PIN is changed; write the new one where the "
		       "old one stands (pin-file=, pin-env=)\n",
		       work->applet);
	else
		printf("%s: the PIN is right\n", work->applet);
}

static int verify(struct cli *cli, const struct work *work)
{
	char pin[PIN_MOST + 1] = "";
	int status = take_old(cli, work, pin);

	watch_begin("waiting for the card");
	if (!status &&
	    iotsafe_card_pin_verify(cli->card, work->applet, pin) < 0)
		status = fail_library(cli);
	explicit_bzero(pin, sizeof(pin));
	if (!status)
		say_done(cli, work, "verified");
	return status;
}

static int change(struct cli *cli, const struct work *work)
{
	char pin[PIN_MOST + 1] = "", next[PIN_MOST + 1] = "";
	int status = take_old(cli, work, pin);

	if (!status)
		status = take_new(cli, work, next);
	watch_begin("waiting for the card");
	if (!status &&
	    iotsafe_card_pin_change(cli->card, work->applet, pin, next) < 0)
		status = fail_library(cli);
	explicit_bzero(pin, sizeof(pin));
	explicit_bzero(next, sizeof(next));
	if (!status)
		say_done(cli, work, "changed");
	return status;
}

static int check_sources(struct cli *cli, bool changes)
{
	const struct options *options = &cli->options;
	bool new = options->new_pin_file || options->new_pin_env;

	if (options->pin_file && options->pin_env)
		return fail(cli, ERR_USAGE,
			    "give either --pin-file or --pin-env");
	if (options->new_pin_file && options->new_pin_env)
		return fail(cli, ERR_USAGE,
			    "give either --new-pin-file or --new-pin-env");
	if (new && !changes)
		return fail(cli, ERR_USAGE,
			    "--new-pin-file and --new-pin-env go with `pin "
			    "change`");
	return 0;
}

int command_pin(struct cli *cli)
{
	const char *what = cli->options.arguments[0];
	bool changes = !strcmp(what, "change");
	struct work work = {.tries = TRIES_UNKNOWN};

	if (strcmp(what, "tries") && strcmp(what, "verify") && !changes)
		return fail(cli, ERR_USAGE,
			    "pin takes tries, verify or change; a PIN never "
			    "stands on the command line");
	TRY(check_sources(cli, changes));
	TRY(card_open(cli));
	TRY(take_applet(cli, &work));
	TRY(ask_tries(cli, &work));
	if (!strcmp(what, "tries"))
		return show_tries(cli, &work);
	TRY(check_tries(cli, &work));
	return changes ? change(cli, &work) : verify(cli, &work);
}
