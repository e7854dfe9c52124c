/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Wishes become a server at the other end of a socket pair or of two UDP
 * sockets on the loopback. */
#include <arpa/inet.h>
#include <gnutls/dtls.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tlspeer.h"

static void need(int result, const char *what)
{
	if (result >= 0)
		return;
	fprintf(stderr, "peer: %s failed (%d)\n", what, result);
	abort();
}

/* ---- connection ---- */

static void connect_pair(int fds[2])
{
	struct sockaddr_in address[2];

	for (int i = 0; i < 2; i++) {
		socklen_t size = sizeof(address[i]);

		fds[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		need(fds[i], "socket");
		memset(&address[i], 0, sizeof(address[i]));
		address[i].sin_family = AF_INET;
		address[i].sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		need(bind(fds[i], (struct sockaddr *)&address[i], size),
		     "bind");
		need(getsockname(fds[i], (struct sockaddr *)&address[i], &size),
		     "name");
	}
	for (int i = 0; i < 2; i++)
		need(connect(fds[i], (struct sockaddr *)&address[1 - i],
			     sizeof(address[i])),
		     "connect");
}

static void make_connection(struct peer *peer)
{
	int fds[2] = {-1, peer->wish.fd};

	if (!peer->wish.fd && peer->wish.datagram)
		connect_pair(fds);
	else if (!peer->wish.fd)
		need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds),
		     "socketpair");
	peer->fd = fds[0];
	peer->own_fd = fds[1];
}

/* ---- transport: every wait ends with the test ---- */

static bool wait_for(struct peer *peer, short events, int milliseconds)
{
	struct pollfd fds[2] = {
		{.fd = peer->own_fd, .events = events},
		{.fd = peer->stop_fd, .events = POLLIN},
	};

	if (poll(fds, 2, milliseconds) <= 0)
		return false;
	return fds[0].revents;
}

static ssize_t pull(gnutls_transport_ptr_t self, void *data, size_t size)
{
	struct peer *peer = self;

	if (!wait_for(peer, POLLIN, 20000))
		return 0;
	return read(peer->own_fd, data, size);
}

static void hold(struct peer *peer, const void *data, size_t size)
{
	struct datagram *held = malloc(sizeof(*held) + size);
	struct datagram **end = &peer->held;

	held->next = NULL;
	held->size = size;
	memcpy(held->data, data, size);
	pthread_mutex_lock(&peer->lock);
	while (*end)
		end = &(*end)->next;
	*end = held;
	pthread_mutex_unlock(&peer->lock);
}

bool peer_let_go(struct peer *peer)
{
	struct datagram *first;

	pthread_mutex_lock(&peer->lock);
	first = peer->held;
	if (first)
		peer->held = first->next;
	pthread_mutex_unlock(&peer->lock);
	if (!first)
		return false;
	need((int)send(peer->own_fd, first->data, first->size, 0), "send");
	free(first);
	return true;
}

static ssize_t push(gnutls_transport_ptr_t self, const void *data, size_t size)
{
	struct peer *peer = self;

	if (peer->wish.late) {
		hold(peer, data, size);
		return (ssize_t)size;
	}
	if (!wait_for(peer, POLLOUT, 20000))
		return -1;
	if (!peer->wish.fd)
		return send(peer->own_fd, data, size, MSG_NOSIGNAL);
	return write(peer->own_fd, data, size);
}

static int pull_timeout(gnutls_transport_ptr_t self, unsigned milliseconds)
{
	return wait_for(self, POLLIN, (int)milliseconds);
}

/* ---- session ---- */

static int count_message(gnutls_session_t session, unsigned type, unsigned post,
			 unsigned incoming, const gnutls_datum_t *message)
{
	struct peer *peer = gnutls_session_get_ptr(session);

	(void)type;
	(void)post;
	(void)incoming;
	(void)message;
	if (++peer->handled == peer->wish.messages) {
		shutdown(peer->own_fd, SHUT_RDWR);
		return GNUTLS_E_INTERNAL_ERROR;
	}
	return 0;
}

static void add_chain(gnutls_certificate_credentials_t cred,
		      const struct peer_wish *wish)
{
	const struct identity *all[5] = {wish->server};
	gnutls_x509_crt_t crts[5];
	int count;

	memcpy(all + 1, wish->chain, sizeof(wish->chain));
	for (count = 0; count < 5 && all[count]; count++) {
		need(gnutls_x509_crt_init(&crts[count]), "certificate");
		need(gnutls_x509_crt_import(crts[count], &all[count]->der,
					    GNUTLS_X509_FMT_DER),
		     "import");
	}
	need(gnutls_certificate_set_x509_key(cred, crts, count,
					     wish->server->key),
	     "key");
	while (count--)
		gnutls_x509_crt_deinit(crts[count]);
}

