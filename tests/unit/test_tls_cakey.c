/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Servers that the card believes by its CA's public key, and those it must
 * not. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <iotsafe/gnutls.h>
#include <stdlib.h>
#include <string.h>
#include "tlsfixture.h"

static void set_up(void)
{
	fixture_set_up();
	card.public_key = &ca;
}

TestSuite(cakey, .init = set_up, .fini = fixture_tear_down, .timeout = 300);

static struct identity made[4];

static struct identity *make(int i, struct identity_wish wish)
{
	made[i] = identity_make(wish);
	return &made[i];
}

static void free_made(void)
{
	for (int i = 0; i < 4; i++)
		if (made[i].key)
			identity_free(&made[i]);
}

/* A certificate that is right in everything but what the test says. */
static struct identity_wish leaf_of(const struct identity *issuer)
{
	return (struct identity_wish){
		.name = "server",
		.issuer = issuer,
		.dns = "server.example",
		.ip = "127.0.0.1",
		.purpose = GNUTLS_KP_TLS_WWW_SERVER,
	};
}

static void alone(struct peer_wish *wish)
{
	(void)wish;
}

static void with_intermediate(struct peer_wish *wish)
{
	wish->server = make(0, leaf_of(&intermediate));
	wish->chain[0] = &intermediate;
}

static void with_root(struct peer_wish *wish)
{
	wish->chain[0] = &ca;
}

static void with_both(struct peer_wish *wish)
{
	with_intermediate(wish);
	wish->chain[1] = &ca;
}

static void with_strangers(struct peer_wish *wish)
{
	with_intermediate(wish);
	wish->chain[0] = &other_ca;
	wish->chain[1] = &intermediate;
	wish->chain[2] = &client;
}

/* The CA has a certificate by another root as well. */
static void with_what_is_above(struct peer_wish *wish)
{
	with_intermediate(wish);
	wish->chain[1] =
		make(1, (struct identity_wish){
				.name = "CA", .issuer = &other_ca, .ca = true});
}

/* That one is RSA's, which the card knows nothing of. */
static void with_rsa_above(struct peer_wish *wish)
{
	make(0, (struct identity_wish){.name = "RSA", .ca = true, .rsa = true});
	wish->chain[0] =
		make(1, (struct identity_wish){
				.name = "CA", .issuer = &made[0], .ca = true});
}

/* ---- attacks ---- */

static void by_a_ca_of_the_same_name_signed_by_another(struct peer_wish *wish)
{
	make(0, (struct identity_wish){
			.name = "CA", .issuer = &other_ca, .ca = true});
	wish->server = make(1, leaf_of(&made[0]));
	wish->chain[0] = &made[0];
}

static void by_a_ca_of_the_same_name(struct peer_wish *wish)
{
	make(0, (struct identity_wish){.name = "CA", .ca = true});
	wish->server = make(1, leaf_of(&made[0]));
}

static void by_a_ca_of_the_same_name_sent_along(struct peer_wish *wish)
{
	by_a_ca_of_the_same_name(wish);
	wish->chain[0] = &made[0];
}

/* The real CA is sent behind it. */
static void by_a_ca_of_the_same_name_with_the_real_one(struct peer_wish *wish)
{
	by_a_ca_of_the_same_name(wish);
	wish->chain[0] = &ca;
}

static void by_a_leaf(struct peer_wish *wish)
{
	struct identity_wish leaf = leaf_of(&ca);

	leaf.name = "device";
	make(0, leaf);
	wish->server = make(1, leaf_of(&made[0]));
	wish->chain[0] = &made[0];
}

/* Version 1 does not say what is a CA: what the CA signed might be anything,
 * and is not taken for one. */
static void by_a_leaf_of_version_1(struct peer_wish *wish)
{
	make(0, (struct identity_wish){
			.name = "device", .issuer = &ca, .old = true});
	wish->server = make(1, leaf_of(&made[0]));
	wish->chain[0] = &made[0];
}

/* A leaf of ours as the "issuer" of a certificate that it did not sign. */
static void behind_a_good_certificate(struct peer_wish *wish)
{
	make(0, (struct identity_wish){.name = "Intermediate", .ca = true});
	wish->server = make(1, leaf_of(&made[0]));
	wish->chain[0] = &intermediate;
}

static void by_itself(struct peer_wish *wish)
{
	wish->server = make(0, leaf_of(NULL));
}

static void for_another_host(struct peer_wish *wish)
{
	struct identity_wish leaf = leaf_of(&ca);

	leaf.dns = "other.example";
	wish->server = make(0, leaf);
}

static void after_its_time(struct peer_wish *wish)
{
	struct identity_wish leaf = leaf_of(&ca);

	leaf.expired = true;
	wish->server = make(0, leaf);
}

