/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One form of COSE_Encrypt0 (RFC 9052 5.2), in deterministic CBOR (RFC 8949
 * 4.2.1): tag 16, A256GCM in the protected header; `kid` and Partial IV in the
 * other. Pure: bytes in, values out. */
#ifndef FORMAT_COSE_H
#define FORMAT_COSE_H

#include "base/bytes.h"

#define COSE_KID_MAX  64
#define COSE_TEXT_MAX (65536 + 16)
/* Of what stands in front of the ciphertext. */
#define COSE_HEAD_MAX (COSE_KID_MAX + 32)

struct cose {
	struct bytes kid;
	uint32_t counter;  /* the Partial IV */
	struct bytes text; /* the ciphertext with its tag of 16 bytes */
};

/* Writes the head of a message whose ciphertext has `text_size` bytes; these
 * follow it. */
void cose_build(struct builder *out, struct bytes kid, uint32_t counter,
		size_t text_size);

/* False for anything that cose_build() and a ciphertext do not make. */
bool cose_read(struct bytes in, struct cose *out);

/* Writes what is authenticated beside the ciphertext, the Enc_structure of
 * RFC 9052 5.3, but for the `extra_size` bytes of external_aad at its end. */
void cose_build_aad(struct builder *out, size_t extra_size);

#endif
