/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trust Onboard on the software SIM: sessions with both identities. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <gnutls/x509.h>
#include <iotsafe/gnutls.h>
#include <stdio.h>
#include <string.h>
#include "tlspeer.h"
#include "tobcard.h"

TestSuite(tob, .init = tob_set_up, .fini = tob_tear_down, .timeout = 120);

/* ---- sessions ---- */

/* The issuer of this certificate in the bundle: what a server trusts. */
static struct identity issuer_of(const uint8_t *leaf, size_t size)
{
	gnutls_datum_t der = {(unsigned char *)(uintptr_t)leaf, (unsigned)size};
	struct identity issuer = {.key = NULL};
	gnutls_x509_crt_t crt, *list;
	gnutls_datum_t text;
	unsigned count;
	char path[64];

	snprintf(path, sizeof(path), "%s/trust-onboard-bundle.pem", tob_store);
	cr_assert(gnutls_load_file(path, &text) >= 0);
	gnutls_x509_crt_init(&crt);
	cr_assert(gnutls_x509_crt_import(crt, &der, GNUTLS_X509_FMT_DER) >= 0);
	cr_assert(gnutls_x509_crt_list_import2(&list, &count, &text,
					       GNUTLS_X509_FMT_PEM, 0) >= 0);
	for (unsigned i = 0; i < count; i++) {
		if (!issuer.der.data &&
		    gnutls_x509_crt_check_issuer(crt, list[i]))
			gnutls_x509_crt_export2(list[i], GNUTLS_X509_FMT_DER,
						&issuer.der);
		gnutls_x509_crt_deinit(list[i]);
	}
	gnutls_free(list);
	gnutls_free(text.data);
	gnutls_x509_crt_deinit(crt);
	cr_assert(issuer.der.data != NULL);
	return issuer;
}

struct session {
	const char *name;   /* of the key */
	const char *server; /* priority */
	bool datagram;
	int lowest;
	const char *priority; /* the client's */
	int result;
	const char *words; /* the version, or of the error */
};

static void expect_session(iotsafe_card *card, const struct session *row)
{
	struct identity issuer;
	struct peer peer;
	iotsafe_key *key = open_key(card, row->name);
	iotsafe_tls *tls;
	uint8_t *leaf;
	size_t size;
	int result;

	expect_good(iotsafe_key_certificate(key, 0, &leaf, &size));
	iotsafe_key_free(key);
	issuer = issuer_of(leaf, size);
	iotsafe_free(leaf);
	peer_start(&peer, (struct peer_wish){.datagram = row->datagram,
					     .priority = row->server,
					     .server = &tob_server,
					     .client_ca = &issuer});
	expect_good(iotsafe_tls_new(card, row->datagram, &tls));
	expect_good(iotsafe_tls_set_key(tls, row->name));
	expect_good(iotsafe_tls_set_server_name(tls, "server.example"));
	expect_good(
		iotsafe_tls_set_ca_data(tls, tob_ca.der.data, tob_ca.der.size));
	expect_good(iotsafe_tls_set_versions(tls, row->lowest, 0));
	expect_good(iotsafe_tls_set_priority(tls, row->priority));
	result = iotsafe_tls_handshake(tls, peer.fd, 30000);
	tob_check(__LINE__, result, row->result, result ? row->words : NULL);
	if (!result) {
		cr_assert(eq(str, (char *)iotsafe_tls_version(tls),
			     (char *)row->words));
		cr_assert(iotsafe_tls_certificate_used(tls));
		iotsafe_tls_close(tls, 30000);
	}
	iotsafe_tls_free(tls);
	peer_join(&peer);
	gnutls_free(issuer.der.data);
}

static const struct session makes_sessions_rows[] = {
	{"label=signing", "NORMAL", false, 0, NULL, 0, "TLS1.2"},
	{"label=signing", "NORMAL", true, 0, NULL, 0, "DTLS1.2"},
	{"label=signing", "NORMAL", false, 0, "NORMAL", 0, "TLS1.2"},
	{"label=signing", "NORMAL", false, 13, NULL, IOTSAFE_ERR_SUPPORT,
	 "alone, which TLS 1.3 does not have"},
	{"label=signing", "NORMAL", false, 0, "NORMAL:-VERS-ALL:+VERS-TLS1.3",
	 IOTSAFE_ERR_SUPPORT, "alone, which TLS 1.3 does not have"},
	{"label=signing",
	 "NORMAL:-VERS-ALL:+VERS-TLS1.2:-SIGN-ALL:+SIGN-RSA-PSS-RSAE-SHA256:"
	 "+SIGN-ECDSA-SHA256",
	 false, 0, NULL, IOTSAFE_ERR_TLS,
	 "\"server.example\" wants a certificate, and takes no signature that "
	 "the card's key can make"},
	{"label=available", "NORMAL", false, 0, NULL, 0, "TLS1.3"},
	{"label=available", "NORMAL:-VERS-ALL:+VERS-TLS1.2", false, 0, NULL, 0,
	 "TLS1.2"},
	{"label=available", "NORMAL", true, 0, NULL, 0, "DTLS1.2"},
};

