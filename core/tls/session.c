/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The session object: made, waited for, asked what was agreed, freed.
 */
#include <gnutls/dtls.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/bytes.h"
#include "base/crypto.h"
#include "base/crypto_datum.h"
#include "base/error.h"
#include "object/key.h"
#include "tls/ahead.h"
#include "tls/session.h"

int session_check(const struct iotsafe_tls *tls, const char *operation)
{
	if (!tls)
		return error_set(IOTSAFE_ERR_ARG, "tls: %s without a session",
				 operation);
	/* Two processes that count records with one key would undo the
	 * cipher. */
	if (tls->owner != getpid())
		return error_set(IOTSAFE_ERR_CLOSED,
				 "tls: the session belongs to the process that "
				 "made it, not to its child");
	return IOTSAFE_OK;
}

static int create(struct iotsafe_tls *tls, unsigned options)
{
	/* FORCE: the identity was chosen already. Without it GnuTLS gives no
	 * certificate where its issuer is not among the names of CAs that the
	 * server sends, and those are hints (RFC 8446 4.2.4). */
	unsigned flags = GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL |
			 GNUTLS_FORCE_CLIENT_CERT | GNUTLS_ENABLE_RAWPK;

	if (options & IOTSAFE_TLS_DATAGRAM) {
		flags |= GNUTLS_DATAGRAM;
		tls->transport.datagram = true;
	}
	if (gnutls_certificate_allocate_credentials(&tls->cred) < 0 ||
	    gnutls_init(&tls->session, flags) < 0 ||
	    gnutls_credentials_set(tls->session, GNUTLS_CRD_CERTIFICATE,
				   tls->cred) < 0)
		return error_no_memory("tls");
	gnutls_session_set_ptr(tls->session, tls);
	gnutls_session_set_verify_function(tls->session, verify_server);
	return IOTSAFE_OK;
}

int iotsafe_tls_new(iotsafe_card *card, unsigned options, iotsafe_tls **out)
{
	struct iotsafe_tls *tls;
	int result;

	if (!out)
		return error_set(IOTSAFE_ERR_ARG, "tls: no room given");
	*out = NULL;
	if (options & ~(unsigned)IOTSAFE_TLS_DATAGRAM)
		return error_set(IOTSAFE_ERR_ARG, "tls: unknown options %#x",
				 options);
	tls = calloc(1, sizeof(*tls));
	if (!tls)
		return error_no_memory("tls");
	tls->owner = getpid();
	tls->transport.given = tls->transport.fd = -1;
	tls->verify = IOTSAFE_VERIFY_FULL;
	job_init(&tls->job);
	job_init(&tls->ahead);
	tls->signing.ahead = &tls->ahead;
	result = create(tls, options);
	if (result >= 0 && card)
		tls->card = card_use(card);
	if (result < 0) {
		iotsafe_tls_free(tls);
		return result;
	}
	*out = tls;
	return IOTSAFE_OK;
}

void iotsafe_tls_free(iotsafe_tls *tls)
{
	if (!tls)
		return;
	/* A thread of the parent does not exist here, and holds half of what
	 * there is to free. */
	if (tls->owner != getpid() &&
	    (tls->job.running || tls->ahead.running)) {
		transport_release(&tls->transport);
		return;
	}
	job_end(&tls->job);
	transport_release(&tls->transport);
	ahead_end(tls);
	if (tls->session)
		gnutls_deinit(tls->session);
	if (tls->cred)
		gnutls_certificate_free_credentials(tls->cred);
	settings_release(tls);
	iotsafe_key_free(tls->key);
	iotsafe_card_free(tls->card);
	bytes_wipe(tls, sizeof(*tls));
	free(tls);
}

/* Until DTLS sends its last flight again, in milliseconds. GnuTLS has just
 * been called: if it says "now" nothing of ours is on its way. */
static int retransmission(const struct iotsafe_tls *tls)
{
	unsigned left;

	if (!tls->transport.datagram || tls->stage != STAGE_HANDSHAKE)
		return -1;
	left = gnutls_dtls_get_timeout(tls->session);
	return left ? (int)left : RETRANSMIT_MS;
}

static int wait_for_peer(struct iotsafe_tls *tls, short events,
			 const struct deadline *deadline, const char *operation)
{
	struct deadline limit = *deadline;
	int result, left = retransmission(tls);

	if (left >= 0)
		limit = deadline_within(deadline, left);
	if (!deadline_passed(deadline)) {
		result = deadline_wait(&limit, tls->transport.fd, events);
		if (result != IOTSAFE_ERR_TIMEOUT || !deadline_passed(deadline))
			return result == IOTSAFE_ERR_TIMEOUT ? 0 : result;
	}
	return error_set(IOTSAFE_ERR_TIMEOUT,
			 "TLS %s: nothing %s %s in the time given", operation,
			 events == POLLIN ? "came from" : "could be sent to",
			 failure_peer(tls));
}

