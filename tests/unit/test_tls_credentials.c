/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys of the card in an application's own GnuTLS objects. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <gnutls/crypto.h>
#include <iotsafe/gnutls.h>
#include <pthread.h>
#include <string.h>
#include "tlsfixture.h"

TestSuite(credentials, .init = fixture_set_up, .fini = fixture_tear_down,
	  .timeout = 300);

static gnutls_privkey_t import(void)
{
	gnutls_privkey_t privkey;
	iotsafe_key *key;

	expect_good(iotsafe_key_open(&card, NULL, &key));
	cr_assert(eq(int, gnutls_privkey_init(&privkey), 0));
	expect_good(iotsafe_key_import(key, privkey));
	/* The private key holds a use of its own. */
	iotsafe_key_free(key);
	return privkey;
}

static const gnutls_datum_t text = {(unsigned char *)"some text", 9};

static bool verifies(const struct identity *identity,
		     gnutls_sign_algorithm_t algorithm,
		     const gnutls_datum_t *signature)
{
	gnutls_x509_crt_t crt;
	gnutls_pubkey_t pubkey;
	int result;

	gnutls_x509_crt_init(&crt);
	gnutls_x509_crt_import(crt, &identity->der, GNUTLS_X509_FMT_DER);
	gnutls_pubkey_init(&pubkey);
	gnutls_pubkey_import_x509(pubkey, crt, 0);
	result = gnutls_pubkey_verify_data2(pubkey, algorithm, 0, &text,
					    signature);
	gnutls_pubkey_deinit(pubkey);
	gnutls_x509_crt_deinit(crt);
	return result >= 0;
}

Test(credentials, signs_for_whoever_holds_the_private_key)
{
	gnutls_privkey_t privkey = import();
	gnutls_datum_t signature;
	unsigned bits;

	cr_assert(eq(int, gnutls_privkey_get_pk_algorithm(privkey, &bits),
		     GNUTLS_PK_ECDSA));
	cr_assert(eq(uint, bits, 256));
	cr_assert(eq(int, card.signatures, 0));
	cr_assert(ge(int,
		     gnutls_privkey_sign_data(privkey, GNUTLS_DIG_SHA256, 0,
					      &text, &signature),
		     0));
	cr_assert(verifies(&client, GNUTLS_SIGN_ECDSA_SHA256, &signature));
	cr_assert(eq(int, card.signatures, 1));
	gnutls_free(signature.data);
	gnutls_privkey_deinit(privkey);
	expect_nothing_in_use();
}

Test(credentials, takes_the_hash_out_of_a_digest_info)
{
	struct identity rsa = identity_make((struct identity_wish){
		.name = "rsa", .issuer = &ca, .rsa = true});
	gnutls_privkey_t privkey;
	gnutls_datum_t signature;

	card.chain[0] = &rsa;
	card.algorithms = IOTSAFE_RSA_PKCS1_SHA256 | IOTSAFE_RSA_PKCS1_SHA512;
	privkey = import();
	cr_assert(ge(int,
		     gnutls_privkey_sign_data(privkey, GNUTLS_DIG_SHA256, 0,
					      &text, &signature),
		     0));
	cr_assert(verifies(&rsa, GNUTLS_SIGN_RSA_SHA256, &signature));
	gnutls_free(signature.data);
	cr_assert(ge(int,
		     gnutls_privkey_sign_data(privkey, GNUTLS_DIG_SHA512, 0,
					      &text, &signature),
		     0));
	cr_assert(verifies(&rsa, GNUTLS_SIGN_RSA_SHA512, &signature));
	gnutls_free(signature.data);
	/* What the card cannot is refused without asking it. */
	cr_assert(eq(int,
		     gnutls_privkey_sign_data(privkey, GNUTLS_DIG_SHA384, 0,
					      &text, &signature),
		     IOTSAFE_GNUTLS_ERROR(IOTSAFE_ERR_SUPPORT)));
	cr_assert(eq(int,
		     gnutls_privkey_sign_data(privkey, GNUTLS_DIG_SHA1, 0,
					      &text, &signature),
		     IOTSAFE_GNUTLS_ERROR(IOTSAFE_ERR_SUPPORT)));
	cr_assert(eq(int, card.signatures, 2));
	gnutls_privkey_deinit(privkey);
	expect_nothing_in_use();
	identity_free(&rsa);
}

