/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sessions of our own: whom they trust, and what the caller does wrong. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tlsfixture.h"

/* A card that takes longer than any call may that does not wait for it. */
#define SLOW_CARD (is_slow() ? 4000 : 1500)
#define NO_WAIT	  (is_slow() ? 3500 : 1000)

TestSuite(tls, .init = fixture_set_up, .fini = fixture_tear_down,
	  .timeout = 300);

/* ---- whom we trust ---- */

static void expect_refusal(struct peer_wish wish, const char *name,
			   const char *words)
{
	static const int waits[] = {100000, 0};

	for (size_t i = 0; i < 2; i++) {
		iotsafe_tls *tls = new_session(TLS13, &card);
		struct peer peer;
		int result, wanted_card = 0;

		expect_good(iotsafe_tls_set_server_name(tls, name));
		peer_start(&peer, wish);
		if (waits[i])
			result = iotsafe_tls_handshake(tls, peer.fd, waits[i]);
		else
			result = shake_hands_without_waiting(
				tls, peer.fd, NO_WAIT, &wanted_card);
		expect_error(result, IOTSAFE_ERR_UNTRUSTED, words);
		/* It stays refused, in the same words. */
		expect_error(iotsafe_tls_handshake(tls, peer.fd, 1000),
			     IOTSAFE_ERR_UNTRUSTED, words);
		expect_error(iotsafe_tls_send(tls, (const uint8_t *)"x", 1,
					      1000, NULL),
			     IOTSAFE_ERR_UNTRUSTED, words);
		cr_assert(eq(int, card.signatures, 0));
		end_session(tls, &peer);
		cr_assert(ne(int, peer.result, 0));
		/* It may still be at sending when we hang up. */
		if (peer.result == GNUTLS_E_FATAL_ALERT_RECEIVED)
			cr_assert(
				eq(int, peer.alert, GNUTLS_A_BAD_CERTIFICATE));
	}
}

Test(tls, refuses_a_server_of_an_unknown_ca)
{
	struct peer_wish wish = wish_for(TLS13);
	struct identity wrong =
		identity_make((struct identity_wish){.name = "server",
						     .issuer = &other_ca,
						     .dns = "server.example"});

	wish.server = &wrong;
	expect_refusal(wish, "server.example", "issuer is unknown");
	expect_refusal(wish, NULL, "issuer is unknown");
	identity_free(&wrong);
}

Test(tls, refuses_a_server_of_another_name)
{
	struct peer_wish wish = wish_for(TLS13);

	expect_refusal(wish, "other.example", "\"other.example\"");
	expect_refusal(wish, "other.example", "does not match");
	expect_refusal(wish, "127.0.0.2", "does not match");
	expect_refusal(wish, "::1", "does not match");
	wish = wish_for(TLS12);
	expect_refusal(wish, "other.example", "does not match");
	wish = wish_for(TLS13);
	expect_refusal(wish, "other.example", "CN=server");
}

Test(tls, refuses_an_expired_certificate)
{
	struct peer_wish wish = wish_for(TLS13);
	struct identity wrong =
		identity_make((struct identity_wish){.name = "server",
						     .issuer = &ca,
						     .dns = "server.example",
						     .expired = true});

	wish.server = &wrong;
	expect_refusal(wish, "server.example", "expired");
	identity_free(&wrong);
}

Test(tls, refuses_a_certificate_that_is_not_for_servers)
{
	struct peer_wish wish = wish_for(TLS13);
	struct identity wrong = identity_make(
		(struct identity_wish){.name = "server",
				       .issuer = &ca,
				       .dns = "server.example",
				       .purpose = GNUTLS_KP_TLS_WWW_CLIENT});

	wish.server = &wrong;
	expect_refusal(wish, "server.example", "purpose");
	identity_free(&wrong);
}

Test(tls, takes_names_addresses_and_no_name)
{
	static const char *const names[] = {"server.example", "SERVER.example.",
					    "127.0.0.1", NULL};
	static const char *const sent[] = {"server.example", "SERVER.example",
					   "", ""};

	for (size_t i = 0; i < 4; i++) {
		iotsafe_tls *tls = new_session(TLS13, &card);
		struct peer peer;

		expect_good(iotsafe_tls_set_server_name(tls, names[i]));
		peer_start(&peer, wish_for(TLS13));
		expect_good(
			iotsafe_tls_handshake(tls, peer.fd, patience(10000)));
		expect_echo(tls, "x");
		end_session(tls, &peer);
		cr_assert(eq(str, peer.name, (char *)sent[i]));
	}
}