static void below_one_after_its_time(struct peer_wish *wish)
{
	make(0, (struct identity_wish){.name = "Old",
				       .issuer = &ca,
				       .ca = true,
				       .expired = true});
	wish->server = make(1, leaf_of(&made[0]));
	wish->chain[0] = &made[0];
}

static void for_clients(struct peer_wish *wish)
{
	struct identity_wish leaf = leaf_of(&ca);

	leaf.purpose = GNUTLS_KP_TLS_WWW_CLIENT;
	wish->server = make(0, leaf);
}

static void below_one_for_clients(struct peer_wish *wish)
{
	make(0, (struct identity_wish){.name = "For clients",
				       .issuer = &ca,
				       .ca = true,
				       .purpose = GNUTLS_KP_TLS_WWW_CLIENT});
	wish->server = make(1, leaf_of(&made[0]));
	wish->chain[0] = &made[0];
}

static void outside_the_domain_of_its_ca(struct peer_wish *wish)
{
	make(0, (struct identity_wish){.name = "For others",
				       .issuer = &ca,
				       .ca = true,
				       .allows = "other.example"});
	wish->server = make(1, leaf_of(&made[0]));
	wish->chain[0] = &made[0];
}

static void below_more_cas_than_allowed(struct peer_wish *wish)
{
	make(0, (struct identity_wish){.name = "The last",
				       .issuer = &ca,
				       .ca = true,
				       .longest = 1});
	make(1, (struct identity_wish){
			.name = "One more", .issuer = &made[0], .ca = true});
	wish->server = make(2, leaf_of(&made[1]));
	wish->chain[0] = &made[1];
	wish->chain[1] = &made[0];
}

static void by_rsa(struct peer_wish *wish)
{
	make(0, (struct identity_wish){.name = "CA", .ca = true, .rsa = true});
	wish->server = make(1, leaf_of(&made[0]));
}

static void by_another_curve(struct peer_wish *wish)
{
	make(0, (struct identity_wish){.name = "CA", .ca = true, .p384 = true});
	wish->server = make(1, leaf_of(&made[0]));
}

static const struct row {
	void (*with)(struct peer_wish *wish);
	int code;
	const char *words;
	int verifications;
} rows[] = {
	{alone, 0, "", 1},
	{with_intermediate, 0, "", 1},
	{with_root, 0, "", 1},
	{with_both, 0, "", 1},
	{with_strangers, 0, "", 1},
	{with_what_is_above, 0, "", 2},
	{with_rsa_above, 0, "", 1},
	{by_a_ca_of_the_same_name_signed_by_another, IOTSAFE_ERR_UNTRUSTED,
	 "not signed by the CA key \"peer\"", 2},
	{by_a_ca_of_the_same_name, IOTSAFE_ERR_UNTRUSTED,
	 "not signed by the CA key \"peer\"", 1},
	{by_a_ca_of_the_same_name_sent_along, IOTSAFE_ERR_UNTRUSTED,
	 "not signed by the CA key \"peer\"", 1},
	{by_a_ca_of_the_same_name_with_the_real_one, IOTSAFE_ERR_UNTRUSTED,
	 "not signed by the CA key \"peer\"", 1},
	{by_a_leaf, IOTSAFE_ERR_UNTRUSTED, "not accepted", 1},
	{by_a_leaf_of_version_1, IOTSAFE_ERR_UNTRUSTED, "not accepted", 1},
	{behind_a_good_certificate, IOTSAFE_ERR_UNTRUSTED, "not accepted", 1},
	{by_itself, IOTSAFE_ERR_UNTRUSTED, "not signed by the CA key", 1},
	{for_another_host, IOTSAFE_ERR_UNTRUSTED, "name", 1},
	{after_its_time, IOTSAFE_ERR_UNTRUSTED, "expired", 1},
	{below_one_after_its_time, IOTSAFE_ERR_UNTRUSTED, "expired", 1},
	{for_clients, IOTSAFE_ERR_UNTRUSTED, "purpose", 1},
	{below_one_for_clients, IOTSAFE_ERR_UNTRUSTED, "purpose", 1},
	{outside_the_domain_of_its_ca, IOTSAFE_ERR_UNTRUSTED, "constraints", 1},
	{below_more_cas_than_allowed, IOTSAFE_ERR_UNTRUSTED, "not accepted", 1},
	{by_rsa, IOTSAFE_ERR_SUPPORT, "cannot verify", 0},
	{by_another_curve, IOTSAFE_ERR_SUPPORT, "cannot verify", 0},
};
#define ROWS ((int)(sizeof(rows) / sizeof(rows[0])))
/* Each row over each protocol. */
#define CASES (3 * ROWS)

static struct criterion_test_params all_cases(int each)
{
	static int numbers[2 * CASES];

