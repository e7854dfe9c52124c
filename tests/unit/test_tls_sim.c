/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The whole way: a session or GnuTLS above, the software SIM below. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <gnutls/gnutls.h>
#include <iotsafe/gnutls.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "tlspeer.h"

static struct identity ca, server;
static struct identity card_root; /* only its certificate */

static void set_up(void)
{
	ca = identity_make((struct identity_wish){.name = "CA", .ca = true});
	server = identity_make((struct identity_wish){
		.name = "server", .issuer = &ca, .dns = "server.example"});
}

static void tear_down(void)
{
	identity_free(&ca);
	identity_free(&server);
	iotsafe_free(card_root.der.data);
}

TestSuite(sim, .init = set_up, .fini = tear_down, .timeout = 300);

static void expect_good(int got)
{
	cr_assert(eq(int, got, 0), "%s: %s", iotsafe_error_name(got),
		  iotsafe_last_error());
}

/* Opens the card, and reads the CA that a server needs to know it. */
static iotsafe_card *open_card(const char *address)
{
	iotsafe_card *card;
	iotsafe_file *file;
	size_t size;

	expect_good(iotsafe_card_open(address, &card));
	expect_good(iotsafe_file_open(card, "label=ca", &file));
	iotsafe_free(card_root.der.data);
	expect_good(iotsafe_file_read(file, &card_root.der.data, &size));
	card_root.der.size = (unsigned)size;
	iotsafe_file_free(file);
	return card;
}

static const char *const priorities[] = {
	"NORMAL:-VERS-ALL:+VERS-TLS1.3",
	"NORMAL:-VERS-ALL:+VERS-TLS1.2",
	"NORMAL:-VERS-ALL:+VERS-DTLS1.2",
};

static void start(struct peer *peer, int protocol)
{
	peer_start(peer, (struct peer_wish){.datagram = protocol == 2,
					    .priority = priorities[protocol],
					    .server = &server,
					    .client_ca = &card_root});
}

static iotsafe_tls *new_session(iotsafe_card *card, int protocol)
{
	iotsafe_tls *tls;

	expect_good(iotsafe_tls_new(card, protocol == 2, &tls));
	expect_good(iotsafe_tls_set_server_name(tls, "server.example"));
	expect_good(iotsafe_tls_set_ca_data(tls, ca.der.data, ca.der.size));
	return tls;
}

static int shake_hands(iotsafe_tls *tls, int fd, bool waiting)
{
	int result, poll_fd, events, timeout;
	struct pollfd entry;

	if (waiting)
		return iotsafe_tls_handshake(tls, fd, 30000);
	for (;;) {
		result = iotsafe_tls_handshake(tls, fd, 0);
		if (result > IOTSAFE_WANT_READ || result < IOTSAFE_WANT_CARD)
			return result;
		expect_good(iotsafe_tls_poll(tls, &poll_fd, &events, &timeout));
		entry = (struct pollfd){.fd = poll_fd, .events = (short)events};
		poll(&entry, 1, timeout);
	}
}

static void expect_session(iotsafe_card *card, int protocol, bool waiting)
{
	iotsafe_tls *tls = new_session(card, protocol);
	struct peer peer;

	start(&peer, protocol);
	expect_good(shake_hands(tls, peer.fd, waiting));
	expect_good(
		iotsafe_tls_send(tls, (const uint8_t *)"x", 1, 30000, NULL));
	expect_good(iotsafe_tls_close(tls, 30000));
	iotsafe_tls_free(tls);
	peer_join(&peer);
	cr_assert(eq(int, peer.result, 0));
	cr_assert(eq(sz, peer.echoed, 1));
	cr_assert(strstr(peer.subject, "CN=") != NULL);
	cr_assert(ge(uint, peer.chain, 2));
}

ParameterizedTestParameters(sim, costs_one_signature_of_two_exchanges)
{
	static int rows[] = {0, 1, 2, 8, 9, 10};

	return cr_make_param_array(int, rows, 6);
}

