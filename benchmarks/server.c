/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The peer of a measured handshake: GnuTLS as most servers run it, requiring
 * a client certificate.
 */
#include <err.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "server.h"

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
}

static bool is_authenticated(gnutls_session_t session)
{
	unsigned status = 1;

	return gnutls_certificate_verify_peers2(session, &status) >= 0 &&
	       !status;
}

static void *serve(void *self)
{
	struct server *server = self;
	gnutls_session_t session;
	char byte;

	check(gnutls_init(&session,
			  GNUTLS_SERVER |
				  (server->datagram ? GNUTLS_DATAGRAM : 0)),
	      "session");
	check(gnutls_set_default_priority(session), "priority");
	gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE,
			       server->credentials);
	gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
	gnutls_transport_set_int(session, server->fd);
	gnutls_handshake_set_timeout(session, 60000);
	do
		server->result = gnutls_handshake(session);
	while (server->result < 0 && !gnutls_error_is_fatal(server->result));
	server->authenticated =
		server->result >= 0 && is_authenticated(session);
	/* Until the client says good-bye. */
	if (server->result >= 0)
		while (gnutls_record_recv(session, &byte, 1) > 0)
			;
	gnutls_deinit(session);
	return NULL;
}

int server_start(struct server *server)
{
	int ends[2];

	if (socketpair(AF_UNIX,
		       (server->datagram ? SOCK_DGRAM : SOCK_STREAM) |
			       SOCK_CLOEXEC,
		       0, ends) < 0)
		err(1, "socketpair");
	server->fd = ends[1];
	if (pthread_create(&server->thread, NULL, serve, server))
		errx(1, "server: no thread");
	return ends[0];
}

void server_join(struct server *server)
{
	pthread_join(server->thread, NULL);
	close(server->fd);
}

void server_free(struct server *server)
{
	gnutls_certificate_free_credentials(server->credentials);
}
