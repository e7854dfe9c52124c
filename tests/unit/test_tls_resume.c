/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sessions that are resumed without the card, and those that must not be. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <stdlib.h>
#include <string.h>
#include "tlsfixture.h"

static gnutls_datum_t tickets;

static void set_up(void)
{
	fixture_set_up();
	gnutls_session_ticket_key_generate(&tickets);
}

static void tear_down(void)
{
	gnutls_free(tickets.data);
	fixture_tear_down();
}

TestSuite(resume, .init = set_up, .fini = tear_down, .timeout = 300);

struct saved {
	uint8_t *data;
	size_t size;
};

static struct peer_wish with_tickets(enum protocol protocol)
{
	struct peer_wish wish = wish_for(protocol);

	wish.tickets = &tickets;
	return wish;
}

/* A first session with the card; what resumes it. */
static struct saved first(enum protocol protocol)
{
	struct saved saved;
	struct peer peer;
	iotsafe_tls *tls;

	peer_start(&peer, with_tickets(protocol));
	tls = open_session(protocol, &peer);
	cr_assert(eq(int, iotsafe_tls_resumed(tls), 0));
	expect_echo(tls, "hello");
	expect_good(iotsafe_tls_session(tls, &saved.data, &saved.size));
	end_session(tls, &peer);
	cr_assert(eq(int, card.signatures, 1));
	return saved;
}

/* Does the handshake, one way or the other, and tells whether it resumed. */
static bool go(iotsafe_tls *tls, struct peer_wish wish, bool waiting)
{
	struct peer peer;
	int wanted = 0;
	bool resumed;

	peer_start(&peer, wish);
	if (waiting)
		expect_good(
			iotsafe_tls_handshake(tls, peer.fd, patience(10000)));
	else
		expect_good(shake_hands_without_waiting(
			tls, peer.fd, patience(1000), &wanted));
	expect_echo(tls, "again");
	resumed = iotsafe_tls_resumed(tls);
	end_session(tls, &peer);
	cr_assert(eq(int, peer.result, 0));
	cr_assert(eq(int, peer.resumed, resumed));
	/* The server knows us either way. */
	cr_assert(eq(str, peer.subject, "CN=client"));
	return resumed;
}

ParameterizedTestParameters(resume, makes_no_use_of_the_card)
{
	static int rows[] = {TLS13,	TLS12,	   DTLS12,
			     TLS13 + 8, TLS12 + 8, DTLS12 + 8};

	return cr_make_param_array(int, rows, 6);
}

ParameterizedTest(int *row, resume, makes_no_use_of_the_card, .timeout = 300)
{
	enum protocol protocol = (enum protocol)(*row % 8);
	struct saved saved = first(protocol);
	int opened = card.opened, prepared = card.prepared;
	iotsafe_tls *tls = new_session(protocol, &card);

	expect_good(iotsafe_tls_set_session(tls, saved.data, saved.size));
	cr_assert(go(tls, with_tickets(protocol), *row < 8));
	cr_assert(eq(int, card.opened, opened), "the card was asked");
	cr_assert(eq(int, card.prepared, prepared), "a signature was begun");
	cr_assert(eq(int, card.signatures, 1));
	iotsafe_free(saved.data);
}

ParameterizedTestParameters(resume, asks_the_card_where_the_server_forgot)
{
	static int rows[] = {TLS13,	TLS12,	   DTLS12,
			     TLS13 + 8, TLS12 + 8, DTLS12 + 8};

	return cr_make_param_array(int, rows, 6);
}

ParameterizedTest(int *row, resume, asks_the_card_where_the_server_forgot,
		  .timeout = 300)
{
	enum protocol protocol = (enum protocol)(*row % 8);
	struct saved saved = first(protocol);
	iotsafe_tls *tls = new_session(protocol, &card);

	card.open_ms = card.sign_ms = *row < 8 ? 0 : patience(1000) * 3 / 2;
	expect_good(iotsafe_tls_set_session(tls, saved.data, saved.size));
	gnutls_free(tickets.data);
	gnutls_session_ticket_key_generate(&tickets);
	cr_assert(not(go(tls, with_tickets(protocol), *row < 8)));
	cr_assert(eq(int, card.opened, 2));
	cr_assert(eq(int, card.signatures, 2));
	iotsafe_free(saved.data);
}

