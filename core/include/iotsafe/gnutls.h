/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * libiotsafe for programs that use GnuTLS themselves.
 *
 * Functions return IOTSAFE_OK or a negative enum iotsafe_code, like those of
 * iotsafe.h. What fails inside a GnuTLS callback comes out of
 * gnutls_handshake() as IOTSAFE_GNUTLS_ERROR(code), and iotsafe_last_error()
 * in the same thread has the sentence.
 */
#ifndef IOTSAFE_GNUTLS_H
#define IOTSAFE_GNUTLS_H

#include <gnutls/gnutls.h>
#include <gnutls/abstract.h>
#include <iotsafe/iotsafe.h>

#ifdef __cplusplus
extern "C" {
#endif

/** An enum iotsafe_code in GnuTLS's range for applications: -65101 to -65199;
 * and back. */
#define IOTSAFE_GNUTLS_ERROR(code) ((code)-65100)
#define IOTSAFE_GNUTLS_CODE(error)                                             \
	((error) < -65100 && (error) > -65200 ? (error) + 65100 : 0)

/**
 * Puts the card's key behind an initialised gnutls_privkey_t. The private key
 * holds its own use of the key: free yours whenever you like. No card I/O,
 * except once to learn the public key if it is not known yet.
 *
 * Install it with GNUTLS_CERTIFICATE_SKIP_KEY_CERT_MATCH set on the
 * credentials, or GnuTLS makes the card sign a test text.
 */
IOTSAFE_API int iotsafe_key_import(iotsafe_key *key, gnutls_privkey_t privkey);

enum iotsafe_credentials_flag {
	/** Also trust the CA certificates in the card's files (those signed by
	 * themselves). */
	IOTSAFE_CREDENTIALS_CARD_CA = 1
};

/**
 * Fills credentials with a key of the card and its certificate chain, and
 * sets GNUTLS_CERTIFICATE_SKIP_KEY_CERT_MATCH on them: the library compares
 * key and certificate itself, without a signature. GnuTLS can only replace
 * the flags of credentials: set others of your own afterwards, together with
 * this one.
 *
 * @param name the private key; NULL: the identity
 * @param flags bits of enum iotsafe_credentials_flag
 * @return IOTSAFE_ERR_ABSENT if the key has no certificate,
 *         IOTSAFE_ERR_VERIFY if the certificate is of another key
 */
IOTSAFE_API int iotsafe_credentials_set(gnutls_certificate_credentials_t cred,
					iotsafe_card *card, const char *name,
					unsigned flags);

/**
 * Trusts the CA certificate in a file of the card, besides whom the
 * credentials trust already. @param name the file; NULL: every CA certificate
 * on the card that is signed by itself, IOTSAFE_ERR_ABSENT if there is none
 */
IOTSAFE_API int iotsafe_credentials_set_ca(
	gnutls_certificate_credentials_t cred, iotsafe_card *card,
	const char *name);

/**
 * The server is authenticated by the card, as iotsafe_tls_set_ca_key() says:
 * takes the place of the session's verification function. Before the
 * handshake; the session holds a use of the card until gnutls_deinit().
 *
 * @param name the CA's public-key object
 * @param hostname a DNS name or an IP address that must be the server's;
 *        NULL: any name is taken
 */
IOTSAFE_API int iotsafe_session_set_ca_key(gnutls_session_t session,
					   iotsafe_card *card, const char *name,
					   const char *hostname);

/**
 * Authenticates a session with a secret key of the card instead of
 * certificates: gives it credentials of its own, and a priority that offers
 * nothing but pre-shared keys (gnutls_priority_set_direct() afterwards makes
 * another choice), and a verification function that refuses a server with a
 * certificate instead. Before the handshake; the session holds a use of the
 * card until gnutls_deinit().
 *
 * IOTSAFE_PSK_CARD takes the session's functions for key logs and for
 * handshake messages, and is for TLS 1.2 and DTLS 1.2.
 *
 * @param identity what the server knows us by, 1 to 128 bytes
 * @param name the secret key; NULL: the only one
 * @param kind enum iotsafe_psk
 * @param data the context of IOTSAFE_PSK_DERIVED, or NULL
 * @return IOTSAFE_ERR_SUPPORT where this GnuTLS does not let the card compute
 *         the master secret
 */
IOTSAFE_API int iotsafe_session_set_psk(gnutls_session_t session,
					iotsafe_card *card,
					const char *identity, const char *name,
					int kind, const uint8_t *data,
					size_t data_size);

/**
 * Registers the URL scheme `iotsafe:` with GnuTLS for this process, so that
 * names like `iotsafe:label=client?card=at:/dev/ttyUSB2` serve as key and
 * certificate wherever GnuTLS takes a file name or URL. Calling it again does
 * no harm. Lower case only. Without `?card=` the environment variable
 * IOTSAFE_CARD names the card; it stays open until the process exits.
 */
IOTSAFE_API int iotsafe_gnutls_register(void);

#ifdef __cplusplus
}
#endif

#endif
