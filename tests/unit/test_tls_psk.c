/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sessions by a secret key of the card, without any certificate. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <gnutls/crypto.h>
#include <gnutls/dtls.h>
#include <iotsafe/gnutls.h>
#include <stdlib.h>
#include <string.h>
#include "object/key.h"
#include "tlsfixture.h"

#define SECRET "sixteen secrets!"

static uint8_t derived[32];
static gnutls_datum_t tickets;

/* What a server computes that has the secret key too. */
static void derive(const char *identity, const char *context)
{
	uint8_t seed[64];

	gnutls_hash_fast(GNUTLS_DIG_SHA256, identity, strlen(identity), seed);
	gnutls_hash_fast(GNUTLS_DIG_SHA256, context, strlen(context),
			 seed + 32);
	expect_good(card_prf(&card, "psk", (struct bytes){NULL, 0},
			     "iotsafe psk", (struct bytes){seed, 64}, derived,
			     sizeof(derived), NULL));
	card.derivations = 0;
}

static void set_up(void)
{
	fixture_set_up();
	gnutls_session_ticket_key_generate(&tickets);
	/* Neither key nor certificate: whoever looks for one fails. */
	card.chain[0] = card.chain[1] = NULL;
	card.fail_open = IOTSAFE_ERR_ABSENT;
	card.secret = SECRET;
	derive("device", "");
}

static void tear_down(void)
{
	gnutls_free(tickets.data);
	fixture_tear_down();
}

TestSuite(psk, .init = set_up, .fini = tear_down, .timeout = 300);

static const char *const priorities[] = {
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:+ECDHE-PSK:+DHE-PSK:+PSK",
	"NORMAL:-VERS-ALL:+VERS-TLS1.2:+ECDHE-PSK:+DHE-PSK:+PSK",
	"NORMAL:-VERS-ALL:+VERS-DTLS1.2:+ECDHE-PSK:+DHE-PSK:+PSK",
};

static struct peer_wish psk_wish(enum protocol protocol, int kind)
{
	struct peer_wish wish = {
		.datagram = protocol == DTLS12,
		.priority = priorities[protocol],
		.psk_identity = "device",
		.psk = {derived, sizeof(derived)},
	};

	if (kind == IOTSAFE_PSK_CARD)
		wish.psk = (gnutls_datum_t){(unsigned char *)SECRET,
					    sizeof(SECRET) - 1};
	return wish;
}

static iotsafe_tls *psk_session(enum protocol protocol, int kind)
{
	iotsafe_tls *tls;

	expect_good(iotsafe_tls_new(&card, protocol == DTLS12, &tls));
	expect_good(iotsafe_tls_set_server_name(tls, "server.example"));
	expect_good(iotsafe_tls_set_psk(tls, "device", "psk", kind, NULL, 0));
	return tls;
}

static int handshake(iotsafe_tls *tls, int fd, bool waiting, int *wanted_card)
{
	return waiting ? iotsafe_tls_handshake(tls, fd, patience(10000))
		       : shake_hands_without_waiting(tls, fd, patience(1000),
						     wanted_card);
}

/* kind, protocol, whether it waits */
static const int rows[][3] = {
	{IOTSAFE_PSK_DERIVED, TLS13, 1},  {IOTSAFE_PSK_DERIVED, TLS12, 1},
	{IOTSAFE_PSK_DERIVED, DTLS12, 1}, {IOTSAFE_PSK_CARD, TLS12, 1},
	{IOTSAFE_PSK_CARD, DTLS12, 1},	  {IOTSAFE_PSK_DERIVED, TLS13, 0},
	{IOTSAFE_PSK_DERIVED, TLS12, 0},  {IOTSAFE_PSK_CARD, TLS12, 0},
	{IOTSAFE_PSK_CARD, DTLS12, 0},
};
#define ROWS 9

static struct criterion_test_params all_rows(size_t count)
{
	static int numbers[ROWS];

	for (int i = 0; i < ROWS; i++)
		numbers[i] = i;
	return cr_make_param_array(int, numbers, count);
}

ParameterizedTestParameters(psk, opens_a_session_with_one_derivation)
{
	return all_rows(ROWS);
}

