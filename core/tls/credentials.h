/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Key and certificate chain of the card in GnuTLS's credentials. */
#ifndef TLS_CREDENTIALS_H
#define TLS_CREDENTIALS_H

#include <gnutls/gnutls.h>
#include <iotsafe/iotsafe.h>
#include "tls/privkey.h"

/* `key` has been learnt (key_learn()). Takes a use of its own of it. `raw`:
 * its public key goes in the place of certificates (RFC 7250). */
int credentials_install(gnutls_certificate_credentials_t cred, iotsafe_key *key,
			struct signing *signing, bool raw);

#endif