Test(credentials, gives_the_card_s_code_through_gnutls)
{
	static const int codes[] = {IOTSAFE_ERR_ARG, IOTSAFE_ERR_TIMEOUT,
				    IOTSAFE_ERR_CANCELLED, IOTSAFE_ERR_CLOSED};
	gnutls_privkey_t privkey = import();
	gnutls_datum_t signature;

	for (size_t i = 0; i < 4; i++) {
		int error;

		card.fail_sign = codes[i];
		error = gnutls_privkey_sign_data(privkey, GNUTLS_DIG_SHA256, 0,
						 &text, &signature);
		cr_assert(eq(int, error, IOTSAFE_GNUTLS_ERROR(codes[i])));
		cr_assert(eq(int, gnutls_error_is_fatal(error), 1));
		expect_error(IOTSAFE_GNUTLS_CODE(error), codes[i],
			     "card answered 6985");
	}
	cr_assert(eq(int, IOTSAFE_GNUTLS_CODE(GNUTLS_E_AGAIN), 0));
	gnutls_privkey_deinit(privkey);
	expect_nothing_in_use();
}

Test(credentials, refuses_a_private_key_that_holds_one_already)
{
	gnutls_privkey_t privkey = import();
	iotsafe_key *key;

	expect_good(iotsafe_key_open(&card, NULL, &key));
	expect_error(iotsafe_key_import(key, privkey), IOTSAFE_ERR_ARG,
		     "GnuTLS");
	expect_error(iotsafe_key_import(NULL, privkey), IOTSAFE_ERR_ARG,
		     "no key");
	expect_error(iotsafe_key_import(key, NULL), IOTSAFE_ERR_ARG, "no key");
	card.algorithms = 0;
	gnutls_privkey_deinit(privkey);
	cr_assert(eq(int, gnutls_privkey_init(&privkey), 0));
	expect_error(iotsafe_key_import(key, privkey), IOTSAFE_ERR_SUPPORT,
		     "cannot sign");
	gnutls_privkey_deinit(privkey);
	iotsafe_key_free(key);
	expect_nothing_in_use();
}

/* ---- credentials ---- */

static gnutls_certificate_credentials_t fill(unsigned flags)
{
	gnutls_certificate_credentials_t cred;

	cr_assert(eq(int, gnutls_certificate_allocate_credentials(&cred), 0));
	expect_good(iotsafe_credentials_set(cred, &card, NULL, flags));
	return cred;
}

/* What an application with GnuTLS does, blocking. */
static int connect_with(gnutls_certificate_credentials_t cred, int fd,
			bool datagram, bool verify)
{
	gnutls_session_t session;
	char answer[10];
	int result;

	gnutls_init(&session,
		    GNUTLS_CLIENT | (datagram ? GNUTLS_DATAGRAM : 0u));
	gnutls_set_default_priority(session);
	gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, cred);
	gnutls_transport_set_int(session, fd);
	if (verify)
		gnutls_session_set_verify_cert(session, "server.example", 0);
	do
		result = gnutls_handshake(session);
	while (result < 0 && !gnutls_error_is_fatal(result));
	if (result >= 0) {
		gnutls_record_send(session, "hello", 5);
		result = (int)gnutls_record_recv(session, answer, 10);
		gnutls_bye(session, GNUTLS_SHUT_WR);
	}
	gnutls_deinit(session);
	return result;
}

ParameterizedTestParameters(credentials,
			    cost_no_signature_to_set_and_one_to_use)
{
	static int protocols[] = {TLS13, TLS12, DTLS12};

	return cr_make_param_array(int, protocols, 3);
}

