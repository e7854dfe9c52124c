/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `iotsafe sign`: a file is hashed here, the hash is signed on the card.
 */
#include <stdio.h>
#include <string.h>
#include "cli.h"
#include "file.h"
#include "json.h"
#include "text.h"
#include "watch.h"

#define HASH_MAX 64

struct hash {
	const char *name;
	int algorithm;
	gnutls_digest_algorithm_t gnutls;
	size_t size;
};

static const struct hash hashes[] = {
	{"sha256", IOTSAFE_SHA256, GNUTLS_DIG_SHA256, 32},
	{"sha384", IOTSAFE_SHA384, GNUTLS_DIG_SHA384, 48},
	{"sha512", IOTSAFE_SHA512, GNUTLS_DIG_SHA512, 64},
};

#define HASHES_COUNT (sizeof(hashes) / sizeof(hashes[0]))

static const struct hash *hash_by_name(const char *name)
{
	for (size_t i = 0; i < HASHES_COUNT; i++)
		if (!strcmp(hashes[i].name, name))
			return &hashes[i];
	return NULL;
}

static const struct hash *hash_by_size(size_t size)
{
	for (size_t i = 0; i < HASHES_COUNT; i++)
		if (hashes[i].size == size)
			return &hashes[i];
	return NULL;
}

/* NULL where no name is given. */
static int choose_hash(struct cli *cli, const struct hash **hash)
{
	const char *name = cli->options.hash;

	*hash = name ? hash_by_name(name) : NULL;
	if (name && !*hash)
		return fail(cli, ERR_USAGE,
			    "--hash takes sha256, sha384 or sha512, not \"%s\"",
			    name);
	return 0;
}

/* Without --hash the size of the digest tells it. */
static int take_digest(struct cli *cli, const struct hash **hash,
		       uint8_t *digest)
{
	const char *text = cli->options.digest;
	uint8_t bytes[256];
	size_t size = 0;

	if (cli->options.count)
		return fail(cli, ERR_USAGE,
			    "give either --digest or a file to sign");
	if (strlen(text) > sizeof(bytes) || !text_unhex(text, bytes, &size))
		return fail(cli, ERR_USAGE,
			    "--digest is not made of hexadecimal bytes");
	if (!*hash)
		*hash = hash_by_size(size);
	if (!*hash)
		return fail(cli, ERR_USAGE,
			    "--digest has %zu bytes: a hash has 32, 48 or 64",
			    size);
	if ((*hash)->size != size)
		return fail(cli, ERR_USAGE,
			    "--digest has %zu bytes, %s has %zu", size,
			    (*hash)->name, (*hash)->size);
	memcpy(digest, bytes, size);
	return 0;
}

static int take_input(struct cli *cli, const struct hash **hash,
		      uint8_t *digest)
{
	TRY(choose_hash(cli, hash));
	if (cli->options.digest)
		return take_digest(cli, hash, digest);
	if (!*hash)
		*hash = &hashes[0];
	return file_hash(cli, cli->options.arguments[0], (*hash)->gnutls,
			 digest);
}

static void put_signature(struct cli *cli, const iotsafe_object *object,
			  const struct hash *hash, const uint8_t *digest,
			  bool der, bool verified)
{
	json_string(cli->json, "key", iotsafe_object_name(object));
	json_string(cli->json, "hash", hash->name);
	json_hex(cli->json, "digest", digest, hash->size);
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

static int sign(struct cli *cli, iotsafe_key *key, const iotsafe_object *object,
		const struct hash *hash, const uint8_t *digest)
{
	bool der = cli->options.der && !is_rsa(object);
	uint8_t *raw;
	size_t size;
	int status;

	if (iotsafe_key_sign(key, hash->algorithm, digest, hash->size, &raw,
			     &size) < 0)
		return fail_library(cli);
	if (cli->json)
		put_signature(cli, object, hash, digest, der,
			      iotsafe_key_verifies(key));
	status = der ? show_der(cli, raw, size) : show(cli, raw, size);
	iotsafe_free(raw);
	return status;
}

int command_sign(struct cli *cli)
{
	const struct hash *hash;
	uint8_t digest[HASH_MAX];
	iotsafe_key *key;
	iotsafe_object *object;
	int status;

	if (cli->options.raw && cli->options.der)
		return fail(cli, ERR_USAGE, "give either --raw or --der");
	TRY(out_check(cli));
	TRY(take_input(cli, &hash, digest));
	TRY(card_open(cli));
	TRY(card_key(cli, cli->options.key, &key));
	status = key_record(cli, key, &object);
	if (!status) {
		status = sign(cli, key, object, hash, digest);
		iotsafe_object_free(object);
	}
	iotsafe_key_free(key);
	return status;
}
