/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `iotsafe decrypt`: what was encrypted to the card's RSA key (PKCS#1 v1.5)
 * becomes text again.
 */
#include "cli.h"
#include "file.h"
#include "input.h"

/* More than any modulus. */
#define INPUT_MAX 65536

static int decrypt(struct cli *cli, const struct buffer *in)
{
	iotsafe_key *key;
	uint8_t *text;
	size_t size;
	int status = 0;

	TRY(card_key(cli, cli->options.key, &key));
	if (iotsafe_key_decrypt(key, in->data, in->size, &text, &size) < 0) {
		status = fail_library(cli);
	} else {
		status = secret_show(cli, "text", text, size);
		iotsafe_free(text);
	}
	iotsafe_key_free(key);
	return status;
}

int command_decrypt(struct cli *cli)
{
	struct buffer in;
	int status;

	TRY(secret_check(cli));
	TRY(input_file(cli, cli->options.arguments[0], INPUT_MAX, &in));
	status = card_open(cli);
	if (!status)
		status = decrypt(cli, &in);
	input_free(&in);
	return status;
}
