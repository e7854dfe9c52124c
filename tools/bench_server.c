/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The peer of a measured handshake where none is given: GnuTLS's defaults and
 * a certificate of its own making, at the other end of a pair of sockets.
 */
#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "bench.h"

#define DAY 86400
/* The longest silence of a client, in milliseconds: cards are slow. */
#define PATIENCE 120000

struct server {
	gnutls_certificate_credentials_t credentials;
	gnutls_datum_t certificate;
	pthread_t thread;
	int fd;
	int result;
	bool authenticated;
};

/* GnuTLS's results here: 0, or less than that. */
static int describe(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key)
{
	static const char name[] = "localhost";
	uint8_t serial[8];
	time_t now = time(NULL);

	TRY(gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial)));
	serial[0] = (serial[0] & 0x7F) | 1; /* positive, RFC 5280 4.1.2.2 */
	TRY(gnutls_x509_crt_set_version(crt, 3));
	TRY(gnutls_x509_crt_set_serial(crt, serial, sizeof(serial)));
	TRY(gnutls_x509_crt_set_activation_time(crt, now - DAY));
	TRY(gnutls_x509_crt_set_expiration_time(crt, now + DAY));
	TRY(gnutls_x509_crt_set_dn(crt, "CN=iotsafe bench", NULL));
	TRY(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, name,
						 sizeof(name) - 1,
						 GNUTLS_FSAN_SET));
	TRY(gnutls_x509_crt_set_key(crt, key));
	return gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0);
}

static int make_identity(struct server *server, gnutls_x509_crt_t crt,
			 gnutls_x509_privkey_t key)
{
	const unsigned bits = GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1);

	TRY(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, bits, 0));
	TRY(describe(crt, key));
	TRY(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER,
				    &server->certificate));
	return gnutls_certificate_set_x509_key(server->credentials, &crt, 1,
					       key);
}

static int load(struct server *server)
{
	gnutls_x509_crt_t crt = NULL;
	gnutls_x509_privkey_t key = NULL;
	int result;

	TRY(gnutls_certificate_allocate_credentials(&server->credentials));
	result = gnutls_x509_crt_init(&crt);
	if (result >= 0)
		result = gnutls_x509_privkey_init(&key);
	if (result >= 0)
		result = make_identity(server, crt, key);
	gnutls_x509_privkey_deinit(key);
	gnutls_x509_crt_deinit(crt);
	return result;
}

int server_new(struct cli *cli, struct server **out)
{
	struct server *server = calloc(1, sizeof(*server));
	int result;

	*out = server;
	if (!server)
		return fail(cli, "ERR_MEMORY", "no memory");
	server->fd = -1;
	result = load(server);
	if (result < 0)
		return fail(cli, "ERR_TLS", "server of the bench: %s",
			    gnutls_strerror(result));
	return 0;
}

int server_trusted(const struct server *server, iotsafe_tls *tls)
{
	return iotsafe_tls_set_ca_data(tls, server->certificate.data,
				       server->certificate.size);
}

/* Until the client says good-bye, or is gone. */
static void wait_for_end(gnutls_session_t session)
{
	ssize_t size;
	char bytes[256];

	do {
		size = gnutls_record_recv(session, bytes, sizeof(bytes));
	} while (size > 0 || (size < 0 && !gnutls_error_is_fatal((int)size)));
}

static void talk(struct server *server, gnutls_session_t session)
{
	do {
		server->result = gnutls_handshake(session);
	} while (server->result < 0 && !gnutls_error_is_fatal(server->result));
	if (server->result < 0)
		return;
	server->authenticated =
		gnutls_certificate_get_peers(session, NULL) != NULL;
	wait_for_end(session);
}

static void *serve(void *self)
{
	struct server *server = self;
	gnutls_session_t session;

	server->result =
		gnutls_init(&session, GNUTLS_SERVER | GNUTLS_NO_SIGNAL);
	if (server->result >= 0) {
		gnutls_set_default_priority(session);
		gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE,
				       server->credentials);
		gnutls_certificate_server_set_request(session,
						      GNUTLS_CERT_REQUIRE);
		gnutls_handshake_set_timeout(session, PATIENCE);
		gnutls_transport_set_int(session, server->fd);
		talk(server, session);
		gnutls_deinit(session);
	}
	close(server->fd);
	return NULL;
}

int server_start(struct cli *cli, struct server *server, int *fd)
{
	int ends[2];

	*fd = -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return fail(cli, ERR_FILE, "socketpair: %s", strerror(errno));
	server->fd = ends[1];
	server->authenticated = false;
	errno = pthread_create(&server->thread, NULL, serve, server);
	if (errno) {
		close(ends[0]);
		close(ends[1]);
		return fail(cli, ERR_FILE, "no thread for the server: %s",
			    strerror(errno));
	}
	*fd = ends[0];
	return 0;
}

bool server_join(struct server *server)
{
	pthread_join(server->thread, NULL);
	return server->authenticated;
}

const char *server_reason(const struct server *server)
{
	return server->result < 0 ? gnutls_strerror(server->result)
				  : "no certificate came";
}

void server_free(struct server *server)
{
	if (!server)
		return;
	if (server->credentials)
		gnutls_certificate_free_credentials(server->credentials);
	gnutls_free(server->certificate.data);
	free(server);
}
