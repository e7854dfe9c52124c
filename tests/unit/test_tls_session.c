/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sessions of our own against a GnuTLS server, with a key in software. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include "base/deadline.h"
#include "tlsfixture.h"

/* A card that takes longer than any call may that does not wait for it. */
#define SLOW_CARD (is_slow() ? 4000 : 1500)
#define NO_WAIT	  (is_slow() ? 3500 : 1000)

TestSuite(tls, .init = fixture_set_up, .fini = fixture_tear_down,
	  .timeout = 300);

/* ---- what shall work ---- */

ParameterizedTestParameters(tls, opens_a_session_with_one_signature)
{
	static int protocols[] = {TLS13, TLS12, DTLS12};

	return cr_make_param_array(int, protocols, 3);
}

ParameterizedTest(int *protocol, tls, opens_a_session_with_one_signature,
		  .timeout = 300)
{
	uint8_t *exported, *der;
	size_t size;
	iotsafe_tls *tls = new_session(*protocol, &card);
	struct peer peer;

	cr_assert(eq(str, (char *)iotsafe_tls_version(tls), ""));
	cr_assert(eq(int, card.opened, 0));
	peer_start(&peer, wish_for(*protocol));
	expect_good(iotsafe_tls_handshake(tls, peer.fd, patience(10000)));
	cr_assert(eq(int, card.signatures, 1));
	cr_assert(eq(int, iotsafe_tls_certificate_used(tls), 1));
	cr_assert(eq(str, (char *)iotsafe_tls_version(tls),
		     (char *)versions[*protocol]));
	cr_assert(
		eq(int, strncmp(iotsafe_tls_cipher_suite(tls), "TLS_", 4), 0));
	expect_echo(tls, "hello");
	expect_good(iotsafe_tls_peer_certificate(tls, 0, &der, &size));
	cr_assert(eq(sz, size, server.der.size));
	cr_assert(eq(int, memcmp(der, server.der.data, size), 0));
	iotsafe_free(der);
	expect_error(iotsafe_tls_peer_certificate(tls, 1, &der, &size),
		     IOTSAFE_ERR_ABSENT, "1 certificate");
	expect_good(iotsafe_tls_export(tls, "EXPORTER-test", NULL, 0, 32,
				       &exported, &size));
	expect_good(iotsafe_tls_close(tls, 1000));
	end_session(tls, &peer);
	cr_assert(eq(int, peer.result, 0));
	cr_assert(eq(str, peer.subject, "CN=client"));
	cr_assert(eq(uint, peer.chain, 2));
	cr_assert(eq(str, peer.name, "server.example"));
	cr_assert(eq(int, memcmp(peer.exported, exported, 32), 0));
	iotsafe_free(exported);
}

ParameterizedTestParameters(tls, never_holds_up_who_does_not_wait)
{
	static int protocols[] = {TLS13, TLS12, DTLS12};

	return cr_make_param_array(int, protocols, 3);
}

ParameterizedTest(int *protocol, tls, never_holds_up_who_does_not_wait,
		  .timeout = 300)
{
	iotsafe_tls *tls = new_session(*protocol, &card);
	struct peer peer;
	int wanted_card = 0;

	card.open_ms = card.sign_ms = SLOW_CARD;
	peer_start(&peer, wish_for(*protocol));
	expect_good(shake_hands_without_waiting(tls, peer.fd, NO_WAIT,
						&wanted_card));
	cr_assert(ge(int, wanted_card, 2), "key and signature");
	cr_assert(lt(int, wanted_card, 20), "a busy loop");
	cr_assert(eq(int, card.signatures, 1));
	expect_echo(tls, "hello");
	end_session(tls, &peer);
	cr_assert(eq(int, peer.result, 0));
	cr_assert(eq(str, peer.subject, "CN=client"));
}

ParameterizedTestParameters(tls, takes_its_random_number_from_the_card)
{
	static int protocols[] = {TLS13, TLS12, DTLS12};

	return cr_make_param_array(int, protocols, 3);
}