ParameterizedTest(int *row, sim, costs_one_signature_of_two_exchanges,
		  .timeout = 300)
{
	iotsafe_card *card = open_card("sim:?quirk=direct");
	uint64_t exchanges, signatures;

	expect_session(card, *row % 8, *row < 8);
	exchanges = iotsafe_card_counter(card, IOTSAFE_EXCHANGES);
	signatures = iotsafe_card_counter(card, IOTSAFE_SIGNATURES);
	cr_assert(eq(u64, signatures, 1));
	expect_session(card, *row % 8, *row < 8);
	cr_assert(eq(u64, iotsafe_card_counter(card, IOTSAFE_EXCHANGES),
		     exchanges + 2));
	cr_assert(eq(u64, iotsafe_card_counter(card, IOTSAFE_SIGNATURES), 2));
	iotsafe_card_free(card);
}

static void expect_anonymous_session(iotsafe_card *card, int protocol,
				     bool waiting)
{
	iotsafe_tls *tls = new_session(card, protocol);
	struct peer peer;

	peer_start(&peer, (struct peer_wish){.datagram = protocol == 2,
					     .priority = priorities[protocol],
					     .server = &server});
	expect_good(shake_hands(tls, peer.fd, waiting));
	iotsafe_tls_free(tls);
	peer_join(&peer);
	cr_assert(eq(int, peer.result, 0));
}

/* Before the server has said a word. */
static void expect_session_given_up(iotsafe_card *card, int protocol)
{
	iotsafe_tls *tls = new_session(card, protocol);
	int ends[2];

	cr_assert(
		eq(int,
		   socketpair(AF_UNIX, protocol == 2 ? SOCK_DGRAM : SOCK_STREAM,
			      0, ends),
		   0));
	cr_assert(eq(int, iotsafe_tls_handshake(tls, ends[0], 50),
		     IOTSAFE_ERR_TIMEOUT));
	iotsafe_tls_free(tls);
	close(ends[0]);
	close(ends[1]);
}

/* The card has been told to sign, and then it is not wanted: also one that has
 * a single session, which stays taken. */
Test(sim, is_of_use_after_a_server_that_wants_no_certificate)
{
	static const char *const addresses[] = {
		"sim:", "sim:?quirk=strict-session",
		"sim:?quirk=strict-session,shared-session",
		"sim:?quirk=strict-session&ahead=no"};

	for (size_t i = 0; i < 4; i++) {
		iotsafe_card *card = open_card(addresses[i]);

		for (int round = 0; round < 6; round++) {
			expect_anonymous_session(card, round % 3, round % 2);
			expect_session_given_up(card, round % 3);
			expect_session(card, round % 3, !(round % 2));
		}
		cr_assert(eq(u64,
			     iotsafe_card_counter(card, IOTSAFE_SIGNATURES),
			     6));
		iotsafe_card_free(card);
	}
}

static void *many_sessions(void *self)
{
	for (int i = 0; i < 4; i++)
		expect_session(self, i % 3, i % 2);
	return NULL;
}

/* Each takes what another has begun, or loses what it has begun itself. */
Test(sim, is_shared_by_threads_that_begin_signatures_ahead)
{
	static const char *const addresses[] = {"sim:",
						"sim:?quirk=strict-session"};

	for (size_t i = 0; i < 2; i++) {
		iotsafe_card *card = open_card(addresses[i]);
		pthread_t threads[4];

		for (int j = 0; j < 4; j++)
			cr_assert(eq(int,
				     pthread_create(&threads[j], NULL,
						    many_sessions, card),
				     0));
		for (int j = 0; j < 4; j++)
			pthread_join(threads[j], NULL);
		cr_assert(eq(u64,
			     iotsafe_card_counter(card, IOTSAFE_SIGNATURES),
			     16));
		iotsafe_card_free(card);
	}
}

static void expect_failure(const char *address, int code, const char *words)
{
	for (int waiting = 0; waiting < 2; waiting++) {
		iotsafe_card *card = open_card(address);
		iotsafe_tls *tls = new_session(card, 0);
		struct peer peer;
		int result;

		start(&peer, 0);
		result = shake_hands(tls, peer.fd, waiting);
		cr_assert(eq(int, result, code), "%s: %s",
			  iotsafe_error_name(result), iotsafe_last_error());
		cr_assert(strstr(iotsafe_last_error(), words) != NULL,
			  "\"%s\" is not in: %s", words, iotsafe_last_error());
		iotsafe_tls_free(tls);
		iotsafe_card_free(card);
		peer_join(&peer);
		cr_assert(ne(int, peer.result, 0));
	}
}

Test(sim, lets_no_bad_signature_out)
{
	expect_failure("sim:?fault=flip-signature", IOTSAFE_ERR_VERIFY,
		       "does not verify");
}