Test(tls, takes_any_server_only_when_told_to)
{
	struct peer_wish wish = wish_for(TLS13);
	struct identity wrong = identity_make((struct identity_wish){
		.name = "server", .issuer = &other_ca, .expired = true});
	int wanted_card = 0;
	iotsafe_tls *tls = new_session(TLS13, &card);
	struct peer peer;

	wish.server = &wrong;
	expect_good(iotsafe_tls_set_verify(tls, 0));
	peer_start(&peer, wish);
	card.sign_ms = SLOW_CARD;
	expect_good(shake_hands_without_waiting(tls, peer.fd, NO_WAIT,
						&wanted_card));
	expect_echo(tls, "x");
	end_session(tls, &peer);
	identity_free(&wrong);
}

Test(tls, sends_a_name_it_was_told_not_to_check)
{
	iotsafe_tls *tls = new_session(TLS13, &card);
	struct identity stranger = identity_make((struct identity_wish){
		.name = "other.example", .issuer = &other_ca});
	struct peer_wish wish = wish_for(TLS13);
	struct peer peer;

	expect_good(iotsafe_tls_set_server_name(tls, "other.example"));
	expect_good(iotsafe_tls_set_verify(tls, IOTSAFE_VERIFY_CHAIN));
	peer_start(&peer, wish);
	expect_good(iotsafe_tls_handshake(tls, peer.fd, patience(10000)));
	expect_echo(tls, "x");
	end_session(tls, &peer);
	cr_assert(eq(str, peer.name, "other.example"));

	tls = new_session(TLS13, &card);
	expect_good(iotsafe_tls_set_verify(tls, IOTSAFE_VERIFY_CHAIN));
	wish.server = &stranger;
	peer_start(&peer, wish);
	expect_error(iotsafe_tls_handshake(tls, peer.fd, patience(10000)),
		     IOTSAFE_ERR_UNTRUSTED, "not accepted");
	end_session(tls, &peer);
	identity_free(&stranger);
}

/* ---- what the caller does wrong ---- */

Test(tls, wants_the_server_name_set)
{
	iotsafe_tls *tls;
	struct peer peer;

	expect_good(iotsafe_tls_new(&card, 0, &tls));
	peer_start(&peer, wish_for(TLS13));
	expect_error(iotsafe_tls_handshake(tls, peer.fd, 1000), IOTSAFE_ERR_ARG,
		     "name was not set");
	expect_good(iotsafe_tls_set_ca_data(tls, ca.der.data, ca.der.size));
	expect_good(iotsafe_tls_set_server_name(tls, "server.example"));
	expect_good(iotsafe_tls_handshake(tls, peer.fd, patience(10000)));
	expect_error(iotsafe_tls_set_server_name(tls, "server.example"),
		     IOTSAFE_ERR_ARG, "before the handshake");
	end_session(tls, &peer);
}

