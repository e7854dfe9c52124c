/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signing requests and tokens of RSA keys, of cards that know one algorithm or
 * several: verified by GnuTLS. */
#include <criterion/criterion.h>
#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <string.h>
#include "softcard.h"

static struct identity rsa;
static struct iotsafe_card card;
static iotsafe_key *key;

static void set_up(void)
{
	rsa = identity_make((struct identity_wish){.name = "rsa", .rsa = true});
	card = (struct iotsafe_card){.uses = 1, .chain = {&rsa}};
	cr_assert(!iotsafe_key_open(&card, NULL, &key));
}

static void tear_down(void)
{
	iotsafe_key_free(key);
	identity_free(&rsa);
}

TestSuite(format_rsa, .init = set_up, .fini = tear_down);

static void expect_request(int algorithms, gnutls_sign_algorithm_t sign)
{
	gnutls_x509_crq_t crq;
	gnutls_datum_t der;
	size_t size;

	card.algorithms = algorithms;
	cr_assert(!iotsafe_key_csr(key, "CN=d", NULL, NULL, &der.data, &size),
		  "%s", iotsafe_last_error());
	der.size = (unsigned)size;
	cr_assert(!gnutls_x509_crq_init(&crq));
	cr_assert(!gnutls_x509_crq_import(crq, &der, GNUTLS_X509_FMT_DER));
	cr_assert(!gnutls_x509_crq_verify(crq, 0), "%#x", algorithms);
	cr_assert(gnutls_x509_crq_get_signature_algorithm(crq) == (int)sign,
		  "%s", gnutls_sign_get_name(sign));
	gnutls_x509_crq_deinit(crq);
	iotsafe_free(der.data);
}

Test(format_rsa, requests_name_what_the_card_signed_with)
{
	expect_request(IOTSAFE_RSA_PKCS1_SHA256, GNUTLS_SIGN_RSA_SHA256);
	expect_request(IOTSAFE_RSA_PKCS1_SHA384, GNUTLS_SIGN_RSA_SHA384);
	expect_request(IOTSAFE_RSA_PKCS1_SHA512, GNUTLS_SIGN_RSA_SHA512);
	expect_request(IOTSAFE_RSA_PSS_SHA256, GNUTLS_SIGN_RSA_PSS_SHA256);
	expect_request(IOTSAFE_RSA_PSS_SHA384, GNUTLS_SIGN_RSA_PSS_SHA384);
	expect_request(IOTSAFE_RSA_PSS_SHA512, GNUTLS_SIGN_RSA_PSS_SHA512);
	/* Authorities know PKCS #1 best. */
	expect_request(IOTSAFE_RSA_PKCS1_SHA512 | IOTSAFE_RSA_PSS_SHA256,
		       GNUTLS_SIGN_RSA_SHA512);
}

/* The header's beginning tells it: {"alg":"PS… or {"alg":"RS…, in base64. */
static void expect_token(int algorithms, const char *beginning)
{
	uint8_t *out;
	size_t size;

	card.algorithms = algorithms;
	cr_assert(!iotsafe_key_jws(key, NULL, NULL, NULL, 0, &out, &size));
	cr_assert(!strncmp((char *)out, beginning, strlen(beginning)), "%s",
		  (char *)out);
	iotsafe_free(out);
}

Test(format_rsa, tokens_take_PSS_where_there_is_a_choice)
{
	expect_token(IOTSAFE_RSA_PSS_SHA256, "eyJhbGciOiJQUzI1NiJ9..");
	expect_token(IOTSAFE_RSA_PKCS1_SHA256, "eyJhbGciOiJSUzI1NiJ9..");
	expect_token(IOTSAFE_RSA_PKCS1_SHA256 | IOTSAFE_RSA_PSS_SHA256,
		     "eyJhbGciOiJQUzI1NiJ9..");
}

Test(format_rsa, a_key_without_an_algorithm_for_it_is_told)
{
	uint8_t *out;
	size_t size;

	card.algorithms = IOTSAFE_RSA_PKCS1_SHA512;
	cr_assert(iotsafe_key_jws(key, NULL, NULL, NULL, 0, &out, &size) ==
		  IOTSAFE_ERR_SUPPORT);
	card.algorithms = IOTSAFE_AES_CMAC;
	cr_assert(iotsafe_key_csr(key, "CN=d", NULL, NULL, &out, &size) ==
		  IOTSAFE_ERR_SUPPORT);
	cr_assert(strstr(iotsafe_last_error(), "no algorithm"));
}
