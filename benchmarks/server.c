/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The peer of a measured handshake: GnuTLS as most servers run it, requiring
 * a client certificate.
 */
#include <err.h>
#include <fcntl.h>
#include <gnutls/dtls.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "server.h"

/* The longest silence of a client, in milliseconds. */
#define WAIT 60000

static void check(int result, const char *what)
{
	if (result < 0)
		errx(1, "server: %s: %s", what, gnutls_strerror(result));
}

void server_load(struct server *server, const char *certificate,
		 const char *key, const char *ca)
{
	check(gnutls_certificate_allocate_credentials(&server->credentials),
	      "credentials");
	check(gnutls_certificate_set_x509_key_file(server->credentials,
						   certificate, key,
						   GNUTLS_X509_FMT_PEM),
	      certificate);
	check(gnutls_certificate_set_x509_trust_file(server->credentials, ca,
						     GNUTLS_X509_FMT_PEM),
	      ca);
	check(gnutls_session_ticket_key_generate(&server->tickets), "tickets");
}

static bool is_authenticated(gnutls_session_t session)
{
	unsigned status = 1;

	return gnutls_certificate_verify_peers2(session, &status) >= 0 &&
	       !status;
}

static bool is_want(int result)
{
	return result == GNUTLS_E_AGAIN || result == GNUTLS_E_INTERRUPTED;
}

/* The session does not block: where GnuTLS blocks on datagrams it sleeps 50
 * ms before each one, which would be measured. */
static void wait_for_client(const struct server *server,
			    gnutls_session_t session)
{
	struct pollfd entry = {.fd = server->fd, .events = POLLIN};
	int wait = WAIT;

	/* When GnuTLS wants to send its last flight again. */
	if (server->datagram && gnutls_dtls_get_timeout(session) > 0)
		wait = (int)gnutls_dtls_get_timeout(session);
	poll(&entry, 1, wait);
}

static void shake_hands(struct server *server, gnutls_session_t session)
{
	do {
		server->result = gnutls_handshake(session);
		if (is_want(server->result))
			wait_for_client(server, session);
	} while (server->result < 0 && !gnutls_error_is_fatal(server->result));
	server->authenticated =
		server->result >= 0 && is_authenticated(session);
}

static void send_byte(const struct server *server, gnutls_session_t session)
{
	while (is_want((int)gnutls_record_send(session, ".", 1)))
		wait_for_client(server, session);
}

/* Until the client says good-bye. */
static void wait_for_end(const struct server *server, gnutls_session_t session)
{
	ssize_t size;
	char byte;

	do {
		size = gnutls_record_recv(session, &byte, 1);
		if (is_want((int)size))
			wait_for_client(server, session);
	} while (size > 0 || is_want((int)size));
}

static void *serve(void *self)
{
	struct server *server = self;
	unsigned flags = GNUTLS_SERVER | GNUTLS_NONBLOCK;
	gnutls_session_t session;

	if (server->datagram)
		flags |= GNUTLS_DATAGRAM;
	check(gnutls_init(&session, flags), "session");
	check(gnutls_set_default_priority(session), "priority");
	gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE,
			       server->credentials);
	gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
	if (server->resumes)
		gnutls_session_ticket_enable_server(session, &server->tickets);
	gnutls_transport_set_int(session, server->fd);
	shake_hands(server, session);
	if (server->result >= 0 && server->resumes)
		send_byte(server, session);
	if (server->result >= 0)
		wait_for_end(server, session);
	gnutls_deinit(session);
	return NULL;
}

/* SOCK_SEQPACKET is datagrams that tell of the end of the other side. */
static void new_pair(const struct server *server, int ends[2])
{
	int type = server->datagram ? SOCK_SEQPACKET : SOCK_STREAM;

	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) < 0)
		err(1, "socketpair");
}

static void *run_network(void *self)
{
	relay_run(self);
	return NULL;
}

static bool has_network(const struct server *server)
{
	return server->delay_ms > 0 || server->loss > 0;
}

/* Between the server and `fd`; gives the client's end. */
static int add_network(struct server *server, int fd)
{
	uint64_t seed = server->relay.seed;
	int ends[2];

	new_pair(server, ends);
	server->relay = (struct relay){
		.ends = {ends[1], fd},
		.datagram = server->datagram,
		.delay_ms = server->delay_ms,
		.loss = server->loss,
		.seed = seed,
	};
	if (pthread_create(&server->network, NULL, run_network, &server->relay))
		errx(1, "network: no thread");
	return ends[0];
}

int server_start(struct server *server)
{
	int ends[2];

	new_pair(server, ends);
	server->fd = ends[1];
	fcntl(server->fd, F_SETFL, O_NONBLOCK);
	if (has_network(server))
		ends[0] = add_network(server, ends[0]);
	if (pthread_create(&server->thread, NULL, serve, server))
		errx(1, "server: no thread");
	return ends[0];
}

void server_join(struct server *server)
{
	pthread_join(server->thread, NULL);
	close(server->fd);
	if (has_network(server))
		pthread_join(server->network, NULL);
}

void server_free(struct server *server)
{
	gnutls_certificate_free_credentials(server->credentials);
	gnutls_memset(server->tickets.data, 0, server->tickets.size);
	gnutls_free(server->tickets.data);
}