ParameterizedTest(int *protocol, tls, takes_its_random_number_from_the_card,
		  .timeout = 300)
{
	for (int on = 0; on < 2; on++) {
		iotsafe_tls *tls = new_session(*protocol, &card);
		struct peer peer;
		int same;

		expect_good(iotsafe_tls_set_card_random(tls, 1));
		expect_good(iotsafe_tls_set_card_random(tls, on));
		peer_start(&peer, wish_for(*protocol));
		expect_good(
			iotsafe_tls_handshake(tls, peer.fd, patience(10000)));
		expect_echo(tls, "hello");
		end_session(tls, &peer);
		same = !memcmp(peer.client_random, card.last_random, 32);
		cr_assert(eq(int, same, on));
		cr_assert(eq(int, card.randoms, on));
	}
}

Test(tls, takes_no_random_number_from_nowhere)
{
	iotsafe_tls *tls = new_session(TLS13, NULL);

	expect_error(iotsafe_tls_set_card_random(tls, 1), IOTSAFE_ERR_ARG,
		     "no card");
	iotsafe_tls_free(tls);
}

Test(tls, may_be_waited_for_after_it_was_begun_without_waiting)
{
	iotsafe_tls *tls = new_session(TLS13, &card);
	struct peer peer;
	int result;

	card.open_ms = card.sign_ms = 200;
	peer_start(&peer, wish_for(TLS13));
	result = iotsafe_tls_handshake(tls, peer.fd, 0);
	cr_assert(eq(int, result, IOTSAFE_WANT_CARD));
	expect_error(iotsafe_tls_handshake(tls, peer.fd, 20),
		     IOTSAFE_ERR_TIMEOUT, "card");
	expect_good(iotsafe_tls_handshake(tls, peer.fd, patience(10000)));
	expect_good(iotsafe_tls_handshake(tls, peer.fd, patience(10000)));
	cr_assert(eq(int, card.signatures, 1));
	end_session(tls, &peer);
}

Test(tls, takes_blocking_and_other_descriptors)
{
	for (int flags = 0; flags <= O_NONBLOCK; flags += O_NONBLOCK) {
		iotsafe_tls *tls = new_session(TLS13, &card);
		struct peer peer;
		int wanted_card = 0;

		peer_start(&peer, wish_for(TLS13));
		fcntl(peer.fd, F_SETFL, flags);
		expect_good(shake_hands_without_waiting(tls, peer.fd, NO_WAIT,
							&wanted_card));
		expect_echo(tls, "hello");
		end_session(tls, &peer);
	}
}

Test(tls, runs_over_a_terminal)
{
	iotsafe_tls *tls = new_session(TLS13, &card);
	struct peer_wish wish = wish_for(TLS13);
	struct termios raw;
	struct peer peer;
	int ours, theirs;

	ours = posix_openpt(O_RDWR | O_NOCTTY);
	cr_assert(eq(int, grantpt(ours) + unlockpt(ours), 0));
	theirs = open(ptsname(ours), O_RDWR | O_NOCTTY);
	cr_assert(ge(int, theirs, 0));
	tcgetattr(theirs, &raw);
	cfmakeraw(&raw);
	tcsetattr(theirs, TCSANOW, &raw);
	wish.fd = theirs;
	peer_start(&peer, wish);
	expect_good(iotsafe_tls_handshake(tls, ours, 10000));
	expect_echo(tls, "hello");
	expect_good(iotsafe_tls_close(tls, 1000));
	iotsafe_tls_free(tls);
	close(ours);
	peer_join(&peer);
	cr_assert(eq(int, peer.result, 0));
}

Test(tls, gives_no_certificate_where_none_is_asked_for)
{
	struct peer_wish wish = wish_for(TLS13);
	iotsafe_tls *tls = new_session(TLS13, &card);
	struct peer peer;

	wish.client_ca = NULL;
	peer_start(&peer, wish);
	expect_good(iotsafe_tls_handshake(tls, peer.fd, patience(10000)));
	cr_assert(eq(int, card.signatures, 0));
	cr_assert(eq(int, iotsafe_tls_certificate_used(tls), 0));
	expect_echo(tls, "hello");
	end_session(tls, &peer);
}

