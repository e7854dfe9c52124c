/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `iotsafe cert`: a certificate on the card, and those that issued it, as PEM,
 * DER or JSON.
 */
#include <string.h>
#include "certificate.h"
#include "cli.h"
#include "file.h"
#include "issued.h"
#include "json.h"
#include "text.h"

/* More than any sensible chain; GnuTLS takes no longer one either. */
#define CHAIN_MAX 8

struct chain {
	struct certificate certificates[CHAIN_MAX];
	size_t count;
};

static void chain_free(struct chain *chain)
{
	while (chain->count)
		certificate_free(&chain->certificates[--chain->count]);
}

static int add(struct cli *cli, struct chain *chain, const uint8_t *der,
	       size_t size, const char *what)
{
	if (!certificate_read(&chain->certificates[chain->count], der, size))
		return fail(cli, "ERR_FORMAT",
			    "%s: %zu bytes that are no X.509 certificate", what,
			    size);
	chain->count++;
	return 0;
}

static int read_key_chain(struct cli *cli, iotsafe_key *key, unsigned wanted,
			  struct chain *chain)
{
	uint8_t *der;
	size_t size;
	int status = 0;

	for (unsigned i = 0; i < wanted && !status; i++) {
		int result = iotsafe_key_certificate(key, i, &der, &size);

		if (i && result == IOTSAFE_ERR_ABSENT)
			break;
		if (result < 0)
			return fail_library(cli);
		status = add(cli, chain, der, size, "the key's certificate");
		iotsafe_free(der);
	}
	return status;
}

static int complete(struct cli *cli, iotsafe_key *key)
{
	const char *bundle = cli->options.complete;

	if (bundle && iotsafe_key_complete_chain(key, bundle) < 0)
		return fail_library(cli);
	return 0;
}

static int read_key(struct cli *cli, const char *name, unsigned wanted,
		    struct chain *chain)
{
	iotsafe_key *key;
	int status;

	TRY(card_key(cli, name, &key));
	status = complete(cli, key);
	if (!status)
		status = read_key_chain(cli, key, wanted, chain);
	iotsafe_key_free(key);
	return status;
}

/* Gives the library's code, and reports nothing. */
static int load_file(struct cli *cli, const char *name, uint8_t **data,
		     size_t *size)
{
	iotsafe_file *file;
	int result = iotsafe_file_open(cli->card, name, &file);

	if (result < 0)
		return result;
	result = iotsafe_file_read(file, data, size);
	iotsafe_file_free(file);
	return result;
}

static int read_file(struct cli *cli, const char *name, struct chain *chain)
{
	uint8_t *data;
	size_t size;
	int status;

	if (load_file(cli, name, &data, &size) < 0)
		return fail_library(cli);
	status = add(cli, chain, data, size, name);
	iotsafe_free(data);
	return status;
}

static bool is_issued_by_itself(const struct certificate *certificate)
{
	return gnutls_x509_crt_check_issuer(certificate->crt, certificate->crt);
}

/* Adds the certificate if it issued the last one. A root is left out, as in
 * the chain of a key. */
static bool add_issuer(struct chain *chain, const uint8_t *data, size_t size)
{
	struct certificate *next = &chain->certificates[chain->count];

	if (!certificate_read(next, data, size))
		return false;
	if (!gnutls_x509_crt_check_issuer(next[-1].crt, next->crt) ||
	    is_issued_by_itself(next)) {
		certificate_free(next);
		return false;
	}
	chain->count++;
	return true;
}

/* A file that the card will not give is no issuer; a card that does not
 * answer ends the search. */
static int try_issuer(struct cli *cli, const char *name, struct chain *chain,
		      bool *found)
{
	uint8_t *data;
	size_t size;
	int result = load_file(cli, name, &data, &size);

	if (result == IOTSAFE_ERR_CARD || result == IOTSAFE_ERR_DENIED ||
	    result == IOTSAFE_ERR_ABSENT)
		return 0;
	if (result < 0)
		return fail_library(cli);
	/* It may stand behind another one. */
	for (size_t at = 0; at < size && !*found && (!at || data[at] == 0x30);
	     at += certificate_size(data + at, size - at))
		*found = add_issuer(chain, data + at, size - at);
	iotsafe_free(data);
	return 0;
}

