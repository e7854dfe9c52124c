/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes of ours for GnuTLS. */
#ifndef BASE_CRYPTO_DATUM_H
#define BASE_CRYPTO_DATUM_H

#include <gnutls/gnutls.h>
#include "base/bytes.h"

/* GnuTLS only reads what its inputs point to; its type has no const. */
static inline gnutls_datum_t datum_of(struct bytes bytes)
{
	union {
		const uint8_t *in;
		uint8_t *out;
	} data = {.in = bytes.data};

	return (gnutls_datum_t){data.out, (unsigned)bytes.size};
}

/* A copy in GnuTLS's own memory, which is GnuTLS's to free. */
int datum_give(struct bytes from, gnutls_datum_t *out);

#endif
