/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `iotsafe generate` and `iotsafe put-key`: what changes keys on the card.
 */
#include "cli.h"
#include "file.h"
#include "input.h"
#include "json.h"

static int show(struct cli *cli, iotsafe_key *key)
{
	iotsafe_object *object;
	uint8_t *der;
	size_t size;
	int status;

	TRY(key_record(cli, key, &object));
	if (cli->json)
		json_string(cli->json, "key", iotsafe_object_name(object));
	iotsafe_object_free(object);
	if (iotsafe_key_public_key(key, &der, &size) < 0)
		return fail_library(cli);
	status = public_key_show(cli, der, size);
	iotsafe_free(der);
	return status;
}

int command_generate(struct cli *cli)
{
	const char *name = cli->options.arguments[0];
	iotsafe_key *key;
	int status;

	TRY(out_check(cli));
	if (!*name)
		return fail(cli, ERR_USAGE,
			    "generate needs the name of the key to replace");
	TRY(card_open(cli));
	if (iotsafe_key_generate(cli->card, name, &key) < 0)
		return fail_library(cli);
	status = show(cli, key);
	iotsafe_key_free(key);
	return status;
}

int command_put_key(struct cli *cli)
{
	struct buffer der;
	int status;

	TRY(input_public_key(cli, cli->options.arguments[1], &der));
	status = card_open(cli);
	if (!status &&
	    iotsafe_card_put_public_key(cli->card, cli->options.arguments[0],
					der.data, der.size) < 0)
		status = fail_library(cli);
	if (!status && cli->json)
		json_string(cli->json, "name", cli->options.arguments[0]);
	input_free(&der);
	return status;
}
