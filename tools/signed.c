/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Options and a file become what is signed or verified.
 */
#include <stdio.h>
#include <string.h>
#include "file.h"
#include "json.h"
#include "signed.h"
#include "text.h"

/* IoT.05: the size of a text has three bytes. */
#define TEXT_MAX 0xFFFFFF

/* Hashes alone leave the rest to the key. */
static const struct hash hashes[] = {
	{"sha256", IOTSAFE_SHA256, GNUTLS_DIG_SHA256, 32},
	{"sha384", IOTSAFE_SHA384, GNUTLS_DIG_SHA384, 48},
	{"sha512", IOTSAFE_SHA512, GNUTLS_DIG_SHA512, 64},
	{"ecdsa-sha256", IOTSAFE_ECDSA_SHA256, GNUTLS_DIG_SHA256, 32},
	{"ecdsa-sha384", IOTSAFE_ECDSA_SHA384, GNUTLS_DIG_SHA384, 48},
	{"ecdsa-sha512", IOTSAFE_ECDSA_SHA512, GNUTLS_DIG_SHA512, 64},
	{"rsa-pkcs1-sha256", IOTSAFE_RSA_PKCS1_SHA256, GNUTLS_DIG_SHA256, 32},
	{"rsa-pkcs1-sha384", IOTSAFE_RSA_PKCS1_SHA384, GNUTLS_DIG_SHA384, 48},
	{"rsa-pkcs1-sha512", IOTSAFE_RSA_PKCS1_SHA512, GNUTLS_DIG_SHA512, 64},
	{"rsa-pkcs1-sha1", IOTSAFE_RSA_PKCS1_SHA1, GNUTLS_DIG_SHA1, 20},
	{"rsa-pkcs1-sha224", IOTSAFE_RSA_PKCS1_SHA224, GNUTLS_DIG_SHA224, 28},
	{"rsa-pss-sha256", IOTSAFE_RSA_PSS_SHA256, GNUTLS_DIG_SHA256, 32},
	{"rsa-pss-sha384", IOTSAFE_RSA_PSS_SHA384, GNUTLS_DIG_SHA384, 48},
	{"rsa-pss-sha512", IOTSAFE_RSA_PSS_SHA512, GNUTLS_DIG_SHA512, 64},
};

#define HASHES_COUNT (sizeof(hashes) / sizeof(hashes[0]))

static const char *const modes[] = {
	[IOTSAFE_MODE_FULL_TEXT] = "full-text",
	[IOTSAFE_MODE_LAST_BLOCK] = "last-block",
	[IOTSAFE_MODE_HOST] = "host",
};

const struct hash *signed_default(void)
{
	return &hashes[0];
}

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

int signed_hash(struct cli *cli, const struct hash **hash)
{
	const char *name = cli->options.hash;

	*hash = name ? hash_by_name(name) : NULL;
	if (name && !*hash)
		return fail(cli, ERR_USAGE,
			    "--hash takes sha256, sha384 or sha512, or a whole "
			    "algorithm like rsa-pss-sha256, not \"%s\"",
			    name);
	return 0;
}

static int take_mode(struct cli *cli, int *mode)
{
	const char *name = cli->options.mode;

	*mode = IOTSAFE_MODE_HOST;
	if (!name)
		return 0;
	for (int i = 1; i <= IOTSAFE_MODE_HOST; i++)
		if (!strcmp(modes[i], name)) {
			*mode = i;
			return 0;
		}
	return fail(cli, ERR_USAGE,
		    "--mode takes host, full-text or last-block, not \"%s\"",
		    name);
}

/* Without --hash the size of the digest tells it. */
static int take_digest(struct cli *cli, struct signed_input *in)
{
	const char *text = cli->options.digest;
	uint8_t bytes[256];
	size_t size = 0;

	if (strlen(text) > sizeof(bytes) || !text_unhex(text, bytes, &size))
		return fail(cli, ERR_USAGE,
			    "--digest is not made of hexadecimal bytes");
	if (!in->hash)
		in->hash = hash_by_size(size);
	if (!in->hash)
		return fail(cli, ERR_USAGE,
			    "--digest has %zu bytes: a hash has 32, 48 or 64",
			    size);
	if (in->hash->size != size)
		return fail(cli, ERR_USAGE,
			    "--digest has %zu bytes, %s has %zu", size,
			    in->hash->name, in->hash->size);
	if (in->mode != IOTSAFE_MODE_HOST)
		return fail(cli, ERR_USAGE,
			    "--digest is hashed already: leave out --mode");
	memcpy(in->digest, bytes, size);
	return 0;
}

int signed_take(struct cli *cli, const char *path, struct signed_input *in)
{
	const struct options *options = &cli->options;

	*in = (struct signed_input){0};
	TRY(signed_hash(cli, &in->hash));
	TRY(take_mode(cli, &in->mode));
	if ((path != NULL) + (options->data != NULL) +
		    (options->digest != NULL) >
	    1)
		return fail(cli, ERR_USAGE,
			    "give either --digest or a file, and one file");
	if (options->digest)
		return take_digest(cli, in);
	if (options->data)
		path = options->data;
	if (!in->hash)
		in->hash = &hashes[0];
	if (in->mode == IOTSAFE_MODE_HOST)
		return file_hash(cli, path,
				 (gnutls_digest_algorithm_t)in->hash->gnutls,
				 in->digest);
	return input_file(cli, path, TEXT_MAX, &in->data);
}

void signed_free(struct signed_input *in)
{
	input_free(&in->data);
}

void signed_put(struct cli *cli, const struct signed_input *in)
{
	json_string(cli->json, "hash", in->hash->name);
	json_string(cli->json, "mode", modes[in->mode]);
	if (in->mode == IOTSAFE_MODE_HOST)
		json_hex(cli->json, "digest", in->digest, in->hash->size);
	else
		json_string(cli->json, "digest", NULL);
}
