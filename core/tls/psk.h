/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A pre-shared key of the card in a GnuTLS session of ours or of an
 * application. */
#ifndef TLS_PSK_H
#define TLS_PSK_H

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <iotsafe/iotsafe.h>
#include <stdbool.h>
#include "base/bytes.h"
#include "base/deadline.h"
#include "object/key.h"

/* What hangs on the session, and goes with it. */
struct psk {
	iotsafe_card *card;
	const struct deadline *limit; /* NULL: the card's own time-out */
	char *identity;
	char *name;
	int kind; /* enum iotsafe_psk */
	uint8_t context[32];
	gnutls_psk_client_credentials_t cred;

	/* IOTSAFE_PSK_DERIVED: asked for once, or twice where ClientHello is
	 * for both versions. */
	uint8_t key[CARD_PSK_SIZE];
	bool key_known;

	/* IOTSAFE_PSK_CARD: SHA-256 of the messages so far. */
	gnutls_hash_hd_t transcript;
	bool datagram;
	uint16_t sent, received;
};

/* Hangs the key on the session; `limit` must outlive the session. */
int psk_attach(gnutls_session_t session, iotsafe_card *card,
	       const char *identity, const char *name, int kind,
	       struct bytes context, const struct deadline *limit);
struct psk *psk_of(gnutls_session_t session);

/* What follows a priority string so that only such keys are offered. */
const char *psk_priority(int kind);

/* True if the handshake has shown that the server knows the key. */
bool psk_was_used(gnutls_session_t session);

/* psk_card.c */

/* Has the card compute the session's master secret. IOTSAFE_ERR_SUPPORT where
 * GnuTLS does not let it. */
int psk_card_install(gnutls_session_t session, struct psk *psk);

#endif