	for (int i = 0; i < each * CASES; i++)
		numbers[i] = i;
	return cr_make_param_array(int, numbers, (size_t)(each * CASES));
}

static struct peer_wish wish_of(const struct row *row, enum protocol protocol)
{
	struct peer_wish wish = wish_for(protocol);

	row->with(&wish);
	return wish;
}

static iotsafe_tls *cakey_session(enum protocol protocol)
{
	iotsafe_tls *tls;

	expect_good(iotsafe_tls_new(&card, protocol == DTLS12, &tls));
	expect_good(iotsafe_tls_set_server_name(tls, "server.example"));
	expect_good(iotsafe_tls_set_ca_key(tls, "peer"));
	return tls;
}

ParameterizedTestParameters(cakey, is_asked_about_each_server)
{
	return all_cases(2);
}

/* The second half without waiting. */
ParameterizedTest(int *number, cakey, is_asked_about_each_server,
		  .timeout = 300)
{
	const struct row *row = &rows[*number % ROWS];
	enum protocol protocol = (enum protocol)(*number / ROWS % 3);
	struct peer_wish wish = wish_of(row, protocol);
	iotsafe_tls *tls = cakey_session(protocol);
	struct peer peer;
	int result, wanted_card = 0;

	peer_start(&peer, wish);
	if (*number < CASES)
		result = iotsafe_tls_handshake(tls, peer.fd, patience(10000));
	else
		result = shake_hands_without_waiting(
			tls, peer.fd, patience(1000), &wanted_card);
	if (row->code)
		expect_error(result, row->code, row->words);
	else
		expect_good(result);
	cr_assert(eq(int, card.verifications, row->verifications));
	cr_assert(eq(int, card.signatures, row->code ? 0 : 1));
	cr_assert(eq(int, card.prepared, 0), "a signature was begun");
	if (!row->code)
		expect_echo(tls, "hello");
	end_session(tls, &peer);
	cr_assert(eq(int, peer.result == 0, row->code == 0));
	free_made();
}

/* ---- programs with sessions of their own ---- */

static int handshake_of_program(enum protocol protocol, int fd,
				const char *host, const char *ca_key)
{
	gnutls_certificate_credentials_t cred;
	gnutls_session_t session;
	int result;

	gnutls_certificate_allocate_credentials(&cred);
	expect_good(iotsafe_credentials_set(cred, &card, NULL, 0));
	gnutls_init(&session,
		    GNUTLS_CLIENT | (protocol == DTLS12 ? GNUTLS_DATAGRAM : 0));
	gnutls_set_default_priority(session);
	gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, cred);
	gnutls_transport_set_int(session, fd);
	if (ca_key) {
		expect_good(iotsafe_session_set_ca_key(session, &card, "nobody",
						       "nobody"));
		expect_good(iotsafe_session_set_ca_key(session, &card, ca_key,
						       host));
	} else {
		expect_good(iotsafe_credentials_set_ca(cred, &card, "ca"));
		gnutls_session_set_verify_cert(session, host, 0);
	}
	do
		result = gnutls_handshake(session);
	while (result < 0 && !gnutls_error_is_fatal(result));
	if (result < 0)
		gnutls_alert_send_appropriate(session, result);
	else
		gnutls_bye(session, GNUTLS_SHUT_WR);
	gnutls_deinit(session);
	gnutls_certificate_free_credentials(cred);
	return result;
}

ParameterizedTestParameters(cakey, serves_a_program_that_uses_gnutls)
{
	return all_cases(1);
}

ParameterizedTest(int *number, cakey, serves_a_program_that_uses_gnutls,
		  .timeout = 300)
{
	const struct row *row = &rows[*number % ROWS];
	enum protocol protocol = (enum protocol)(*number / ROWS);
	struct peer_wish wish = wish_of(row, protocol);
	struct peer peer;
	int result;

	peer_start(&peer, wish);
	result = handshake_of_program(protocol, peer.fd, "server.example",
				      "peer");
	if (row->code == IOTSAFE_ERR_UNTRUSTED)
		cr_assert(eq(int, result,
			     GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR));
	else
		cr_assert(eq(int, IOTSAFE_GNUTLS_CODE(result), row->code));
	if (row->code)
		cr_assert(strstr(iotsafe_last_error(), row->words) != NULL,
			  "%s", iotsafe_last_error());
	else
		cr_assert(eq(int, result, 0), "%s", iotsafe_last_error());
	cr_assert(eq(int, card.verifications, row->verifications));
	peer_join(&peer);
	expect_nothing_in_use();
	free_made();
}

