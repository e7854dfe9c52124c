/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signatures of sessions, begun while the server is waited for. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/deadline.h"
#include "tls/session.h"
#include "tlsfixture.h"

TestSuite(ahead, .init = fixture_set_up, .fini = fixture_tear_down,
	  .timeout = 300);

/* A server that is there and does not answer yet: both ends. */
static void connect_pair(enum protocol protocol, int ends[2])
{
	int type = protocol == DTLS12 ? SOCK_DGRAM : SOCK_STREAM;

	cr_assert(eq(int, socketpair(AF_UNIX, type, 0, ends), 0));
}

/* Sends the ClientHello, and waits for what the card is asked for then. */
static void begin(iotsafe_tls *tls, int fd)
{
	const int64_t end = deadline_now() + patience(10000);
	int result;

	do {
		result = iotsafe_tls_handshake(tls, fd, 0);
		cr_assert(le(int, result, IOTSAFE_WANT_READ), "%s",
			  iotsafe_last_error());
		if (result == IOTSAFE_WANT_CARD)
			wait_as_told(tls, -1);
		cr_assert(lt(i64, deadline_now(), end), "nothing was begun");
	} while (result != IOTSAFE_WANT_READ);
	while (!card.prepared && deadline_now() < end)
		poll(NULL, 0, 1);
	cr_assert(eq(int, card.prepared, 1));
	cr_assert(eq(int, card.signatures, 0));
}

static void start_at(struct peer *peer, struct peer_wish wish, int fd)
{
	wish.fd = fd;
	peer_start(peer, wish);
}

static void end_at(iotsafe_tls *tls, struct peer *peer, int fd)
{
	end_session(tls, peer);
	close(fd);
}

/* Each protocol, with a caller who waits and one who does not. */
static struct criterion_test_params each_protocol_both_ways(void)
{
	static int rows[] = {TLS13,	TLS12,	   DTLS12,
			     TLS13 + 8, TLS12 + 8, DTLS12 + 8};

	return cr_make_param_array(int, rows, 6);
}

/* A whole session of a row, in which the server answers when the signature
 * has been begun; tells how often its caller was to wait for the card. */
static int begin_and_go_on(int row)
{
	enum protocol protocol = (enum protocol)(row % 8);
	iotsafe_tls *tls = new_session(protocol, &card);
	int ends[2], wanted = 0;
	struct peer peer;

	connect_pair(protocol, ends);
	begin(tls, ends[0]);
	start_at(&peer, wish_for(protocol), ends[1]);
	if (row < 8)
		expect_good(
			iotsafe_tls_handshake(tls, ends[0], patience(10000)));
	else
		expect_good(shake_hands_without_waiting(
			tls, ends[0], patience(1000), &wanted));
	cr_assert(eq(int, card.signatures, 1));
	expect_echo(tls, "hello");
	expect_good(iotsafe_tls_close(tls, 1000));
	end_at(tls, &peer, ends[0]);
	cr_assert(eq(int, peer.result, 0));
	return wanted;
}

ParameterizedTestParameters(ahead, is_begun_once_before_the_server_answers)
{
	return each_protocol_both_ways();
}

ParameterizedTest(int *row, ahead, is_begun_once_before_the_server_answers,
		  .timeout = 300)
{
	begin_and_go_on(*row);
	cr_assert(eq(int, card.prepared, 1));
}

ParameterizedTestParameters(ahead, is_waited_for_by_the_signature)
{
	return each_protocol_both_ways();
}

ParameterizedTest(int *row, ahead, is_waited_for_by_the_signature,
		  .timeout = 300)
{
	int wanted;

	card.prepare_ms = patience(1000) * 3 / 2;
	wanted = begin_and_go_on(*row);
	cr_assert(eq(int, card.most_busy, 1), "both at once");
	cr_assert(ge(int, (*row < 8) + wanted, 1), "the caller was held up");
}

