/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A connected descriptor becomes an open session. What may wait for the card
 * is done here while the caller waits, and in a thread for one who does not.
 */
#include <gnutls/dtls.h>
#include <iotsafe/gnutls.h>
#include "base/crypto.h"
#include "base/error.h"
#include "object/key.h"
#include "tls/ahead.h"
#include "tls/credentials.h"
#include "tls/psk.h"
#include "tls/reuse.h"
#include "tls/session.h"
#include "tls/trust.h"

/* Safe on every path (RFC 8200 5: 1280 bytes with IPv6 and UDP headers)
 * until the path is known. */
#define HANDSHAKE_MTU 1200

static int choose_certificate(struct iotsafe_tls *tls)
{
	struct bytes given = {tls->certificate, tls->certificate_size};

	if (given.data)
		return key_set_certificate(tls->key, given,
					   &tls->signing.limit);
	if (tls->certificate_name)
		return key_use_certificate(tls->key, tls->certificate_name,
					   &tls->signing.limit);
	return IOTSAFE_OK;
}

static int install_identity(struct iotsafe_tls *tls)
{
	if (!tls->raw_key)
		TRY(choose_certificate(tls));
	TRY(key_learn(tls->key, &tls->signing.limit));
	return credentials_install(tls->cred, tls->key, &tls->signing,
				   tls->raw_key);
}

int handshake_load_trust(struct iotsafe_tls *tls)
{
	if (tls->trust_loaded)
		return IOTSAFE_OK;
	for (unsigned i = 0; i < tls->card_ca_count; i++)
		TRY(trust_add_card(tls->cred, tls->card, tls->card_ca[i],
				   &tls->signing.limit));
	for (unsigned i = 0; i < tls->card_pins_count; i++)
		TRY(pin_load(tls, tls->card_pins[i]));
	tls->trust_loaded = true;
	return IOTSAFE_OK;
}

/* RFC 8446 4.2.3: neither PKCS#1 v1.5 nor, with keys on P-256, another hash
 * than SHA-256. */
static bool cannot_13(const iotsafe_key *key)
{
	const int algorithms = key_algorithms(key);
	const int only_12 =
		CRYPTO_PKCS1 | IOTSAFE_ECDSA_SHA384 | IOTSAFE_ECDSA_SHA512;

	return algorithms && !(algorithms & ~only_12);
}

/* `agreed`: the server has chosen a version already. */
static int load_identity(struct iotsafe_tls *tls, bool agreed)
{
	int result;

	TRY(key_open(tls->card, tls->key_name, &tls->signing.limit, &tls->key));
	result = install_identity(tls);
	if (result >= 0 && cannot_13(tls->key))
		result = offer_without_13(tls, agreed);
	if (result < 0) {
		iotsafe_key_free(tls->key);
		tls->key = NULL;
	}
	return result;
}

/* ClientHello.random (RFC 8446 4.1.2). It is no secret: what it is worth is
 * that it never repeats. */
static int fetch_random(struct iotsafe_tls *tls)
{
	uint8_t random[32];
	const gnutls_datum_t datum = {random, sizeof(random)};

	TRY(card_random(tls->card, random, sizeof(random),
			&tls->signing.limit));
	if (gnutls_handshake_set_random(tls->session, &datum) < 0)
		return error_set(IOTSAFE_ERR_SUPPORT,
				 "card random: GnuTLS did not take it");
	return IOTSAFE_OK;
}

/* All that the card has to give beforehand. Work for a thread. */
static int prepare(void *self)
{
	struct iotsafe_tls *tls = self;

	if (tls->card_random)
		TRY(fetch_random(tls));
	if (tls->resuming || tls->psk)
		return IOTSAFE_OK;
	TRY(handshake_load_trust(tls));
	return load_identity(tls, false);
}

static int refuse_certificate(struct iotsafe_tls *tls)
{
	return error_set(IOTSAFE_ERR_TLS,
			 "TLS handshake: %s wants a certificate, and takes no "
			 "raw public key",
			 failure_peer(tls));
}