Test(cakey, takes_addresses_and_no_name)
{
	static const char *const hosts[] = {"127.0.0.1", NULL, "127.0.0.2"};

	for (int i = 0; i < 3; i++) {
		iotsafe_tls *tls = cakey_session(TLS13);
		struct peer peer;
		int result;

		expect_good(iotsafe_tls_set_server_name(tls, hosts[i]));
		peer_start(&peer, wish_for(TLS13));
		result = iotsafe_tls_handshake(tls, peer.fd, patience(10000));
		cr_assert(eq(int, result, i < 2 ? 0 : IOTSAFE_ERR_UNTRUSTED));
		end_session(tls, &peer);
		peer_start(&peer, wish_for(TLS13));
		result = handshake_of_program(TLS13, peer.fd, hosts[i], "peer");
		cr_assert(eq(int, result == 0, i < 2));
		peer_join(&peer);
	}
}

Test(cakey, tells_what_the_card_says)
{
	iotsafe_tls *tls = cakey_session(TLS12);
	struct peer peer;

	card.fail_verify = IOTSAFE_ERR_DENIED;
	peer_start(&peer, wish_for(TLS12));
	expect_error(iotsafe_tls_handshake(tls, peer.fd, patience(10000)),
		     IOTSAFE_ERR_DENIED, "6985");
	end_session(tls, &peer);
	tls = cakey_session(TLS12);
	expect_good(iotsafe_tls_set_ca_key(tls, "nobody"));
	peer_start(&peer, wish_for(TLS12));
	expect_error(iotsafe_tls_handshake(tls, peer.fd, patience(10000)),
		     IOTSAFE_ERR_ABSENT, "nobody");
	end_session(tls, &peer);
}

Test(cakey, counts_instead_of_ca_certificates)
{
	iotsafe_tls *tls = new_session(TLS13, &card);
	struct peer peer;

	card.public_key = &other_ca;
	expect_good(iotsafe_tls_set_ca_key(tls, "peer"));
	peer_start(&peer, wish_for(TLS13));
	expect_error(iotsafe_tls_handshake(tls, peer.fd, patience(10000)),
		     IOTSAFE_ERR_UNTRUSTED, "CA key");
	end_session(tls, &peer);
	tls = new_session(TLS13, &card);
	expect_good(iotsafe_tls_set_ca_key(tls, "peer"));
	expect_good(iotsafe_tls_set_ca_key(tls, NULL));
	peer_start(&peer, wish_for(TLS13));
	expect_good(iotsafe_tls_handshake(tls, peer.fd, patience(10000)));
	end_session(tls, &peer);
}

Test(cakey, gives_programs_a_ca_certificate_of_the_card)
{
	gnutls_certificate_credentials_t cred;
	struct peer peer;

	card.root = &ca;
	peer_start(&peer, wish_for(TLS13));
	cr_assert(
		eq(int,
		   handshake_of_program(TLS13, peer.fd, "server.example", NULL),
		   0));
	peer_join(&peer);
	card.root = &other_ca;
	peer_start(&peer, wish_for(TLS13));
	cr_assert(
		eq(int,
		   handshake_of_program(TLS13, peer.fd, "server.example", NULL),
		   GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR));
	peer_join(&peer);
	gnutls_certificate_allocate_credentials(&cred);
	expect_good(iotsafe_credentials_set_ca(cred, &card, NULL));
	card.root = NULL;
	expect_error(iotsafe_credentials_set_ca(cred, &card, NULL),
		     IOTSAFE_ERR_ABSENT, "no CA certificate");
	expect_error(iotsafe_credentials_set_ca(cred, &card, "other"),
		     IOTSAFE_ERR_ABSENT, "no such");
	expect_error(iotsafe_credentials_set_ca(NULL, &card, NULL),
		     IOTSAFE_ERR_ARG, "credentials");
	gnutls_certificate_free_credentials(cred);
	expect_nothing_in_use();
}

Test(cakey, is_checked_when_it_is_said)
{
	gnutls_session_t session;
	iotsafe_tls *tls;

	expect_good(iotsafe_tls_new(NULL, 0, &tls));
	expect_error(iotsafe_tls_set_ca_key(tls, "peer"), IOTSAFE_ERR_ARG,
		     "card");
	iotsafe_tls_free(tls);
	expect_good(iotsafe_tls_new(&card, 0, &tls));
	expect_error(iotsafe_tls_set_ca_key(tls, ""), IOTSAFE_ERR_ARG, "name");
	iotsafe_tls_free(tls);
	gnutls_init(&session, GNUTLS_CLIENT);
	expect_error(iotsafe_session_set_ca_key(NULL, &card, "peer", NULL),
		     IOTSAFE_ERR_ARG, "session");
	expect_error(iotsafe_session_set_ca_key(session, NULL, "peer", NULL),
		     IOTSAFE_ERR_ARG, "card");
	expect_error(iotsafe_session_set_ca_key(session, &card, NULL, NULL),
		     IOTSAFE_ERR_ARG, "name");
	gnutls_deinit(session);
	expect_nothing_in_use();
}