Test(tls, works_without_a_card)
{
	struct peer_wish wish = wish_for(TLS13);
	iotsafe_tls *tls = new_session(TLS13, NULL);
	struct peer peer;
	int wanted_card = 0;

	wish.client_ca = NULL;
	peer_start(&peer, wish);
	expect_good(shake_hands_without_waiting(tls, peer.fd, NO_WAIT,
						&wanted_card));
	cr_assert(eq(int, wanted_card, 0));
	expect_echo(tls, "hello");
	end_session(tls, &peer);
}

Test(tls, negotiates_a_protocol)
{
	struct peer_wish wish = wish_for(TLS13);
	iotsafe_tls *tls = new_session(TLS13, &card);
	struct peer peer;

	wish.alpn = "mqtt";
	expect_error(iotsafe_tls_set_alpn(tls, "h2,,mqtt"), IOTSAFE_ERR_ARG,
		     "ALPN");
	expect_good(iotsafe_tls_set_alpn(tls, "h2,mqtt"));
	peer_start(&peer, wish);
	expect_good(iotsafe_tls_handshake(tls, peer.fd, patience(10000)));
	cr_assert(eq(str, (char *)iotsafe_tls_alpn(tls), "mqtt"));
	end_session(tls, &peer);
}

Test(tls, keeps_to_the_versions_asked_for)
{
	static const struct {
		int lowest, highest;
		const char *agreed;
	} rows[] = {{0, 0, "TLS1.3"},
		    {0, 12, "TLS1.2"},
		    {12, 13, "TLS1.3"},
		    {13, 0, "TLS1.3"},
		    {12, 12, "TLS1.2"}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct peer_wish wish = wish_for(TLS13);
		iotsafe_tls *tls = new_session(TLS13, &card);
		struct peer peer;

		wish.priority = "NORMAL";
		expect_good(iotsafe_tls_set_versions(tls, rows[i].lowest,
						     rows[i].highest));
		peer_start(&peer, wish);
		expect_good(
			iotsafe_tls_handshake(tls, peer.fd, patience(10000)));
		cr_assert(eq(str, (char *)iotsafe_tls_version(tls),
			     (char *)rows[i].agreed));
		end_session(tls, &peer);
	}
}

Test(tls, refuses_to_fall_below_the_lowest_version)
{
	iotsafe_tls *tls = new_session(TLS13, &card);
	struct peer peer;

	expect_good(iotsafe_tls_set_versions(tls, 13, 13));
	peer_start(&peer, wish_for(TLS12));
	expect_error(iotsafe_tls_handshake(tls, peer.fd, patience(10000)),
		     IOTSAFE_ERR_TLS, "server.example");
	end_session(tls, &peer);
}

Test(tls, trusts_a_ca_of_the_card)
{
	for (int named = 0; named < 2; named++) {
		iotsafe_tls *tls;
		struct peer peer;

		card.root = &ca;
		expect_good(iotsafe_tls_new(&card, 0, &tls));
		expect_good(iotsafe_tls_set_server_name(tls, "server.example"));
		expect_good(iotsafe_tls_set_ca_card(tls,
						    named ? "label=ca" : NULL));
		peer_start(&peer, wish_for(TLS13));
		expect_good(
			iotsafe_tls_handshake(tls, peer.fd, patience(10000)));
		end_session(tls, &peer);
	}
}

