/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A clock that jumps: devices start in 1970, and learn the time when the
 * network is there. This program's clocks are its own, for the library and for
 * GnuTLS; the far side's thread keeps the true ones.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <dlfcn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#include "base/deadline.h"
#include "tlsfixture.h"

#define HOUR 3600
#define DAY  (24 * HOUR)

/* The clock of the day jumps when it is looked at for the n-th time. */
static atomic_int looks, jump_at;
static atomic_llong jump_by, asleep;
static _Thread_local bool is_far_side;

static bool is_of_the_day(clockid_t id)
{
	return id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE;
}

int clock_gettime(clockid_t id, struct timespec *out)
{
	static int (*real)(clockid_t, struct timespec *);
	int result;

	if (!real) {
		void *found = dlsym(RTLD_NEXT, "clock_gettime");

		memcpy(&real, &found, sizeof(real));
	}
	result = real(id, out);
	if (is_far_side)
		return result;
	if (is_of_the_day(id) && looks++ >= jump_at)
		out->tv_sec += jump_by;
	if (id == CLOCK_BOOTTIME)
		out->tv_sec += asleep;
	return result;
}

time_t time(time_t *out)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (out)
		*out = now.tv_sec;
	return now.tv_sec;
}

static void keep_the_time(void)
{
	jump_by = asleep = 0;
	looks = jump_at = 0;
}

static void jump(long long seconds)
{
	jump_by = seconds;
	looks = jump_at = 0;
}

static gnutls_datum_t tickets;

static void set_up(void)
{
	keep_the_time();
	fixture_set_up();
	gnutls_session_ticket_key_generate(&tickets);
}

static void tear_down(void)
{
	gnutls_free(tickets.data);
	iotsafe_card_free(&card);
	fixture_tear_down();
}

TestSuite(clock, .init = set_up, .fini = tear_down, .timeout = 300);

/* ---- the far side ---- */

static void *be_far_side(void *peer)
{
	is_far_side = true;
	peer_serve(peer);
	return NULL;
}

struct far_side {
	struct peer peer;
	pthread_t thread;
};

static void start(struct far_side *far, struct peer_wish wish)
{
	peer_prepare(&far->peer, wish);
	cr_assert(
		eq(int,
		   pthread_create(&far->thread, NULL, be_far_side, &far->peer),
		   0));
}

static void finish(struct far_side *far, iotsafe_tls *tls)
{
	iotsafe_tls_free(tls);
	expect_nothing_in_use();
	peer_stop(&far->peer);
	pthread_join(far->thread, NULL);
	peer_forget(&far->peer);
}

/* ---- handshakes ---- */

static const long long jumps[] = {-HOUR, HOUR, 30 * DAY, 100 * DAY};

#define ROWS 24

/* A whole session with the card at work ahead and behind, with the clock's
 * jump at its n-th look. How often it was looked at. */
static int shake_hands(enum protocol protocol, bool waiting, long long by,
		       int at)
{
	iotsafe_tls *tls = new_session(protocol, &card);
	struct far_side far;
	int wanted = 0, seen;

	card.prepared = card.signatures = 0;
	start(&far, wish_for(protocol));
	jump_by = by;
	jump_at = at;
	looks = 0;
	if (waiting)
		expect_good(iotsafe_tls_handshake(tls, far.peer.fd,
						  patience(60000)));
	else
		expect_good(shake_hands_without_waiting(
			tls, far.peer.fd, patience(30000), &wanted));
	expect_echo(tls, "hello");
	seen = looks;
	cr_assert(eq(int, card.prepared, 1));
	cr_assert(eq(int, card.signatures, 1));
	expect_good(iotsafe_tls_close(tls, 1000));
	finish(&far, tls);
	cr_assert(eq(int, far.peer.result, 0));
	cr_assert(eq(str, far.peer.subject, "CN=client"));
	return seen;
}

ParameterizedTestParameters(clock, may_jump_at_any_point_of_a_handshake)
{
	static int rows[ROWS];

	for (int i = 0; i < ROWS; i++)
		rows[i] = i;
	return cr_make_param_array(int, rows, ROWS);
}

ParameterizedTest(int *row, clock, may_jump_at_any_point_of_a_handshake,
		  .timeout = 300)
{
	enum protocol protocol = (enum protocol)(*row % 3);
	bool waiting = *row / 3 % 2;
	long long by = jumps[*row / 6];
	int seen, at = 0;

	card.prepare_ms = card.sign_ms = 20;
	do
		seen = shake_hands(protocol, waiting, by, at);
	while (at++ < seen);
	cr_assert(gt(int, at, 1), "nobody looks at the clock");
}