ParameterizedTest(int *row, psk, opens_a_session_with_one_derivation,
		  .timeout = 300)
{
	const int kind = rows[*row][0];
	const enum protocol protocol = (enum protocol)rows[*row][1];
	iotsafe_tls *tls = psk_session(protocol, kind);
	struct peer peer;
	int wanted_card = 0;

	card.sign_ms = rows[*row][2] ? 0 : patience(1000) * 3 / 2;
	peer_start(&peer, psk_wish(protocol, kind));
	expect_good(handshake(tls, peer.fd, rows[*row][2], &wanted_card));
	expect_echo(tls, "hello");
	cr_assert(eq(str, (char *)iotsafe_tls_version(tls),
		     (char *)versions[protocol]));
	cr_assert(eq(int, iotsafe_tls_certificate_used(tls), 0));
	end_session(tls, &peer);
	cr_assert(eq(int, peer.result, 0));
	cr_assert(eq(int, card.derivations, 1));
	cr_assert(eq(int, card.opened, 0), "a private key was looked for");
	cr_assert(eq(int, card.prepared, 0), "a signature was begun");
	cr_assert(lt(int, wanted_card, 30), "a busy loop");
}

/* The vector of docs/psk.md, made by the page's own Python. */
Test(psk, is_the_one_that_a_server_computes)
{
	static unsigned char vector[32] = {
		0x6E, 0x05, 0x09, 0x73, 0x4B, 0x7E, 0xC1, 0x41,
		0x55, 0xB5, 0x03, 0xD7, 0x9A, 0xB4, 0x35, 0x1C,
		0xC1, 0x31, 0x63, 0xF8, 0xF9, 0xF6, 0xC4, 0x94,
		0x00, 0x08, 0x16, 0x80, 0xE3, 0x08, 0x05, 0xCF};
	struct peer_wish wish = psk_wish(TLS13, IOTSAFE_PSK_DERIVED);
	struct peer peer;
	iotsafe_tls *tls;

	expect_good(iotsafe_tls_new(&card, 0, &tls));
	expect_good(iotsafe_tls_set_server_name(tls, NULL));
	expect_good(iotsafe_tls_set_psk(tls, "device-7", "psk",
					IOTSAFE_PSK_DERIVED, NULL, 0));
	wish.psk_identity = "device-7";
	wish.psk = (gnutls_datum_t){vector, sizeof(vector)};
	peer_start(&peer, wish);
	expect_good(iotsafe_tls_handshake(tls, peer.fd, patience(10000)));
	end_session(tls, &peer);
	cr_assert(eq(int, peer.result, 0));
}

Test(psk, comes_with_a_context)
{
	iotsafe_tls *tls = psk_session(TLS12, IOTSAFE_PSK_DERIVED);
	struct peer peer;

	derive("device", "2026");
	expect_good(iotsafe_tls_set_psk(tls, "device", "psk",
					IOTSAFE_PSK_DERIVED,
					(const uint8_t *)"2026", 4));
	peer_start(&peer, psk_wish(TLS12, IOTSAFE_PSK_DERIVED));
	expect_good(iotsafe_tls_handshake(tls, peer.fd, patience(10000)));
	end_session(tls, &peer);
	cr_assert(eq(int, peer.result, 0));
}

/* Cipher suites, and with and without the extended master secret. */
#define PLAIN "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+PSK"
static const char *const suites[] = {
	PLAIN,
	PLAIN ":%NO_SESSION_HASH",
	PLAIN ":-CIPHER-ALL:+AES-128-CCM-8",
	PLAIN ":-CIPHER-ALL:+AES-128-CBC:-MAC-ALL:+SHA256",
	PLAIN ":-CIPHER-ALL:+CHACHA20-POLY1305",
};

ParameterizedTestParameters(psk, works_with_each_suite_of_sha_256)
{
	static int numbers[] = {0, 1, 2, 3, 4};

	return cr_make_param_array(int, numbers, 5);
}

ParameterizedTest(int *number, psk, works_with_each_suite_of_sha_256,
		  .timeout = 300)
{
	iotsafe_tls *tls = psk_session(TLS12, IOTSAFE_PSK_CARD);
	struct peer_wish wish = psk_wish(TLS12, IOTSAFE_PSK_CARD);
	struct peer peer;

	wish.priority = suites[*number];
	expect_good(iotsafe_tls_set_priority(tls, suites[*number]));
	peer_start(&peer, wish);
	expect_good(iotsafe_tls_handshake(tls, peer.fd, patience(10000)));
	expect_echo(tls, "hello");
	end_session(tls, &peer);
	cr_assert(eq(int, peer.extended, *number != 1));
	cr_assert(eq(int, card.derivations, 1));
}