Test(tls, takes_a_certificate_from_a_file_or_another_of_the_card)
{
	char path[] = "/tmp/iotsafe-test-XXXXXX";
	int fd = mkstemp(path);

	card.key = &client;
	cr_assert(ge(int, fd, 0));
	cr_assert(eq(int,
		     (int)write(fd, client.pem.data, client.pem.size) +
			     (int)write(fd, intermediate.pem.data,
					intermediate.pem.size),
		     (int)(client.pem.size + intermediate.pem.size)));
	close(fd);
	for (int from_card = 0; from_card < 2; from_card++) {
		iotsafe_tls *tls = new_session(TLS13, &card);
		struct peer peer;

		expect_good(iotsafe_tls_set_certificate(
			tls, from_card ? "label=cert0" : path));
		peer_start(&peer, wish_for(TLS13));
		expect_good(
			iotsafe_tls_handshake(tls, peer.fd, patience(10000)));
		expect_echo(tls, "x");
		end_session(tls, &peer);
		cr_assert(eq(str, peer.subject, "CN=client"));
	}
	unlink(path);
}

/* ---- rsa ---- */

static struct identity make_rsa(void)
{
	return identity_make((struct identity_wish){
		.name = "rsa", .issuer = &ca, .rsa = true});
}

static void put_on_card(const struct identity *identity, int algorithms)
{
	card = (struct iotsafe_card){
		.uses = 1, .chain = {identity}, .algorithms = algorithms};
}

Test(tls, signs_with_rsa_in_each_version)
{
	static const struct {
		enum protocol protocol;
		int algorithms;
	} rows[] = {
		{TLS12, IOTSAFE_RSA_PKCS1_SHA256},
		{TLS12, IOTSAFE_RSA_PKCS1_SHA384 | IOTSAFE_RSA_PKCS1_SHA512},
		{TLS12, IOTSAFE_RSA_PSS_SHA256},
		{TLS13, IOTSAFE_RSA_PSS_SHA256 | IOTSAFE_RSA_PKCS1_SHA256},
		{TLS13, IOTSAFE_RSA_PSS_SHA512},
		{DTLS12, IOTSAFE_RSA_PKCS1_SHA256},
	};

	struct identity rsa = make_rsa();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		iotsafe_tls *tls;
		struct peer peer;

		put_on_card(&rsa, rows[i].algorithms);
		tls = new_session(rows[i].protocol, &card);
		peer_start(&peer, wish_for(rows[i].protocol));
		expect_good(
			iotsafe_tls_handshake(tls, peer.fd, patience(10000)));
		expect_echo(tls, "hello");
		cr_assert(eq(int, card.signatures, 1));
		end_session(tls, &peer);
		cr_assert(eq(str, peer.subject, "CN=rsa"), "row %zu", i);
	}
	identity_free(&rsa);
}

Test(tls, says_that_no_signature_of_the_key_is_taken)
{
	iotsafe_tls *tls;
	struct peer peer;
	uint8_t *data;
	size_t size;
	int result;

	/* P-256 goes with SHA-256 there (RFC 8446 4.2.3). */
	put_on_card(card.chain[0], IOTSAFE_ECDSA_SHA512);
	tls = new_session(TLS13, &card);
	peer_start(&peer, wish_for(TLS13));
	result = iotsafe_tls_handshake(tls, peer.fd, patience(10000));
	cr_assert(eq(int, iotsafe_tls_certificate_used(tls), 0));
	if (!result)
		result = iotsafe_tls_receive(tls, 10, 30000, &data, &size);
	expect_error(result, IOTSAFE_ERR_TLS, "takes no signature");
	end_session(tls, &peer);
}

Test(tls, does_not_offer_a_version_that_the_key_cannot_sign_for)
{
	struct identity rsa = make_rsa();
	iotsafe_tls *tls;
	struct peer peer;

	put_on_card(&rsa, IOTSAFE_RSA_PKCS1_SHA256);
	tls = new_session(TLS13, &card);
	peer_start(&peer, wish_for(TLS13));
	expect_error(iotsafe_tls_handshake(tls, peer.fd, patience(10000)),
		     IOTSAFE_ERR_TLS,
		     "TLS 1.3 was not offered, as the key signs with RSA "
		     "PKCS#1 v1.5 alone");
	cr_assert(eq(int, card.signatures, 0));
	end_session(tls, &peer);
	/* Before anything is sent where no other version is allowed. */
	tls = new_session(TLS13, &card);
	expect_good(iotsafe_tls_set_versions(tls, 13, 0));
	peer_start(&peer, wish_for(TLS13));
	expect_error(iotsafe_tls_handshake(tls, peer.fd, patience(10000)),
		     IOTSAFE_ERR_SUPPORT, "allow TLS 1.2");
	end_session(tls, &peer);
	identity_free(&rsa);
}

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