Test(resume, goes_with_a_random_number_of_the_card)
{
	for (int protocol = TLS13; protocol <= DTLS12; protocol++) {
		struct saved saved = first(protocol);
		iotsafe_tls *tls = new_session(protocol, &card);

		card.signatures = 0;
		expect_good(
			iotsafe_tls_set_session(tls, saved.data, saved.size));
		expect_good(iotsafe_tls_set_card_random(tls, 1));
		cr_assert(go(tls, with_tickets(protocol), true));
		cr_assert(eq(int, card.randoms, protocol + 1));
		cr_assert(eq(int, card.signatures, 0));
		iotsafe_free(saved.data);
	}
}

Test(resume, may_be_repeated_with_what_the_resumed_session_gave)
{
	struct saved saved = first(TLS13);

	for (int i = 0; i < 3; i++) {
		iotsafe_tls *tls = new_session(TLS13, &card);
		struct peer peer;

		expect_good(
			iotsafe_tls_set_session(tls, saved.data, saved.size));
		iotsafe_free(saved.data);
		peer_start(&peer, with_tickets(TLS13));
		expect_good(
			iotsafe_tls_handshake(tls, peer.fd, patience(10000)));
		expect_echo(tls, "hello");
		cr_assert(eq(int, iotsafe_tls_resumed(tls), 1));
		expect_good(iotsafe_tls_session(tls, &saved.data, &saved.size));
		end_session(tls, &peer);
	}
	cr_assert(eq(int, card.signatures, 1));
	iotsafe_free(saved.data);
}

/* ---- what must not be resumed ---- */

static void another_name(iotsafe_tls *tls)
{
	expect_good(iotsafe_tls_set_server_name(tls, "Server.Example"));
}

static void more_trust(iotsafe_tls *tls)
{
	expect_good(iotsafe_tls_set_ca_data(tls, other_ca.der.data,
					    other_ca.der.size));
}

static void another_key(iotsafe_tls *tls)
{
	expect_good(iotsafe_tls_set_key(tls, "client"));
}

static void another_certificate(iotsafe_tls *tls)
{
	expect_good(iotsafe_tls_set_certificate(tls, "cert0"));
}

static void another_card(iotsafe_tls *tls)
{
	(void)tls;
	card.address = "soft:other";
}

static void the_name_unchecked(iotsafe_tls *tls)
{
	expect_good(iotsafe_tls_set_verify(tls, IOTSAFE_VERIFY_CHAIN));
}

static void the_same(iotsafe_tls *tls)
{
	(void)tls;
}

static void (*const changes[])(iotsafe_tls *tls) = {
	the_same,	   another_name,	more_trust,
	another_key,	   another_certificate, another_card,
	the_name_unchecked};

ParameterizedTestParameters(resume, is_bound_to_what_was_checked)
{
	static int rows[] = {0, 1, 2, 3, 4, 5, 6};

	return cr_make_param_array(int, rows, 7);
}

ParameterizedTest(int *row, resume, is_bound_to_what_was_checked,
		  .timeout = 300)
{
	struct saved saved = first(TLS13);
	iotsafe_tls *tls = new_session(TLS13, &card);

	expect_good(iotsafe_tls_set_session(tls, saved.data, saved.size));
	changes[*row](tls);
	cr_assert(eq(int, go(tls, with_tickets(TLS13), true), !*row));
	cr_assert(eq(int, card.signatures, *row ? 2 : 1));
	iotsafe_free(saved.data);
}

/* What is not good enough any more is not good enough to be resumed. */
static void only_the_newest(iotsafe_tls *tls)
{
	expect_good(iotsafe_tls_set_versions(tls, 13, 0));
}

static void other_ciphers(iotsafe_tls *tls)
{
	expect_good(iotsafe_tls_set_priority(
		tls, "NORMAL:-VERS-ALL:+VERS-TLS1.2:-AES-256-GCM"));
}

static void other_versions(iotsafe_tls *tls)
{
	expect_good(
		iotsafe_tls_set_priority(tls, "NORMAL:-VERS-ALL:+VERS-TLS1.3"));
}

static void (*const rises[])(iotsafe_tls *tls) = {
	only_the_newest, other_ciphers, other_versions};

Test(resume, keeps_to_versions_and_ciphers)
{
	struct saved saved = first(TLS12);
	struct peer_wish wish = with_tickets(TLS12);

	wish.priority = "NORMAL";
	for (int i = 0; i < 3; i++) {
		iotsafe_tls *tls = new_session(TLS12, &card);

		expect_good(
			iotsafe_tls_set_session(tls, saved.data, saved.size));
		rises[i](tls);
		cr_assert(not(go(tls, wish, true)), "%d", i);
	}
	iotsafe_free(saved.data);
}

