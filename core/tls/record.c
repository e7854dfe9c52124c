/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An open session carries bytes: sends, receives, says good-bye.
 */
#include <gnutls/dtls.h>
#include <string.h>
#include "base/crypto.h"
#include "base/error.h"
#include "tls/reuse.h"
#include "tls/session.h"

static int check_open(iotsafe_tls *tls, const char *operation, int timeout)
{
	TRY(session_check(tls, operation));
	if (tls->stage != STAGE_OPEN && tls->stage != STAGE_FAILED)
		return error_set(IOTSAFE_ERR_ARG,
				 "TLS %s: the handshake is not finished",
				 operation);
	tls->waiting_allowed = timeout != 0;
	tls->want = 0;
	return IOTSAFE_OK;
}

static int again(const struct error *failure)
{
	error_restore(failure);
	return failure->code;
}

/* What is neither data nor the end: a ticket, a key update, a warning; or
 * (TLS 1.2) a wish for another handshake, which is declined. */
static bool is_passed_over(struct iotsafe_tls *tls, ssize_t result)
{
	if (result == GNUTLS_E_REHANDSHAKE)
		gnutls_alert_send(tls->session, GNUTLS_AL_WARNING,
				  GNUTLS_A_NO_RENEGOTIATION);
	return !gnutls_error_is_fatal((int)result);
}

static int fail_receive(struct iotsafe_tls *tls, ssize_t result)
{
	int code = failure_of(tls, (int)result, "receive");

	error_save(&tls->read_failure);
	if (code == IOTSAFE_ERR_TLS)
		reuse_forget(tls);
	return code;
}

/* Fills the empty record buffer; it stays empty when the peer has closed. */
static int fill(struct iotsafe_tls *tls, const struct deadline *deadline)
{
	unsigned idle = 0;
	ssize_t got;

	for (;;) {
		got = gnutls_record_recv(tls->session, tls->record,
					 sizeof(tls->record));
		if (got >= 0)
			break;
		if (!is_passed_over(tls, got))
			return fail_receive(tls, got);
		TRY(session_wait(tls, deadline, &idle, "receive"));
	}
	tls->record_at = 0;
	tls->record_end = (size_t)got;
	reuse_keep(tls);
	return IOTSAFE_OK;
}

static int give(struct iotsafe_tls *tls, size_t size, uint8_t **out,
		size_t *out_size)
{
	size_t there = tls->record_end - tls->record_at;

	if (size > there)
		size = there;
	TRY(bytes_give(tls->record + tls->record_at, size, out, out_size));
	bytes_wipe(tls->record + tls->record_at, size);
	tls->record_at += size;
	return IOTSAFE_OK;
}

int iotsafe_tls_receive(iotsafe_tls *tls, size_t size, int timeout,
			uint8_t **out, size_t *out_size)
{
	struct deadline deadline = deadline_in(timeout, -1);

	if (!bytes_ready(out, out_size))
		return error_set(IOTSAFE_ERR_ARG, "TLS receive: no room given");
	TRY(check_open(tls, "receive", timeout));
	if (!size)
		return error_set(IOTSAFE_ERR_ARG,
				 "TLS receive: 0 bytes asked for");
	if (tls->record_at == tls->record_end) {
		if (tls->read_failure.code)
			return again(&tls->read_failure);
		TRY(fill(tls, &deadline));
	}
	return give(tls, size, out, out_size);
}

size_t iotsafe_tls_pending(iotsafe_tls *tls)
{
	if (session_check(tls, "pending") < 0 || tls->stage != STAGE_OPEN)
		return 0;
	return tls->record_end - tls->record_at +
	       gnutls_record_check_pending(tls->session);
}

/*
 * Once GnuTLS has taken bytes and could not send all of them, the same bytes
 * must be offered until they are gone: they are encrypted already. A digest
 * of them tells whether the caller keeps to that.
 */
static void hold(struct iotsafe_tls *tls, struct bytes data)
{
	tls->held_size = data.size;
	if (!crypto_hash(IOTSAFE_ECDSA_SHA256, data, tls->held_digest))
		memset(tls->held_digest, 0, sizeof(tls->held_digest));
}

static bool is_held(const struct iotsafe_tls *tls, struct bytes data)
{
	uint8_t digest[sizeof(tls->held_digest)];

	return data.size >= tls->held_size &&
	       crypto_hash(IOTSAFE_ECDSA_SHA256,
			   (struct bytes){data.data, tls->held_size}, digest) &&
	       !memcmp(digest, tls->held_digest, sizeof(digest));
}

