/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_DERIVE_H
#define SIM_DERIVE_H

#include "bytes.h"

#include <openssl/evp.h>

/* X of the shared point of ECDH, 32 bytes. */
bool derive_agree(EVP_PKEY *own, EVP_PKEY *peer, uint8_t shared[32]);

/* P_SHA256 of TLS 1.2 (RFC 5246 section 5); `seed` begins with the label. */
bool derive_prf(struct view secret, struct view seed, uint8_t *out,
		size_t size);

/* HKDF-Extract (RFC 5869 section 2.2); the size of the key, or 0. */
size_t derive_extract(const EVP_MD *hash, struct view salt, struct view ikm,
		      uint8_t key[EVP_MAX_MD_SIZE]);

/* AES-128-CMAC (NIST SP 800-38B) in steps; NULL when libcrypto fails. */
EVP_MAC_CTX *derive_cmac(struct view key);

#endif