ParameterizedTest(int *protocol, credentials,
		  cost_no_signature_to_set_and_one_to_use, .timeout = 300)
{
	gnutls_certificate_credentials_t cred;
	struct peer peer;

	card.root = &ca;
	cred = fill(IOTSAFE_CREDENTIALS_CARD_CA);
	cr_assert(eq(int, card.signatures, 0));
	peer_start(&peer, wish_for(*protocol));
	cr_assert(eq(int,
		     connect_with(cred, peer.fd, *protocol == DTLS12, true),
		     5));
	cr_assert(eq(int, card.signatures, 1));
	peer_join(&peer);
	cr_assert(eq(str, peer.subject, "CN=client"));
	cr_assert(eq(uint, peer.chain, 2));
	gnutls_certificate_free_credentials(cred);
	expect_nothing_in_use();
}

Test(credentials, refuse_what_does_not_fit_and_leave_nothing_behind)
{
	gnutls_certificate_credentials_t cred;

	cr_assert(eq(int, gnutls_certificate_allocate_credentials(&cred), 0));
	expect_error(iotsafe_credentials_set(NULL, &card, NULL, 0),
		     IOTSAFE_ERR_ARG, "no credentials");
	expect_error(iotsafe_credentials_set(cred, &card, NULL, 2),
		     IOTSAFE_ERR_ARG, "flags");
	expect_error(iotsafe_credentials_set(cred, &card, "label=no", 0),
		     IOTSAFE_ERR_ABSENT, "no such key");
	card.key = &intermediate;
	expect_error(iotsafe_credentials_set(cred, &card, NULL, 0),
		     IOTSAFE_ERR_VERIFY, "another key");
	card.key = &client;
	card.chain[0] = NULL;
	expect_error(iotsafe_credentials_set(cred, &card, NULL, 0),
		     IOTSAFE_ERR_ABSENT, "no certificate");
	gnutls_certificate_free_credentials(cred);
	expect_nothing_in_use();
}

/* GnuTLS replaces flags and does not tell those before: as the header says. */
Test(credentials, take_flags_of_the_application_afterwards)
{
	gnutls_certificate_credentials_t cred = fill(0);
	gnutls_privkey_t privkey;
	gnutls_pcert_st chain;

	gnutls_certificate_set_flags(
		cred, GNUTLS_CERTIFICATE_API_V2 |
			      GNUTLS_CERTIFICATE_SKIP_KEY_CERT_MATCH);
	/* With API_V2 the index of the key is given, which is 1 now. */
	gnutls_pcert_import_x509_raw(&chain, &client.der, GNUTLS_X509_FMT_DER,
				     0);
	gnutls_privkey_init(&privkey);
	gnutls_privkey_import_x509(privkey, client.key, 0);
	cr_assert(eq(
		int,
		gnutls_certificate_set_key(cred, NULL, 0, &chain, 1, privkey),
		1));
	cr_assert(eq(int, card.signatures, 0));
	gnutls_certificate_free_credentials(cred);
	expect_nothing_in_use();
}

/* ---- threads ---- */

struct user {
	pthread_t thread;
	gnutls_certificate_credentials_t cred;
	struct peer peer;
	int good;
};

static void *use(void *self)
{
	struct user *user = self;

	for (int i = 0; i < 5; i++) {
		peer_start(&user->peer, wish_for(i % 2 ? TLS12 : TLS13));
		user->good += connect_with(user->cred, user->peer.fd, false,
					   false) == 5;
		peer_join(&user->peer);
		user->good += !strcmp(user->peer.subject, "CN=client");
	}
	return NULL;
}

Test(credentials, serve_eight_threads)
{
	gnutls_certificate_credentials_t cred = fill(0);
	struct user users[8];

	for (int i = 0; i < 8; i++) {
		users[i] = (struct user){.cred = cred};
		cr_assert(eq(
			int,
			pthread_create(&users[i].thread, NULL, use, &users[i]),
			0));
	}
	for (int i = 0; i < 8; i++) {
		pthread_join(users[i].thread, NULL);
		cr_assert(eq(int, users[i].good, 10));
	}
	cr_assert(eq(int, card.signatures, 40));
	gnutls_certificate_free_credentials(cred);
	expect_nothing_in_use();
}