Test(ahead, holds_up_nobody_who_needs_no_signature)
{
	struct peer_wish wish = wish_for(TLS13);
	iotsafe_tls *tls = new_session(TLS13, &card);
	int64_t begun;
	struct peer peer;
	int ends[2];

	wish.client_ca = NULL;
	card.prepare_ms = patience(20000);
	connect_pair(TLS13, ends);
	begin(tls, ends[0]);
	begun = deadline_now();
	start_at(&peer, wish, ends[1]);
	expect_good(iotsafe_tls_handshake(tls, ends[0], patience(10000)));
	expect_echo(tls, "hello");
	cr_assert(eq(int, card.busy, 1), "it was waited for");
	expect_good(iotsafe_tls_close(tls, 1000));
	/* Nor who has done with the session. */
	end_at(tls, &peer, ends[0]);
	cr_assert(lt(i64, deadline_now() - begun, patience(10000)));
	cr_assert(eq(int, card.signatures, 0));
}

Test(ahead, keeps_to_the_deadline_of_the_handshake)
{
	iotsafe_tls *tls = new_session(TLS13, &card);
	int64_t begun;
	struct peer peer;
	int ends[2];

	card.prepare_ms = patience(20000);
	card.sign_ms = 1;
	connect_pair(TLS13, ends);
	begin(tls, ends[0]);
	begun = deadline_now();
	start_at(&peer, wish_for(TLS13), ends[1]);
	expect_error(iotsafe_tls_handshake(tls, ends[0], patience(500)),
		     IOTSAFE_ERR_TIMEOUT, "in time");
	cr_assert(lt(i64, deadline_now() - begun, patience(10000)));
	end_at(tls, &peer, ends[0]);
}

Test(ahead, goes_with_its_session)
{
	iotsafe_tls *tls = new_session(TLS13, &card);
	int64_t begun;
	int ends[2];

	card.prepare_ms = patience(20000);
	connect_pair(TLS13, ends);
	begin(tls, ends[0]);
	begun = deadline_now();
	iotsafe_tls_free(tls);
	expect_nothing_in_use();
	cr_assert(lt(i64, deadline_now() - begun, patience(10000)));
	close(ends[0]);
	close(ends[1]);
}

/* It is a command that is cut short otherwise, and a link that has to find its
 * way back. */
Test(ahead, is_let_come_to_its_end_for_a_moment)
{
	iotsafe_tls *tls = new_session(TLS13, &card);
	int64_t begun;
	int ends[2];

	card.prepare_ms = 50;
	connect_pair(TLS13, ends);
	begin(tls, ends[0]);
	begun = deadline_now();
	iotsafe_tls_free(tls);
	expect_nothing_in_use();
	cr_assert(card.begun == 1 || deadline_now() - begun >= 1000,
		  "it was cancelled");
	close(ends[0]);
	close(ends[1]);
}

/* What the card is told does not hang on who is quicker. */
Test(ahead, is_begun_before_a_server_that_has_spoken_is_listened_to)
{
	static const uint8_t alert[] = {21, 3, 3, 0, 2, 2, 40};

	for (int i = 0; i < 10; i++) {
		iotsafe_tls *tls = new_session(TLS13, &card);
		int ends[2];

		connect_pair(TLS13, ends);
		cr_assert(eq(i64, write(ends[1], alert, sizeof(alert)),
			     sizeof(alert)));
		expect_error(
			iotsafe_tls_handshake(tls, ends[0], patience(10000)),
			IOTSAFE_ERR_TLS, "");
		iotsafe_tls_free(tls);
		cr_assert(eq(int, card.prepared, i + 1));
		close(ends[0]);
		close(ends[1]);
	}
	expect_nothing_in_use();
}

Test(ahead, takes_no_thread_where_nothing_can_come_of_it)
{
	iotsafe_tls *tls = new_session(TLS13, &card);
	struct peer peer;

	card.never_ahead = true;
	peer_start(&peer, wish_for(TLS13));
	expect_good(iotsafe_tls_handshake(tls, peer.fd, patience(10000)));
	cr_assert(eq(int, card.prepared, 0));
	cr_assert(eq(int, card.signatures, 1));
	expect_good(iotsafe_tls_close(tls, 1000));
	end_session(tls, &peer);
}