static int find_issuer(struct cli *cli, iotsafe_list *list, struct chain *chain,
		       bool *found)
{
	iotsafe_object *object;
	int status = 0;

	*found = false;
	while (!status && !*found) {
		if (iotsafe_list_next(list, &object) < 0)
			return fail_library(cli);
		if (!object)
			break;
		status = try_issuer(cli, iotsafe_object_name(object), chain,
				    found);
		iotsafe_object_free(object);
	}
	return status;
}

static int read_issuers(struct cli *cli, struct chain *chain)
{
	bool found = !is_issued_by_itself(&chain->certificates[0]);
	iotsafe_list *list;
	int status = 0;

	while (!status && found && chain->count < CHAIN_MAX) {
		if (iotsafe_card_list(cli->card, "type=cert", &list) < 0)
			return fail_library(cli);
		status = find_issuer(cli, list, chain, &found);
		iotsafe_list_free(list);
	}
	return status;
}

/* NAME may be a certificate, or the private key whose certificate is meant. */
static int read_named(struct cli *cli, const char *name, struct chain *chain)
{
	unsigned classes;
	bool whole = cli->options.complete || cli->options.verify;
	bool issuers = cli->options.chain || whole;
	bool has_key;

	TRY(card_matches(cli, name, &classes));
	has_key = classes & 1u << IOTSAFE_CLASS_PRIVATE_KEY;
	if (has_key && (whole || !(classes & 1u << IOTSAFE_CLASS_FILE)))
		return read_key(cli, name, issuers ? CHAIN_MAX : 1, chain);
	if (cli->options.complete)
		return fail(cli, ERR_USAGE,
			    "--complete takes the name of a private key, and "
			    "no key is called %s",
			    name);
	TRY(read_file(cli, name, chain));
	return issuers ? read_issuers(cli, chain) : 0;
}

/* All of it, one behind the other; the caller's to free. */
static int make_pem(struct cli *cli, const struct chain *chain, char **out)
{
	char *text = text_copy("");
	gnutls_datum_t der, pem;
	int status = 0;

	for (size_t i = 0; i < chain->count && !status; i++) {
		status = certificate_der(cli, &chain->certificates[i], &der);
		if (status)
			break;
		status = pem_encode(cli, "CERTIFICATE", der.data, der.size,
				    &pem);
		gnutls_free(der.data);
		if (status)
			break;
		text = text_append(text, (const char *)pem.data);
		gnutls_free(pem.data);
	}
	*out = status ? NULL : text;
	if (status)
		text_free(text);
	return status;
}

static int write_pem(struct cli *cli, const struct chain *chain)
{
	char *text;
	int status;

	TRY(make_pem(cli, chain, &text));
	status = out_write(cli, text, strlen(text));
	text_free(text);
	return status;
}

static int verify(struct cli *cli, const struct chain *chain)
{
	char *text;
	int status;

	TRY(make_pem(cli, chain, &text));
	status = issued_verify(cli, text, &chain->certificates[0]);
	text_free(text);
	return status;
}

static int write_der(struct cli *cli, const struct chain *chain)
{
	gnutls_datum_t der;
	int status;

	TRY(certificate_der(cli, &chain->certificates[0], &der));
	status = out_write(cli, der.data, der.size);
	gnutls_free(der.data);
	return status;
}

static int show(struct cli *cli, const struct chain *chain)
{
	if (cli->json) {
		json_array(cli->json, "certificates");
		for (size_t i = 0; i < chain->count; i++)
			TRY(certificate_put(cli, NULL,
					    &chain->certificates[i]));
		json_end(cli->json);
		if (!cli->options.out)
			return 0;
	}
	if (cli->options.verify && !cli->options.out)
		return 0;
	return cli->options.der ? write_der(cli, chain) : write_pem(cli, chain);
}

int command_cert(struct cli *cli)
{
	const char *name = cli->options.arguments[0];
	struct chain chain = {.count = 0};
	int status;

	if (cli->options.der && cli->options.chain)
		return fail(cli, ERR_USAGE,
			    "--der holds one certificate: leave out --chain");
	TRY(issued_check(cli));
	TRY(out_check(cli));
	TRY(card_open(cli));
	if (name && *name)
		status = read_named(cli, name, &chain);
	else
		status = read_key(cli, NULL,
				  cli->options.der && !cli->options.verify
					  ? 1
					  : CHAIN_MAX,
				  &chain);
	if (!status && cli->options.verify)
		status = verify(cli, &chain);
	if (!status)
		status = show(cli, &chain);
	chain_free(&chain);
	return status;
}