/* One record at most. Gives how many bytes went, or GnuTLS's error. */
static ssize_t send_record(struct iotsafe_tls *tls, struct bytes data)
{
	ssize_t result;

	if (tls->held_size) {
		result = gnutls_record_send(tls->session, NULL, 0);
	} else {
		if (!tls->transport.datagram && data.size > RECORD_MAX)
			data.size = RECORD_MAX;
		result = gnutls_record_send(tls->session, data.data, data.size);
		if (result == GNUTLS_E_AGAIN || result == GNUTLS_E_INTERRUPTED)
			hold(tls, data);
	}
	if (result >= 0)
		tls->held_size = 0;
	return result;
}

/*
 * A server that turns our certificate down after a TLS 1.3 handshake sends an
 * alert and hangs up: when that shows in a send, the alert is there to be
 * read. Data that came before it is kept.
 */
static ssize_t look_for_alert(struct iotsafe_tls *tls, ssize_t result)
{
	ssize_t got;

	if (tls->record_at != tls->record_end || tls->read_failure.code)
		return result;
	got = gnutls_record_recv(tls->session, tls->record,
				 sizeof(tls->record));
	if (got > 0) {
		tls->record_at = 0;
		tls->record_end = (size_t)got;
	}
	return got == GNUTLS_E_FATAL_ALERT_RECEIVED ? got : result;
}

static int fail_send(struct iotsafe_tls *tls, ssize_t result)
{
	unsigned room;
	int code;

	if (result == GNUTLS_E_LARGE_PACKET) {
		room = gnutls_dtls_get_data_mtu(tls->session);
		return error_set(IOTSAFE_ERR_ARG,
				 "TLS send: a datagram holds at most %u bytes",
				 room);
	}
	if (result == GNUTLS_E_PUSH_ERROR ||
	    result == GNUTLS_E_PREMATURE_TERMINATION)
		result = look_for_alert(tls, result);
	code = failure_of(tls, (int)result, "send");
	error_save(&tls->write_failure);
	if (result == GNUTLS_E_FATAL_ALERT_RECEIVED)
		tls->read_failure = tls->write_failure;
	if (code == IOTSAFE_ERR_TLS)
		reuse_forget(tls);
	return code;
}

static int send_all(struct iotsafe_tls *tls, struct bytes data,
		    const struct deadline *deadline, size_t *sent)
{
	struct bytes gone;
	unsigned idle = 0;
	ssize_t result;

	while (data.size) {
		result = send_record(tls, data);
		if (result >= 0) {
			bytes_take(&data, (size_t)result, &gone);
			*sent += gone.size;
			continue;
		}
		if (result == GNUTLS_E_LARGE_PACKET ||
		    gnutls_error_is_fatal((int)result))
			return fail_send(tls, result);
		result = session_wait(tls, deadline, &idle, "send");
		if (result == IOTSAFE_WANT_WRITE && *sent)
			return IOTSAFE_OK;
		TRY((int)result);
	}
	return IOTSAFE_OK;
}

int iotsafe_tls_send(iotsafe_tls *tls, const uint8_t *data, size_t data_size,
		     int timeout, size_t *sent)
{
	struct deadline deadline = deadline_in(timeout, -1);
	struct bytes bytes = {data, data_size};
	size_t unused;

	if (!sent)
		sent = &unused;
	*sent = 0;
	TRY(check_open(tls, "send", timeout));
	if (tls->write_failure.code)
		return again(&tls->write_failure);
	if (tls->closed)
		return error_set(IOTSAFE_ERR_CLOSED,
				 "TLS send: the session was closed");
	if (!data && data_size)
		return error_set(IOTSAFE_ERR_ARG, "TLS send: no data given");
	if (tls->held_size && !is_held(tls, bytes))
		return error_set(
			IOTSAFE_ERR_ARG,
			"TLS send: %zu bytes of the call before are "
			"still on their way: it must be repeated first",
			tls->held_size);
	return send_all(tls, bytes, &deadline, sent);
}

int iotsafe_tls_close(iotsafe_tls *tls, int timeout)
{
	struct deadline deadline = deadline_in(timeout, -1);
	unsigned idle = 0;
	int result;

	TRY(session_check(tls, "close"));
	if (tls->stage != STAGE_OPEN || tls->closed)
		return IOTSAFE_OK;
	if (tls->write_failure.code)
		return again(&tls->write_failure);
	tls->waiting_allowed = timeout != 0;
	tls->want = 0;
	while ((result = gnutls_bye(tls->session, GNUTLS_SHUT_WR)) < 0) {
		if (gnutls_error_is_fatal(result))
			return fail_send(tls, result);
		TRY(session_wait(tls, &deadline, &idle, "close"));
	}
	tls->closed = true;
	return IOTSAFE_OK;
}
