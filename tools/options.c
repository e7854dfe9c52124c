/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command line becomes struct options.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"
#include "options.h"

/* getopt_long() gives rows as values from here on, away from characters. */
#define FIRST_VALUE 256

static int wants_argument(const struct option_row *row)
{
	return row->kind == FLAG	? no_argument
	       : row->kind == FLAG_TEXT ? optional_argument
					: required_argument;
}

static int take_integer(struct cli *cli, const struct option_row *row, int *out)
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

static int take_file(struct cli *cli, const struct option_row *row,
		     const char **files, size_t *count)
{
	if (*count == FILES_MAX)
		return fail(cli, ERR_USAGE, "--%s: more than %d files",
			    row->name, FILES_MAX);
	files[(*count)++] = optarg;
	return 0;
}

static int take(struct cli *cli, const struct option_row *row)
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
			    option_rows[optopt - FIRST_VALUE].name);
	if (optopt)
		return fail(cli, ERR_USAGE,
			    "no such option: -%c; see iotsafe --help", optopt);
	return fail(cli, ERR_USAGE, "no such option: %s; see iotsafe --help",
		    word);
}

static int parse(struct cli *cli, int argc, char **argv, bool *given)
{
	struct option longs[OPTION_ROWS_MAX + 1] = {0}, *next = longs;
	int result;

	for (size_t i = 0; i < option_rows_count; i++)
		if (!i ||
		    strcmp(option_rows[i].name, option_rows[i - 1].name) != 0)
			*next++ =
				(struct option){option_rows[i].name,
						wants_argument(&option_rows[i]),
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
		TRY(take(cli, &option_rows[result - FIRST_VALUE]));
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
	for (size_t i = 0; i < option_rows_count; i++)
		if (option_rows[i].commands & command->bit &&
		    !strcmp(option_rows[i].name, name))
			return true;
	return false;
}

static int check_options(struct cli *cli, const bool *given)
{
	for (size_t i = 0; i < option_rows_count; i++)
		if (given[i] && !takes(cli->command, option_rows[i].name))
			return fail(cli, ERR_USAGE,
				    "%s takes no --%s; see iotsafe %s --help",
				    cli->command->name, option_rows[i].name,
				    cli->command->name);
	return 0;
}

int options_parse(struct cli *cli, int argc, char **argv)
{
	bool given[OPTION_ROWS_MAX] = {false};

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