int session_wait(struct iotsafe_tls *tls, const struct deadline *deadline,
		 unsigned *idle, const char *operation)
{
	/* GnuTLS's own word for it is wrong while DTLS waits for an answer to
	 * the flight it has sent: the socket could be written to all along. */
	bool writing = tls->transport.full;
	bool dry = tls->transport.dry;

	tls->transport.dry = false;
	tls->transport.full = false;
	/* GnuTLS took something in, and there may be more behind it. */
	if (!dry && ++*idle < IDLE_MESSAGES_MAX)
		return IOTSAFE_OK;
	if (tls->waiting_allowed)
		return wait_for_peer(tls, writing ? POLLOUT : POLLIN, deadline,
				     operation);
	return tls->want = writing ? IOTSAFE_WANT_WRITE : IOTSAFE_WANT_READ;
}

int iotsafe_tls_poll(iotsafe_tls *tls, int *fd, int *events, int *timeout)
{
	TRY(session_check(tls, "poll"));
	if (!fd || !events || !timeout)
		return error_set(IOTSAFE_ERR_ARG, "tls: poll without room");
	if (tls->stage == STAGE_NEW)
		return error_set(IOTSAFE_ERR_ARG,
				 "tls: nothing to wait for before the "
				 "handshake");
	*events = tls->want == IOTSAFE_WANT_WRITE ? POLLOUT : POLLIN;
	if (tls->job.running) {
		*fd = tls->job.done_fd;
		*timeout = -1;
		return IOTSAFE_OK;
	}
	*fd = tls->transport.fd;
	*timeout = retransmission(tls);
	return IOTSAFE_OK;
}

int session_hash(struct bytes data, uint8_t *out)
{
	if (crypto_hash(IOTSAFE_ECDSA_SHA256, data, out))
		return IOTSAFE_OK;
	return error_set(IOTSAFE_ERR_TLS, "tls: GnuTLS has no SHA-256");
}

bool session_is_raw(const struct iotsafe_tls *tls, gnutls_ctype_target_t side)
{
	return gnutls_certificate_type_get2(tls->session, side) ==
	       GNUTLS_CRT_RAWPK;
}

static bool is_open(iotsafe_tls *tls)
{
	return session_check(tls, "getter") >= 0 && tls->stage == STAGE_OPEN;
}

const char *iotsafe_tls_version(iotsafe_tls *tls)
{
	const char *name = NULL;

	if (is_open(tls))
		name = gnutls_protocol_get_name(
			gnutls_protocol_get_version(tls->session));
	return name ? name : "";
}

const char *iotsafe_tls_cipher_suite(iotsafe_tls *tls)
{
	const char *name = NULL;

	if (is_open(tls))
		name = gnutls_ciphersuite_get(tls->session);
	return name ? name : "";
}

const char *iotsafe_tls_alpn(iotsafe_tls *tls)
{
	gnutls_datum_t chosen;

	if (!is_open(tls) ||
	    gnutls_alpn_get_selected_protocol(tls->session, &chosen) < 0)
		return "";
	memset(tls->alpn_chosen, 0, sizeof(tls->alpn_chosen));
	if (chosen.size < sizeof(tls->alpn_chosen))
		memcpy(tls->alpn_chosen, chosen.data, chosen.size);
	return tls->alpn_chosen;
}

int iotsafe_tls_peer_certificate(iotsafe_tls *tls, unsigned index,
				 uint8_t **out, size_t *out_size)
{
	const gnutls_datum_t *chain = NULL;
	unsigned count = 0;

	if (!bytes_ready(out, out_size))
		return error_set(IOTSAFE_ERR_ARG, "tls: no room given");
	TRY(session_check(tls, "peer certificate"));
	if (!tls->job.running)
		chain = gnutls_certificate_get_peers(tls->session, &count);
	if (!chain || index >= count)
		return error_set(IOTSAFE_ERR_ABSENT,
				 "tls: the peer's chain has %u certificates",
				 count);
	return bytes_give(chain[index].data, chain[index].size, out, out_size);
}

int iotsafe_tls_export(iotsafe_tls *tls, const char *label, const uint8_t *data,
		       size_t data_size, size_t size, uint8_t **out,
		       size_t *out_size)
{
	gnutls_datum_t context = datum_of((struct bytes){data, data_size});
	int error;

	if (!bytes_ready(out, out_size))
		return error_set(IOTSAFE_ERR_ARG, "tls: no room given");
	TRY(session_check(tls, "export"));
	if (!label || size < 1 || size > 65535 || data_size > 65535 ||
	    tls->stage != STAGE_OPEN)
		return error_set(IOTSAFE_ERR_ARG,
				 "TLS export: wants an open session, a label "
				 "and a size from 1 to 65535");
	*out = bytes_room(size);
	if (!*out)
		return IOTSAFE_ERR_MEMORY;
	error = gnutls_prf_rfc5705(tls->session, strlen(label), label,
				   context.size, (const char *)context.data,
				   size, (char *)*out);
	if (error < 0)
		error = crypto_failed(IOTSAFE_ERR_TLS, error, "TLS export");
	return bytes_settle(error, size, out, out_size);
}

int iotsafe_tls_certificate_used(iotsafe_tls *tls)
{
	return is_open(tls) && tls->signing.count > 0;
}