/* What the card computes there is another way through GnuTLS. */
Test(clock, may_jump_where_the_card_has_a_pre_shared_key)
{
	static const char secret[] = "sixteen secrets!";
	const gnutls_datum_t key = {(unsigned char *)secret,
				    sizeof(secret) - 1};
	struct peer_wish wish = {
		.datagram = true,
		.priority = "NORMAL:-VERS-ALL:+VERS-DTLS1.2:+PSK",
		.psk_identity = "device",
		.psk = key,
	};
	struct far_side far;
	iotsafe_tls *tls;

	card.secret = secret;
	card.sign_ms = 20;
	for (int at = 0, seen = 1; at <= seen; at++) {
		expect_good(iotsafe_tls_new(&card, 1, &tls));
		expect_good(iotsafe_tls_set_server_name(tls, NULL));
		expect_good(iotsafe_tls_set_psk(tls, "device", "psk",
						IOTSAFE_PSK_CARD, NULL, 0));
		start(&far, wish);
		jump(-HOUR);
		jump_at = at;
		expect_good(iotsafe_tls_handshake(tls, far.peer.fd,
						  patience(60000)));
		seen = looks;
		expect_good(iotsafe_tls_close(tls, 1000));
		finish(&far, tls);
	}
	cr_assert(gt(int, card.derivations, 1));
}

/* ---- limits ---- */

Test(clock, moves_no_deadline)
{
	struct deadline day = deadline_in(DAY * 1000, -1);
	struct deadline over = deadline_in(0, -1);

	for (size_t i = 0; i < sizeof(jumps) / sizeof(jumps[0]); i++) {
		jump(jumps[i]);
		cr_assert(not(deadline_passed(&day)));
		cr_assert(deadline_passed(&over));
	}
}

ParameterizedTestParameters(clock, makes_no_limit_longer)
{
	static int rows[] = {TLS13, TLS12, DTLS12};

	return cr_make_param_array(int, rows, 3);
}

/* An hour back: who goes by it waits an hour. */
ParameterizedTest(int *row, clock, makes_no_limit_longer, .timeout = 300)
{
	enum protocol protocol = (enum protocol) * row;
	int64_t begun = deadline_now();
	int ends[2];

	cr_assert(eq(int,
		     socketpair(AF_UNIX,
				protocol == DTLS12 ? SOCK_DGRAM : SOCK_STREAM,
				0, ends),
		     0));
	for (int at = 0; at < 5; at++) {
		iotsafe_tls *tls = new_session(protocol, &card);

		jump(-HOUR);
		jump_at = at;
		expect_error(iotsafe_tls_handshake(tls, ends[0], 50),
			     IOTSAFE_ERR_TIMEOUT, "in the time given");
		iotsafe_tls_free(tls);
	}
	cr_assert(lt(i64, deadline_now() - begun, HOUR * 1000));
	expect_nothing_in_use();
	close(ends[0]);
	close(ends[1]);
}

/* ---- what is kept ---- */

static bool connect_once(enum protocol protocol)
{
	struct peer_wish wish = wish_for(protocol);
	iotsafe_tls *tls = new_session(protocol, &card);
	struct far_side far;
	bool resumed;

	wish.tickets = &tickets;
	expect_good(iotsafe_tls_set_resume(tls, 1));
	start(&far, wish);
	expect_good(iotsafe_tls_handshake(tls, far.peer.fd, patience(60000)));
	expect_echo(tls, "hello");
	resumed = iotsafe_tls_resumed(tls);
	expect_good(iotsafe_tls_close(tls, 1000));
	finish(&far, tls);
	cr_assert(eq(str, far.peer.subject, "CN=client"));
	return resumed;
}

ParameterizedTestParameters(clock, costs_a_signature_at_most_when_resuming)
{
	static int rows[] = {0, 1, 2, 3, 4, 5, 6, 7};

	return cr_make_param_array(int, rows, 8);
}

/* GnuTLS keeps to the server's word how long a ticket lasts, by the clock of
 * the day: what was got in the future or long ago is not offered. */
ParameterizedTest(int *row, clock, costs_a_signature_at_most_when_resuming,
		  .timeout = 300)
{
	enum protocol protocol = *row % 2 ? TLS13 : TLS12;
	bool resumed;

	cr_assert(not(connect_once(protocol)));
	jump(jumps[*row / 2]);
	resumed = connect_once(protocol);
	cr_assert(eq(int, card.signatures, resumed ? 1 : 2));
	cr_assert(connect_once(protocol), "nothing was kept after the jump");
	cr_assert(eq(int, card.signatures, resumed ? 1 : 2));
}

/* Ours ends an hour after, whatever the time of day says then. */
Test(clock, that_goes_back_keeps_no_session_alive)
{
	static const long long by[] = {0, -2 * HOUR, -HOUR};

	for (size_t i = 0; i < sizeof(by) / sizeof(by[0]); i++) {
		cr_assert(not(connect_once(TLS12)));
		cr_assert(connect_once(TLS12));
		jump(by[i]);
		asleep += HOUR + 60;
		cr_assert(not(connect_once(TLS12)));
		asleep += HOUR + 60;
		jump(0);
	}
	cr_assert(eq(int, card.signatures, 6));
}
