/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Servers known by their key, and keys shown without certificates. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <stdlib.h>
#include <string.h>
#include "base/crypto.h"
#include "tlsfixture.h"

TestSuite(pin, .init = fixture_set_up, .fini = fixture_tear_down,
	  .timeout = 300);

static const char *const raw_priorities[] = {
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:+CTYPE-CLI-RAWPK:+CTYPE-SRV-RAWPK",
	"NORMAL:-VERS-ALL:+VERS-TLS1.2:+CTYPE-CLI-RAWPK:+CTYPE-SRV-RAWPK",
	"NORMAL:-VERS-ALL:+VERS-DTLS1.2:+CTYPE-CLI-RAWPK:+CTYPE-SRV-RAWPK",
};

static struct peer_wish raw_wish(enum protocol protocol)
{
	struct peer_wish wish = wish_for(protocol);

	wish.priority = raw_priorities[protocol];
	wish.raw = true;
	return wish;
}

static void spki_of(const struct identity *identity, uint8_t **out,
		    size_t *size)
{
	struct bytes der = {identity->der.data, identity->der.size};

	expect_good(crypto_spki_of_certificate(der, out, size));
}

static void pin(iotsafe_tls *tls, const struct identity *identity)
{
	uint8_t *spki;
	size_t size;

	spki_of(identity, &spki, &size);
	expect_good(iotsafe_tls_set_pin(tls, spki, size));
	iotsafe_free(spki);
}

static iotsafe_tls *pinned_session(enum protocol protocol,
				   const struct identity *to)
{
	iotsafe_tls *tls;

	expect_good(iotsafe_tls_new(&card, protocol == DTLS12, &tls));
	expect_good(iotsafe_tls_set_server_name(tls, "server.example"));
	if (to)
		pin(tls, to);
	return tls;
}

static void expect_refusal(iotsafe_tls *tls, struct peer_wish wish, int code,
			   const char *words)
{
	struct peer peer;

	peer_start(&peer, wish);
	expect_error(iotsafe_tls_handshake(tls, peer.fd, patience(10000)), code,
		     words);
	end_session(tls, &peer);
	cr_assert(ne(int, peer.result, 0));
	cr_assert(eq(int, card.signatures, 0));
}

ParameterizedTestParameters(pin, shows_and_takes_raw_keys)
{
	static int rows[] = {TLS13,	TLS12,	   DTLS12,
			     TLS13 + 8, TLS12 + 8, DTLS12 + 8};

	return cr_make_param_array(int, rows, 6);
}

ParameterizedTest(int *row, pin, shows_and_takes_raw_keys, .timeout = 300)
{
	enum protocol protocol = (enum protocol)(*row % 8);
	iotsafe_tls *tls = pinned_session(protocol, &server);
	uint8_t *theirs, *ours, *got;
	size_t theirs_size, ours_size, got_size;
	struct peer peer;
	int wanted;

	spki_of(&server, &theirs, &theirs_size);
	spki_of(&client, &ours, &ours_size);
	expect_good(iotsafe_tls_set_raw_key(tls, 1));
	peer_start(&peer, raw_wish(protocol));
	if (*row < 8)
		expect_good(
			iotsafe_tls_handshake(tls, peer.fd, patience(10000)));
	else
		expect_good(shake_hands_without_waiting(
			tls, peer.fd, patience(1000), &wanted));
	expect_echo(tls, "hello");
	expect_good(iotsafe_tls_peer_certificate(tls, 0, &got, &got_size));
	cr_assert(eq(sz, got_size, theirs_size), "not the raw key");
	cr_assert(eq(int, memcmp(got, theirs, got_size), 0));
	cr_assert(eq(int, iotsafe_tls_certificate_used(tls), 1));
	end_session(tls, &peer);
	cr_assert(eq(int, peer.result, 0));
	cr_assert(eq(sz, peer.client_spki_size, ours_size));
	cr_assert(eq(int, memcmp(peer.client_spki, ours, ours_size), 0));
	cr_assert(eq(int, card.signatures, 1));
	iotsafe_free(theirs);
	iotsafe_free(ours);
	iotsafe_free(got);
}

ParameterizedTestParameters(pin, takes_a_certificate_with_the_key)
{
	static int rows[] = {TLS13, TLS12, DTLS12};

	return cr_make_param_array(int, rows, 3);
}

/* The certificate is expired and of nobody that is trusted. */
ParameterizedTest(int *row, pin, takes_a_certificate_with_the_key,
		  .timeout = 300)
{
	struct identity old =
		identity_make((struct identity_wish){.name = "old",
						     .issuer = &other_ca,
						     .dns = "old.example",
						     .expired = true});
	enum protocol protocol = (enum protocol) * row;
	iotsafe_tls *tls = pinned_session(protocol, &other_ca);
	struct peer_wish wish = wish_for(protocol);
	struct peer peer;

	pin(tls, &old);
	wish.server = &old;
	peer_start(&peer, wish);
	expect_good(iotsafe_tls_handshake(tls, peer.fd, patience(10000)));
	expect_echo(tls, "hello");
	end_session(tls, &peer);
	cr_assert(eq(str, peer.subject, "CN=client"));
	identity_free(&old);
}

