/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sessions of a card that resume one another by themselves. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "object/key.h"
#include "tls/kept.h"
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
	iotsafe_card_free(&card); /* the last use: what is kept goes */
	fixture_tear_down();
}

TestSuite(reuse, .init = set_up, .fini = tear_down, .timeout = 300);

static struct peer_wish with_tickets(enum protocol protocol)
{
	struct peer_wish wish = wish_for(protocol);

	wish.tickets = &tickets;
	return wish;
}

static iotsafe_tls *reusing_session(enum protocol protocol)
{
	iotsafe_tls *tls = new_session(protocol, &card);

	expect_good(iotsafe_tls_set_resume(tls, 1));
	return tls;
}

/* One whole connection; tells whether it was resumed. */
static bool connect_with(iotsafe_tls *tls, struct peer_wish wish)
{
	struct peer peer;
	bool resumed;

	peer_start(&peer, wish);
	expect_good(iotsafe_tls_handshake(tls, peer.fd, patience(10000)));
	expect_echo(tls, "hello");
	resumed = iotsafe_tls_resumed(tls);
	end_session(tls, &peer);
	cr_assert(eq(int, peer.resumed, resumed));
	cr_assert(eq(str, peer.subject, "CN=client"));
	return resumed;
}

static bool go(enum protocol protocol)
{
	return connect_with(reusing_session(protocol), with_tickets(protocol));
}

ParameterizedTestParameters(reuse, a_second_session_asks_nothing_of_the_card)
{
	static int rows[] = {TLS13, TLS12};

	return cr_make_param_array(int, rows, 2);
}

ParameterizedTest(int *row, reuse, a_second_session_asks_nothing_of_the_card,
		  .timeout = 300)
{
	enum protocol protocol = (enum protocol) * row;

	cr_assert(not(go(protocol)));
	for (int i = 1; i <= 3; i++)
		cr_assert(go(protocol), "%s, time %d", versions[protocol], i);
	cr_assert(eq(int, card.opened, 1));
	cr_assert(eq(int, card.signatures, 1));
}

Test(reuse, is_for_who_asked_for_it)
{
	cr_assert(not(go(TLS13)));
	cr_assert(not(
		connect_with(new_session(TLS13, &card), with_tickets(TLS13))));
	cr_assert(eq(int, card.signatures, 2));
	cr_assert(go(TLS13), "what others do takes nothing away");
}

/* Here each server of DTLS has a port of its own; those of TLS have none. */
Test(reuse, takes_another_port_for_another_server)
{
	cr_assert(not(go(DTLS12)));
	cr_assert(not(go(DTLS12)));
	cr_assert(eq(int, card.signatures, 2));
}

Test(reuse, asks_the_card_where_the_server_forgot)
{
	cr_assert(not(go(TLS13)));
	gnutls_free(tickets.data);
	gnutls_session_ticket_key_generate(&tickets);
	cr_assert(not(go(TLS13)));
	cr_assert(eq(int, card.signatures, 2));
	cr_assert(go(TLS13));
}

Test(reuse, leaves_alone_who_gives_no_ticket)
{
	cr_assert(not(connect_with(reusing_session(TLS12), wish_for(TLS12))));
	cr_assert(not(connect_with(reusing_session(TLS12), wish_for(TLS12))));
	cr_assert(eq(int, card.signatures, 2));
}

static void another_name(iotsafe_tls *tls)
{
	expect_good(iotsafe_tls_set_server_name(tls, "Server.Example"));
}

