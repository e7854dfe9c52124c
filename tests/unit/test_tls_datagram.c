/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Handshakes whose datagrams arrive at the worst moment: when the socket was
 * just looked at in vain. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <dlfcn.h>
#include <poll.h>
#include "tlsfixture.h"

TestSuite(datagram, .init = fixture_set_up, .fini = fixture_tear_down,
	  .timeout = 100);

static struct peer *late;
static unsigned arrived_after_a_look;

/* The first datagram of a flight goes; the rest is queued by then. */
static void wait_for_flight(int (*wait)(struct pollfd *, nfds_t, int),
			    int timeout)
{
	struct pollfd nothing = {.fd = -1};

	while (timeout > 0 && !peer_let_go(late)) {
		wait(&nothing, 1, 2);
		timeout -= 2;
	}
	wait(&nothing, 1, 20);
}

/* In the place of the C library's. */
int poll(struct pollfd *entries, nfds_t count, int timeout)
{
	static int (*real)(struct pollfd *, nfds_t, int);
	bool watched = false;
	int ready;

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "poll");
	if (late && count)
		watched = entries->fd == late->fd && entries->events == POLLIN;
	if (watched && timeout)
		wait_for_flight(real, timeout);
	ready = real(entries, count, timeout);
	if (watched && !timeout && !ready && peer_let_go(late))
		arrived_after_a_look++;
	return ready;
}

ParameterizedTestParameters(datagram, arrives_between_two_looks)
{
	static bool waiting[] = {true, false};

	return cr_make_param_array(bool, waiting, 2);
}

ParameterizedTest(bool *waiting, datagram, arrives_between_two_looks,
		  .timeout = 100)
{
	struct peer_wish wish = wish_for(DTLS12);
	iotsafe_tls *tls = new_session(DTLS12, &card);
	int wanted_card = 0;
	struct peer peer;

	wish.late = true;
	peer_start(&peer, wish);
	late = &peer;
	if (*waiting)
		expect_good(
			iotsafe_tls_handshake(tls, peer.fd, patience(3000)));
	else
		expect_good(shake_hands_without_waiting(
			tls, peer.fd, patience(3000), &wanted_card));
	late = NULL;
	cr_assert(gt(uint, arrived_after_a_look, 0));
	end_session(tls, &peer);
}