Test(pin, refuses_another_key_whoever_certified_it)
{
	for (int protocol = TLS13; protocol <= DTLS12; protocol++) {
		iotsafe_tls *tls = pinned_session(protocol, &other_ca);

		/* The CA is not asked once there is a pin. */
		expect_good(
			iotsafe_tls_set_ca_data(tls, ca.pem.data, ca.pem.size));
		expect_refusal(tls, wish_for(protocol), IOTSAFE_ERR_UNTRUSTED,
			       "pinned");
		expect_refusal(pinned_session(protocol, &other_ca),
			       raw_wish(protocol), IOTSAFE_ERR_UNTRUSTED,
			       "pinned");
	}
}

Test(pin, may_be_a_key_on_the_card)
{
	iotsafe_tls *tls = pinned_session(TLS13, NULL);
	struct peer peer;

	card.public_key = &server;
	expect_good(iotsafe_tls_set_pin_card(tls, "peer"));
	expect_good(iotsafe_tls_set_raw_key(tls, 1));
	peer_start(&peer, raw_wish(TLS13));
	expect_good(iotsafe_tls_handshake(tls, peer.fd, patience(10000)));
	end_session(tls, &peer);
	cr_assert(eq(int, peer.result, 0));

	card.signatures = 0;
	card.public_key = &other_ca;
	tls = pinned_session(TLS13, NULL);
	expect_good(iotsafe_tls_set_pin_card(tls, "peer"));
	expect_refusal(tls, raw_wish(TLS13), IOTSAFE_ERR_UNTRUSTED, "pinned");

	tls = pinned_session(TLS13, NULL);
	expect_good(iotsafe_tls_set_pin_card(tls, "nobody"));
	expect_refusal(tls, raw_wish(TLS13), IOTSAFE_ERR_ABSENT, "nobody");
}

/* Without a pin a raw key is worth nothing: it is not even offered. */
Test(pin, is_wanted_for_a_raw_key)
{
	iotsafe_tls *tls = new_session(TLS13, &card);
	struct peer_wish wish = raw_wish(TLS13);
	struct peer peer;

	expect_good(iotsafe_tls_set_priority(tls, raw_priorities[TLS13]));
	peer_start(&peer, wish);
	expect_error(iotsafe_tls_handshake(tls, peer.fd, patience(10000)),
		     IOTSAFE_ERR_ARG, "pin");
	expect_good(iotsafe_tls_set_priority(tls, NULL));
	expect_good(iotsafe_tls_handshake(tls, peer.fd, patience(10000)));
	cr_assert(eq(int, card.signatures, 1));
	end_session(tls, &peer);
	cr_assert(eq(sz, peer.client_spki_size, 0));
}

Test(pin, tells_that_the_server_takes_no_raw_key)
{
	for (int protocol = TLS13; protocol <= TLS12; protocol++) {
		iotsafe_tls *tls = new_session(protocol, &card);
		struct peer peer;
		uint8_t *out;
		size_t size;
		int result;

		expect_good(iotsafe_tls_set_raw_key(tls, 1));
		peer_start(&peer, wish_for(protocol));
		result = iotsafe_tls_handshake(tls, peer.fd, patience(10000));
		if (!result)
			result = iotsafe_tls_receive(tls, 1, patience(10000),
						     &out, &size);
		expect_error(result, IOTSAFE_ERR_TLS, "takes no raw public");
		end_session(tls, &peer);
		cr_assert(ne(int, peer.result, 0));
	}
}

/* A card without certificates is all that is needed. */
Test(pin, needs_no_certificate_on_the_card)
{
	iotsafe_tls *tls = pinned_session(TLS13, &server);
	struct peer peer;

	card.key = &client;
	card.chain[0] = card.chain[1] = NULL;
	expect_good(iotsafe_tls_set_raw_key(tls, 1));
	peer_start(&peer, raw_wish(TLS13));
	expect_good(iotsafe_tls_handshake(tls, peer.fd, patience(10000)));
	end_session(tls, &peer);
	cr_assert(eq(int, peer.result, 0));
	cr_assert(eq(sz, peer.client_spki_size, 91));
}

Test(pin, is_checked_when_it_is_said)
{
	iotsafe_tls *tls = pinned_session(TLS13, NULL), *bare;
	uint8_t *spki;
	size_t size;

	spki_of(&server, &spki, &size);
	for (size_t cut = 0; cut < size; cut++)
		expect_error(iotsafe_tls_set_pin(tls, spki, cut),
			     IOTSAFE_ERR_ARG, "pin");
	expect_error(iotsafe_tls_set_pin(tls, NULL, size), IOTSAFE_ERR_ARG,
		     "pin");
	expect_error(iotsafe_tls_set_pin(tls, server.der.data, server.der.size),
		     IOTSAFE_ERR_ARG, "pin");
	expect_error(iotsafe_tls_set_pin_card(tls, NULL), IOTSAFE_ERR_ARG,
		     "pin");
	for (int i = 0; i < 8; i++) {
		struct identity one =
			identity_make((struct identity_wish){.name = "one"});

		pin(tls, &one);
		identity_free(&one);
	}
	expect_error(iotsafe_tls_set_pin(tls, spki, size), IOTSAFE_ERR_ARG,
		     "at most 8");
	iotsafe_tls_free(tls);
	expect_good(iotsafe_tls_new(NULL, 0, &bare));
	expect_error(iotsafe_tls_set_pin_card(bare, "peer"), IOTSAFE_ERR_ARG,
		     "card");
	expect_error(iotsafe_tls_set_raw_key(bare, 1), IOTSAFE_ERR_ARG, "card");
	expect_good(iotsafe_tls_set_raw_key(bare, 0));
	iotsafe_tls_free(bare);
	iotsafe_free(spki);
	expect_nothing_in_use();
}
