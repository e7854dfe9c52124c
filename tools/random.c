/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `iotsafe random`: bytes made by the card.
 */
#include <errno.h>
#include <stdlib.h>
#include "cli.h"
#include "file.h"
#include "json.h"

#define RANDOM_MAX 65536

static int take_count(struct cli *cli, size_t *count)
{
	const char *text = cli->options.arguments[0];
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno || end == text || *end || value < 1 || value > RANDOM_MAX)
		return fail(cli, ERR_USAGE,
			    "random takes a number of bytes from 1 to %d, "
			    "not \"%s\"",
			    RANDOM_MAX, text);
	*count = (size_t)value;
	return 0;
}

static int show(struct cli *cli, const uint8_t *data, size_t size)
{
	if (cli->json)
		json_hex(cli->json, "random", data, size);
	if (cli->options.out || (cli->options.raw && !cli->json))
		return out_write(cli, data, size);
	if (!cli->json)
		out_hex(data, size);
	return 0;
}

int command_random(struct cli *cli)
{
	uint8_t *data;
	size_t count = 0, size;
	int status;

	if (cli->options.raw && cli->options.hex)
		return fail(cli, ERR_USAGE, "give either --raw or --hex");
	TRY(out_check(cli));
	TRY(take_count(cli, &count));
	TRY(card_open(cli));
	if (iotsafe_card_random(cli->card, count, &data, &size) < 0)
		return fail_library(cli);
	status = show(cli, data, size);
	iotsafe_free(data);
	return status;
}
