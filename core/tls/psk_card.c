/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The master secret of TLS 1.2 and DTLS 1.2, computed by the card (RFC 4279,
 * RFC 5246 8.1, RFC 7627), takes the place of GnuTLS's own.
 *
 * GnuTLS shows its master secret to the function for key logs before it makes
 * any use of it, and shows the very bytes that it will use. Nobody promises
 * that, so it is tried out first, between two sessions in memory.
 */
#include <gnutls/dtls.h>
#include <iotsafe/gnutls.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/crypto_datum.h"
#include "base/error.h"
#include "object/key.h"
#include "tls/psk.h"
#include "tls/session.h"

#define MASTER_SIZE 48

/* Gives GnuTLS's master secret, to be written to; false if those are not the
 * bytes that the session will use. */
static bool is_own_secret(gnutls_session_t session, const char *label,
			  const gnutls_datum_t *secret)
{
	gnutls_datum_t own = {NULL, 0};

	if (strcmp(label, "CLIENT_RANDOM") != 0)
		return false;
	gnutls_session_get_master_secret(session, &own);
	return own.data == secret->data && secret->size == MASTER_SIZE;
}

/* ---- trying it out ---- */

static int use_secret_of_test(gnutls_session_t session, const char *label,
			      const gnutls_datum_t *secret)
{
	if (!is_own_secret(session, label, secret))
		return GNUTLS_E_INTERNAL_ERROR;
	memcpy(secret->data, gnutls_session_get_ptr(session), MASTER_SIZE);
	return 0;
}

/* The two ends do not have the same key. */
static int key_of_client(gnutls_session_t session, gnutls_datum_t *username,
			 gnutls_datum_t *key)
{
	(void)session;
	if (datum_give((struct bytes){(const uint8_t *)"client", 6}, username) <
	    0)
		return GNUTLS_E_MEMORY_ERROR;
	return gnutls_key_generate(key, 16);
}

static int key_of_server(gnutls_session_t session, const char *username,
			 gnutls_datum_t *key)
{
	(void)session;
	(void)username;
	return gnutls_key_generate(key, 16);
}

static bool shake_hands(gnutls_session_t client, gnutls_session_t server)
{
	int ours = GNUTLS_E_AGAIN, theirs = GNUTLS_E_AGAIN;

	for (int i = 0; i < 8 && (ours || theirs); i++) {
		if (ours)
			ours = gnutls_handshake(client);
		if (theirs)
			theirs = gnutls_handshake(server);
		if (gnutls_error_is_fatal(ours) ||
		    gnutls_error_is_fatal(theirs))
			return false;
	}
	return !ours && !theirs;
}

static bool prepare(gnutls_session_t session, void *cred, int fd, void *master)
{
	gnutls_session_set_ptr(session, master);
	gnutls_session_set_keylog_function(session, use_secret_of_test);
	gnutls_transport_set_ptr(session, (gnutls_transport_ptr_t)(intptr_t)fd);
	return gnutls_priority_set_direct(session,
					  "NORMAL:-VERS-ALL:+VERS-TLS1.2"
					  ":-KX-ALL:+PSK",
					  NULL) >= 0 &&
	       gnutls_credentials_set(session, GNUTLS_CRD_PSK, cred) >= 0;
}

static bool try_between(gnutls_session_t client, gnutls_session_t server,
			const int fds[2])
{
	gnutls_psk_client_credentials_t client_cred;
	gnutls_psk_server_credentials_t server_cred;
	uint8_t master[MASTER_SIZE];
	bool good;

	if (gnutls_psk_allocate_client_credentials(&client_cred) < 0)
		return false;
	good = gnutls_psk_allocate_server_credentials(&server_cred) >= 0;
	if (good) {
		gnutls_psk_set_client_credentials_function2(client_cred,
							    key_of_client);
		gnutls_psk_set_server_credentials_function(server_cred,
							   key_of_server);
		good = gnutls_rnd(GNUTLS_RND_KEY, master, sizeof(master)) >=
			       0 &&
		       prepare(client, client_cred, fds[0], master) &&
		       prepare(server, server_cred, fds[1], master) &&
		       shake_hands(client, server);
		gnutls_psk_free_server_credentials(server_cred);
	}
	gnutls_psk_free_client_credentials(client_cred);
	return good;
}

static bool works;

static void try_out(void)
{
	const unsigned flags = GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL;
	gnutls_session_t client = NULL, server = NULL;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
		       fds) < 0)
		return;
	if (gnutls_init(&client, GNUTLS_CLIENT | flags) >= 0 &&
	    gnutls_init(&server, GNUTLS_SERVER | flags) >= 0)
		works = try_between(client, server, fds);
	if (client)
		gnutls_deinit(client);
	if (server)
		gnutls_deinit(server);
	close(fds[0]);
	close(fds[1]);
}

