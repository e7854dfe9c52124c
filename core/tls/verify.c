/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The server's certificate becomes yes or no, with the reason; and the one
 * place where a handshake lets go of a caller who may not wait for the card.
 */
#include <gnutls/x509.h>
#include <iotsafe/gnutls.h>
#include <stdio.h>
#include <string.h>
#include "base/error.h"
#include "tls/cakey.h"
#include "tls/session.h"
#include "tls/verify.h"

#define SUBJECT_MAX 128

/* The peer's own words about itself; control characters are taken out where
 * the error is recorded. */
static void subject_of_peer(gnutls_session_t session, char *out, size_t size)
{
	const gnutls_datum_t *chain;
	gnutls_x509_crt_t crt;
	gnutls_datum_t subject;
	unsigned count;

	snprintf(out, size, "no name");
	chain = gnutls_certificate_get_peers(session, &count);
	if (!chain || !count || gnutls_x509_crt_init(&crt) < 0)
		return;
	if (gnutls_x509_crt_import(crt, chain, GNUTLS_X509_FMT_DER) >= 0 &&
	    gnutls_x509_crt_get_dn3(crt, &subject, 0) >= 0) {
		snprintf(out, size, "%s", (const char *)subject.data);
		gnutls_free(subject.data);
	}
	gnutls_x509_crt_deinit(crt);
}

int verify_tell(gnutls_session_t session, const char *peer, unsigned status)
{
	char subject[SUBJECT_MAX];
	gnutls_datum_t words = {NULL, 0};
	int size = 0;

	subject_of_peer(session, subject, sizeof(subject));
	gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509,
						     &words, 0);
	if (words.data)
		size = (int)strlen((const char *)words.data);
	while (size && words.data[size - 1] == ' ')
		size--;
	error_set(IOTSAFE_ERR_UNTRUSTED,
		  "TLS handshake: the certificate of %s (%s) was not accepted: "
		  "%.*s",
		  peer, subject, size,
		  words.data ? (const char *)words.data : "");
	gnutls_free(words.data);
	return IOTSAFE_ERR_UNTRUSTED;
}

gnutls_typed_vdata_st verify_purpose(void)
{
	static char purpose[] = GNUTLS_KP_TLS_WWW_SERVER;

	return (gnutls_typed_vdata_st){
		.type = GNUTLS_DT_KEY_PURPOSE_OID,
		.data = (unsigned char *)purpose,
	};
}

static unsigned expect(struct iotsafe_tls *tls, gnutls_typed_vdata_st *data)
{
	unsigned count = 0;

	data[count++] = verify_purpose();
	if (tls->verify == IOTSAFE_VERIFY_CHAIN)
		return count;
	if (tls->server.kind == SERVER_NAME)
		data[count++] = (gnutls_typed_vdata_st){
			.type = GNUTLS_DT_DNS_HOSTNAME,
			.data = (unsigned char *)tls->server.name,
		};
	if (tls->server.kind == SERVER_ADDRESS)
		data[count++] = (gnutls_typed_vdata_st){
			.type = GNUTLS_DT_IP_ADDRESS,
			.data = tls->server.address,
			.size = tls->server.address_size,
		};
	return count;
}

static int check(struct iotsafe_tls *tls)
{
	gnutls_typed_vdata_st data[2];
	unsigned count = expect(tls, data);
	const struct cakey cakey = {tls->card, tls->ca_key,
				    &tls->signing.limit};
	unsigned status = 0;
	int error = 0;

	TRY(handshake_load_trust(tls));
	/* 0 only says that there is a verdict: it is in `status`. */
	if (tls->ca_key)
		TRY(cakey_check(&cakey, tls->session, data, count, &status));
	else
		error = gnutls_certificate_verify_peers(tls->session, data,
							count, &status);
	if (error < 0)
		return error_set(IOTSAFE_ERR_UNTRUSTED,
				 "TLS handshake: the certificate of %s could "
				 "not be checked: %s",
				 failure_peer(tls), gnutls_strerror(error));
	if (!status)
		return IOTSAFE_OK;
	return verify_tell(tls->session, failure_peer(tls), status);
}

static int check_pins(struct iotsafe_tls *tls)
{
	TRY(handshake_load_trust(tls));
	return pin_check(tls);
}

/* Who wants a pre-shared key is not served by somebody without. */
static int refuse_certificate(struct iotsafe_tls *tls)
{
	return error_set(IOTSAFE_ERR_UNTRUSTED,
			 "TLS handshake: %s showed a certificate instead of "
			 "knowing the pre-shared key",
			 failure_peer(tls));
}

/*
 * GnuTLS calls this before it asks for our signature, and calls it again
 * after GNUTLS_E_AGAIN (TLS and DTLS): what follows may wait for the card, so a
 * caller who may not wait is let go here, once.
 */
int verify_server(gnutls_session_t session)
{
	struct iotsafe_tls *tls = gnutls_session_get_ptr(session);
	int result = IOTSAFE_OK;

	if (tls->card && !tls->waiting_allowed && !tls->stepped_aside) {
		tls->stepped_aside = true;
		return GNUTLS_E_AGAIN;
	}
	if (tls->psk)
		result = refuse_certificate(tls);
	else if (tls->verify)
		result = tls->pinning ? check_pins(tls) : check(tls);
	if (result == IOTSAFE_ERR_UNTRUSTED) {
		tls->refused = true;
		return GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR;
	}
	if (result < 0)
		return IOTSAFE_GNUTLS_ERROR(result);
	tls->verified = true;
	return 0;
}
