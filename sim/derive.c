// SPDX-License-Identifier: LGPL-2.1-or-later
/* Secrets out of secrets, by libcrypto: ECDH, the PRF, HKDF and CMAC. */
#include "derive.h"

#include <openssl/core_names.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

bool derive_agree(EVP_PKEY *own, EVP_PKEY *peer, uint8_t shared[32])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, own, NULL);
	size_t size = 32;
	bool done;

	done = ctx != NULL && EVP_PKEY_derive_init(ctx) == 1 &&
	       EVP_PKEY_derive_set_peer(ctx, peer) == 1 &&
	       EVP_PKEY_derive(ctx, shared, &size) == 1 && size == 32;
	EVP_PKEY_CTX_free(ctx);
	return done;
}

/* libcrypto writes to none of what it is given here. */
static OSSL_PARAM octets(const char *name, struct view value)
{
	return OSSL_PARAM_construct_octet_string(
		name, (void *)(uintptr_t)value.data, value.size);
}

static OSSL_PARAM words(const char *name, const char *value)
{
	return OSSL_PARAM_construct_utf8_string(name, (char *)(uintptr_t)value,
						0);
}

bool derive_prf(struct view secret, struct view seed, uint8_t *out, size_t size)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, OSSL_KDF_NAME_TLS1_PRF, NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	OSSL_PARAM params[] = {
		words(OSSL_KDF_PARAM_DIGEST, "SHA256"),
		octets(OSSL_KDF_PARAM_SECRET, secret),
		octets(OSSL_KDF_PARAM_SEED, seed),
		OSSL_PARAM_construct_end(),
	};
	bool done = ctx != NULL && EVP_KDF_derive(ctx, out, size, params) == 1;

	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return done;
}

size_t derive_extract(const EVP_MD *hash, struct view salt, struct view ikm,
		      uint8_t key[EVP_MAX_MD_SIZE])
{
	unsigned int size = 0;

	if (HMAC(hash, salt.data, (int)salt.size, ikm.data, ikm.size, key,
		 &size) == NULL)
		return 0;
	return size;
}

EVP_MAC_CTX *derive_cmac(struct view key)
{
	EVP_MAC *mac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_CMAC, NULL);
	EVP_MAC_CTX *ctx = mac ? EVP_MAC_CTX_new(mac) : NULL;
	OSSL_PARAM params[] = {
		words(OSSL_MAC_PARAM_CIPHER, "AES-128-CBC"),
		OSSL_PARAM_construct_end(),
	};

	EVP_MAC_free(mac);
	if (ctx != NULL && EVP_MAC_init(ctx, key.data, key.size, params) == 1)
		return ctx;
	EVP_MAC_CTX_free(ctx);
	return NULL;
}
