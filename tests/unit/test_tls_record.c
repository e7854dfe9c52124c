/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes over open sessions, between a caller and a server of all manners. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/deadline.h"
#include "tlsfixture.h"

TestSuite(record, .init = fixture_set_up, .fini = fixture_tear_down,
	  .timeout = 300);

static const uint8_t hello[] = "hello";

static iotsafe_tls *open_with(enum protocol protocol, enum peer_manner manner,
			      struct peer *peer)
{
	struct peer_wish wish = wish_for(protocol);

	wish.manner = manner;
	peer_start(peer, wish);
	return open_session(protocol, peer);
}

static uint8_t *pattern(size_t size)
{
	uint8_t *data = malloc(size);

	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)(i * 7 + i / 251);
	return data;
}

/* ---- much data ---- */

struct sender {
	iotsafe_tls *tls;
	const uint8_t *data;
	size_t size;
};

/* Sends and receives in turns as an event loop does, never waiting in a
 * call. */
static void exchange_without_waiting(iotsafe_tls *tls, const uint8_t *data,
				     size_t size, uint8_t *back)
{
	size_t gone = 0, come = 0, sent, got;
	uint8_t *some;
	int result;

	while (come < size) {
		int64_t begin = deadline_now();

		result = IOTSAFE_WANT_READ;
		if (gone < size) {
			result = iotsafe_tls_send(tls, data + gone, size - gone,
						  0, &sent);
			cr_assert(result == 0 || result == IOTSAFE_WANT_WRITE,
				  "%s", iotsafe_last_error());
			cr_assert(result == 0 || sent == 0);
			gone += sent;
		}
		result = iotsafe_tls_receive(tls, size, 0, &some, &got);
		cr_assert(
			lt(int, (int)(deadline_now() - begin), patience(1000)));
		if (result == IOTSAFE_WANT_READ) {
			int fd, events, timeout;
			struct pollfd entry;

			expect_good(
				iotsafe_tls_poll(tls, &fd, &events, &timeout));
			cr_assert(eq(int, events, POLLIN));
			entry = (struct pollfd){.fd = fd, .events = POLLIN};
			if (gone < size)
				entry.events |= POLLOUT;
			poll(&entry, 1, 5000);
			continue;
		}
		expect_good(result);
		cr_assert(gt(sz, got, 0));
		cr_assert(le(sz, come + got, size));
		memcpy(back + come, some, got);
		come += got;
		iotsafe_free(some);
	}
}

ParameterizedTestParameters(record, carries_much_data_without_waiting)
{
	static int protocols[] = {TLS13, TLS12};

	return cr_make_param_array(int, protocols, 2);
}