/* ---- what the server does ---- */

static void start_refusing(struct peer *peer, enum protocol protocol)
{
	struct peer_wish wish = wish_for(protocol);

	wish.client_ca = &other_ca;
	peer_start(peer, wish);
}

Test(tls, tells_that_the_server_refused_our_certificate)
{
	static const enum protocol protocols[] = {TLS12, DTLS12};

	for (size_t i = 0; i < 2; i++) {
		iotsafe_tls *tls = new_session(protocols[i], &card);
		struct peer peer;

		start_refusing(&peer, protocols[i]);
		expect_error(
			iotsafe_tls_handshake(tls, peer.fd, patience(10000)),
			IOTSAFE_ERR_TLS, "refused our certificate");
		end_session(tls, &peer);
	}
}

Test(tls, tells_it_also_when_it_comes_after_the_handshake)
{
	iotsafe_tls *tls = new_session(TLS13, &card);
	struct peer peer;
	uint8_t *data;
	size_t size;
	int result;

	start_refusing(&peer, TLS13);
	result = iotsafe_tls_handshake(tls, peer.fd, patience(10000));
	if (!result)
		result = iotsafe_tls_receive(tls, 10, 30000, &data, &size);
	expect_error(result, IOTSAFE_ERR_TLS, "refused our certificate");
	expect_error(iotsafe_tls_receive(tls, 10, 30000, &data, &size),
		     IOTSAFE_ERR_TLS, "refused our certificate");
	end_session(tls, &peer);
}

Test(tls, tells_it_also_when_it_shows_in_a_send)
{
	iotsafe_tls *tls = new_session(TLS13, &card);
	struct peer peer;
	int result;

	start_refusing(&peer, TLS13);
	result = iotsafe_tls_handshake(tls, peer.fd, patience(10000));
	for (int i = 0; !result && i < 100000; i++)
		result = iotsafe_tls_send(tls, (const uint8_t *)"hello", 5,
					  30000, NULL);
	expect_error(result, IOTSAFE_ERR_TLS, "refused our certificate");
	end_session(tls, &peer);
}

Test(tls, tells_that_the_server_wants_a_certificate)
{
	iotsafe_tls *tls = new_session(TLS13, NULL);
	struct peer peer;
	uint8_t *data;
	size_t size;
	int result;

	peer_start(&peer, wish_for(TLS13));
	result = iotsafe_tls_handshake(tls, peer.fd, patience(10000));
	if (!result)
		result = iotsafe_tls_receive(tls, 10, 30000, &data, &size);
	expect_error(result, IOTSAFE_ERR_TLS, "we have none");
	end_session(tls, &peer);
}

Test(tls, tells_when_the_peer_closes_at_any_point)
{
	static const enum protocol protocols[] = {TLS13, TLS12};

	for (int i = 0; i < 2; i++) {
		for (int messages = 1; messages < 12; messages++) {
			struct peer_wish wish = wish_for(protocols[i]);
			iotsafe_tls *tls = new_session(protocols[i], &card);
			uint8_t *data;
			struct peer peer;
			size_t size;
			int result;

			wish.messages = messages;
			wish.manner = PEER_BYE;
			peer_start(&peer, wish);
			result = iotsafe_tls_handshake(tls, peer.fd,
						       patience(10000));
			/* TLS 1.3: the client is done first. */
			if (!result)
				result = iotsafe_tls_receive(tls, 1, 10000,
							     &data, &size);
			end_session(tls, &peer);
			if (peer.result < 0)
				expect_error(result, IOTSAFE_ERR_CLOSED,
					     "closed the connection");
			else
				expect_good(result);
			cr_assert(peer.result < 0 || messages > 8);
			if (!result)
				iotsafe_free(data);
		}
	}
}

