/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A GnuTLS session becomes the owner of something of ours. */
#include "base/crypto.h"
#include "tls/attach.h"

int attach(gnutls_session_t session, enum attached what, void *data,
	   void (*release)(void *data))
{
	int error = gnutls_session_ext_register(session, "iotsafe", (int)what,
						GNUTLS_EXT_TLS, NULL, NULL,
						release, NULL, NULL, 0);

	if (error < 0 && error != GNUTLS_E_ALREADY_REGISTERED)
		return crypto_failed(IOTSAFE_ERR_TLS, error, "session: GnuTLS");
	gnutls_ext_set_data(session, what, data);
	return IOTSAFE_OK;
}

void *attached(gnutls_session_t session, enum attached what)
{
	gnutls_ext_priv_data_t data;

	return gnutls_ext_get_data(session, what, &data) < 0 ? NULL : data;
}
