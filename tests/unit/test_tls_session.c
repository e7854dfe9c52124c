/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sessions of our own against a GnuTLS server, with a key in software. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
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
	struct identity rsa = make_rsa();
	struct peer_wish wish = wish_for(TLS13);
	iotsafe_tls *tls;
	struct peer peer;
	uint8_t *data;
	size_t size;
	int result;

	wish.priority = "NORMAL:-VERS-ALL:+VERS-TLS1.3:-SIGN-RSA-PSS-SHA512:"
			"-SIGN-RSA-PSS-RSAE-SHA512";
	put_on_card(&rsa, IOTSAFE_RSA_PSS_SHA512);
	tls = new_session(TLS13, &card);
	peer_start(&peer, wish);
	result = iotsafe_tls_handshake(tls, peer.fd, patience(10000));
	cr_assert(eq(int, iotsafe_tls_certificate_used(tls), 0));
	if (!result)
		result = iotsafe_tls_receive(tls, 10, 30000, &data, &size);
	expect_error(result, IOTSAFE_ERR_TLS, "takes no signature");
	end_session(tls, &peer);
	identity_free(&rsa);
}

/* P-256 goes with SHA-256 in TLS 1.3 (RFC 8446 4.2.3), with any hash in 1.2. */
Test(tls, with_a_key_that_has_no_SHA_256_is_of_version_1_2)
{
	struct identity own = identity_make(
		(struct identity_wish){.name = "own", .issuer = &ca});
	struct peer_wish wish = wish_for(TLS13);
	iotsafe_tls *tls;
	struct peer peer;

	put_on_card(&own, IOTSAFE_ECDSA_SHA384);
	wish.priority = "NORMAL";
	tls = new_session(TLS13, &card);
	peer_start(&peer, wish);
	expect_good(iotsafe_tls_handshake(tls, peer.fd, patience(10000)));
	cr_assert(eq(str, (char *)iotsafe_tls_version(tls), "TLS1.2"));
	cr_assert(eq(int, card.signatures, 1));
	end_session(tls, &peer);
	/* Where that is not allowed, before anything is sent. */
	tls = new_session(TLS13, &card);
	expect_good(iotsafe_tls_set_versions(tls, 13, 0));
	peer_start(&peer, wish);
	expect_error(iotsafe_tls_handshake(tls, peer.fd, patience(10000)),
		     IOTSAFE_ERR_SUPPORT,
		     "signs with ECDSA over SHA-384 or SHA-512 alone");
	end_session(tls, &peer);
	identity_free(&own);
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
