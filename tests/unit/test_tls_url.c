/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names in the place of files. */
#include <criterion/criterion.h>
#include <gnutls/urls.h>
#include <iotsafe/gnutls.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "tlsfixture.h"

static void set_up(void)
{
	fixture_set_up();
	softcard_default = &card;
	setenv("IOTSAFE_CARD", "soft:", 1);
	expect_good(iotsafe_gnutls_register());
	card.root = &ca;
}

/* The card that a name opened is held until the end: a use beside ours. */
static void expect_held_card(void)
{
	cr_assert(eq(int, card.keys, 0));
	cr_assert(eq(int, card.uses, 2));
}

TestSuite(url, .init = set_up, .fini = fixture_tear_down, .timeout = 300);

static bool is_certificate(gnutls_x509_crt_t crt,
			   const struct identity *identity)
{
	gnutls_datum_t der;
	bool same;

	gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der);
	same = der.size == identity->der.size &&
	       !memcmp(der.data, identity->der.data, der.size);
	gnutls_free(der.data);
	return same;
}

static int import_crt(const char *url, const struct identity *expected)
{
	gnutls_x509_crt_t crt;
	int result;

	gnutls_x509_crt_init(&crt);
	result = gnutls_x509_crt_import_url(crt, url, 0);
	if (result >= 0)
		cr_assert(is_certificate(crt, expected), "%s", url);
	gnutls_x509_crt_deinit(crt);
	return result;
}

Test(url, may_be_registered_again_from_any_thread)
{
	pthread_t threads[8];
	void *result;

	for (int i = 0; i < 8; i++)
		pthread_create(
			&threads[i], NULL,
			(void *(*)(void *))(void *)iotsafe_gnutls_register,
			NULL);
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], &result);
		cr_assert(eq(int, (int)(intptr_t)result, 0));
	}
	cr_assert(eq(int, gnutls_url_is_supported("iotsafe:label=x"), 1));
}

Test(url, serves_a_program_that_knows_files_only)
{
	gnutls_certificate_credentials_t cred;
	struct peer peer;
	gnutls_session_t session;
	int result;

	gnutls_certificate_allocate_credentials(&cred);
	result = gnutls_certificate_set_x509_key_file2(
		cred, "iotsafe:", "iotsafe:?card=soft:", GNUTLS_X509_FMT_PEM,
		NULL, 0);
	cr_assert(ge(int, result, 0), "%s", iotsafe_last_error());
	peer_start(&peer, wish_for(TLS13));
	gnutls_init(&session, GNUTLS_CLIENT);
	gnutls_set_default_priority(session);
	gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, cred);
	gnutls_transport_set_int(session, peer.fd);
	cr_assert(eq(int, gnutls_handshake(session), 0));
	gnutls_bye(session, GNUTLS_SHUT_WR);
	gnutls_deinit(session);
	peer_join(&peer);
	cr_assert(eq(str, peer.subject, "CN=client"));
	/* The leaf and its issuer; the root is the server's own. */
	cr_assert(eq(uint, peer.chain, 2));
	gnutls_certificate_free_credentials(cred);
	expect_held_card();
}

Test(url, finds_certificates_by_file_and_by_key)
{
	cr_assert(ge(int, import_crt("iotsafe:", &client), 0));
	cr_assert(ge(int, import_crt("iotsafe:label=client", &client), 0));
	cr_assert(ge(int,
		     import_crt("iotsafe:label=client;type=private", &client),
		     0));
	cr_assert(ge(int, import_crt("iotsafe:label=cert1", &intermediate), 0));
	cr_assert(ge(int, import_crt("iotsafe:label=ca;type=cert", &ca), 0));
	cr_assert(eq(int, card.signatures, 0));
	expect_held_card();
}

