/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `iotsafe agree`, `prf`, `hkdf`, `psk` and `mac`: what the card computes with
 * its secrets. All but the last give secrets themselves.
 */
#include <stdio.h>
#include <string.h>
#include "cli.h"
#include "file.h"
#include "input.h"
#include "json.h"
#include "signed.h"

#define SECRET_MAX 4096
#define MAC_MAX	   (1 << 20)
#define PRF_SIZE   32

/* Shows it and frees it, if there is one. */
static int show_secret(struct cli *cli, int result, uint8_t *data, size_t size)
{
	int status;

	if (result < 0)
		return fail_library(cli);
	status = secret_show(cli, "secret", data, size);
	iotsafe_free(data);
	return status;
}

/* ---- agree ---- */

static int agree(struct cli *cli, const struct buffer *peer)
{
	iotsafe_key *key;
	uint8_t *out;
	size_t size;
	int result;

	TRY(card_open(cli));
	TRY(card_key(cli, cli->options.key, &key));
	result = iotsafe_key_agree(key, cli->options.slot, peer->data,
				   peer->size, &out, &size);
	iotsafe_key_free(key);
	return show_secret(cli, result, out, size);
}

int command_agree(struct cli *cli)
{
	const char *path = cli->options.arguments[0];
	struct buffer peer = {0};
	int status;

	TRY(secret_check(cli));
	if (path)
		TRY(input_public_key(cli, path, &peer));
	status = agree(cli, &peer);
	input_free(&peer);
	return status;
}

/* ---- prf ---- */

static int prf(struct cli *cli, const struct buffer *secret,
	       const struct buffer *seed)
{
	const struct options *options = &cli->options;
	size_t wanted = options->size ? (size_t)options->size : PRF_SIZE;
	uint8_t *out;
	size_t size;
	int result;

	TRY(card_open(cli));
	result = iotsafe_card_prf(cli->card, options->key, secret->data,
				  secret->size,
				  options->label ? options->label : "",
				  seed->data, seed->size, wanted, &out, &size);
	return show_secret(cli, result, out, size);
}

int command_prf(struct cli *cli)
{
	const struct options *options = &cli->options;
	struct buffer secret = {0}, seed;
	int status = 0;

	TRY(secret_check(cli));
	if (!options->secret && !options->key)
		return fail(cli, ERR_USAGE,
			    "prf needs --key, --secret, or both");
	TRY(input_hex(cli, "--seed", options->seed, &seed));
	if (options->secret)
		status = input_file(cli, options->secret, SECRET_MAX, &secret);
	if (!status)
		status = prf(cli, &secret, &seed);
	input_free(&secret);
	input_free(&seed);
	return status;
}

/* ---- hkdf ---- */

struct hkdf {
	const struct hash *hash;
	struct buffer secret, salt, info;
};

static int expand(struct cli *cli, const struct hkdf *in, const uint8_t *prk,
		  size_t prk_size)
{
	uint8_t *out;
	size_t size;
	int result = iotsafe_hkdf_expand(
		in->hash->algorithm, prk, prk_size, in->info.data,
		in->info.size, (size_t)cli->options.size, &out, &size);

	return show_secret(cli, result, out, size);
}

static int extract(struct cli *cli, const struct hkdf *in)
{
	uint8_t *prk;
	size_t size;
	int status;

	TRY(card_open(cli));
	if (iotsafe_card_hkdf_extract(cli->card, in->hash->algorithm,
				      in->secret.data, in->secret.size,
				      in->salt.data, in->salt.size, &prk,
				      &size) < 0)
		return fail_library(cli);
	if (!cli->options.size)
		return show_secret(cli, 0, prk, size);
	status = expand(cli, in, prk, size);
	iotsafe_free(prk);
	return status;
}

static int take_hkdf(struct cli *cli, struct hkdf *in)
{
	const struct options *options = &cli->options;

	TRY(secret_check(cli));
	if (!options->secret)
		return fail(cli, ERR_USAGE, "hkdf needs --secret FILE");
	if (options->info && !options->size)
		return fail(cli, ERR_USAGE,
			    "--info is for HKDF-Expand: give --size too");
	TRY(signed_hash(cli, &in->hash));
	if (!in->hash)
		in->hash = signed_default();
	TRY(input_hex(cli, "--salt", options->salt, &in->salt));
	TRY(input_hex(cli, "--info", options->info, &in->info));
	return input_file(cli, options->secret, SECRET_MAX, &in->secret);
}

int command_hkdf(struct cli *cli)
{
	struct hkdf in = {0};
	int status = take_hkdf(cli, &in);

	if (!status)
		status = extract(cli, &in);
	input_free(&in.secret);
	input_free(&in.salt);
	input_free(&in.info);
	return status;
}

/* ---- psk, mac ---- */

int command_psk(struct cli *cli)
{
	const char *context = cli->options.context;
	uint8_t *out;
	size_t size;
	int result;

	TRY(secret_check(cli));
	TRY(card_open(cli));
	result = iotsafe_card_psk(cli->card, cli->options.key,
				  cli->options.arguments[0],
				  (const uint8_t *)context,
				  context ? strlen(context) : 0, &out, &size);
	return show_secret(cli, result, out, size);
}

static int mac(struct cli *cli, const struct buffer *data)
{
	uint8_t *out;
	size_t size;
	int status = 0;

	TRY(card_open(cli));
	if (iotsafe_card_mac(cli->card, cli->options.key, data->data,
			     data->size, &out, &size) < 0)
		return fail_library(cli);
	if (cli->json)
		json_hex(cli->json, "mac", out, size);
	if (cli->options.out)
		status = out_write(cli, out, size);
	else if (!cli->json)
		out_hex(out, size);
	iotsafe_free(out);
	return status;
}

int command_mac(struct cli *cli)
{
	struct buffer data;
	int status;

	TRY(out_check(cli));
	TRY(input_file(cli, cli->options.arguments[0], MAC_MAX, &data));
	status = mac(cli, &data);
	input_free(&data);
	return status;
}
