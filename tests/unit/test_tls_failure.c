/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sessions of our own: what the server and the card do wrong. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/deadline.h"
#include "tlsfixture.h"

/* No call that does not wait may take longer. */
#define NO_WAIT (is_slow() ? 3500 : 1000)

TestSuite(tls, .init = fixture_set_up, .fini = fixture_tear_down,
	  .timeout = 300);

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

/* Its number may be another file's by the time that the card is done. */
Test(tls, writes_to_no_other_file_when_its_descriptor_was_closed_meanwhile)
{
	static const enum protocol protocols[] = {TLS13, TLS12, DTLS12};

	for (int i = 0; i < 3; i++) {
		iotsafe_tls *tls = new_session(protocols[i], &card);
		int result, ends[2], wanted_card = 0;
		struct peer peer;
		uint8_t byte;

		card.sign_ms = 500;
		peer_start(&peer, wish_for(protocols[i]));
		while (!card.busy) {
			result = iotsafe_tls_handshake(tls, peer.fd, 0);
			cr_assert(le(int, result, IOTSAFE_WANT_READ));
			wait_as_told(tls, 10);
		}
		cr_assert(zero(int, socketpair(AF_UNIX, SOCK_STREAM, 0, ends)));
		cr_assert(eq(int, dup2(ends[0], peer.fd), peer.fd));
		close(ends[0]);
		result = shake_hands_without_waiting(tls, peer.fd, NO_WAIT,
						     &wanted_card);
		expect_error(result, IOTSAFE_ERR_IO,
			     "was closed while the card worked");
		iotsafe_tls_close(tls, 100);
		expect_error(iotsafe_tls_handshake(tls, peer.fd, 0),
			     IOTSAFE_ERR_IO, "was closed while the card");
		end_session(tls, &peer);
		/* The other end of it is closed: nothing had come. */
		cr_assert(zero(int, (int)recv(ends[1], &byte, 1, 0)));
		close(ends[1]);
	}
}

/* How many descriptors of this process are the same file. */
static int count_of(const struct stat *file)
{
	struct stat other;
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fstat(fd, &other) == 0 &&
			 other.st_dev == file->st_dev &&
			 other.st_ino == file->st_ino;
	return count;
}

/* What the thread has of its own would keep the connection open there. */
Test(tls, leaves_no_descriptor_in_a_child_that_is_forked_meanwhile)
{
	iotsafe_tls *tls = new_session(TLS13, &card);
	int status, wanted_card = 0;
	struct stat connection;
	struct peer peer;
	pid_t child;

	card.sign_ms = 500;
	peer_start(&peer, wish_for(TLS13));
	while (!card.busy) {
		iotsafe_tls_handshake(tls, peer.fd, 0);
		wait_as_told(tls, 10);
	}
	cr_assert(zero(int, fstat(peer.fd, &connection)));
	cr_assert(eq(int, count_of(&connection), 2));
	child = fork();
	if (!child) {
		iotsafe_tls_free(tls);
		_exit(count_of(&connection));
	}
	cr_assert(eq(int, waitpid(child, &status, 0), child));
	cr_assert(eq(int, WEXITSTATUS(status), 1));
	expect_good(shake_hands_without_waiting(tls, peer.fd, NO_WAIT,
						&wanted_card));
	cr_assert(eq(int, count_of(&connection), 1));
	end_session(tls, &peer);
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