Test(tls, tells_that_the_peer_closed_while_the_card_signed)
{
	static const enum protocol protocols[] = {TLS13, TLS12};

	for (int i = 0; i < 2; i++) {
		iotsafe_tls *tls = new_session(protocols[i], &card);
		struct peer peer;
		int result, wanted_card = 0;

		card.sign_ms = 500;
		peer_start(&peer, wish_for(protocols[i]));
		while (!card.busy) {
			result = iotsafe_tls_handshake(tls, peer.fd, 0);
			cr_assert(le(int, result, IOTSAFE_WANT_READ));
			wait_as_told(tls, 10);
		}
		shutdown(peer.own_fd, SHUT_RDWR);
		result = shake_hands_without_waiting(tls, peer.fd, NO_WAIT,
						     &wanted_card);
		expect_error(result, IOTSAFE_ERR_CLOSED,
			     "during the handshake");
		end_session(tls, &peer);
	}
}

Test(tls, understands_that_garbage_is_no_tls)
{
	static const char *const garbage[] = {
		"HTTP/1.1 400 Bad Request\r\n\r\n",
		"\x16\x03\x03\x40\x01 a record that is too long",
		"\x16\x03\x03\x01\x05\x02\x02\x02\x02\x02",
		"\x15\x03\x03\x01\x02\x02\x28",
		"\x80\x80\x80\x80\x80\x80\x80\x80",
	};

	for (size_t i = 0; i < 5; i++) {
		struct peer_wish wish = {.garbage = garbage[i]};
		iotsafe_tls *tls = new_session(TLS13, &card);
		struct peer peer;
		int result;

		peer_start(&peer, wish);
		result = iotsafe_tls_handshake(tls, peer.fd, patience(10000));
		cr_assert(result == IOTSAFE_ERR_TLS ||
				  result == IOTSAFE_ERR_CLOSED,
			  "%s", iotsafe_last_error());
		cr_assert(eq(int, card.signatures, 0));
		end_session(tls, &peer);
	}
}

Test(tls, tells_it_also_when_the_peer_closes_within_a_record)
{
	/* The beginning of 261 bytes. */
	struct peer_wish wish = {.garbage = "\x16\x03\x03\x01\x05\x02"};
	iotsafe_tls *tls = new_session(TLS13, &card);
	struct peer peer;

	peer_start(&peer, wish);
	expect_error(iotsafe_tls_handshake(tls, peer.fd, patience(10000)),
		     IOTSAFE_ERR_CLOSED,
		     "the peer closed the connection during the handshake");
	end_session(tls, &peer);
}

Test(tls, ignores_datagrams_that_are_no_dtls)
{
	struct peer_wish wish = {.datagram = true, .garbage = "nonsense"};
	iotsafe_tls *tls = new_session(DTLS12, &card);
	struct peer peer;
	int result;

	peer_start(&peer, wish);
	result = iotsafe_tls_handshake(tls, peer.fd, 400);
	cr_assert(result == IOTSAFE_ERR_TIMEOUT || result == IOTSAFE_ERR_CLOSED,
		  "%s", iotsafe_last_error());
	end_session(tls, &peer);
}

Test(tls, ends_a_handshake_at_its_deadline)
{
	static const enum protocol protocols[] = {TLS13, DTLS12};

	for (size_t i = 0; i < 2; i++) {
		struct peer_wish wish = {.silent = true,
					 .datagram = protocols[i] == DTLS12};
		iotsafe_tls *tls = new_session(protocols[i], &card);
		int64_t begin = deadline_now();
		struct peer peer;

		peer_start(&peer, wish);
		expect_error(iotsafe_tls_handshake(tls, peer.fd, 300),
			     IOTSAFE_ERR_TIMEOUT, "\"server.example\"");
		cr_assert(
			lt(int, (int)(deadline_now() - begin), patience(1000)));
		cr_assert(ge(int, (int)(deadline_now() - begin), 300));
		end_session(tls, &peer);
	}
}