Test(ahead, keeps_nothing_open_behind_the_handshake)
{
	iotsafe_tls *tls = new_session(TLS13, &card);
	struct peer peer;

	peer_start(&peer, wish_for(TLS13));
	expect_good(iotsafe_tls_handshake(tls, peer.fd, patience(10000)));
	cr_assert(eq(int, card.prepared, 1));
	cr_assert(eq(int, tls->ahead.running, 0));
	cr_assert(lt(int, tls->ahead.done_fd, 0));
	cr_assert(lt(int, tls->ahead.cancel_fd, 0));
	expect_good(iotsafe_tls_close(tls, 1000));
	end_session(tls, &peer);
}

/* ---- who cancels what the card does ---- */

/* It has to last until the server asks. */
static int shake_hands_and_cancel(int prepare_ms)
{
	iotsafe_tls *tls = new_session(TLS13, &card);
	struct peer peer;
	int ends[2], result;

	card.prepared = card.signatures = 0;
	card.prepare_ms = prepare_ms;
	card.cancel_prepare = true;
	connect_pair(TLS13, ends);
	begin(tls, ends[0]);
	start_at(&peer, wish_for(TLS13), ends[1]);
	result = iotsafe_tls_handshake(tls, ends[0], 2 * prepare_ms + 30000);
	if (result == IOTSAFE_ERR_CANCELLED)
		expect_error(result, IOTSAFE_ERR_CANCELLED,
			     "cancelled by its user");
	end_at(tls, &peer, ends[0]);
	return result;
}

Test(ahead, fails_the_signature_that_waits_for_it_when_it_is_cancelled)
{
	int result = IOTSAFE_OK;

	for (int ms = 300; ms < 20000 && result == IOTSAFE_OK; ms *= 2)
		result = shake_hands_and_cancel(ms);
	cr_assert(eq(int, result, IOTSAFE_ERR_CANCELLED));
	cr_assert(eq(int, card.signatures, 0));
}

Test(ahead, fails_nothing_when_it_was_cancelled_before)
{
	iotsafe_tls *tls = new_session(TLS13, &card);
	const struct deadline limit = deadline_in(patience(10000), -1);
	struct peer peer;
	int ends[2];

	card.cancel_prepare = true;
	connect_pair(TLS13, ends);
	begin(tls, ends[0]);
	expect_good(deadline_wait(&limit, tls->ahead.done_fd, POLLIN));
	start_at(&peer, wish_for(TLS13), ends[1]);
	expect_good(iotsafe_tls_handshake(tls, ends[0], patience(20000)));
	cr_assert(eq(int, card.signatures, 1));
	expect_good(iotsafe_tls_close(tls, 1000));
	end_at(tls, &peer, ends[0]);
}

/* ---- fork ---- */

Test(ahead, is_its_process_s_own)
{
	iotsafe_tls *tls = new_session(TLS13, &card);
	int ends[2], status;
	struct peer peer;
	pid_t child;

	card.prepare_ms = patience(1000);
	connect_pair(TLS13, ends);
	begin(tls, ends[0]);
	child = fork();
	if (!child) {
		status = iotsafe_tls_handshake(tls, ends[0], 1000);
		iotsafe_tls_free(tls);
		_exit(status == IOTSAFE_ERR_CLOSED ? 0 : 1);
	}
	cr_assert(eq(int, waitpid(child, &status, 0), child));
	cr_assert(eq(int, status, 0));
	start_at(&peer, wish_for(TLS13), ends[1]);
	expect_good(iotsafe_tls_handshake(tls, ends[0], patience(20000)));
	expect_echo(tls, "hello");
	cr_assert(eq(int, card.signatures, 1));
	expect_good(iotsafe_tls_close(tls, 1000));
	end_at(tls, &peer, ends[0]);
}

/* A second each would be longer than the program may take. */
Test(ahead, that_waits_for_its_turn_holds_up_no_end)
{
	card.queues = true;
	card.prepare_ms = 60000;
	for (int i = 0; i < 100; i++) {
		iotsafe_tls *tls = new_session(TLS13, &card);
		int ends[2];

		card.prepared = 0;
		connect_pair(TLS13, ends);
		begin(tls, ends[0]);
		iotsafe_tls_free(tls);
		close(ends[0]);
		close(ends[1]);
	}
	expect_nothing_in_use();
}