Test(url, ends_a_chain_after_eight_certificates)
{
	static struct identity chain[SOFTCARD_CHAIN_MAX];
	gnutls_x509_crt_t *list;
	unsigned count;

	chain[9] = identity_make(
		(struct identity_wish){.name = "9", .issuer = &ca, .ca = true});
	for (int i = 8; i >= 0; i--) {
		char name[2] = {(char)('0' + i), '\0'};

		chain[i] = identity_make((struct identity_wish){
			.name = name, .issuer = &chain[i + 1], .ca = true});
	}
	for (int i = 0; i < SOFTCARD_CHAIN_MAX; i++)
		card.chain[i] = &chain[i];
	cr_assert(ge(int,
		     gnutls_x509_crt_list_import_url(&list, &count,
						     "iotsafe:", NULL, NULL, 0),
		     0));
	cr_assert(le(uint, count, 10));
	cr_assert(ge(uint, count, 8));
	for (unsigned i = 0; i < count; i++) {
		cr_assert(is_certificate(list[i], &chain[i]));
		gnutls_x509_crt_deinit(list[i]);
	}
	gnutls_free(list);
	for (int i = 0; i < SOFTCARD_CHAIN_MAX; i++)
		identity_free(&chain[i]);
}

Test(url, gives_public_keys_for_requests)
{
	static const char *const urls[] = {
		"iotsafe:",
		"iotsafe:label=client",
		"iotsafe:label=client;type=public",
		"iotsafe:label=cert0;type=cert",
	};

	for (size_t i = 0; i < 4; i++) {
		gnutls_pubkey_t pubkey;
		unsigned bits;

		gnutls_pubkey_init(&pubkey);
		cr_assert(ge(int, gnutls_pubkey_import_url(pubkey, urls[i], 0),
			     0),
			  "%s: %s", urls[i], iotsafe_last_error());
		cr_assert(eq(int, gnutls_pubkey_get_pk_algorithm(pubkey, &bits),
			     GNUTLS_PK_ECDSA));
		gnutls_pubkey_deinit(pubkey);
	}
	expect_held_card();
}

Test(url, says_what_is_wrong_with_a_name)
{
	static const struct {
		const char *url;
		int code;
		const char *words;
	} rows[] = {
		{"iotsafe:label=none", IOTSAFE_ERR_ABSENT, "no such key"},
		{"iotsafe:label=none;type=cert", IOTSAFE_ERR_ABSENT,
		 "no such certificate"},
		{"iotsafe:colour=red", IOTSAFE_ERR_ARG, "colour"},
		{"iotsafe:label=cli%zznt", IOTSAFE_ERR_ARG, "bad %XX escape"},
		{"iotsafe:label=client%4", IOTSAFE_ERR_ARG, "bad %XX escape"},
		{"iotsafe:id=%zz", IOTSAFE_ERR_ARG, "id=%zz is not"},
		{"iotsafe:?card=at:/dev/%", IOTSAFE_ERR_ARG, "bad %XX escape"},
		{"iotsafe:?card=at:/nowhere", IOTSAFE_ERR_IO, "no such port"},
		{"iotsafe:?card=exec:true", IOTSAFE_ERR_ARG, "refused"},
		{"iotsafe:?card=EXEC:true", IOTSAFE_ERR_ARG, "refused"},
		{"iotsafe:?card=%65xec:true", IOTSAFE_ERR_ARG, "refused"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int error = import_crt(rows[i].url, NULL);

		cr_assert(eq(int, error, IOTSAFE_GNUTLS_ERROR(rows[i].code)),
			  "%s: %s", rows[i].url, iotsafe_last_error());
		expect_error(IOTSAFE_GNUTLS_CODE(error), rows[i].code,
			     rows[i].words);
	}
	expect_held_card();
	unsetenv("IOTSAFE_CARD");
	cr_assert(eq(int, import_crt("iotsafe:", NULL),
		     IOTSAFE_GNUTLS_ERROR(IOTSAFE_ERR_ARG)));
}

Test(url, does_not_hold_on_to_keys_that_fail)
{
	gnutls_privkey_t privkey;

	card.algorithms = 0;
	gnutls_privkey_init(&privkey);
	cr_assert(eq(int, gnutls_privkey_import_url(privkey, "iotsafe:", 0),
		     IOTSAFE_GNUTLS_ERROR(IOTSAFE_ERR_SUPPORT)));
	gnutls_privkey_deinit(privkey);
	expect_held_card();
}