/* A lost datagram is sent again, and a handshake that timed out goes on where
 * it was. */
Test(tls, sends_lost_datagrams_again)
{
	struct peer_wish wish = wish_for(DTLS12);
	iotsafe_tls *tls = new_session(DTLS12, &card);
	int64_t begin = deadline_now();
	char lost[2000];
	struct peer peer, deaf;

	peer_start(&deaf, (struct peer_wish){.silent = true, .datagram = true});
	expect_error(iotsafe_tls_handshake(tls, deaf.fd, 300),
		     IOTSAFE_ERR_TIMEOUT, "nothing came");
	peer_start(&peer, wish);
	dup2(peer.fd, deaf.fd);
	expect_good(iotsafe_tls_handshake(tls, deaf.fd, patience(10000)));
	cr_assert(lt(int, (int)(deadline_now() - begin), patience(4000)));
	expect_echo(tls, "hello");
	iotsafe_tls_free(tls);
	(void)lost;
	peer_join(&peer);
	peer_join(&deaf);
}

Test(tls, tells_that_nobody_listens)
{
	iotsafe_tls *tls = new_session(DTLS12, &card);
	struct peer peer;
	int fd;

	peer_start(&peer, (struct peer_wish){.silent = true, .datagram = true});
	fd = dup(peer.fd);
	peer_join(&peer);
	expect_error(iotsafe_tls_handshake(tls, fd, 5000), IOTSAFE_ERR_CLOSED,
		     "nobody listens");
	iotsafe_tls_free(tls);
	close(fd);
}

/* ---- what the card does ---- */

ParameterizedTestParameters(tls, keeps_the_sentence_of_the_card)
{
	static int protocols[] = {TLS13, TLS12, DTLS12};

	return cr_make_param_array(int, protocols, 3);
}

ParameterizedTest(int *protocol, tls, keeps_the_sentence_of_the_card,
		  .timeout = 300)
{
	for (int waiting = 0; waiting < 2; waiting++) {
		iotsafe_tls *tls = new_session(*protocol, &card);
		int result, wanted_card = 0;
		struct peer peer;

		card.fail_sign = IOTSAFE_ERR_CARD;
		peer_start(&peer, wish_for(*protocol));
		if (waiting)
			result = iotsafe_tls_handshake(tls, peer.fd,
						       patience(10000));
		else
			result = shake_hands_without_waiting(
				tls, peer.fd, NO_WAIT, &wanted_card);
		expect_error(result, IOTSAFE_ERR_CARD,
			     "COMPUTE SIGNATURE INIT: card answered 6985");
		cr_assert(eq(uint, iotsafe_last_status(), 0x6985));
		end_session(tls, &peer);
		cr_assert(ne(int, peer.result, 0));
		/* A GnuTLS server of TLS 1.2 takes any alert at this place
		 * for the "no certificate" of SSL 3.0. */
		if (*protocol != TLS12)
			cr_assert(eq(int, peer.alert, GNUTLS_A_INTERNAL_ERROR));
	}
}

Test(tls, tells_that_the_key_cannot_be_opened_and_may_be_tried_again)
{
	for (int waiting = 0; waiting < 2; waiting++) {
		iotsafe_tls *tls = new_session(TLS13, &card);
		int result, wanted_card = 0;
		struct peer peer;

		card.fail_open = IOTSAFE_ERR_BUSY;
		peer_start(&peer, wish_for(TLS13));
		if (waiting)
			result = iotsafe_tls_handshake(tls, peer.fd,
						       patience(10000));
		else
			result = shake_hands_without_waiting(
				tls, peer.fd, NO_WAIT, &wanted_card);
		expect_error(result, IOTSAFE_ERR_BUSY, "open failed");
		card.fail_open = 0;
		expect_good(
			iotsafe_tls_handshake(tls, peer.fd, patience(10000)));
		end_session(tls, &peer);
	}
}

