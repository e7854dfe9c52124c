/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which algorithm of a key a format takes, and the signature over its bytes. */
#ifndef FORMAT_SIGNING_H
#define FORMAT_SIGNING_H

#include <iotsafe/iotsafe.h>
#include "base/bytes.h"

/* Learns the key, so that key_spki() answers. The best algorithm of these
 * bits that it has: ECDSA before RSA, PSS before PKCS #1 v1.5 if `pss`, short
 * hashes first. IOTSAFE_ERR_SUPPORT (with the name of the format) if none. */
int signing_choose(iotsafe_key *key, int allowed, bool pss, const char *format,
		   int *algorithm);

/* Hashes the bytes here and has the card sign the hash: r‖s or the block. */
int signing_sign(iotsafe_key *key, int algorithm, struct bytes text,
		 uint8_t **out, size_t *out_size);

#endif
