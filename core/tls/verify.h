/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is asked of a server's certificate, and how a "no" is told. */
#ifndef TLS_VERIFY_H
#define TLS_VERIFY_H

#include <gnutls/x509.h>

/* It must be for servers (RFC 5280 4.2.1.12). */
gnutls_typed_vdata_st verify_purpose(void);

/* Records IOTSAFE_ERR_UNTRUSTED with GnuTLS's words for the status. */
int verify_tell(gnutls_session_t session, const char *peer, unsigned status);

#endif