/* ---- the transcript ---- */

/* As RFC 6347 4.2.6 wants it: in DTLS as if there were no fragments. */
static int add_message(struct psk *psk, unsigned type, unsigned incoming,
		       const gnutls_datum_t *message)
{
	uint8_t head[12];
	struct builder out = {head, 0, sizeof(head), false};
	const uint8_t size[] = {(uint8_t)(message->size >> 16),
				(uint8_t)(message->size >> 8),
				(uint8_t)message->size};
	uint16_t *counter = incoming ? &psk->received : &psk->sent;
	uint16_t number = (*counter)++;

	build_byte(&out, (uint8_t)type);
	build_bytes(&out, size, sizeof(size));
	if (psk->datagram) {
		build_byte(&out, (uint8_t)(number >> 8));
		build_byte(&out, (uint8_t)number);
		build_bytes(&out, (const uint8_t[]){0, 0, 0}, 3);
		build_bytes(&out, size, sizeof(size));
	}
	if (gnutls_hash(psk->transcript, head, out.size) < 0)
		return GNUTLS_E_HASH_FAILED;
	return gnutls_hash(psk->transcript, message->data, message->size);
}

/* Messages are whole before GnuTLS works on one that came, and after it has
 * made one to send. */
static int on_message(gnutls_session_t session, unsigned type, unsigned post,
		      unsigned incoming, const gnutls_datum_t *message)
{
	struct psk *psk = psk_of(session);
	uint8_t unused[32];
	bool whole =
		incoming ? post == GNUTLS_HOOK_PRE : post == GNUTLS_HOOK_POST;

	/* Programs have limits of their own. */
	if (psk && psk->limit && type == GNUTLS_HANDSHAKE_CLIENT_HELLO)
		offer_no_limit(session);
	if (!psk || !psk->transcript || !whole ||
	    type >= GNUTLS_HANDSHAKE_CHANGE_CIPHER_SPEC ||
	    type == GNUTLS_HANDSHAKE_HELLO_REQUEST)
		return 0;
	if (type != GNUTLS_HANDSHAKE_HELLO_VERIFY_REQUEST)
		return add_message(psk, type, incoming, message);
	/* The first ClientHello and this one do not count. */
	gnutls_hash_output(psk->transcript, unused);
	psk->sent = psk->received = 1;
	return 0;
}

/* ---- the secret ---- */

static int ask_card(gnutls_session_t session, struct psk *psk,
		    const gnutls_datum_t *secret)
{
	bool extended = gnutls_session_ext_master_secret_status(session);
	const char *label =
		extended ? "extended master secret" : "master secret";
	uint8_t seed[64];
	gnutls_datum_t client, server;

	gnutls_session_get_random(session, &client, &server);
	if (client.size != 32 || server.size != 32)
		return error_set(IOTSAFE_ERR_TLS, "PSK: no random numbers");
	memcpy(seed, client.data, 32);
	memcpy(seed + 32, server.data, 32);
	if (extended)
		gnutls_hash_output(psk->transcript, seed);
	return card_prf(psk->card, psk->name, (struct bytes){NULL, 0}, label,
			(struct bytes){seed, extended ? 32 : 64}, secret->data,
			secret->size, psk->limit);
}

static int on_secret(gnutls_session_t session, const char *label,
		     const gnutls_datum_t *secret)
{
	struct psk *psk = psk_of(session);
	int result;

	if (!psk || psk->kind != IOTSAFE_PSK_CARD)
		return 0;
	if (!is_own_secret(session, label, secret) ||
	    gnutls_kx_get(session) != GNUTLS_KX_PSK ||
	    gnutls_prf_hash_get(session) != GNUTLS_DIG_SHA256)
		result = error_set(IOTSAFE_ERR_SUPPORT,
				   "PSK: the card computes master secrets of "
				   "TLS 1.2 for plain PSK with SHA-256, which "
				   "this session is not");
	else
		result = ask_card(session, psk, secret);
	return result < 0 ? IOTSAFE_GNUTLS_ERROR(result) : 0;
}

int psk_card_install(gnutls_session_t session, struct psk *psk)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, try_out);
	if (!works)
		return error_set(IOTSAFE_ERR_SUPPORT,
				 "PSK: this GnuTLS does not let the card "
				 "compute master secrets");
	if (gnutls_hash_init(&psk->transcript, GNUTLS_DIG_SHA256) < 0)
		return error_no_memory("PSK");
	psk->datagram = gnutls_dtls_get_mtu(session) > 0;
	gnutls_session_set_keylog_function(session, on_secret);
	gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_ANY,
					   GNUTLS_HOOK_BOTH, on_message);
	return IOTSAFE_OK;
}