Test(sim, tells_what_the_card_answered)
{
	expect_failure("sim:?fault=sw=2A:6985", IOTSAFE_ERR_CARD, "6985");
	expect_failure("sim:?fault=sw=2A:6982", IOTSAFE_ERR_DENIED, "6982");
}

Test(sim, tells_that_the_modem_has_gone)
{
	expect_failure("sim:?fault=die=2A", IOTSAFE_ERR_CLOSED, "");
}

Test(sim, serves_a_program_that_knows_files_only)
{
	gnutls_certificate_credentials_t cred;
	gnutls_session_t session;
	iotsafe_card *card;
	struct peer peer;

	setenv("IOTSAFE_CARD", "sim:", 1);
	card = open_card(NULL);
	expect_good(iotsafe_gnutls_register());
	gnutls_certificate_allocate_credentials(&cred);
	cr_assert(ge(int,
		     gnutls_certificate_set_x509_key_file2(
			     cred, "iotsafe:", "iotsafe:", GNUTLS_X509_FMT_PEM,
			     NULL, 0),
		     0),
		  "%s", iotsafe_last_error());
	start(&peer, 0);
	gnutls_init(&session, GNUTLS_CLIENT);
	gnutls_set_default_priority(session);
	gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, cred);
	gnutls_transport_set_int(session, peer.fd);
	cr_assert(eq(int, gnutls_handshake(session), 0));
	gnutls_bye(session, GNUTLS_SHUT_WR);
	gnutls_deinit(session);
	peer_join(&peer);
	cr_assert(eq(int, peer.result, 0));
	cr_assert(ge(uint, peer.chain, 2));
	gnutls_certificate_free_credentials(cred);
	iotsafe_card_free(card);
}

/* ---- more of the card ---- */

static void read_identity(const char *store, const char *name,
			  struct identity *out, struct identity *above)
{
	gnutls_x509_crt_t crts[2];
	unsigned count = 2;
	gnutls_datum_t text;
	char path[256];

	snprintf(path, sizeof(path), "%s/%s.pem", store, name);
	cr_assert(ge(int, gnutls_load_file(path, &text), 0), "%s", path);
	cr_assert(eq(int,
		     gnutls_x509_crt_list_import(crts, &count, &text,
						 GNUTLS_X509_FMT_PEM, 0),
		     2));
	gnutls_free(text.data);
	gnutls_x509_crt_export2(crts[0], GNUTLS_X509_FMT_DER, &out->der);
	gnutls_x509_crt_export2(crts[1], GNUTLS_X509_FMT_DER, &above->der);
	gnutls_x509_crt_deinit(crts[0]);
	gnutls_x509_crt_deinit(crts[1]);
	snprintf(path, sizeof(path), "%s/%s-key.pem", store, name);
	cr_assert(ge(int, gnutls_load_file(path, &text), 0), "%s", path);
	gnutls_x509_privkey_init(&out->key);
	cr_assert(eq(int,
		     gnutls_x509_privkey_import(out->key, &text,
						GNUTLS_X509_FMT_PEM),
		     0));
	gnutls_free(text.data);
}

static int verifications(const char *log)
{
	static const char words[] = "\"VERIFY SIGNATURE INIT\"";
	gnutls_datum_t text;
	int count = 0;

	cr_assert(ge(int, gnutls_load_file(log, &text), 0), "%s", log);
	for (const char *at = (char *)text.data; (at = strstr(at, words)); at++)
		count++;
	gnutls_free(text.data);
	return count;
}

static iotsafe_tls *session_by_ca_key(iotsafe_card *card, const char *host)
{
	iotsafe_tls *tls;

	expect_good(iotsafe_tls_new(card, 0, &tls));
	expect_good(iotsafe_tls_set_server_name(tls, host));
	expect_good(iotsafe_tls_set_ca_key(tls, "ca-key"));
	return tls;
}