Test(tls, checks_settings_when_they_are_said)
{
	static char long_name[300];
	iotsafe_tls *tls = new_session(TLS13, &card), *none;

	memset(long_name, 'a', sizeof(long_name) - 1);
	expect_error(iotsafe_tls_set_server_name(tls, ""), IOTSAFE_ERR_ARG,
		     "server name");
	expect_error(iotsafe_tls_set_server_name(tls, long_name),
		     IOTSAFE_ERR_ARG, "server name");
	expect_error(iotsafe_tls_set_verify(tls, 3), IOTSAFE_ERR_ARG,
		     "verification 3");
	expect_error(iotsafe_tls_set_verify(tls, -1), IOTSAFE_ERR_ARG,
		     "verification -1");
	expect_error(iotsafe_tls_set_server_name(tls, "https://x"),
		     IOTSAFE_ERR_ARG, "neither");
	expect_error(iotsafe_tls_set_versions(tls, 11, 0), IOTSAFE_ERR_ARG,
		     "12, 13");
	expect_error(iotsafe_tls_set_versions(tls, 13, 12), IOTSAFE_ERR_ARG,
		     "lowest");
	expect_error(iotsafe_tls_set_priority(tls, "NORMAL:+NONSENSE"),
		     IOTSAFE_ERR_ARG, "NONSENSE");
	expect_error(iotsafe_tls_set_ca_file(tls, "/nonexistent/ca.pem"),
		     IOTSAFE_ERR_IO, "/nonexistent/ca.pem: No such file");
	expect_error(iotsafe_tls_set_ca_file(tls, "/tmp"), IOTSAFE_ERR_IO,
		     "not a regular file");
	expect_error(iotsafe_tls_set_ca_file(tls, "/etc/hostname"),
		     IOTSAFE_ERR_FORMAT, "CA file /etc/hostname");
	expect_error(iotsafe_tls_set_ca_data(tls, (const uint8_t *)"x", 1),
		     IOTSAFE_ERR_FORMAT, "CA data");
	expect_error(iotsafe_tls_set_certificate(tls, "./no.pem"),
		     IOTSAFE_ERR_IO, "certificate file ./no.pem");
	expect_error(iotsafe_tls_new(&card, 8, &none), IOTSAFE_ERR_ARG,
		     "options");
	cr_assert(eq(ptr, none, NULL));
	iotsafe_tls_free(tls);
}

Test(tls, refuses_descriptors_of_the_wrong_kind)
{
	iotsafe_tls *tls = new_session(TLS13, &card);
	iotsafe_tls *dtls = new_session(DTLS12, &card);
	struct peer_wish silent = {.datagram = true, .silent = true};
	int fds[2], loose = socket(AF_INET, SOCK_DGRAM, 0);
	struct peer peer;

	peer_start(&peer, silent);
	expect_error(iotsafe_tls_handshake(tls, -1, 100), IOTSAFE_ERR_ARG,
		     "not open");
	expect_error(iotsafe_tls_handshake(tls, peer.fd, 100), IOTSAFE_ERR_ARG,
		     "stream");
	cr_assert(eq(int, socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0));
	expect_error(iotsafe_tls_handshake(dtls, fds[0], 100), IOTSAFE_ERR_ARG,
		     "datagram");
	expect_error(iotsafe_tls_handshake(dtls, loose, 100), IOTSAFE_ERR_ARG,
		     "not connected");
	expect_error(iotsafe_tls_send(tls, (const uint8_t *)"x", 1, 0, NULL),
		     IOTSAFE_ERR_ARG, "not finished");
	expect_error(iotsafe_tls_handshake(NULL, 0, 0), IOTSAFE_ERR_ARG,
		     "without a session");
	close(loose);
	close(fds[0]);
	close(fds[1]);
	iotsafe_tls_free(tls);
	iotsafe_tls_free(dtls);
	peer_join(&peer);
}

/* The child ends by force: it has no threads, so a checker of memory would
 * take what they hold for lost. */
static void use_in_child(iotsafe_tls *tls, int answer_fd)
{
	int result = iotsafe_tls_send(tls, (const uint8_t *)"x", 1, 0, NULL);

	iotsafe_tls_free(tls);
	if (write(answer_fd, &result, sizeof(result)) > 0)
		raise(SIGKILL);
	abort();
}

Test(tls, is_of_no_use_in_a_child_process)
{
	iotsafe_tls *tls = new_session(TLS13, &card);
	int result = 0, status, fds[2];
	struct peer peer;
	pid_t pid;

	cr_assert(eq(int, pipe(fds), 0));
	peer_start(&peer, wish_for(TLS13));
	expect_good(iotsafe_tls_handshake(tls, peer.fd, patience(10000)));
	pid = fork();
	if (!pid)
		use_in_child(tls, fds[1]);
	cr_assert(eq(int, waitpid(pid, &status, 0), pid));
	cr_assert(eq(int, WTERMSIG(status), SIGKILL));
	cr_assert(eq(int, (int)read(fds[0], &result, sizeof(result)),
		     (int)sizeof(result)));
	cr_assert(eq(int, result, IOTSAFE_ERR_CLOSED));
	expect_echo(tls, "still there");
	end_session(tls, &peer);
	close(fds[0]);
	close(fds[1]);
}
