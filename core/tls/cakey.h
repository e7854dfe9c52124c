/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A server's certificate chain, believed because the card knows its CA. */
#ifndef TLS_CAKEY_H
#define TLS_CAKEY_H

#include <gnutls/x509.h>
#include <iotsafe/iotsafe.h>
#include "base/deadline.h"

struct cakey {
	iotsafe_card *card;
	const char *name; /* of the public-key object */
	const struct deadline *limit;
};

/*
 * The card verifies the CA's signature; GnuTLS the rest, of which `status`
 * tells (enum gnutls_certificate_status_t). `data`: as for
 * gnutls_x509_trust_list_verify_crt2().
 */
int cakey_check(const struct cakey *self, gnutls_session_t session,
		gnutls_typed_vdata_st *data, unsigned count, unsigned *status);

#endif