/* A server of the authority that the card's object "ca-key" is of. */
Test(sim, verifies_the_server_on_the_card)
{
	char store[64] = "/tmp/iotsafe-test-XXXXXX";
	char command[600], address[300];
	struct identity own = {0}, above = {0};
	iotsafe_card *card;
	struct peer peer;

	cr_assert(mkdtemp(store) != NULL);
	snprintf(command, sizeof(command), "'%s' pki --store %s",
		 getenv("IOTSAFE_SIM"), store);
	cr_assert(eq(int, system(command), 0));
	read_identity(store, "server", &own, &above);
	snprintf(address, sizeof(address), "sim:full?store=%s&log=%s/log",
		 store, store);
	card = open_card(address);
	strcat(store, "/log");
	for (int i = 0; i < 2; i++) {
		const char *host = i ? "other.example" : "localhost";
		iotsafe_tls *tls = session_by_ca_key(card, host);

		peer_start(&peer, (struct peer_wish){.server = &own,
						     .chain = {&above},
						     .client_ca = &card_root});
		cr_assert(eq(int, iotsafe_tls_handshake(tls, peer.fd, 30000),
			     i ? IOTSAFE_ERR_UNTRUSTED : 0),
			  "%s", iotsafe_last_error());
		iotsafe_tls_free(tls);
		peer_join(&peer);
		cr_assert(eq(int, verifications(store), i + 1));
	}
	iotsafe_card_free(card);
	gnutls_x509_privkey_deinit(own.key);
	gnutls_free(own.der.data);
	gnutls_free(above.der.data);
	*strrchr(store, '/') = '\0';
	snprintf(command, sizeof(command), "rm -r %s", store);
	cr_assert(eq(int, system(command), 0));
}

/* What is resumed costs no exchange at all. */
Test(sim, resumes_without_an_exchange)
{
	iotsafe_card *card = open_card("sim:");
	uint8_t *saved = NULL, *data;
	uint64_t before = 0;
	gnutls_datum_t tickets;
	size_t size = 0, got;

	gnutls_session_ticket_key_generate(&tickets);
	for (int i = 0; i < 4; i++) {
		iotsafe_tls *tls = new_session(card, 0);
		struct peer peer;

		expect_good(iotsafe_tls_set_session(tls, saved, size));
		peer_start(&peer, (struct peer_wish){.server = &server,
						     .client_ca = &card_root,
						     .tickets = &tickets});
		expect_good(shake_hands(tls, peer.fd, i % 2));
		expect_good(iotsafe_tls_send(tls, (const uint8_t *)"x", 1,
					     30000, NULL));
		expect_good(iotsafe_tls_receive(tls, 1, 30000, &data, &got));
		iotsafe_free(data);
		iotsafe_free(saved);
		expect_good(iotsafe_tls_session(tls, &saved, &size));
		cr_assert(eq(int, iotsafe_tls_resumed(tls), i > 0));
		iotsafe_tls_free(tls);
		peer_join(&peer);
		if (i)
			cr_assert(eq(
				u64,
				iotsafe_card_counter(card, IOTSAFE_EXCHANGES),
				before));
		before = iotsafe_card_counter(card, IOTSAFE_EXCHANGES);
	}
	iotsafe_free(saved);
	gnutls_free(tickets.data);
	iotsafe_card_free(card);
}

struct user {
	pthread_t thread;
	iotsafe_card *card;
	int number;
};

static void *use(void *self)
{
	struct user *user = self;

	for (int i = 0; i < 3; i++)
		expect_session(user->card, (user->number + i) % 2,
			       user->number % 2);
	return NULL;
}

Test(sim, serves_eight_threads_over_one_card)
{
	iotsafe_card *card = open_card("sim:");
	struct user users[8];

	for (int i = 0; i < 8; i++) {
		users[i] = (struct user){.card = card, .number = i};
		cr_assert(eq(
			int,
			pthread_create(&users[i].thread, NULL, use, &users[i]),
			0));
	}
	for (int i = 0; i < 8; i++)
		pthread_join(users[i].thread, NULL);
	cr_assert(eq(u64, iotsafe_card_counter(card, IOTSAFE_SIGNATURES), 24));
	iotsafe_card_free(card);
}

Test(sim,
     a_key_whose_certificate_is_anothers_still_serves_a_program_with_its_own)
{
	gnutls_privkey_t privkey;
	iotsafe_card *card;
	iotsafe_key *key;

	expect_good(iotsafe_card_open("sim:?fault=wrong-certificate", &card));
	expect_good(iotsafe_key_open(card, NULL, &key));
	gnutls_privkey_init(&privkey);
	expect_good(iotsafe_key_import(key, privkey));
	gnutls_privkey_deinit(privkey);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}
