/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The beginning of a certificate: what of it is there tells who it is of. */
#ifndef PKCS11_FRONT_H
#define PKCS11_FRONT_H

#include "blob.h"

/* Of the bytes that were parsed. */
struct front {
	struct blob serial, issuer, subject; /* DER, whole */
	struct blob spki;		     /* as far as it is there */
};

/* False where it is no certificate, or ends before its subject does. */
bool front_parse(const uint8_t *data, size_t size, struct front *front);

#endif
