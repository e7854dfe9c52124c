/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `iotsafe verify` and `iotsafe verify-file`: the card says whether a signature
 * is good. A status of 0 means that it said yes, and nothing else does.
 */
#include <stdio.h>
#include "cli.h"
#include "file.h"
#include "json.h"
#include "signed.h"
#include "watch.h"

static int ask(iotsafe_card *card, const char *name,
	       const struct signed_input *in, const struct buffer *signature)
{
	if (in->mode == IOTSAFE_MODE_HOST)
		return iotsafe_card_verify(card, name, in->hash->algorithm,
					   in->digest, in->hash->size,
					   signature->data, signature->size);
	return iotsafe_card_verify_data(card, name, in->hash->algorithm,
					in->mode, in->data.data, in->data.size,
					signature->data, signature->size);
}

static int say_good(struct cli *cli, const char *what, const char *name,
		    const struct signed_input *in)
{
	watch_end();
	if (cli->json) {
		json_string(cli->json, "key", name);
		signed_put(cli, in);
		json_flag(cli->json, "good", true);
	} else {
		printf("%s: good signature\n", what);
	}
	return 0;
}

static int check(struct cli *cli, const char *what, const char *name,
		 const struct signed_input *in, const struct buffer *signature)
{
	if (ask(cli->card, name, in, signature) != IOTSAFE_OK)
		return fail_library(cli);
	return say_good(cli, what, name, in);
}

static int need_key(struct cli *cli)
{
	if (!cli->options.key || !*cli->options.key)
		return fail(cli, ERR_USAGE,
			    "%s needs --key: the public key on the card",
			    cli->command->name);
	return 0;
}

int command_verify(struct cli *cli)
{
	const struct options *options = &cli->options;
	const char *path = options->arguments[1];
	struct signed_input in;
	struct buffer signature;
	int status;

	TRY(need_key(cli));
	TRY(input_signature(cli, options->arguments[0], &signature));
	status = signed_take(cli, path, &in);
	if (!status) {
		status = card_open(cli);
		if (!status)
			status = check(cli, path ? path : options->arguments[0],
				       options->key, &in, &signature);
		signed_free(&in);
	}
	input_free(&signature);
	return status;
}

/* ---- verify-file ---- */

static int put_signer(struct cli *cli)
{
	struct buffer der;
	int status = 0;

	TRY(input_public_key(cli, cli->options.cert, &der));
	if (iotsafe_card_put_public_key(cli->card, cli->options.slot, der.data,
					der.size) < 0)
		status = fail_library(cli);
	input_free(&der);
	return status;
}

static int check_file(struct cli *cli, const struct buffer *signature)
{
	const char *manifest = cli->options.arguments[0];
	struct signed_input in = {.mode = IOTSAFE_MODE_HOST};

	TRY(signed_hash(cli, &in.hash));
	if (!in.hash)
		in.hash = signed_default();
	TRY(file_hash(cli, manifest, (gnutls_digest_algorithm_t)in.hash->gnutls,
		      in.digest));
	TRY(card_open(cli));
	if (!cli->options.cert)
		return check(cli, manifest, cli->options.key, &in, signature);
	TRY(put_signer(cli));
	return check(cli, manifest, cli->options.slot, &in, signature);
}

static int check_signer(struct cli *cli)
{
	const struct options *options = &cli->options;

	if (!options->cert && !options->slot)
		return need_key(cli);
	if (options->key || !options->cert || !options->slot || !*options->slot)
		return fail(cli, ERR_USAGE,
			    "verify-file takes either --key, or --cert and "
			    "--slot together");
	return 0;
}

int command_verify_file(struct cli *cli)
{
	const char *path = cli->options.arguments[1];
	struct buffer signature;
	int status;

	TRY(check_signer(cli));
	TRY(input_signature(cli, path, &signature));
	/* ECDSA on the curves of the card: r and s, 32 bytes each. */
	status = signature.size == 64
			 ? check_file(cli, &signature)
			 : fail(cli, "ERR_FORMAT",
				"%s: %zu bytes that are no ECDSA signature of "
				"a 256-bit key",
				path, signature.size);
	input_free(&signature);
	return status;
}