static void add_raw_key(gnutls_certificate_credentials_t cred,
			const struct identity *identity)
{
	gnutls_pcert_st *pcert = gnutls_calloc(1, sizeof(*pcert));
	gnutls_privkey_t privkey;
	gnutls_pubkey_t pubkey;

	need(gnutls_privkey_init(&privkey), "key");
	need(gnutls_privkey_import_x509(privkey, identity->key,
					GNUTLS_PRIVKEY_IMPORT_COPY),
	     "key");
	need(gnutls_pubkey_init(&pubkey), "public key");
	need(gnutls_pubkey_import_privkey(pubkey, privkey, 0, 0), "public key");
	need(gnutls_pcert_import_rawpk(pcert, pubkey, 0), "raw key");
	need(gnutls_certificate_set_key(cred, NULL, 0, pcert, 1, privkey),
	     "raw key");
	gnutls_free(pcert);
}

static int find_psk(gnutls_session_t session, const char *identity,
		    gnutls_datum_t *key)
{
	const struct peer_wish *wish =
		&((struct peer *)gnutls_session_get_ptr(session))->wish;

	if (!wish->psk_identity || strcmp(identity, wish->psk_identity) != 0)
		return 1;
	key->data = gnutls_malloc(wish->psk.size);
	memcpy(key->data, wish->psk.data, wish->psk.size);
	key->size = wish->psk.size;
	return 0;
}

/* Any key will do here: the test compares it. */
static int take_any(gnutls_session_t session)
{
	(void)session;
	return 0;
}

static gnutls_certificate_credentials_t credentials(const struct peer *peer)
{
	const struct peer_wish *wish = &peer->wish;
	gnutls_certificate_credentials_t cred;

	need(gnutls_certificate_allocate_credentials(&cred), "credentials");
	if (wish->server)
		add_chain(cred, wish);
	if (wish->raw)
		add_raw_key(cred, wish->server);
	if (wish->client_ca)
		need(gnutls_certificate_set_x509_trust_mem(
			     cred, &wish->client_ca->der, GNUTLS_X509_FMT_DER),
		     "trust");
	return cred;
}

static void configure(struct peer *peer, gnutls_session_t session,
		      gnutls_certificate_credentials_t cred)
{
	const struct peer_wish *wish = &peer->wish;
	gnutls_datum_t protocol;

	gnutls_session_set_ptr(session, peer);
	need(gnutls_priority_set_direct(
		     session, wish->priority ? wish->priority : "NORMAL", NULL),
	     "priority");
	need(gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, cred),
	     "credentials");
	if (wish->client_ca) {
		gnutls_certificate_server_set_request(
			session, wish->optional ? GNUTLS_CERT_REQUEST
						: GNUTLS_CERT_REQUIRE);
		gnutls_session_set_verify_cert(session, NULL, 0);
	}
	if (wish->optional)
		gnutls_session_set_verify_cert(session, NULL, 0);
	if (wish->raw)
		gnutls_session_set_verify_function(session, take_any);
	if (wish->alpn) {
		protocol.data = (unsigned char *)strdup(wish->alpn);
		protocol.size = (unsigned)strlen(wish->alpn);
		gnutls_alpn_set_protocols(session, &protocol, 1, 0);
		free(protocol.data);
	}
	if (wish->tickets)
		need(gnutls_session_ticket_enable_server(session,
							 wish->tickets),
		     "tickets");
	gnutls_transport_set_ptr(session, peer);
	gnutls_transport_set_pull_function(session, pull);
	gnutls_transport_set_push_function(session, push);
	gnutls_transport_set_pull_timeout_function(session, pull_timeout);
	if (wish->datagram)
		gnutls_dtls_set_mtu(session, 16384);
	if (wish->messages)
		gnutls_handshake_set_hook_function(
			session, GNUTLS_HANDSHAKE_ANY, GNUTLS_HOOK_POST,
			count_message);
}