Test(psk, of_the_card_ends_where_its_function_does)
{
	iotsafe_tls *tls = psk_session(TLS12, IOTSAFE_PSK_CARD);
	struct peer_wish wish = psk_wish(TLS12, IOTSAFE_PSK_CARD);
	struct peer peer;

	wish.priority = PLAIN ":-CIPHER-ALL:+AES-256-GCM";
	peer_start(&peer, wish);
	expect_error(iotsafe_tls_handshake(tls, peer.fd, patience(10000)),
		     IOTSAFE_ERR_TLS, "refused");
	end_session(tls, &peer);
	tls = psk_session(TLS12, IOTSAFE_PSK_CARD);
	expect_good(iotsafe_tls_set_versions(tls, 13, 13));
	peer_start(&peer, wish);
	expect_error(iotsafe_tls_handshake(tls, peer.fd, patience(10000)),
		     IOTSAFE_ERR_SUPPORT, "1.2");
	end_session(tls, &peer);
	cr_assert(eq(int, card.derivations, 0));
}

/* RFC 6347 4.2.1: the first ClientHello and its answer do not count. */
Test(psk, goes_on_after_a_cookie)
{
	for (int i = 0; i < 2; i++) {
		iotsafe_tls *tls = psk_session(DTLS12, IOTSAFE_PSK_CARD);
		struct peer_wish wish = psk_wish(DTLS12, IOTSAFE_PSK_CARD);
		struct peer peer;

		wish.cookie = true;
		if (i)
			wish.priority = "NORMAL:-VERS-ALL:+VERS-DTLS1.2:+PSK"
					":%NO_SESSION_HASH";
		peer_start(&peer, wish);
		expect_good(
			iotsafe_tls_handshake(tls, peer.fd, patience(10000)));
		expect_echo(tls, "hello");
		end_session(tls, &peer);
		cr_assert(eq(int, peer.extended, !i));
	}
}

ParameterizedTestParameters(psk, is_told_when_the_card_fails)
{
	return all_rows(ROWS);
}

ParameterizedTest(int *row, psk, is_told_when_the_card_fails, .timeout = 300)
{
	const int kind = rows[*row][0];
	const enum protocol protocol = (enum protocol)rows[*row][1];
	iotsafe_tls *tls = psk_session(protocol, kind);
	struct peer peer;
	int wanted_card;

	card.fail_derive = IOTSAFE_ERR_DENIED;
	peer_start(&peer, psk_wish(protocol, kind));
	expect_error(handshake(tls, peer.fd, rows[*row][2], &wanted_card),
		     IOTSAFE_ERR_DENIED, "6985");
	cr_assert(eq(uint, iotsafe_last_status(), 0x6985));
	end_session(tls, &peer);
	cr_assert(ne(int, peer.result, 0));
}

ParameterizedTestParameters(psk, is_refused_by_who_does_not_know_it)
{
	return all_rows(5);
}

ParameterizedTest(int *row, psk, is_refused_by_who_does_not_know_it,
		  .timeout = 300)
{
	const int kind = rows[*row][0];
	const enum protocol protocol = (enum protocol)rows[*row][1];
	struct peer_wish wish = psk_wish(protocol, kind);
	struct peer peer;

	for (int i = 0; i < 2; i++) {
		iotsafe_tls *tls = psk_session(protocol, kind);
		int result;

		if (i)
			wish.psk_identity = "somebody else";
		else
			wish.psk = (gnutls_datum_t){
				(unsigned char *)"another secret", 14};
		peer_start(&peer, wish);
		result = iotsafe_tls_handshake(tls, peer.fd, patience(2000));
		cr_assert(lt(int, result, 0));
		/* DTLS does not answer what it cannot decrypt. */
		cr_assert(strstr(iotsafe_last_error(), "refused our pre") ||
				  protocol == DTLS12,
			  "%s", iotsafe_last_error());
		end_session(tls, &peer);
		cr_assert(ne(int, peer.result, 0));
	}
}

/* A server with a good certificate, which does not know the key. */
ParameterizedTestParameters(psk, is_not_replaced_by_a_certificate)
{
	return all_rows(5);
}

ParameterizedTest(int *row, psk, is_not_replaced_by_a_certificate,
		  .timeout = 300)
{
	const int kind = rows[*row][0];
	const enum protocol protocol = (enum protocol)rows[*row][1];

	for (int verify = 0; verify < 2; verify++) {
		iotsafe_tls *tls = psk_session(protocol, kind);
		struct peer peer;
		struct peer_wish wish = wish_for(protocol);

		wish.client_ca = NULL;
		expect_good(
			iotsafe_tls_set_ca_data(tls, ca.pem.data, ca.pem.size));
		expect_good(iotsafe_tls_set_verify(tls, verify));
		peer_start(&peer, wish);
		cr_assert(
			lt(int,
			   iotsafe_tls_handshake(tls, peer.fd, patience(10000)),
			   0));
		end_session(tls, &peer);
		cr_assert(ne(int, peer.result, 0));
	}
}