static void any_name(iotsafe_tls *tls)
{
	expect_good(iotsafe_tls_set_server_name(tls, NULL));
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

static void new_keys_on_the_card(iotsafe_tls *tls)
{
	(void)tls;
	card.changes++;
}

static void nothing(iotsafe_tls *tls)
{
	(void)tls;
}

static void (*const changes[])(iotsafe_tls *tls) = {
	nothing,
	another_name,
	any_name,
	more_trust,
	another_key,
	another_certificate,
	new_keys_on_the_card,
};

ParameterizedTestParameters(reuse, never_crosses_identities_or_servers)
{
	static int rows[] = {0, 1, 2, 3, 4, 5, 6};

	return cr_make_param_array(int, rows, 7);
}

ParameterizedTest(int *row, reuse, never_crosses_identities_or_servers,
		  .timeout = 300)
{
	iotsafe_tls *tls;

	cr_assert(not(go(TLS13)));
	tls = reusing_session(TLS13);
	changes[*row](tls);
	cr_assert(eq(int, connect_with(tls, with_tickets(TLS13)), !*row));
	cr_assert(eq(int, card.signatures, *row ? 2 : 1));
}

/* The same address, opened anew: perhaps another card. */
Test(reuse, ends_with_the_open_card)
{
	cr_assert(not(go(TLS13)));
	iotsafe_card_free(&card);
	card_use(&card);
	cr_assert(not(go(TLS13)));
	cr_assert(eq(int, card.signatures, 2));
}

Test(reuse, prefers_what_the_caller_gave)
{
	iotsafe_tls *tls = reusing_session(TLS13);
	struct peer peer;
	uint8_t *data;
	size_t size;

	peer_start(&peer, with_tickets(TLS13));
	expect_good(iotsafe_tls_handshake(tls, peer.fd, patience(10000)));
	expect_echo(tls, "hello");
	expect_good(iotsafe_tls_session(tls, &data, &size));
	end_session(tls, &peer);

	tls = reusing_session(TLS13);
	data[size - 1] ^= 1; /* good for nothing */
	expect_good(iotsafe_tls_set_session(tls, data, size));
	iotsafe_free(data);
	cr_assert(not(connect_with(tls, with_tickets(TLS13))));
	cr_assert(go(TLS13), "its own is still there");
}

/* A handshake that comes to nothing takes what it tried with it. */
Test(reuse, does_not_try_again_what_failed)
{
	iotsafe_tls *tls;
	int ends[2];

	cr_assert(not(go(TLS13)));
	tls = reusing_session(TLS13);
	cr_assert(eq(int, socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0));
	close(ends[1]);
	expect_error(iotsafe_tls_handshake(tls, ends[0], patience(10000)),
		     IOTSAFE_ERR_CLOSED, "");
	iotsafe_tls_free(tls);
	close(ends[0]);
	cr_assert(not(go(TLS13)));
	cr_assert(eq(int, card.signatures, 2));
}

/* RFC 5246 7.2.2: after a fatal alert none is resumed. */
Test(reuse, forgets_a_server_that_talks_nonsense)
{
	static const char nonsense[] = "HTTP/1.0 400 Bad Request\r\n\r\n";
	static const uint8_t junk[100] = "IoTSAFE\1";
	iotsafe_tls *tls;
	int ends[2];

	cr_assert(not(go(TLS13)));
	tls = reusing_session(TLS13);
	expect_good(iotsafe_tls_set_session(tls, junk, sizeof(junk)));
	cr_assert(not(connect_with(tls, with_tickets(TLS13))), "a second one");

	tls = reusing_session(TLS13);
	cr_assert(eq(int, socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0));
	cr_assert(gt(int, write(ends[1], nonsense, sizeof(nonsense)), 0));
	expect_error(iotsafe_tls_handshake(tls, ends[0], patience(10000)),
		     IOTSAFE_ERR_TLS, "");
	iotsafe_tls_free(tls);
	close(ends[0]);
	close(ends[1]);
	cr_assert(not(go(TLS13)), "neither is left");
}

Test(reuse, can_be_switched_off_and_is_asked_before_the_handshake)
{
	iotsafe_tls *tls;
	struct peer peer;

	cr_assert(not(go(TLS13)));
	tls = reusing_session(TLS13);
	expect_good(iotsafe_tls_set_resume(tls, 0));
	cr_assert(not(connect_with(tls, with_tickets(TLS13))));

	peer_start(&peer, with_tickets(TLS13));
	tls = open_session(TLS13, &peer);
	expect_error(iotsafe_tls_set_resume(tls, 1), IOTSAFE_ERR_ARG,
		     "resumption");
	end_session(tls, &peer);
	expect_error(iotsafe_tls_set_resume(NULL, 1), IOTSAFE_ERR_ARG, "");
}

static void *connect_often(void *count)
{
	for (int i = 0; i < *(int *)count; i++) {
		iotsafe_tls *tls = reusing_session(TLS13);
		struct peer peer;

		peer_start(&peer, with_tickets(TLS13));
		expect_good(
			iotsafe_tls_handshake(tls, peer.fd, patience(30000)));
		expect_echo(tls, "hello");
		iotsafe_tls_free(tls);
		peer_join(&peer);
	}
	return NULL;
}

/* Each thread leaves as many as it took: who came first paid for all. */
Test(reuse, serves_threads_at_once)
{
	pthread_t threads[4];
	int count = 10;

	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, connect_often, &count);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	cr_assert(le(int, card.signatures, 4));
	expect_nothing_in_use();
}