static void look_at_session(struct peer *peer, gnutls_session_t session)
{
	gnutls_datum_t client, own;
	const char *suite = gnutls_ciphersuite_get(session);

	gnutls_session_get_random(session, &client, &own);
	if (client.size == sizeof(peer->client_random))
		memcpy(peer->client_random, client.data, client.size);
	snprintf(peer->suite, sizeof(peer->suite), "%s", suite ? suite : "");
	peer->extended = gnutls_session_ext_master_secret_status(session);
	peer->resumed = gnutls_session_is_resumed(session);
}

static void look_at_client(struct peer *peer, gnutls_session_t session)
{
	const gnutls_datum_t *chain;
	size_t size = sizeof(peer->name) - 1;
	gnutls_x509_crt_t crt;
	unsigned type;

	chain = gnutls_certificate_get_peers(session, &peer->chain);
	if (gnutls_certificate_type_get2(session, GNUTLS_CTYPE_CLIENT) ==
	    GNUTLS_CRT_RAWPK) {
		if (chain && chain->size <= sizeof(peer->client_spki)) {
			memcpy(peer->client_spki, chain->data, chain->size);
			peer->client_spki_size = chain->size;
		}
		chain = NULL;
	}
	if (chain && peer->chain && gnutls_x509_crt_init(&crt) >= 0) {
		size_t room = sizeof(peer->subject);

		gnutls_x509_crt_import(crt, chain, GNUTLS_X509_FMT_DER);
		gnutls_x509_crt_get_dn(crt, peer->subject, &room);
		gnutls_x509_crt_deinit(crt);
	}
	if (gnutls_server_name_get(session, peer->name, &size, &type, 0) < 0)
		peer->name[0] = '\0';
	gnutls_prf_rfc5705(session, 13, "EXPORTER-test", 0, NULL,
			   sizeof(peer->exported), (char *)peer->exported);
}

static bool is_to_be_repeated(ssize_t result)
{
	return result < 0 && result != GNUTLS_E_LARGE_PACKET &&
	       !gnutls_error_is_fatal((int)result);
}

static void send_all(gnutls_session_t session, const char *data, size_t size)
{
	while (size) {
		ssize_t went = gnutls_record_send(session, data, size);

		if (is_to_be_repeated(went))
			continue;
		if (went < 0)
			return;
		data += went;
		size -= (size_t)went;
	}
}

static void echo(struct peer *peer, gnutls_session_t session)
{
	static const size_t room = 16384;
	char *data = malloc(room);
	ssize_t got;

	for (;;) {
		got = gnutls_record_recv(session, data, room);
		if (is_to_be_repeated(got))
			continue;
		if (got <= 0)
			break;
		peer->echoed += (size_t)got;
		send_all(session, data, (size_t)got);
	}
	if (got == GNUTLS_E_FATAL_ALERT_RECEIVED)
		peer->alert = (int)gnutls_alert_get(session);
	if (!got)
		gnutls_bye(session, GNUTLS_SHUT_WR);
	free(data);
}

static void behave(struct peer *peer, gnutls_session_t session)
{
	switch (peer->wish.manner) {
	case PEER_BYE:
		gnutls_bye(session, GNUTLS_SHUT_WR);
		return;
	case PEER_HANG_UP:
		return;
	case PEER_CUT:
		/* The beginning of 256 bytes. */
		(void)!write(peer->own_fd, "\x17\x03\x03\x01\x00\x02", 6);
		return;
	case PEER_DEAF:
		poll(&(struct pollfd){.fd = peer->stop_fd, .events = POLLIN}, 1,
		     20000);
		return;
	case PEER_WARN:
		for (int i = 0; i < 1000; i++)
			if (gnutls_alert_send(session, GNUTLS_AL_WARNING,
					      GNUTLS_A_USER_CANCELED) < 0)
				return;
		break;
	case PEER_RENEGOTIATE:
		gnutls_rehandshake(session);
		break;
	case PEER_UPDATE:
		gnutls_session_key_update(session, GNUTLS_KU_PEER);
		break;
	case PEER_EMPTY:
		for (int i = 0; i < 10; i++)
			send(peer->own_fd, "", 0, 0);
		break;
	case PEER_ECHO:
		break;
	}
	echo(peer, session);
}

