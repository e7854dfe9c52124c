/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A secret key of the card authenticates both ends of a session, in the place
 * of certificates: GnuTLS asks for it when the handshake needs it.
 */
#include <iotsafe/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/crypto.h"
#include "base/crypto_datum.h"
#include "base/error.h"
#include "tls/attach.h"
#include "tls/psk.h"

/* MAX_USERNAME_SIZE of GnuTLS; RFC 4279 5.3 wants 128 at least. */
#define IDENTITY_MAX 128

static void release(void *data)
{
	struct psk *psk = data;

	if (psk->cred)
		gnutls_psk_free_client_credentials(psk->cred);
	if (psk->transcript)
		gnutls_hash_deinit(psk->transcript, NULL);
	free(psk->identity);
	free(psk->name);
	iotsafe_card_free(psk->card);
	bytes_wipe(psk, sizeof(*psk));
	free(psk);
}

struct psk *psk_of(gnutls_session_t session)
{
	return attached(session, ATTACHED_PSK);
}

static int derive(struct psk *psk)
{
	if (psk->key_known)
		return IOTSAFE_OK;
	TRY(card_psk(psk->card, psk->name, psk->identity, psk->context,
		     psk->key, psk->limit));
	psk->key_known = true;
	return IOTSAFE_OK;
}

/*
 * What GnuTLS takes for the key where the card computes the master secret
 * itself. Never twice the same: should a GnuTLS to come not let itself be
 * corrected, nobody else knows what it used, and the handshake fails.
 */
static int make_placeholder(struct psk *psk)
{
	if (gnutls_rnd(GNUTLS_RND_KEY, psk->key, sizeof(psk->key)) >= 0)
		return IOTSAFE_OK;
	return error_set(IOTSAFE_ERR_TLS, "PSK: GnuTLS has no random numbers");
}

static int give_both(struct psk *psk, gnutls_datum_t *username,
		     gnutls_datum_t *key)
{
	const struct bytes identity = {(const uint8_t *)psk->identity,
				       strlen(psk->identity)};

	TRY(psk->kind == IOTSAFE_PSK_CARD ? make_placeholder(psk)
					  : derive(psk));
	TRY(datum_give((struct bytes){psk->key, sizeof(psk->key)}, key));
	if (datum_give(identity, username) >= 0)
		return IOTSAFE_OK;
	bytes_wipe(key->data, key->size);
	gnutls_free(key->data);
	return IOTSAFE_ERR_MEMORY;
}

/* GnuTLS calls this for ClientHello (TLS 1.3) or ClientKeyExchange (TLS 1.2),
 * and wipes and frees what it is given. */
static int on_key(gnutls_session_t session, gnutls_datum_t *username,
		  gnutls_datum_t *key)
{
	int result = give_both(psk_of(session), username, key);

	return result < 0 ? IOTSAFE_GNUTLS_ERROR(result) : 0;
}

static int check(iotsafe_card *card, const char *identity, int kind,
		 struct bytes context)
{
	if (!card || !identity)
		return error_set(IOTSAFE_ERR_ARG,
				 "PSK: wants a card and an identity");
	if (!*identity || strlen(identity) > IDENTITY_MAX)
		return error_set(IOTSAFE_ERR_ARG,
				 "PSK: an identity has 1 to %d characters",
				 IDENTITY_MAX);
	if (kind != IOTSAFE_PSK_DERIVED && kind != IOTSAFE_PSK_CARD)
		return error_set(IOTSAFE_ERR_ARG, "PSK: unknown kind %d", kind);
	if (context.size && (!context.data || kind != IOTSAFE_PSK_DERIVED))
		return error_set(IOTSAFE_ERR_ARG,
				 "PSK: a context is for derived keys");
	return IOTSAFE_OK;
}

static int fill(struct psk *psk, const char *identity, const char *name,
		struct bytes context)
{
	psk->identity = strdup(identity);
	psk->name = strdup(name ? name : "");
	if (!psk->identity || !psk->name ||
	    gnutls_psk_allocate_client_credentials(&psk->cred) < 0 ||
	    !crypto_hash(IOTSAFE_ECDSA_SHA256, context, psk->context))
		return error_no_memory("PSK");
	gnutls_psk_set_client_credentials_function2(psk->cred, on_key);
	return IOTSAFE_OK;
}

int psk_attach(gnutls_session_t session, iotsafe_card *card,
	       const char *identity, const char *name, int kind,
	       struct bytes context, const struct deadline *limit)
{
	struct psk *psk;
	int result;

	TRY(check(card, identity, kind, context));
	psk = calloc(1, sizeof(*psk));
	if (!psk)
		return error_no_memory("PSK");
	psk->card = card_use(card);
	psk->kind = kind;
	psk->limit = limit;
	result = fill(psk, identity, name, context);
	if (result >= 0)
		result = kind == IOTSAFE_PSK_CARD
				 ? psk_card_install(session, psk)
				 : IOTSAFE_OK;
	if (result >= 0)
		result = attach(session, ATTACHED_PSK, psk, release);
	if (result < 0) {
		release(psk);
		return result;
	}
	if (gnutls_credentials_set(session, GNUTLS_CRD_PSK, psk->cred) < 0)
		return error_no_memory("PSK");
	return IOTSAFE_OK;
}

const char *psk_priority(int kind)
{
	/* Forward secrecy first. A card's PRF is that of SHA-256. */
	return kind == IOTSAFE_PSK_CARD
		       ? ":-KX-ALL:+PSK:-AES-256-GCM:-CAMELLIA-256-GCM:-SHA384"
		       : ":-KX-ALL:+ECDHE-PSK:+DHE-PSK:+PSK";
}

bool psk_was_used(gnutls_session_t session)
{
	gnutls_kx_algorithm_t kx = gnutls_kx_get(session);

	return kx == GNUTLS_KX_PSK || kx == GNUTLS_KX_DHE_PSK ||
	       kx == GNUTLS_KX_ECDHE_PSK;
}

/* In TLS 1.3 a server may answer by a certificate whatever is offered, and
 * GnuTLS has it looked at by nobody unless told so. */
static int on_certificate(gnutls_session_t session)
{
	(void)session;
	error_set(IOTSAFE_ERR_UNTRUSTED,
		  "PSK: the server showed a certificate instead of knowing the "
		  "pre-shared key");
	return GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR;
}

int iotsafe_session_set_psk(gnutls_session_t session, iotsafe_card *card,
			    const char *identity, const char *name, int kind,
			    const uint8_t *data, size_t data_size)
{
	const char *versions = kind == IOTSAFE_PSK_CARD
				       ? ":-VERS-ALL:+VERS-TLS1.2:+VERS-DTLS1.2"
				       : "";
	char priority[160];

	if (!session)
		return error_set(IOTSAFE_ERR_ARG, "PSK: no session");
	TRY(psk_attach(session, card, identity, name, kind,
		       (struct bytes){data, data_size}, NULL));
	snprintf(priority, sizeof(priority), "NORMAL%s%s", versions,
		 psk_priority(kind));
	if (gnutls_priority_set_direct(session, priority, NULL) < 0)
		return error_set(IOTSAFE_ERR_SUPPORT,
				 "PSK: this GnuTLS has no pre-shared keys");
	gnutls_session_set_verify_function(session, on_certificate);
	return IOTSAFE_OK;
}
