/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * GnuTLS's results become our codes and one sentence: who did it, during
 * what, and in whose words.
 */
#include <errno.h>
#include <iotsafe/gnutls.h>
#include "base/error.h"
#include "object/key.h"
#include "tls/session.h"

const char *failure_peer(const struct iotsafe_tls *tls)
{
	return *tls->server.title ? tls->server.title : "the server";
}

/* Alerts by which a server turns down the client's certificate or its
 * signature (RFC 8446 6.2). */
static bool is_about_our_certificate(gnutls_alert_description_t alert)
{
	switch (alert) {
	case GNUTLS_A_BAD_CERTIFICATE:
	case GNUTLS_A_UNSUPPORTED_CERTIFICATE:
	case GNUTLS_A_CERTIFICATE_REVOKED:
	case GNUTLS_A_CERTIFICATE_EXPIRED:
	case GNUTLS_A_CERTIFICATE_UNKNOWN:
	case GNUTLS_A_UNKNOWN_CA:
	case GNUTLS_A_ACCESS_DENIED:
	case GNUTLS_A_DECRYPT_ERROR:
	case GNUTLS_A_CERTIFICATE_REQUIRED:
		return true;
	default:
		return false;
	}
}

/* Many servers of TLS 1.2 say handshake_failure where the client gave no
 * certificate. */
static bool is_about_missing(struct iotsafe_tls *tls,
			     gnutls_alert_description_t alert)
{
	return alert == GNUTLS_A_CERTIFICATE_REQUIRED ||
	       (alert == GNUTLS_A_HANDSHAKE_FAILURE &&
		gnutls_certificate_client_get_request_status(tls->session));
}

/* GnuTLS's word where the server takes no signature that the key can make, in
 * TLS 1.2. */
static bool is_about_signing(struct iotsafe_tls *tls, int result)
{
	return result == GNUTLS_E_UNWANTED_ALGORITHM && tls->key &&
	       !tls->signing.count && tls->stage == STAGE_HANDSHAKE &&
	       gnutls_certificate_client_get_request_status(tls->session);
}

static const char wants_other_signature[] =
	"wants a certificate, and takes no signature that the card's key can "
	"make";

/* What servers say who find no such key, or another one. */
static bool is_about_psk(gnutls_alert_description_t alert)
{
	return alert == GNUTLS_A_UNKNOWN_PSK_IDENTITY ||
	       alert == GNUTLS_A_DECRYPT_ERROR ||
	       alert == GNUTLS_A_BAD_RECORD_MAC ||
	       alert == GNUTLS_A_ILLEGAL_PARAMETER ||
	       alert == GNUTLS_A_HANDSHAKE_FAILURE;
}

static int tell_alert(struct iotsafe_tls *tls, const char *operation)
{
	gnutls_alert_description_t alert = gnutls_alert_get(tls->session);
	const char *words = gnutls_alert_get_name(alert);
	const char *what = "ended the session";

	if (!words)
		words = "unknown";
	if (tls->key && is_about_our_certificate(alert))
		key_doubt(tls->key);
	if (tls->psk && tls->stage == STAGE_HANDSHAKE && is_about_psk(alert))
		what = "refused our pre-shared key, or its identity";
	else if (tls->signing.count && is_about_our_certificate(alert))
		what = "refused our certificate";
	else if (!tls->signing.count && is_about_missing(tls, alert))
		what = tls->key ? wants_other_signature
				: "wants a certificate, and we have none";
	error_set(IOTSAFE_ERR_TLS, "TLS %s: %s %s: alert %d, %s", operation,
		  failure_peer(tls), what, (int)alert, words);
	if (tls->without_13 && !tls->signing.count)
		error_append(" (TLS 1.3 was not offered, as the key signs with "
			     "%s alone)",
			     offer_only_12(tls->key));
	return IOTSAFE_ERR_TLS;
}

static int tell_hang_up(struct iotsafe_tls *tls, const char *operation)
{
	if (tls->stage != STAGE_HANDSHAKE)
		return error_set(IOTSAFE_ERR_CLOSED,
				 "TLS %s: the peer closed the connection "
				 "without saying good-bye",
				 operation);
	return error_set(
		IOTSAFE_ERR_CLOSED,
		"TLS %s: the peer closed the connection during the handshake%s",
		operation,
		tls->signing.count ? ", after our certificate was sent" : "");
}

static bool is_hang_up(int number)
{
	return number == ECONNRESET || number == EPIPE ||
	       number == ECONNREFUSED || number == ECONNABORTED;
}

static int tell_transport(struct iotsafe_tls *tls, const char *operation)
{
	int number = tls->transport.error;

	if (number == ECONNREFUSED)
		return error_set(IOTSAFE_ERR_CLOSED,
				 "TLS %s: nobody listens at the peer's port",
				 operation);
	if (!number || is_hang_up(number))
		return tell_hang_up(tls, operation);
	return error_set_errno(IOTSAFE_ERR_IO, number, "TLS %s", operation);
}

int failure_of(struct iotsafe_tls *tls, int result, const char *operation)
{
	/* Our own callbacks have recorded the card's sentence already. */
	if (IOTSAFE_GNUTLS_CODE(result))
		return IOTSAFE_GNUTLS_CODE(result);
	if (tls->refused)
		return IOTSAFE_ERR_UNTRUSTED;
	/* GnuTLS's word for an end within a record. */
	if (result == GNUTLS_E_UNEXPECTED_PACKET_LENGTH && tls->transport.ended)
		return tell_hang_up(tls, operation);
	if (is_about_signing(tls, result))
		return error_set(IOTSAFE_ERR_TLS, "TLS %s: %s %s", operation,
				 failure_peer(tls), wants_other_signature);
	switch (result) {
	case GNUTLS_E_DECRYPTION_FAILED:
	case GNUTLS_E_ERROR_IN_FINISHED_PACKET:
		if (!tls->psk || tls->stage != STAGE_HANDSHAKE)
			break;
		return error_set(IOTSAFE_ERR_UNTRUSTED,
				 "TLS %s: %s does not know the pre-shared key",
				 operation, failure_peer(tls));
	case GNUTLS_E_FATAL_ALERT_RECEIVED:
		return tell_alert(tls, operation);
	case GNUTLS_E_PREMATURE_TERMINATION:
	case GNUTLS_E_SESSION_EOF:
		return tell_hang_up(tls, operation);
	case GNUTLS_E_PULL_ERROR:
	case GNUTLS_E_PUSH_ERROR:
		return tell_transport(tls, operation);
	case GNUTLS_E_MEMORY_ERROR:
		return error_set(IOTSAFE_ERR_MEMORY, "TLS %s: no memory",
				 operation);
	default:
		break;
	}
	return error_set(IOTSAFE_ERR_TLS, "TLS %s with %s: %s", operation,
			 failure_peer(tls), gnutls_strerror(result));
}