static void serve(struct peer *peer, gnutls_session_t session)
{
	/* A blocking DTLS session of GnuTLS would sleep instead. */
	while (is_to_be_repeated(peer->result = gnutls_handshake(session)))
		if (peer->wish.datagram)
			wait_for(peer, POLLIN, 1000);
	if (peer->result < 0) {
		if (peer->result == GNUTLS_E_FATAL_ALERT_RECEIVED)
			peer->alert = (int)gnutls_alert_get(session);
		if (!peer->wish.messages)
			gnutls_alert_send_appropriate(session, peer->result);
		return;
	}
	look_at_session(peer, session);
	look_at_client(peer, session);
	behave(peer, session);
}

/* Until a ClientHello comes with the cookie; GnuTLS reads that one itself. */
static void ask_for_cookie(struct peer *peer, gnutls_session_t session)
{
	gnutls_dtls_prestate_st state = {0};
	char client[] = "client", message[2048];
	gnutls_datum_t key;
	ssize_t got;

	need(gnutls_key_generate(&key, GNUTLS_COOKIE_KEY_SIZE), "cookie");
	while (wait_for(peer, POLLIN, 20000)) {
		got = recv(peer->own_fd, message, sizeof(message), MSG_PEEK);
		if (got <= 0 || gnutls_dtls_cookie_verify(
					&key, client, sizeof(client), message,
					(size_t)got, &state) >= 0)
			break;
		gnutls_dtls_cookie_send(&key, client, sizeof(client), &state,
					peer, push);
		got = recv(peer->own_fd, message, sizeof(message), 0);
	}
	gnutls_dtls_prestate_set(session, &state);
	gnutls_free(key.data);
}

static void serve_session(struct peer *peer)
{
	gnutls_certificate_credentials_t cred = credentials(peer);
	gnutls_psk_server_credentials_t psk;
	unsigned flags = GNUTLS_SERVER;
	gnutls_session_t session;

	if (peer->wish.datagram)
		flags |= GNUTLS_DATAGRAM | GNUTLS_NONBLOCK;
	if (peer->wish.raw)
		flags |= GNUTLS_ENABLE_RAWPK;
	need(gnutls_init(&session, flags), "session");
	need(gnutls_psk_allocate_server_credentials(&psk), "credentials");
	gnutls_psk_set_server_credentials_function(psk, find_psk);
	configure(peer, session, cred);
	if (peer->wish.psk_identity)
		need(gnutls_credentials_set(session, GNUTLS_CRD_PSK, psk),
		     "credentials");
	if (peer->wish.cookie)
		ask_for_cookie(peer, session);
	serve(peer, session);
	gnutls_deinit(session);
	gnutls_certificate_free_credentials(cred);
	gnutls_psk_free_server_credentials(psk);
}

void peer_serve(struct peer *peer)
{
	char ignored[4096];

	if (peer->wish.garbage) {
		if (wait_for(peer, POLLIN, 20000) &&
		    read(peer->own_fd, ignored, sizeof(ignored)) > 0)
			need((int)write(peer->own_fd, peer->wish.garbage,
					strlen(peer->wish.garbage)),
			     "write");
	} else if (peer->wish.silent) {
		while (wait_for(peer, POLLIN, 20000) &&
		       read(peer->own_fd, ignored, sizeof(ignored)) > 0)
			;
	} else {
		serve_session(peer);
	}
	close(peer->own_fd);
}

void peer_prepare(struct peer *peer, struct peer_wish wish)
{
	memset(peer, 0, sizeof(*peer));
	peer->wish = wish;
	peer->alert = -1;
	peer->stop_fd = eventfd(0, EFD_CLOEXEC);
	need(peer->stop_fd, "eventfd");
	pthread_mutex_init(&peer->lock, NULL);
	make_connection(peer);
}

void peer_stop(struct peer *peer)
{
	const uint64_t one = 1;

	if (!peer->wish.fd && peer->fd >= 0)
		close(peer->fd);
	/* An UDP socket does not tell that the other end has gone. */
	need((int)write(peer->stop_fd, &one, sizeof(one)), "stop");
}

void peer_forget(struct peer *peer)
{
	close(peer->stop_fd);
	while (peer->held) {
		struct datagram *first = peer->held;

		peer->held = first->next;
		free(first);
	}
	pthread_mutex_destroy(&peer->lock);
}

static void *run(void *self)
{
	peer_serve(self);
	return NULL;
}

void peer_start(struct peer *peer, struct peer_wish wish)
{
	peer_prepare(peer, wish);
	need(-pthread_create(&peer->thread, NULL, run, peer), "thread");
}

void peer_join(struct peer *peer)
{
	peer_stop(peer);
	pthread_join(peer->thread, NULL);
	peer_forget(peer);
}
