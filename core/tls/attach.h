/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the library keeps with a GnuTLS session that may be an application's:
 * its session pointer is its own. */
#ifndef TLS_ATTACH_H
#define TLS_ATTACH_H

#include <gnutls/gnutls.h>

/* For private use (RFC 8446 11), and never sent: GnuTLS keeps such things
 * under the number of an extension. */
enum attached { ATTACHED_PSK = 0xFF53, ATTACHED_CA_KEY = 0xFF54 };

/* `release` is called by gnutls_deinit(), and when something else takes the
 * place. If this fails `data` is still the caller's. */
int attach(gnutls_session_t session, enum attached what, void *data,
	   void (*release)(void *data));
void *attached(gnutls_session_t session, enum attached what);

#endif