Test(tls, wants_a_certificate_for_the_key)
{
	iotsafe_tls *tls = new_session(TLS13, &card);
	struct peer peer;

	card.key = &client;
	card.chain[0] = NULL;
	peer_start(&peer, wish_for(TLS13));
	expect_error(iotsafe_tls_handshake(tls, peer.fd, patience(10000)),
		     IOTSAFE_ERR_ABSENT, "no certificate");
	end_session(tls, &peer);
}

Test(tls, refuses_a_certificate_of_another_key)
{
	iotsafe_tls *tls = new_session(TLS13, &card);
	struct peer peer;

	card.key = &intermediate;
	peer_start(&peer, wish_for(TLS13));
	expect_error(iotsafe_tls_handshake(tls, peer.fd, patience(10000)),
		     IOTSAFE_ERR_VERIFY, "another key");
	cr_assert(eq(int, card.signatures, 0));
	end_session(tls, &peer);
}

Test(tls, refuses_a_signature_that_is_none)
{
	iotsafe_tls *tls = new_session(TLS12, &card);
	struct peer peer;

	card.wrong = true;
	peer_start(&peer, wish_for(TLS12));
	expect_error(iotsafe_tls_handshake(tls, peer.fd, patience(10000)),
		     IOTSAFE_ERR_FORMAT, "r and s");
	end_session(tls, &peer);
}

Test(tls, bounds_the_card_by_the_handshake)
{
	static const enum protocol protocols[] = {TLS13, DTLS12};

	for (size_t i = 0; i < 2; i++) {
		iotsafe_tls *tls = new_session(protocols[i], &card);
		int64_t begin = deadline_now();
		struct peer peer;

		card.sign_ms = patience(5000);
		peer_start(&peer, wish_for(protocols[i]));
		expect_error(iotsafe_tls_handshake(tls, peer.fd, patience(800)),
			     IOTSAFE_ERR_TIMEOUT, "soft card");
		cr_assert(
			lt(int, (int)(deadline_now() - begin), patience(1500)));
		end_session(tls, &peer);
	}
}

/* Both sides send again meanwhile. */
Test(tls, bears_with_a_card_slower_than_retransmission)
{
	for (int waiting = 0; waiting < 2; waiting++) {
		iotsafe_tls *tls = new_session(DTLS12, &card);
		int wanted_card = 0;
		struct peer peer;

		card.signatures = 0;
		card.sign_ms = 3500;
		peer_start(&peer, wish_for(DTLS12));
		if (waiting)
			expect_good(iotsafe_tls_handshake(tls, peer.fd,
							  patience(10000)));
		else
			expect_good(shake_hands_without_waiting(
				tls, peer.fd, NO_WAIT, &wanted_card));
		cr_assert(eq(int, card.signatures, 1));
		expect_echo(tls, "hello");
		end_session(tls, &peer);
		cr_assert(eq(int, peer.result, 0));
	}
}

Test(tls, may_be_freed_while_the_card_works)
{
	static const enum protocol protocols[] = {TLS13, TLS12, DTLS12};

	for (size_t i = 0; i < 6; i++) {
		iotsafe_tls *tls = new_session(protocols[i % 3], &card);
		int64_t begin = deadline_now();
		struct peer peer;
		int result;

		card.open_ms = i < 3 ? patience(5000) : 0;
		card.sign_ms = i < 3 ? 0 : patience(5000);
		peer_start(&peer, wish_for(protocols[i % 3]));
		while (!card.busy) {
			result = iotsafe_tls_handshake(tls, peer.fd, 0);
			cr_assert(le(int, result, IOTSAFE_WANT_READ));
			wait_as_told(tls, 10);
		}
		iotsafe_tls_free(tls);
		cr_assert(
			lt(int, (int)(deadline_now() - begin), patience(2000)));
		cr_assert(eq(int, card.busy, 0), "a thread was left behind");
		peer_join(&peer);
	}
}
