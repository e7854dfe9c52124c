/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `iotsafe seal` and `iotsafe open`: single messages protected without TLS, by
 * a secret from a file or from the card.
 */
#include <string.h>
#include "cli.h"
#include "file.h"
#include "input.h"

#define SECRET_MAX  1024
#define TEXT_MAX    65536
#define MESSAGE_MAX (TEXT_MAX + 1024)

/* Gives the library's bytes as ours. */
static int take(struct cli *cli, int result, uint8_t *data, size_t size,
		struct buffer *secret)
{
	if (result < 0)
		return fail_library(cli);
	result = input_copy(cli, data, size, secret);
	iotsafe_free(data);
	return result;
}

static int from_agreement(struct cli *cli, struct buffer *secret)
{
	struct buffer peer;
	iotsafe_key *key;
	uint8_t *out;
	size_t size;
	int result, status;

	TRY(input_public_key(cli, cli->options.peer, &peer));
	status = card_open(cli);
	if (!status)
		status = card_key(cli, cli->options.key, &key);
	if (!status) {
		result = iotsafe_key_agree(key, cli->options.slot, peer.data,
					   peer.size, &out, &size);
		status = take(cli, result, out, size, secret);
		iotsafe_key_free(key);
	}
	input_free(&peer);
	return status;
}

static int from_prf(struct cli *cli, struct buffer *secret)
{
	const char *kid = cli->options.kid;
	uint8_t *out;
	size_t size;
	int result;

	TRY(card_open(cli));
	result = iotsafe_card_prf(cli->card, cli->options.secret_key, NULL, 0,
				  "iotsafe seal", (const uint8_t *)kid,
				  strlen(kid), 32, &out, &size);
	return take(cli, result, out, size, secret);
}

static int take_secret(struct cli *cli, struct buffer *secret)
{
	const struct options *options = &cli->options;

	if (options->secret)
		return input_file(cli, options->secret, SECRET_MAX, secret);
	return options->peer ? from_agreement(cli, secret)
			     : from_prf(cli, secret);
}

static int check(struct cli *cli)
{
	const struct options *options = &cli->options;
	const char *path = options->arguments[0];

	TRY(out_check(cli));
	if ((options->secret != NULL) + (options->peer != NULL) +
		    (options->secret_key != NULL) !=
	    1)
		return fail(cli, ERR_USAGE,
			    "%s takes one of --secret, --peer and --secret-key",
			    cli->command->name);
	if (!options->kid || !options->state)
		return fail(cli, ERR_USAGE, "%s needs --kid and --state",
			    cli->command->name);
	if (options->secret && !strcmp(options->secret, "-") &&
	    (!path || !strcmp(path, "-")))
		return fail(cli, ERR_USAGE,
			    "--secret - and FILE both want standard input");
	return 0;
}

static int open_seal(struct cli *cli, iotsafe_seal **seal)
{
	const struct options *options = &cli->options;
	struct buffer secret = {0};
	unsigned flags = (options->server ? IOTSAFE_SEAL_SERVER : 0) |
			 (options->create ? IOTSAFE_SEAL_CREATE : 0);
	int status;

	TRY(take_secret(cli, &secret));
	status = iotsafe_seal_new(secret.data, secret.size,
				  (const uint8_t *)options->kid,
				  strlen(options->kid), options->state, flags,
				  seal) < 0
			 ? fail_library(cli)
			 : 0;
	input_free(&secret);
	return status;
}

typedef int (*seal_func)(iotsafe_seal *seal, const uint8_t *data,
			 size_t data_size, const uint8_t *extra,
			 size_t extra_size, uint8_t **out, size_t *out_size);

static int work(struct cli *cli, seal_func func, const struct buffer *in,
		const char *member)
{
	const char *extra = cli->options.extra;
	iotsafe_seal *seal;
	uint8_t *out;
	size_t size;
	int status;

	TRY(open_seal(cli, &seal));
	if (func(seal, in->data, in->size, (const uint8_t *)extra,
		 extra ? strlen(extra) : 0, &out, &size) < 0) {
		status = fail_library(cli);
	} else {
		status = bytes_show(cli, member, out, size);
		iotsafe_free(out);
	}
	iotsafe_seal_free(seal);
	return status;
}

static int run(struct cli *cli, seal_func func, size_t most, const char *member)
{
	struct buffer in;
	int status;

	TRY(check(cli));
	TRY(input_file(cli, cli->options.arguments[0], most, &in));
	status = work(cli, func, &in, member);
	input_free(&in);
	return status;
}

int command_seal(struct cli *cli)
{
	return run(cli, iotsafe_seal_encrypt, TEXT_MAX, "message");
}

int command_open(struct cli *cli)
{
	return run(cli, iotsafe_seal_decrypt, MESSAGE_MAX, "hex");
}