/* A session that nobody authenticated opens none where somebody must. */
Test(resume, does_not_skip_verification)
{
	iotsafe_tls *tls = new_session(TLS12, &card);
	struct peer_wish wish = with_tickets(TLS12);
	struct saved saved;
	struct peer peer;

	wish.server = &other_ca;
	expect_good(iotsafe_tls_set_verify(tls, 0));
	peer_start(&peer, wish);
	expect_good(iotsafe_tls_handshake(tls, peer.fd, patience(10000)));
	expect_good(iotsafe_tls_session(tls, &saved.data, &saved.size));
	end_session(tls, &peer);

	tls = new_session(TLS12, &card);
	expect_good(iotsafe_tls_set_session(tls, saved.data, saved.size));
	peer_start(&peer, wish);
	expect_error(iotsafe_tls_handshake(tls, peer.fd, patience(10000)),
		     IOTSAFE_ERR_UNTRUSTED, "server.example");
	end_session(tls, &peer);
	cr_assert(not(peer.resumed));
	iotsafe_free(saved.data);
}

Test(resume, passes_over_damaged_data)
{
	struct saved saved = first(TLS12);

	for (size_t at = 8; at < saved.size; at += 97) {
		iotsafe_tls *tls = new_session(TLS12, &card);

		saved.data[at] ^= 1;
		expect_good(
			iotsafe_tls_set_session(tls, saved.data, saved.size));
		saved.data[at] ^= 1;
		cr_assert(not(go(tls, with_tickets(TLS12), true)));
	}
	iotsafe_free(saved.data);
}

Test(resume, refuses_what_is_no_session_data)
{
	struct saved saved = first(TLS12);
	iotsafe_tls *tls = new_session(TLS12, &card);

	for (size_t size = 1; size <= 40; size++)
		expect_error(iotsafe_tls_set_session(tls, saved.data, size),
			     IOTSAFE_ERR_ARG, "session data");
	expect_error(iotsafe_tls_set_session(tls, saved.data + 1, 100),
		     IOTSAFE_ERR_ARG, "session data");
	expect_error(iotsafe_tls_set_session(tls, NULL, 100), IOTSAFE_ERR_ARG,
		     "session data");
	expect_error(iotsafe_tls_set_session(NULL, saved.data, saved.size),
		     IOTSAFE_ERR_ARG, "session");
	expect_good(iotsafe_tls_set_session(tls, saved.data, saved.size));
	expect_good(iotsafe_tls_set_session(tls, NULL, 0));
	cr_assert(not(go(tls, with_tickets(TLS12), true)), "none was set");
	iotsafe_free(saved.data);
}

Test(resume, says_when_there_is_nothing_to_resume_by)
{
	iotsafe_tls *tls = new_session(TLS13, &card);
	struct saved saved;
	struct peer peer;

	expect_error(iotsafe_tls_session(tls, &saved.data, &saved.size),
		     IOTSAFE_ERR_ARG, "handshake");
	cr_assert(eq(int, iotsafe_tls_resumed(tls), 0));
	/* This one gives no tickets. */
	peer_start(&peer, wish_for(TLS13));
	expect_good(iotsafe_tls_handshake(tls, peer.fd, patience(10000)));
	expect_echo(tls, "hello");
	expect_error(iotsafe_tls_session(tls, &saved.data, &saved.size),
		     IOTSAFE_ERR_ABSENT, "nothing to resume by");
	cr_assert(eq(ptr, saved.data, NULL));
	end_session(tls, &peer);
	cr_assert(eq(int, iotsafe_tls_resumed(NULL), 0));
}

Test(resume, tells_what_the_card_says_when_it_is_needed_after_all)
{
	struct saved saved = first(TLS13);
	iotsafe_tls *tls = new_session(TLS13, &card);
	struct peer peer;

	card.fail_open = IOTSAFE_ERR_CARD;
	expect_good(iotsafe_tls_set_session(tls, saved.data, saved.size));
	peer_start(&peer, wish_for(TLS13));
	expect_error(iotsafe_tls_handshake(tls, peer.fd, patience(10000)),
		     IOTSAFE_ERR_CARD, "6985");
	end_session(tls, &peer);
	iotsafe_free(saved.data);
}