/* ---- what is kept ---- */

static const uint8_t keys[KEPT_MAX + 1][KEPT_KEY_SIZE] = {
	{0}, {1},  {2},	 {3},  {4},  {5},  {6},	 {7},  {8},
	{9}, {10}, {11}, {12}, {13}, {14}, {15}, {16},
};

static void put(struct kept *kept, int key, uint8_t value, int64_t now)
{
	kept_put(kept, keys[key], (struct bytes){&value, 1}, now);
}

/* The byte that is taken, -1 for none. */
static int take(struct kept *kept, int key, int64_t now)
{
	uint8_t *data = NULL;
	size_t size = 0;
	int value = -1;

	if (kept_take(kept, keys[key], now, &data, &size))
		value = size == 1 ? data[0] : -2;
	iotsafe_free(data);
	return value;
}

Test(kept, gives_the_newest_once)
{
	struct kept *kept = kept_new();

	put(kept, 1, 10, 0);
	put(kept, 1, 11, 0);
	put(kept, 2, 20, 0);
	cr_assert(eq(int, take(kept, 1, 0), 11));
	cr_assert(eq(int, take(kept, 1, 0), 10));
	cr_assert(eq(int, take(kept, 1, 0), -1));
	cr_assert(eq(int, take(kept, 2, 0), 20));
	kept_free(kept);
}

Test(kept, holds_so_many_of_one_and_of_all)
{
	struct kept *kept = kept_new();

	for (int i = 0; i < 6; i++)
		put(kept, 0, (uint8_t)i, 0);
	for (int i = 0; i < KEPT_OF_ONE_MAX; i++)
		cr_assert(eq(int, take(kept, 0, 0), 5 - i));
	cr_assert(eq(int, take(kept, 0, 0), -1));
	for (int i = 0; i <= KEPT_MAX; i++)
		put(kept, i, (uint8_t)i, 0);
	cr_assert(eq(int, take(kept, 0, 0), -1), "the oldest went first");
	for (int i = 1; i <= KEPT_MAX; i++)
		cr_assert(eq(int, take(kept, i, 0), i));
	kept_free(kept);
}

Test(kept, lasts_an_hour)
{
	struct kept *kept = kept_new();

	put(kept, 1, 10, 1000);
	cr_assert(eq(int, take(kept, 1, 1000 + KEPT_SECONDS), -1));
	put(kept, 1, 11, 1000);
	cr_assert(eq(int, take(kept, 1, 999 + KEPT_SECONDS), 11));
	put(kept, 1, 12, 1000);
	cr_assert(eq(int, take(kept, 1, 10), -1), "the clock went back");
	kept_free(kept);
}

Test(kept, takes_nothing_that_is_empty_or_huge)
{
	static const uint8_t huge[KEPT_SIZE_MAX + 1];
	struct kept *kept = kept_new();

	kept_put(kept, keys[0], (struct bytes){huge, 0}, 0);
	kept_put(kept, keys[0], (struct bytes){huge, sizeof(huge)}, 0);
	cr_assert(eq(int, take(kept, 0, 0), -1));
	kept_put(kept, keys[0], (struct bytes){huge, sizeof(huge) - 1}, 0);
	cr_assert(eq(int, take(kept, 0, 0), -2), "the largest there may be");
	kept_free(kept);
}

Test(kept, forgets_all_of_one_key)
{
	struct kept *kept = kept_new();

	put(kept, 0, 10, 0);
	put(kept, 0, 11, 0);
	put(kept, 1, 20, 0);
	kept_forget(kept, keys[0]);
	cr_assert(eq(int, take(kept, 0, 0), -1));
	cr_assert(eq(int, take(kept, 1, 0), 20));
	kept_free(kept);
}
