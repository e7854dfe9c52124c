/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `iotsafe jws`: a file becomes a signed token.
 */
#include <stdio.h>
#include "cli.h"
#include "file.h"
#include "input.h"
#include "json.h"
#include "watch.h"

#define PAYLOAD_MAX (1 << 20)

static int show(struct cli *cli, const char *token, size_t size)
{
	if (cli->json)
		json_string(cli->json, "token", token);
	if (cli->options.out)
		return out_write(cli, token, size);
	watch_end();
	if (!cli->json)
		puts(token);
	return 0;
}

static int sign(struct cli *cli, const struct buffer *payload)
{
	iotsafe_key *key;
	uint8_t *token;
	size_t size;
	int status;

	TRY(card_open(cli));
	TRY(card_key(cli, cli->options.key, &key));
	if (iotsafe_key_jws(key, cli->options.type, cli->options.kid,
			    payload->data, payload->size, &token, &size) < 0) {
		status = fail_library(cli);
	} else {
		status = show(cli, (const char *)token, size);
		iotsafe_free(token);
	}
	iotsafe_key_free(key);
	return status;
}

int command_jws(struct cli *cli)
{
	struct buffer payload;
	int status;

	TRY(out_check(cli));
	TRY(input_file(cli, cli->options.arguments[0], PAYLOAD_MAX, &payload));
	status = sign(cli, &payload);
	input_free(&payload);
	return status;
}
