/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include "base/deadline.h"
#include "tlsfixture.h"

struct identity ca, other_ca, server, client, intermediate;
struct iotsafe_card card;

static const char *const priorities[] = {
	"NORMAL:-VERS-ALL:+VERS-TLS1.3",
	"NORMAL:-VERS-ALL:+VERS-TLS1.2",
	"NORMAL:-VERS-ALL:+VERS-DTLS1.2",
};
const char *const versions[] = {"TLS1.3", "TLS1.2", "DTLS1.2"};

void fixture_set_up(void)
{
	ca = identity_make((struct identity_wish){.name = "CA", .ca = true});
	other_ca = identity_make(
		(struct identity_wish){.name = "Other CA", .ca = true});
	server = identity_make(
		(struct identity_wish){.name = "server",
				       .issuer = &ca,
				       .dns = "server.example",
				       .ip = "127.0.0.1",
				       .purpose = GNUTLS_KP_TLS_WWW_SERVER});
	intermediate = identity_make((struct identity_wish){
		.name = "Intermediate", .issuer = &ca, .ca = true});
	client = identity_make((struct identity_wish){.name = "client",
						      .issuer = &intermediate});
	card = (struct iotsafe_card){
		.uses = 1,
		.chain = {&client, &intermediate},
		.algorithms = IOTSAFE_ECDSA_SHA256,
	};
}

void fixture_tear_down(void)
{
	identity_free(&ca);
	identity_free(&other_ca);
	identity_free(&server);
	identity_free(&intermediate);
	identity_free(&client);
}

void expect_nothing_in_use(void)
{
	cr_assert(eq(int, card.busy, 0), "a card is still at work");
	cr_assert(eq(int, card.keys, 0), "a key is still in use");
	cr_assert(eq(int, card.uses, 1), "a card is still in use");
}

void end_session(iotsafe_tls *tls, struct peer *peer)
{
	iotsafe_tls_free(tls);
	expect_nothing_in_use();
	peer_join(peer);
}

struct peer_wish wish_for(enum protocol protocol)
{
	return (struct peer_wish){
		.datagram = protocol == DTLS12,
		.priority = priorities[protocol],
		.server = &server,
		.client_ca = &ca,
	};
}

iotsafe_tls *new_session(enum protocol protocol, struct iotsafe_card *with)
{
	iotsafe_tls *tls;

	expect_good(iotsafe_tls_new(with, protocol == DTLS12, &tls));
	expect_good(iotsafe_tls_set_server_name(tls, "server.example"));
	expect_good(iotsafe_tls_set_ca_data(tls, ca.pem.data, ca.pem.size));
	return tls;
}

iotsafe_tls *open_session(enum protocol protocol, struct peer *peer)
{
	iotsafe_tls *tls = new_session(protocol, &card);

	expect_good(iotsafe_tls_handshake(tls, peer->fd, patience(10000)));
	return tls;
}

bool is_slow(void)
{
	const char *preloaded = getenv("LD_PRELOAD");

	return preloaded && strstr(preloaded, "vgpreload");
}

int patience(int milliseconds)
{
	return is_slow() ? 6 * milliseconds : milliseconds;
}

void expect_error(int got, int code, const char *words)
{
	cr_assert(eq(int, got, code), "%s: %s", iotsafe_error_name(got),
		  iotsafe_last_error());
	cr_assert(eq(int, iotsafe_last_code(), code));
	cr_assert(strstr(iotsafe_last_error(), words) != NULL,
		  "\"%s\" is not in: %s", words, iotsafe_last_error());
}

void expect_good(int got)
{
	cr_assert(eq(int, got, 0), "%s: %s", iotsafe_error_name(got),
		  iotsafe_last_error());
}

int wait_as_told(iotsafe_tls *tls, int longest)
{
	int fd, events, timeout;
	struct pollfd entry;

	expect_good(iotsafe_tls_poll(tls, &fd, &events, &timeout));
	entry = (struct pollfd){.fd = fd, .events = (short)events};
	if (longest >= 0 && (timeout < 0 || timeout > longest))
		timeout = longest;
	return poll(&entry, 1, timeout);
}

int shake_hands_without_waiting(iotsafe_tls *tls, int fd, int longest,
				int *wanted_card)
{
	const int64_t end = deadline_now() + 60000;
	int result;

	for (;;) {
		int64_t begin = deadline_now();

		result = iotsafe_tls_handshake(tls, fd, 0);
		cr_assert(lt(int, (int)(deadline_now() - begin), longest));
		if (result > IOTSAFE_WANT_READ || result < IOTSAFE_WANT_CARD)
			return result;
		if (result == IOTSAFE_WANT_CARD)
			++*wanted_card;
		cr_assert(lt(i64, deadline_now(), end), "it stands still");
		wait_as_told(tls, -1);
	}
}

void expect_echo(iotsafe_tls *tls, const char *text)
{
	size_t sent, got;
	uint8_t *data;

	expect_good(iotsafe_tls_send(tls, (const uint8_t *)text, strlen(text),
				     30000, &sent));
	cr_assert(eq(sz, sent, strlen(text)));
	expect_good(iotsafe_tls_receive(tls, 1000, 30000, &data, &got));
	cr_assert(eq(sz, got, strlen(text)));
	cr_assert(eq(int, memcmp(data, text, got), 0));
	iotsafe_free(data);
}
