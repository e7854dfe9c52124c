/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hashes and what is made of them: chaining values, HKDF, the PRF of TLS 1.2.
 */
#include <gnutls/crypto.h>
#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <string.h>
#include "base/crypto.h"
#include "base/crypto_datum.h"
#include "base/error.h"

size_t crypto_hash_block_size(int algorithm)
{
	return crypto_hash_size(algorithm) > SHA256_DIGEST_SIZE
		       ? SHA512_BLOCK_SIZE
		       : SHA256_BLOCK_SIZE;
}

/* GnuTLS's number of the hash. */
static gnutls_digest_algorithm_t digest_of(int algorithm)
{
	switch (crypto_hash_size(algorithm)) {
	case SHA512_DIGEST_SIZE:
		return GNUTLS_DIG_SHA512;
	case SHA384_DIGEST_SIZE:
		return GNUTLS_DIG_SHA384;
	case SHA224_DIGEST_SIZE:
		return GNUTLS_DIG_SHA224;
	case SHA1_DIGEST_SIZE:
		return GNUTLS_DIG_SHA1;
	default:
		return GNUTLS_DIG_SHA256;
	}
}

size_t crypto_hash(int algorithm, struct bytes data, uint8_t *out)
{
	return gnutls_hash_fast(digest_of(algorithm), data.data, data.size,
				out) < 0
		       ? 0
		       : crypto_hash_size(algorithm);
}

/* Without a hash nothing is computed, and `out` stays zero. */
void crypto_hkdf_extract(int algorithm, struct bytes secret, struct bytes salt,
			 uint8_t *out)
{
	/* Extract is an HMAC with the salt for its key. */
	memset(out, 0, CRYPTO_HASH_MAX);
	gnutls_hmac_fast((gnutls_mac_algorithm_t)digest_of(algorithm),
			 salt.data, salt.size, secret.data, secret.size, out);
}

void crypto_prf(struct bytes secret, struct bytes seed, uint8_t *out,
		size_t size)
{
	uint8_t a[SHA256_DIGEST_SIZE + 255], part[SHA256_DIGEST_SIZE];
	size_t seed_size = seed.size < 255 ? seed.size : 255;
	struct bytes in = seed;

	for (size_t done = 0; done < size; done += sizeof(part)) {
		size_t left = size - done;

		/* A(i) = HMAC(A(i - 1)); A(0) is the seed. */
		gnutls_hmac_fast(GNUTLS_MAC_SHA256, secret.data, secret.size,
				 in.data, in.size, part);
		memcpy(a, part, sizeof(part));
		memcpy(a + sizeof(part), seed.data, seed_size);
		gnutls_hmac_fast(GNUTLS_MAC_SHA256, secret.data, secret.size, a,
				 sizeof(part) + seed_size, part);
		memcpy(out + done, part,
		       left < sizeof(part) ? left : sizeof(part));
		in = (struct bytes){a, sizeof(part)};
	}
	bytes_wipe(a, sizeof(a));
	bytes_wipe(part, sizeof(part));
}

/* Big-endian words, in the order of their letters a to h. */
static void put_words(const void *words, size_t size, uint8_t *out)
{
	for (size_t i = 0; i < 8; i++)
		for (size_t j = 0; j < size; j++) {
			uint64_t word = size == 8
						? ((const uint64_t *)words)[i]
						: ((const uint32_t *)words)[i];

			*out++ = (uint8_t)(word >> (8 * (size - 1 - j)));
		}
}

size_t crypto_hash_state(int algorithm, struct bytes blocks, uint8_t *out)
{
	struct sha256_ctx small;
	struct sha512_ctx large;

	if (crypto_hash_size(algorithm) == SHA256_DIGEST_SIZE) {
		sha256_init(&small);
		sha256_update(&small, blocks.size, blocks.data);
		put_words(small.state, sizeof(small.state[0]), out);
		return sizeof(small.state);
	}
	if (crypto_hash_size(algorithm) == SHA384_DIGEST_SIZE)
		sha384_init(&large);
	else
		sha512_init(&large);
	sha512_update(&large, blocks.size, blocks.data);
	put_words(large.state, sizeof(large.state[0]), out);
	return sizeof(large.state);
}

int iotsafe_hkdf_expand(int algorithm, const uint8_t *secret,
			size_t secret_size, const uint8_t *data,
			size_t data_size, size_t size, uint8_t **out,
			size_t *out_size)
{
	const int bit = algorithm & 0x7;
	gnutls_datum_t key = datum_of((struct bytes){secret, secret_size});
	gnutls_datum_t info = datum_of((struct bytes){data, data_size});
	int error;

	if (!bytes_ready(out, out_size) || !secret || (data_size && !data) ||
	    !crypto_hash_size(bit) || !size ||
	    size > 255 * crypto_hash_size(bit))
		return error_set(IOTSAFE_ERR_ARG,
				 "HKDF-Expand: a hash, a secret, and 1 to 255 "
				 "times the hash's size");
	*out = bytes_room(size);
	if (!*out)
		return IOTSAFE_ERR_MEMORY;
	/* Their numbers of a hash and of its HMAC are the same. */
	error = gnutls_hkdf_expand((gnutls_mac_algorithm_t)digest_of(bit), &key,
				   &info, *out, size);
	if (error < 0)
		error = crypto_failed(IOTSAFE_ERR_ARG, error, "HKDF-Expand");
	return bytes_settle(error, size, out, out_size);
}