/* Before GnuTLS looks for a certificate to give: now it is known what the
 * server takes, and that it did not resume a session. */
static int on_request(struct iotsafe_tls *tls)
{
	if (!tls->card || tls->psk)
		return IOTSAFE_OK;
	if (tls->raw_key && !session_is_raw(tls, GNUTLS_CTYPE_CLIENT))
		return refuse_certificate(tls);
	return tls->key ? IOTSAFE_OK : load_identity(tls, true);
}

/* GnuTLS calls this before each message, sent or received. */
static int on_message(gnutls_session_t session, unsigned type, unsigned post,
		      unsigned incoming, const gnutls_datum_t *message)
{
	struct iotsafe_tls *tls = gnutls_session_get_ptr(session);
	int result = IOTSAFE_OK;

	(void)post;
	(void)incoming;
	(void)message;
	if (type == GNUTLS_HANDSHAKE_CLIENT_HELLO)
		offer_no_limit(tls->session);
	else if (type == GNUTLS_HANDSHAKE_CERTIFICATE_REQUEST)
		result = on_request(tls);
	return result < 0 ? IOTSAFE_GNUTLS_ERROR(result) : 0;
}

/* As far as GnuTLS comes without the network. Work for a thread. */
static int step(void *self)
{
	struct iotsafe_tls *tls = self;

	return gnutls_handshake(tls->session);
}

static bool may_need_card(const struct iotsafe_tls *tls)
{
	if (!tls->card || tls->stage == STAGE_IDENTITY)
		return tls->card;
	return (tls->resuming || tls->psk || tls->stepped_aside) &&
	       !tls->signing.count;
}

static int start_job(struct iotsafe_tls *tls, int (*work)(void *self))
{
	int result;

	TRY(job_prepare(&tls->job));
	TRY(transport_lend(&tls->transport));
	tls->signing.limit = deadline_in(-1, tls->job.cancel_fd);
	result = job_start(&tls->job, work, tls);
	if (result < 0)
		transport_release(&tls->transport);
	return result;
}

/* It keeps its sentence for all later calls. */
static void lose(struct iotsafe_tls *tls)
{
	reuse_forget(tls);
	tls->stage = STAGE_FAILED;
	error_save(&tls->read_failure);
	error_save(&tls->write_failure);
}

static int collect_job(struct iotsafe_tls *tls, const struct deadline *deadline,
		       int *result)
{
	int collected = job_collect(&tls->job, deadline, result);

	if (collected >= 0) {
		collected = transport_take_back(&tls->transport);
		if (collected < 0)
			lose(tls);
	}
	if (collected != IOTSAFE_ERR_TIMEOUT)
		return collected;
	if (!tls->waiting_allowed)
		return tls->want = IOTSAFE_WANT_CARD;
	return error_set(IOTSAFE_ERR_TIMEOUT,
			 "TLS handshake: the card was not ready in time");
}

/* Has the work done, here or in a thread; its result arrives in `result`. */
static int perform(struct iotsafe_tls *tls, int (*work)(void *self),
		   const struct deadline *deadline, int *result)
{
	if (!tls->job.running) {
		if (tls->waiting_allowed || !may_need_card(tls)) {
			tls->signing.limit = *deadline;
			*result = work(tls);
			return IOTSAFE_OK;
		}
		TRY(start_job(tls, work));
	}
	return collect_job(tls, deadline, result);
}

static int fail(struct iotsafe_tls *tls, int result)
{
	int code = failure_of(tls, result, "handshake");

	if (result != GNUTLS_E_FATAL_ALERT_RECEIVED) {
		gnutls_alert_send_appropriate(tls->session, result);
		transport_drain(&tls->transport);
	}
	lose(tls);
	return code;
}

/* Why the peer hung up, in its own words if it left any. */
static int last_words(struct iotsafe_tls *tls)
{
	ssize_t result = gnutls_record_recv(tls->session, tls->record,
					    sizeof(tls->record));

	return result == GNUTLS_E_FATAL_ALERT_RECEIVED
		       ? GNUTLS_E_FATAL_ALERT_RECEIVED
		       : GNUTLS_E_PREMATURE_TERMINATION;
}

