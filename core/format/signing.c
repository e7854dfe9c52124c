/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bytes of any size become a signature of the card: one algorithm is chosen,
 * the hash is made here.
 */
#include "base/crypto.h"
#include "base/error.h"
#include "format/signing.h"
#include "object/key.h"

int signing_choose(iotsafe_key *key, int allowed, bool pss, const char *format,
		   int *algorithm)
{
	static const int hashes[] = {IOTSAFE_SHA256, IOTSAFE_SHA384,
				     IOTSAFE_SHA512};
	static const int pkcs1_first[] = {0x00F, 0x0F0, 0xF00};
	static const int pss_first[] = {0x00F, 0xF00, 0x0F0};
	const int *kinds = pss ? pss_first : pkcs1_first;
	int usable;

	TRY(key_learn(key, NULL));
	usable = key_algorithms(key) & allowed;
	for (int kind = 0; kind < 3; kind++)
		for (int hash = 0; hash < 3; hash++) {
			*algorithm = usable & hashes[hash] & kinds[kind];
			if (*algorithm)
				return IOTSAFE_OK;
		}
	return error_set(IOTSAFE_ERR_SUPPORT,
			 "%s: key %s has no algorithm for it", format,
			 key_title(key));
}

int signing_sign(iotsafe_key *key, int algorithm, struct bytes text,
		 uint8_t **out, size_t *out_size)
{
	uint8_t hash[CRYPTO_HASH_MAX];
	size_t size = crypto_hash(algorithm, text, hash);

	return key_sign(key, algorithm, (struct bytes){hash, size}, NULL, out,
			out_size);
}