ParameterizedTestParameters(tob, makes_sessions)
{
	return count_to(COUNT_OF(makes_sessions_rows));
}

ParameterizedTest(int *index, tob, makes_sessions)
{
	const struct session *row = &makes_sessions_rows[*index];
	iotsafe_card *card = open_card("trust-onboard", "pin-env=TOB_PIN");

	give_pin(card, "applet=mias 0000");
	expect_session(card, row);
	iotsafe_card_free(card);
}

/* All that the server trusts is the root. */
static struct identity root(void)
{
	struct identity root = {.key = NULL};
	gnutls_datum_t text;
	gnutls_x509_crt_t crt;
	char path[64];

	snprintf(path, sizeof(path), "%s/trust-onboard-ca.pem", tob_store);
	cr_assert(gnutls_load_file(path, &text) >= 0);
	gnutls_x509_crt_init(&crt);
	cr_assert(gnutls_x509_crt_import(crt, &text, GNUTLS_X509_FMT_PEM) >= 0);
	gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &root.der);
	gnutls_x509_crt_deinit(crt);
	gnutls_free(text.data);
	return root;
}

/* The key's certificates, one behind the other. */
static void set_chain(iotsafe_tls *tls, iotsafe_key *key)
{
	uint8_t all[8192], *der;
	size_t size, all_size = 0;

	for (unsigned i = 0; !iotsafe_key_certificate(key, i, &der, &size);
	     i++) {
		cr_assert(all_size + size <= sizeof(all));
		memcpy(all + all_size, der, size);
		all_size += size;
		iotsafe_free(der);
	}
	expect_good(iotsafe_tls_set_certificate_data(tls, all, all_size));
}

Test(tob, session_sends_a_chain_that_was_completed)
{
	iotsafe_card *card = open_card("trust-onboard", "pin-env=TOB_PIN");
	struct identity anchor = root();
	iotsafe_key *key = open_key(card, "label=signing");
	char bundle[64];

	give_pin(card, "applet=mias 0000");
	snprintf(bundle, sizeof(bundle), "%s/trust-onboard-bundle.pem",
		 tob_store);
	for (int completed = 0; completed < 2; completed++) {
		struct peer peer;
		iotsafe_tls *tls;
		int result;

		if (completed)
			expect_good(iotsafe_key_complete_chain(key, bundle));
		peer_start(&peer, (struct peer_wish){.server = &tob_server,
						     .client_ca = &anchor});
		expect_good(iotsafe_tls_new(card, 0, &tls));
		expect_good(iotsafe_tls_set_key(tls, "label=signing"));
		set_chain(tls, key);
		expect_good(iotsafe_tls_set_server_name(tls, "server.example"));
		expect_good(iotsafe_tls_set_ca_data(tls, tob_ca.der.data,
						    tob_ca.der.size));
		result = iotsafe_tls_handshake(tls, peer.fd, 30000);
		cr_assert(eq(int, result, completed ? 0 : IOTSAFE_ERR_TLS),
			  "%s", iotsafe_last_error());
		iotsafe_tls_close(tls, 30000);
		iotsafe_tls_free(tls);
		peer_join(&peer);
	}
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	gnutls_free(anchor.der.data);
}

Test(tob, is_reached_by_urls)
{
	iotsafe_card *card = open_card("trust-onboard", "pin-env=TOB_PIN");
	gnutls_certificate_credentials_t cred;
	char cert[512], key[512];

	give_pin(card, "applet=mias 0000");
	snprintf(cert, sizeof(cert),
		 "iotsafe:applet=mias;label=signing;type=cert?card=sim:"
		 "trust-onboard?store=%s%%26pin-env=TOB_PIN",
		 tob_store);
	snprintf(key, sizeof(key),
		 "iotsafe:applet=mias;label=signing;type=private?card=sim:"
		 "trust-onboard?store=%s%%26pin-env=TOB_PIN",
		 tob_store);
	expect_good(iotsafe_gnutls_register());
	gnutls_certificate_allocate_credentials(&cred);
	cr_assert(gnutls_certificate_set_x509_key_file2(
			  cred, cert, key, GNUTLS_X509_FMT_PEM, NULL, 0) >= 0,
		  "%s", iotsafe_last_error());
	gnutls_certificate_free_credentials(cred);
	iotsafe_card_free(card);
}