ParameterizedTest(int *protocol, record, carries_much_data_without_waiting,
		  .timeout = 300)
{
	const size_t size = 1000001;
	uint8_t *data = pattern(size), *back = malloc(size);
	struct peer peer;
	iotsafe_tls *tls = open_with(*protocol, PEER_ECHO, &peer);
	int room = 4096;

	setsockopt(peer.fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	exchange_without_waiting(tls, data, size, back);
	cr_assert(eq(int, memcmp(data, back, size), 0));
	end_session(tls, &peer);
	free(data);
	free(back);
}

Test(record, tells_how_many_bytes_went_before_the_deadline)
{
	const size_t size = 4000000;
	uint8_t *data = pattern(size);
	struct peer peer;
	iotsafe_tls *tls = open_with(TLS13, PEER_DEAF, &peer);
	int64_t begin = deadline_now();
	size_t sent, more;

	expect_error(iotsafe_tls_send(tls, data, size, 300, &sent),
		     IOTSAFE_ERR_TIMEOUT, "could be sent");
	cr_assert(lt(int, (int)(deadline_now() - begin), patience(1500)));
	cr_assert(lt(sz, sent, size));
	cr_assert(gt(sz, sent, 0));
	/* What GnuTLS holds must be offered again, not something else. */
	expect_error(iotsafe_tls_send(tls, hello, 5, 0, &more), IOTSAFE_ERR_ARG,
		     "must be repeated");
	cr_assert(eq(int,
		     iotsafe_tls_send(tls, data + sent, size - sent, 0, &more),
		     IOTSAFE_WANT_WRITE));
	cr_assert(eq(sz, more, 0));
	end_session(tls, &peer);
	free(data);
}

Test(record, gives_no_more_than_asked_for_and_keeps_the_rest)
{
	struct peer peer;
	iotsafe_tls *tls = open_with(TLS13, PEER_ECHO, &peer);
	uint8_t *data;
	size_t size;

	expect_good(iotsafe_tls_send(tls, hello, 5, 1000, NULL));
	expect_good(iotsafe_tls_receive(tls, 2, 30000, &data, &size));
	cr_assert(eq(sz, size, 2));
	cr_assert(eq(int, memcmp(data, "he", 2), 0));
	iotsafe_free(data);
	cr_assert(eq(sz, iotsafe_tls_pending(tls), 3));
	expect_good(iotsafe_tls_receive(tls, 100, 0, &data, &size));
	cr_assert(eq(sz, size, 3));
	cr_assert(eq(int, memcmp(data, "llo", 3), 0));
	iotsafe_free(data);
	cr_assert(eq(sz, iotsafe_tls_pending(tls), 0));
	end_session(tls, &peer);
}

Test(record, ends_a_receive_at_its_deadline_and_goes_on_after)
{
	struct peer peer;
	iotsafe_tls *tls = open_with(TLS13, PEER_ECHO, &peer);
	int64_t begin = deadline_now();
	uint8_t *data;
	size_t size;

	expect_error(iotsafe_tls_receive(tls, 10, 300, &data, &size),
		     IOTSAFE_ERR_TIMEOUT, "nothing came from");
	cr_assert(ge(int, (int)(deadline_now() - begin), 300));
	cr_assert(lt(int, (int)(deadline_now() - begin), patience(1000)));
	cr_assert(eq(ptr, data, NULL));
	cr_assert(eq(int, iotsafe_tls_receive(tls, 10, 0, &data, &size),
		     IOTSAFE_WANT_READ));
	expect_echo(tls, "hello");
	end_session(tls, &peer);
}

/* ---- datagrams ---- */

Test(record, keeps_datagrams_apart)
{
	struct peer peer;
	iotsafe_tls *tls = open_with(DTLS12, PEER_ECHO, &peer);
	uint8_t *data;
	size_t size;

	expect_good(iotsafe_tls_send(tls, hello, 5, 1000, NULL));
	expect_good(iotsafe_tls_send(tls, hello, 3, 1000, NULL));
	expect_good(iotsafe_tls_receive(tls, 100, 30000, &data, &size));
	cr_assert(eq(sz, size, 5));
	iotsafe_free(data);
	expect_good(iotsafe_tls_receive(tls, 100, 30000, &data, &size));
	cr_assert(eq(sz, size, 3));
	iotsafe_free(data);
	end_session(tls, &peer);
}

Test(record, says_how_large_a_datagram_may_be)
{
	static const uint8_t large[20000];
	struct peer peer;
	iotsafe_tls *tls = open_with(DTLS12, PEER_ECHO, &peer);
	size_t sent;

	expect_error(iotsafe_tls_send(tls, large, sizeof(large), 1000, &sent),
		     IOTSAFE_ERR_ARG, "holds at most");
	cr_assert(eq(sz, sent, 0));
	expect_good(iotsafe_tls_send(tls, large, 4000, 1000, &sent));
	cr_assert(eq(sz, sent, 4000));
	end_session(tls, &peer);
}

Test(record, is_not_ended_by_empty_datagrams)
{
	struct peer peer;
	iotsafe_tls *tls = open_with(DTLS12, PEER_EMPTY, &peer);

	expect_echo(tls, "hello");
	end_session(tls, &peer);
}

Test(record, ends_when_the_datagram_socket_is_shut_down)
{
	struct peer peer;
	iotsafe_tls *tls = open_with(DTLS12, PEER_ECHO, &peer);
	int64_t begin = deadline_now();
	uint8_t *data;
	size_t size;
	int result;

	shutdown(peer.fd, SHUT_RDWR);
	result = iotsafe_tls_receive(tls, 100, 3000, &data, &size);
	cr_assert(eq(int, result, IOTSAFE_ERR_CLOSED));
	cr_assert(lt(int, (int)(deadline_now() - begin), patience(1000)));
	end_session(tls, &peer);
}

/* ---- the end ---- */

ParameterizedTestParameters(record, says_and_hears_good_bye)
{
	static int protocols[] = {TLS13, TLS12, DTLS12};

	return cr_make_param_array(int, protocols, 3);
}

ParameterizedTest(int *protocol, record, says_and_hears_good_bye,
		  .timeout = 300)
{
	struct peer peer;
	iotsafe_tls *tls = open_with(*protocol, PEER_ECHO, &peer);
	uint8_t *data;
	size_t size;

	expect_good(iotsafe_tls_send(tls, hello, 5, 1000, NULL));
	expect_good(iotsafe_tls_close(tls, 1000));
	expect_good(iotsafe_tls_close(tls, 1000));
	expect_error(iotsafe_tls_send(tls, hello, 5, 1000, NULL),
		     IOTSAFE_ERR_CLOSED, "was closed");
	/* What was on its way still arrives, then the end, again and again. */
	expect_good(iotsafe_tls_receive(tls, 10, 30000, &data, &size));
	cr_assert(eq(sz, size, 5));
	iotsafe_free(data);
	for (int i = 0; i < 2; i++) {
		expect_good(iotsafe_tls_receive(tls, 10, 30000, &data, &size));
		cr_assert(eq(sz, size, 0));
		cr_assert(ne(ptr, data, NULL));
		iotsafe_free(data);
	}
	end_session(tls, &peer);
	cr_assert(eq(sz, peer.echoed, 5));
}

Test(record, tells_an_orderly_end_from_a_cut)
{
	struct peer peer;
	iotsafe_tls *tls = open_with(TLS13, PEER_BYE, &peer);
	uint8_t *data;
	size_t size;

	expect_good(iotsafe_tls_receive(tls, 10, 30000, &data, &size));
	cr_assert(eq(sz, size, 0));
	iotsafe_free(data);
	end_session(tls, &peer);
	for (int i = 0; i < 4; i++) {
		tls = open_with(i & 1 ? TLS12 : TLS13,
				i & 2 ? PEER_HANG_UP : PEER_CUT, &peer);
		for (int j = 0; j < 2; j++)
			expect_error(iotsafe_tls_receive(tls, 10, 30000, &data,
							 &size),
				     IOTSAFE_ERR_CLOSED,
				     "without saying good-bye");
		end_session(tls, &peer);
	}
}

Test(record, tells_in_a_send_that_the_peer_has_gone)
{
	struct peer peer;
	iotsafe_tls *tls = open_with(TLS12, PEER_HANG_UP, &peer);
	int result = 0;

	for (int i = 0; !result && i < 100000; i++)
		result = iotsafe_tls_send(tls, hello, 5, 1000, NULL);
	expect_error(result, IOTSAFE_ERR_CLOSED, "closed the connection");
	expect_error(iotsafe_tls_send(tls, hello, 5, 1000, NULL),
		     IOTSAFE_ERR_CLOSED, "closed the connection");
	end_session(tls, &peer);
}

/* ---- messages that are no data ---- */

Test(record, declines_another_handshake)
{
	struct peer peer;
	iotsafe_tls *tls = open_with(TLS12, PEER_RENEGOTIATE, &peer);

	expect_echo(tls, "hello");
	cr_assert(eq(int, card.signatures, 1));
	end_session(tls, &peer);
}

Test(record, follows_new_keys)
{
	struct peer peer;
	iotsafe_tls *tls = open_with(TLS13, PEER_UPDATE, &peer);

	for (int i = 0; i < 3; i++)
		expect_echo(tls, "hello");
	end_session(tls, &peer);
}

Test(record, passes_over_warnings_until_the_deadline)
{
	struct peer peer;
	iotsafe_tls *tls = open_with(TLS12, PEER_WARN, &peer);
	uint8_t *data;
	size_t size;
	int result = IOTSAFE_WANT_READ;

	/* None of the calls goes on for ever. */
	for (int i = 0; i < 200; i++)
		result = iotsafe_tls_receive(tls, 10, 0, &data, &size);
	cr_assert(eq(int, result, IOTSAFE_WANT_READ));
	expect_echo(tls, "hello");
	end_session(tls, &peer);
}

/* ---- in the long run ---- */

static size_t heap_in_use(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

static void handshakes(int count, enum protocol protocol, bool waiting)
{
	while (count--) {
		iotsafe_tls *tls = new_session(protocol, &card);
		int wanted_card = 0;
		struct peer peer;

		peer_start(&peer, wish_for(protocol));
		if (waiting)
			expect_good(iotsafe_tls_handshake(tls, peer.fd,
							  patience(10000)));
		else
			expect_good(shake_hands_without_waiting(
				tls, peer.fd, patience(3000), &wanted_card));
		expect_good(iotsafe_tls_close(tls, 1000));
		end_session(tls, &peer);
	}
}

/* The server's thread leaves a random state of GnuTLS behind (see
 * core/tls/job.c): that much a handshake is not ours. */
#define SERVER_THREAD 224

static size_t growth_of(size_t count, enum protocol protocol, bool waiting)
{
	const size_t before = heap_in_use();
	size_t after;

	handshakes((int)count, protocol, waiting);
	after = heap_in_use();
	return after > before ? after - before : 0;
}

ParameterizedTestParameters(record, leaves_nothing_behind)
{
	static int rows[] = {TLS13, TLS12, TLS13 + 8, TLS12 + 8, DTLS12 + 8};

	return cr_make_param_array(int, rows, 5);
}

ParameterizedTest(int *row, record, leaves_nothing_behind, .timeout = 300)
{
	/* valgrind counts for itself. */
	const size_t count = is_slow() ? 3 : 300;
	const size_t most = count * SERVER_THREAD + 20000;
	size_t growth;

	handshakes((int)count / 3, *row % 8, *row < 8);
	growth = growth_of(count, *row % 8, *row < 8);
	/* A thread keeps some of what it has freed, and may start to do so
	 * late: that comes once, and a leak each time. */
	if (growth >= most)
		growth = growth_of(count, *row % 8, *row < 8);
	cr_assert(lt(sz, growth, most), "%zu bytes a handshake",
		  growth / count);
}
