/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `iotsafe csr`: a certificate signing request as PEM, DER or JSON.
 */
#include "cli.h"
#include "file.h"
#include "json.h"

static int show(struct cli *cli, const uint8_t *der, size_t size)
{
	gnutls_datum_t pem;
	int status = 0;

	TRY(pem_encode(cli, "CERTIFICATE REQUEST", der, size, &pem));
	if (cli->json)
		json_string(cli->json, "pem", (const char *)pem.data);
	if (cli->options.out || !cli->json)
		status = cli->options.der ? out_write(cli, der, size)
					  : out_write(cli, pem.data, pem.size);
	gnutls_free(pem.data);
	return status;
}

static int request(struct cli *cli, iotsafe_key *key)
{
	const struct options *options = &cli->options;
	iotsafe_object *object;
	uint8_t *der;
	size_t size;
	int status;

	if (iotsafe_key_csr(key, options->arguments[0], options->san,
			    options->usage, &der, &size) < 0)
		return fail_library(cli);
	status = key_record(cli, key, &object);
	if (!status) {
		if (cli->json)
			json_string(cli->json, "key",
				    iotsafe_object_name(object));
		iotsafe_object_free(object);
		status = show(cli, der, size);
	}
	iotsafe_free(der);
	return status;
}

int command_csr(struct cli *cli)
{
	iotsafe_key *key;
	int status;

	TRY(out_check(cli));
	TRY(card_open(cli));
	TRY(card_key(cli, cli->options.key, &key));
	status = request(cli, key);
	iotsafe_key_free(key);
	return status;
}
