/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `iotsafe sign`: a file is hashed here, or as --mode says, and signed on the
 * card.
 */
#include <stdio.h>
#include <string.h>
#include "cli.h"
#include "file.h"
#include "json.h"
#include "signed.h"

static void put_signature(struct cli *cli, const iotsafe_object *object,
			  const struct signed_input *in, bool der,
			  bool verified)
{
	json_string(cli->json, "key", iotsafe_object_name(object));
	signed_put(cli, in);
	json_string(cli->json, "format", der ? "der" : "raw");
	json_flag(cli->json, "verified", verified);
}

static int show(struct cli *cli, const uint8_t *data, size_t size)
{
	if (cli->json)
		json_hex(cli->json, "signature", data, size);
	if (cli->options.out)
		return out_write(cli, data, size);
	if (!cli->json)
		out_hex(data, size);
	return 0;
}

/* An RSA signature has one form only: the block. */
static bool is_rsa(const iotsafe_object *object)
{
	return !strncmp(iotsafe_object_key_type(object), "RSA", 3);
}

static int show_der(struct cli *cli, const uint8_t *raw, size_t raw_size)
{
	uint8_t *der;
	size_t size;
	int status;

	if (iotsafe_signature_to_der(raw, raw_size, &der, &size) < 0)
		return fail_library(cli);
	status = show(cli, der, size);
	iotsafe_free(der);
	return status;
}

static int ask(iotsafe_key *key, const struct signed_input *in, uint8_t **raw,
	       size_t *size)
{
	if (in->mode == IOTSAFE_MODE_HOST)
		return iotsafe_key_sign(key, in->hash->algorithm, in->digest,
					in->hash->size, raw, size);
	return iotsafe_key_sign_data(key, in->hash->algorithm, in->mode,
				     in->data.data, in->data.size, raw, size);
}

static int sign(struct cli *cli, iotsafe_key *key, const iotsafe_object *object,
		const struct signed_input *in)
{
	bool der = cli->options.der && !is_rsa(object);
	uint8_t *raw;
	size_t size;
	int status;

	if (ask(key, in, &raw, &size) < 0)
		return fail_library(cli);
	if (cli->json)
		put_signature(cli, object, in, der, iotsafe_key_verifies(key));
	status = der ? show_der(cli, raw, size) : show(cli, raw, size);
	iotsafe_free(raw);
	return status;
}

static int sign_by_name(struct cli *cli, const struct signed_input *in)
{
	iotsafe_object *object;
	iotsafe_key *key;
	int status;

	TRY(card_key(cli, cli->options.key, &key));
	status = key_record(cli, key, &object);
	if (!status) {
		status = sign(cli, key, object, in);
		iotsafe_object_free(object);
	}
	iotsafe_key_free(key);
	return status;
}

int command_sign(struct cli *cli)
{
	struct signed_input in;
	int status;

	if (cli->options.raw && cli->options.der)
		return fail(cli, ERR_USAGE, "give either --raw or --der");
	TRY(out_check(cli));
	TRY(signed_take(cli, cli->options.arguments[0], &in));
	status = card_open(cli);
	if (!status)
		status = sign_by_name(cli, &in);
	signed_free(&in);
	return status;
}