static bool is_authenticated(const struct iotsafe_tls *tls)
{
	if (resume_done(tls))
		return true;
	if (tls->psk)
		return psk_was_used(tls->session);
	return tls->verified || !tls->verify;
}

static int finish(struct iotsafe_tls *tls)
{
	/* In TLS 1.3 ours is the last flight: nothing is read after it. */
	if (tls->transport.lost)
		return fail(tls, last_words(tls));
	/* No way is known past the verification; none may be overlooked. */
	if (!is_authenticated(tls)) {
		tls->refused = true;
		error_set(IOTSAFE_ERR_UNTRUSTED,
			  "TLS handshake: %s was not authenticated",
			  failure_peer(tls));
		return fail(tls, GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR);
	}
	if (tls->transport.datagram)
		gnutls_dtls_set_mtu(tls->session,
				    transport_mtu(&tls->transport));
	trust_release(tls->cred);
	job_end(&tls->job);
	ahead_release(&tls->ahead);
	tls->transport.quiet = false;
	tls->stage = STAGE_OPEN;
	if (gnutls_protocol_get_version(tls->session) != GNUTLS_TLS1_3)
		reuse_keep(tls);
	return IOTSAFE_OK;
}

static int shake_hands(struct iotsafe_tls *tls, const struct deadline *deadline)
{
	unsigned idle = 0;
	int result;

	for (;;) {
		bool had_stepped_aside = tls->stepped_aside;

		TRY(perform(tls, step, deadline, &result));
		if (result == GNUTLS_E_SUCCESS)
			return finish(tls);
		if (result == GNUTLS_E_LARGE_PACKET ||
		    gnutls_error_is_fatal(result))
			return fail(tls, result);
		if (tls->stepped_aside != had_stepped_aside)
			continue;
		TRY(session_wait(tls, deadline, &idle, "handshake"));
	}
}

static int begin(struct iotsafe_tls *tls, int fd)
{
	TRY(transport_open(&tls->transport, fd, tls->transport.datagram));
	transport_install(&tls->transport, tls->session);
	tls->transport.quiet = !tls->transport.datagram;
	if (tls->transport.datagram)
		gnutls_dtls_set_mtu(tls->session, HANDSHAKE_MTU);
	TRY(offer_settings(tls));
	/* There is one for each session; psk_card.c has its own. */
	if (!tls->psk || tls->psk_kind != IOTSAFE_PSK_CARD)
		gnutls_handshake_set_hook_function(tls->session,
						   GNUTLS_HANDSHAKE_ANY,
						   GNUTLS_HOOK_PRE, on_message);
	return IOTSAFE_OK;
}

static int advance(struct iotsafe_tls *tls, int fd,
		   const struct deadline *deadline)
{
	int result = IOTSAFE_OK;

	if (tls->stage == STAGE_NEW) {
		TRY(begin(tls, fd));
		tls->stage = STAGE_IDENTITY;
	}
	if (tls->stage == STAGE_IDENTITY) {
		if (tls->card && (!tls->resuming || tls->card_random))
			TRY(perform(tls, prepare, deadline, &result));
		TRY(result);
		tls->stage = STAGE_HANDSHAKE;
		ahead_start(tls);
	}
	return shake_hands(tls, deadline);
}

int iotsafe_tls_handshake(iotsafe_tls *tls, int fd, int timeout)
{
	struct deadline deadline = deadline_in(timeout, -1);

	TRY(session_check(tls, "handshake"));
	if (tls->stage == STAGE_FAILED) {
		error_restore(&tls->read_failure);
		return tls->read_failure.code;
	}
	if (tls->stage != STAGE_NEW && fd != tls->transport.given)
		return error_set(IOTSAFE_ERR_ARG,
				 "TLS handshake: begun over descriptor %d, "
				 "continued over %d",
				 tls->transport.given, fd);
	if (tls->stage == STAGE_OPEN)
		return IOTSAFE_OK;
	tls->waiting_allowed = timeout != 0;
	tls->want = 0;
	return advance(tls, fd, &deadline);
}
