/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the caller has set becomes what GnuTLS offers: versions, cipher suites,
 * kinds of keys, names, protocols, a session to resume.
 */
#include <gnutls/dtls.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/crypto.h"
#include "base/error.h"
#include "object/key.h"
#include "tls/psk.h"
#include "tls/reuse.h"
#include "tls/session.h"
#include "tls/trust.h"

static bool is_of_card_psk(const struct iotsafe_tls *tls)
{
	return tls->psk && tls->psk_kind == IOTSAFE_PSK_CARD;
}

/* Versions are ours to say unless the expert's string says them. */
static const char *version_part(const struct iotsafe_tls *tls)
{
	if (tls->transport.datagram)
		return ":-VERS-ALL:+VERS-DTLS1.2";
	if (is_of_card_psk(tls))
		return ":-VERS-ALL:+VERS-TLS1.2";
	if (tls->priority && !tls->lowest && !tls->highest)
		return tls->without_13 ? ":-VERS-TLS1.3" : "";
	if (tls->without_13)
		return ":-VERS-ALL:+VERS-TLS1.2";
	if (tls->lowest == 13)
		return ":-VERS-ALL:+VERS-TLS1.3";
	if (tls->highest == 12)
		return ":-VERS-ALL:+VERS-TLS1.2";
	return ":-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";
}

/* A raw key says nothing of whose it is: who is to be believed must be known
 * by it. */
static int check_raw_server(const struct iotsafe_tls *tls,
			    gnutls_priority_t priority)
{
	const unsigned *types;
	int count = gnutls_priority_certificate_type_list2(priority, &types,
							   GNUTLS_CTYPE_SERVER);

	for (int i = 0; i < count; i++)
		if (types[i] == GNUTLS_CRT_RAWPK && tls->verify &&
		    !tls->pinning)
			return error_set(IOTSAFE_ERR_ARG,
					 "priority string: a server's raw "
					 "public key (CTYPE-SRV-RAWPK) wants a "
					 "pin to be known by");
	return IOTSAFE_OK;
}

static int give_priority(struct iotsafe_tls *tls, gnutls_priority_t priority)
{
	TRY(check_raw_server(tls, priority));
	if (gnutls_priority_set(tls->session, priority) < 0)
		return error_no_memory("tls");
	return IOTSAFE_OK;
}

const char *offer_only_12(const iotsafe_key *key)
{
	return key_algorithms(key) & CRYPTO_PKCS1
		       ? "RSA PKCS#1 v1.5"
		       : "ECDSA over SHA-384 or SHA-512";
}

static int only_13(const struct iotsafe_tls *tls)
{
	return error_set(IOTSAFE_ERR_SUPPORT,
			 "TLS handshake: key %s signs with %s alone, which TLS "
			 "1.3 does not have (RFC 8446 4.2.3); allow TLS 1.2",
			 key_title(tls->key), offer_only_12(tls->key));
}

static int apply_priority(struct iotsafe_tls *tls)
{
	const char *base = tls->priority ? tls->priority : "NORMAL";
	const char *ours =
		tls->raw_key ? ":-CTYPE-CLI-ALL:+CTYPE-CLI-RAWPK" : "";
	const char *theirs = "";
	gnutls_priority_t priority;
	char *text = NULL;
	int error;

	if (tls->pinning)
		theirs = ":-CTYPE-SRV-ALL:+CTYPE-SRV-RAWPK:+CTYPE-SRV-X509";
	if (tls->psk)
		theirs = psk_priority(tls->psk_kind);
	if (is_of_card_psk(tls) && tls->lowest == 13)
		return error_set(IOTSAFE_ERR_SUPPORT,
				 "PSK: the card computes master secrets of "
				 "TLS 1.2, not 1.3");
	if (asprintf(&text, "%s%s%s%s", base, version_part(tls), ours, theirs) <
	    0)
		return error_no_memory("tls");
	error = gnutls_priority_init(&priority, text, NULL);
	free(text);
	if (error == GNUTLS_E_NO_PRIORITIES_WERE_SET && tls->without_13)
		return only_13(tls);
	if (error < 0)
		return crypto_failed(IOTSAFE_ERR_ARG, error, "priority string");
	error = give_priority(tls, priority);
	gnutls_priority_deinit(priority);
	return error;
}

int offer_without_13(struct iotsafe_tls *tls, bool agreed)
{
	if (agreed)
		return gnutls_protocol_get_version(tls->session) ==
				       GNUTLS_TLS1_3
			       ? only_13(tls)
			       : IOTSAFE_OK;
	if (tls->transport.datagram)
		return IOTSAFE_OK;
	if (tls->lowest == 13)
		return only_13(tls);
	tls->without_13 = true;
	return apply_priority(tls);
}

static int apply_alpn(struct iotsafe_tls *tls)
{
	gnutls_datum_t names[ALPN_MAX];
	int count, error;

	if (!tls->alpn)
		return IOTSAFE_OK;
	count = settings_split_alpn(tls->alpn, names);
	TRY(count);
	error = gnutls_alpn_set_protocols(tls->session, names, (unsigned)count,
					  0);
	if (error < 0)
		return crypto_failed(IOTSAFE_ERR_ARG, error, "ALPN");
	return IOTSAFE_OK;
}

static int apply_server_name(struct iotsafe_tls *tls)
{
	int error;

	if (tls->server.kind == SERVER_UNSET)
		return error_set(IOTSAFE_ERR_ARG,
				 "TLS handshake: the server's name was not set "
				 "(or that any name will do)");
	if (tls->server.kind != SERVER_NAME)
		return IOTSAFE_OK;
	error = gnutls_server_name_set(tls->session, GNUTLS_NAME_DNS,
				       tls->server.name,
				       strlen(tls->server.name));
	if (error < 0)
		return error_set(IOTSAFE_ERR_ARG, "server name \"%s\": %s",
				 tls->server.name, gnutls_strerror(error));
	return IOTSAFE_OK;
}

/*
 * GnuTLS limits a handshake of DTLS by the time of day, which may jump. It
 * computes an end when it begins, unless the limit is 0; and it compares the
 * limit with the time since, which 0 is over at once. So it is 0 when GnuTLS
 * begins, and when ClientHello is made becomes one that is never over.
 */
void offer_no_limit(gnutls_session_t session)
{
	if (gnutls_dtls_get_mtu(session))
		gnutls_dtls_set_timeouts(session, RETRANSMIT_MS, UINT_MAX);
}

int offer_settings(struct iotsafe_tls *tls)
{
	TRY(apply_server_name(tls));
	TRY(apply_priority(tls));
	TRY(apply_alpn(tls));
	if (tls->verify && !tls->trusting && !tls->ca_key)
		TRY(trust_add_system(tls->cred));
	TRY(reuse_offer(tls));
	TRY(resume_apply(tls));
	if (tls->transport.datagram)
		gnutls_dtls_set_timeouts(tls->session, RETRANSMIT_MS, 0);
	else
		gnutls_handshake_set_timeout(tls->session, 0);
	return IOTSAFE_OK;
}