ParameterizedTestParameters(psk, sessions_are_resumed)
{
	return all_rows(5);
}

ParameterizedTest(int *row, psk, sessions_are_resumed, .timeout = 300)
{
	const int kind = rows[*row][0];
	const enum protocol protocol = (enum protocol)rows[*row][1];
	struct peer_wish wish = psk_wish(protocol, kind);
	uint8_t *saved = NULL;
	size_t size = 0;
	bool in_hello;

	wish.tickets = &tickets;
	for (int i = 0; i < 2; i++) {
		iotsafe_tls *tls = psk_session(protocol, kind);
		struct peer peer;

		expect_good(iotsafe_tls_set_session(tls, saved, size));
		peer_start(&peer, wish);
		expect_good(
			iotsafe_tls_handshake(tls, peer.fd, patience(10000)));
		expect_echo(tls, "hello");
		cr_assert(eq(int, iotsafe_tls_resumed(tls), i));
		iotsafe_free(saved);
		expect_good(iotsafe_tls_session(tls, &saved, &size));
		end_session(tls, &peer);
		cr_assert(eq(int, peer.resumed, i));
	}
	/* ClientHello of TLS 1.3 has the derived key as well as the ticket. */
	in_hello = kind == IOTSAFE_PSK_DERIVED && protocol != DTLS12;
	cr_assert(eq(int, card.derivations, in_hello ? 2 : 1));
	iotsafe_free(saved);
}

ParameterizedTestParameters(psk, serves_where_the_server_forgot)
{
	return all_rows(5);
}

ParameterizedTest(int *row, psk, serves_where_the_server_forgot, .timeout = 300)
{
	const int kind = rows[*row][0];
	const enum protocol protocol = (enum protocol)rows[*row][1];
	struct peer_wish wish = psk_wish(protocol, kind);
	uint8_t *saved = NULL;
	size_t size = 0;

	wish.tickets = &tickets;
	for (int i = 0; i < 2; i++) {
		iotsafe_tls *tls = psk_session(protocol, kind);
		struct peer peer;

		expect_good(iotsafe_tls_set_session(tls, saved, size));
		gnutls_free(tickets.data);
		gnutls_session_ticket_key_generate(&tickets);
		peer_start(&peer, wish);
		expect_good(
			iotsafe_tls_handshake(tls, peer.fd, patience(10000)));
		expect_echo(tls, "hello");
		cr_assert(eq(int, iotsafe_tls_resumed(tls), 0));
		iotsafe_free(saved);
		expect_good(iotsafe_tls_session(tls, &saved, &size));
		end_session(tls, &peer);
	}
	cr_assert(eq(int, card.derivations, 2));
	iotsafe_free(saved);
}

Test(psk, is_checked_when_it_is_said)
{
	char longest[130];
	iotsafe_tls *tls, *bare;

	memset(longest, 'a', sizeof(longest));
	longest[129] = '\0';
	expect_good(iotsafe_tls_new(&card, 0, &tls));
	expect_good(iotsafe_tls_new(NULL, 0, &bare));
	expect_error(iotsafe_tls_set_psk(bare, "device", "psk", 0, NULL, 0),
		     IOTSAFE_ERR_ARG, "card");
	expect_error(iotsafe_tls_set_psk(tls, NULL, "psk", 0, NULL, 0),
		     IOTSAFE_ERR_ARG, "identity");
	expect_error(iotsafe_tls_set_psk(tls, "", "psk", 0, NULL, 0),
		     IOTSAFE_ERR_ARG, "identity");
	expect_error(iotsafe_tls_set_psk(tls, longest, "psk", 0, NULL, 0),
		     IOTSAFE_ERR_ARG, "128");
	expect_error(iotsafe_tls_set_psk(tls, "device", "psk", 2, NULL, 0),
		     IOTSAFE_ERR_ARG, "kind");
	expect_error(iotsafe_tls_set_psk(tls, "device", "psk", IOTSAFE_PSK_CARD,
					 (const uint8_t *)"x", 1),
		     IOTSAFE_ERR_ARG, "context");
	expect_error(iotsafe_tls_set_psk(NULL, "device", "psk", 0, NULL, 0),
		     IOTSAFE_ERR_ARG, "session");
	longest[128] = '\0';
	for (int kind = 0; kind < 2; kind++)
		expect_good(iotsafe_tls_set_psk(tls, longest, "psk", kind, NULL,
						0));
	iotsafe_tls_free(tls);
	iotsafe_tls_free(bare);
	expect_nothing_in_use();
}

