// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * SHA-2 from the middle: signature mode 2 starts from a chaining value, which
 * libcrypto takes only in the contexts of its older functions. Those are
 * deprecated, not gone; this is the one file that uses them.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "sha2.h"

#include <openssl/sha.h>
#include <string.h>

/* A word of a chaining value is big-endian (FIPS 180-4 3.1). */
static uint64_t load(const uint8_t *bytes, size_t size)
{
	uint64_t word = 0;

	for (size_t i = 0; i < size; i++)
		word = word << 8 | bytes[i];
	return word;
}

static bool finish_256(struct view state, size_t counted, struct view rest,
		       uint8_t *digest)
{
	SHA256_CTX context;

	if (state.size != 32 || counted % SHA256_CBLOCK != 0 ||
	    rest.size > SHA256_CBLOCK)
		return false;
	SHA256_Init(&context);
	for (size_t i = 0; i < 8; i++)
		context.h[i] = (SHA_LONG)load(state.data + 4 * i, 4);
	/* Both count bits, in two words. */
	context.Nl = (SHA_LONG)(counted << 3);
	context.Nh = (SHA_LONG)((uint64_t)counted >> 29);
	SHA256_Update(&context, rest.data, rest.size);
	return SHA256_Final(digest, &context) == 1;
}

static bool finish_512(size_t digest_size, struct view state, size_t counted,
		       struct view rest, uint8_t *digest)
{
	SHA512_CTX context;

	if (state.size != 64 || counted % SHA512_CBLOCK != 0 ||
	    rest.size > SHA512_CBLOCK)
		return false;
	SHA512_Init(&context);
	context.md_len = (unsigned int)digest_size;
	for (size_t i = 0; i < 8; i++)
		context.h[i] = load(state.data + 8 * i, 8);
	context.Nl = (uint64_t)counted << 3;
	SHA512_Update(&context, rest.data, rest.size);
	return SHA512_Final(digest, &context) == 1;
}

bool sha2_finish(size_t digest_size, struct view state, size_t counted,
		 struct view rest, uint8_t digest[SHA2_DIGEST_MAX])
{
	if (digest_size == 32)
		return finish_256(state, counted, rest, digest);
	return finish_512(digest_size, state, counted, rest, digest);
}
