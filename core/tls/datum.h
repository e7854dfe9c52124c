/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Our bytes as GnuTLS takes them. */
#ifndef TLS_DATUM_H
#define TLS_DATUM_H

#include <gnutls/gnutls.h>
#include <string.h>
#include "base/bytes.h"

/* GnuTLS only reads what its inputs point to; its type has no const. */
static inline gnutls_datum_t datum_of(struct bytes bytes)
{
	gnutls_datum_t datum = {NULL, (unsigned)bytes.size};

	memcpy(&datum.data, &bytes.data, sizeof(datum.data));
	return datum;
}

#endif