/* ---- programs with sessions of their own ---- */

ParameterizedTestParameters(psk, serves_a_program_that_uses_gnutls)
{
	return all_rows(5);
}

ParameterizedTest(int *row, psk, serves_a_program_that_uses_gnutls,
		  .timeout = 300)
{
	const int kind = rows[*row][0];
	const enum protocol protocol = (enum protocol)rows[*row][1];
	gnutls_session_t session;
	struct peer peer;
	int result;

	gnutls_init(&session,
		    GNUTLS_CLIENT | (protocol == DTLS12 ? GNUTLS_DATAGRAM : 0));
	for (int i = 0; i < 2; i++)
		expect_good(iotsafe_session_set_psk(session, &card, "device",
						    "psk", kind, NULL, 0));
	peer_start(&peer, psk_wish(protocol, kind));
	gnutls_transport_set_int(session, peer.fd);
	do
		result = gnutls_handshake(session);
	while (result < 0 && !gnutls_error_is_fatal(result));
	cr_assert(eq(int, result, 0), "%s", iotsafe_last_error());
	gnutls_bye(session, GNUTLS_SHUT_WR);
	gnutls_deinit(session);
	peer_join(&peer);
	cr_assert(eq(int, peer.result, 0));
	cr_assert(eq(int, card.derivations, 1));
	expect_nothing_in_use();
}

/* Credentials for other sessions do not let a server in that has a certificate
 * instead of the key, which nobody would look at. */
Test(psk, lets_no_certificate_into_a_program)
{
	for (int i = 0; i < 4; i++) {
		enum protocol protocol = i < 3 ? (enum protocol)i : TLS12;
		gnutls_certificate_credentials_t cred;
		gnutls_session_t session;
		struct peer peer;
		int result;

		gnutls_certificate_allocate_credentials(&cred);
		gnutls_init(&session,
			    GNUTLS_CLIENT |
				    (protocol == DTLS12 ? GNUTLS_DATAGRAM : 0));
		gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, cred);
		expect_good(iotsafe_session_set_psk(session, &card, "device",
						    "psk", i == 3, NULL, 0));
		peer_start(&peer, wish_for(protocol));
		gnutls_transport_set_int(session, peer.fd);
		do
			result = gnutls_handshake(session);
		while (result < 0 && !gnutls_error_is_fatal(result));
		cr_assert(lt(int, result, 0), "no key was asked for");
		gnutls_deinit(session);
		gnutls_certificate_free_credentials(cred);
		peer_join(&peer);
		expect_nothing_in_use();
	}
}

/* The program's own priority brings another key exchange. */
Test(psk, of_the_card_is_for_plain_psk_alone)
{
	gnutls_session_t session;
	struct peer peer;

	gnutls_init(&session, GNUTLS_CLIENT);
	expect_good(iotsafe_session_set_psk(session, &card, "device", "psk",
					    IOTSAFE_PSK_CARD, NULL, 0));
	gnutls_priority_set_direct(
		session, "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ECDHE-PSK",
		NULL);
	peer_start(&peer, psk_wish(TLS12, IOTSAFE_PSK_CARD));
	gnutls_transport_set_int(session, peer.fd);
	cr_assert(eq(int, gnutls_handshake(session),
		     IOTSAFE_GNUTLS_ERROR(IOTSAFE_ERR_SUPPORT)));
	cr_assert(eq(int, card.derivations, 0));
	gnutls_deinit(session);
	peer_join(&peer);
	expect_nothing_in_use();
}

Test(psk, wants_a_session_and_a_card)
{
	gnutls_session_t session;

	expect_error(iotsafe_session_set_psk(NULL, &card, "device", "psk", 0,
					     NULL, 0),
		     IOTSAFE_ERR_ARG, "session");
	gnutls_init(&session, GNUTLS_CLIENT);
	expect_error(iotsafe_session_set_psk(session, NULL, "device", "psk", 0,
					     NULL, 0),
		     IOTSAFE_ERR_ARG, "card");
	gnutls_deinit(session);
	expect_nothing_in_use();
}
