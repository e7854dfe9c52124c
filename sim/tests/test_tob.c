// SPDX-License-Identifier: LGPL-2.1-or-later
/* Trust Onboard: the identities, as mIAS has them, and their issuers. */
#include "bench.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <zlib.h>

static struct bench b;
static uint8_t file[0x8000];
static size_t file_size;

static void open_card(const char *profile, const char *quirks,
		      const char *faults)
{
	bench_open(&b, profile, quirks, faults);
	bench_choose(&b, APPLET_MIAS);
	cr_assert_str_eq(bench_send(&b, "012000810430303030"), "9000");
}

static void read_file(const char *path)
{
	file_size = bench_read_file(&b, path, file, sizeof(file));
}

static void teardown(void)
{
	bench_close(&b);
}

TestSuite(tob, .fini = teardown);

#define answers(command, expected)                                             \
	cr_assert_str_eq(bench_send(&b, command), expected)

/* The value of the data object read last; its label. */
static struct view value_of(const char **label)
{
	struct view left = view_of(file, file_size);
	struct view part;
	size_t length;

	cr_assert(view_take(&left, 16, &part));
	for (int i = 0; i < 3; i++) {
		cr_assert(view_take(&left, 1, &part) &&
			  view_take(&left, part.data[0], &part));
		if (i == 0)
			*label = strndup((const char *)part.data, part.size);
	}
	cr_assert(view_take(&left, 3, &part) && part.data[0] == 0x82);
	length = (size_t)part.data[1] << 8 | part.data[2];
	cr_assert_eq(left.size, length);
	return left;
}

static struct view value(const char *expected_label)
{
	const char *label;
	struct view found = value_of(&label);

	cr_assert_str_eq(label, expected_label);
	free((char *)(uintptr_t)label);
	return found;
}

static X509 *certificate(void)
{
	const uint8_t *der = file;
	X509 *cert = d2i_X509(NULL, &der, (long)file_size);

	cr_assert(cert != NULL && der == file + file_size);
	return cert;
}

/* All of a text of PEM, in its order. */
static STACK_OF(X509) * certificates(struct view pem)
{
	BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.size);
	STACK_OF(X509) *all = sk_X509_new_null();
	X509 *cert;

	while ((cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
		sk_X509_push(all, cert);
	BIO_free(bio);
	return all;
}

/* X509_V_OK or what is wrong, at a time or now (0). */
static int verify(STACK_OF(X509) * chain, time_t at)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	int result;

	X509_STORE_add_cert(store,
			    sk_X509_value(chain, sk_X509_num(chain) - 1));
	X509_STORE_CTX_init(ctx, store, sk_X509_value(chain, 0), chain);
	if (at != 0)
		X509_STORE_CTX_set_time(ctx, 0, at);
	X509_verify_cert(ctx);
	result = X509_STORE_CTX_get_error(ctx);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return result;
}

static void common_name(X509 *cert, char name[64])
{
	X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName,
				  name, 64);
}

static bool is_sid(const char *name)
{
	return strlen(name) == 34 && memcmp(name, "WC", 2) == 0 &&
	       strspn(name + 2, "0123456789abcdef") == 32;
}

static EVP_PKEY *private_key(struct view der, size_t *used)
{
	const uint8_t *at = der.data;
	EVP_PKEY *key = d2i_PrivateKey(EVP_PKEY_RSA, NULL, &at, (long)der.size);

	*used = (size_t)(at - der.data);
	return key;
}

Test(tob, gives_a_chain_that_verifies_for_centuries)
{
	STACK_OF(X509) * chain;
	char name[64];

	open_card("trust-onboard", NULL, NULL);
	read_file("0301");
	chain = certificates(value("CERT_AVAILABLE"));
	cr_assert_eq(sk_X509_num(chain), 3);
	cr_assert_eq(verify(chain, 0), X509_V_OK);
	cr_assert_eq(verify(chain, 2500000000), X509_V_OK);
	common_name(sk_X509_value(chain, 0), name);
	cr_assert(is_sid(name));
	cr_assert_eq(
		EVP_PKEY_get_bits(X509_get0_pubkey(sk_X509_value(chain, 2))),
		4096);
	sk_X509_pop_free(chain, X509_free);
}

Test(tob, gives_the_key_of_the_certificate_and_a_zero_behind_it)
{
	STACK_OF(X509) * chain;
	struct view der;
	EVP_PKEY *key;
	size_t used;

	open_card("trust-onboard", NULL, NULL);
	read_file("0301");
	chain = certificates(value("CERT_AVAILABLE"));
	read_file("0302");
	der = value("PRIV_AVAILABLE");
	key = private_key(der, &used);
	cr_assert_eq(used + 1, der.size);
	cr_assert_eq(der.data[used], 0);
	cr_assert_eq(X509_check_private_key(sk_X509_value(chain, 0), key), 1);
	EVP_PKEY_free(key);
	sk_X509_pop_free(chain, X509_free);
	teardown();
	open_card("trust-onboard", "key-nul=off", NULL);
	read_file("0302");
	der = value("PRIV_AVAILABLE");
	EVP_PKEY_free(private_key(der, &used));
	cr_assert_eq(used, der.size);
}

Test(tob, has_an_issuer_for_each_identity)
{
	STACK_OF(X509) * chain;
	X509 *signing;

	open_card("trust-onboard", NULL, NULL);
	read_file("0201");
	signing = certificate();
	read_file("0301");
	chain = certificates(value("CERT_AVAILABLE"));
	cr_assert_neq(
		X509_NAME_cmp(X509_get_issuer_name(signing),
			      X509_get_issuer_name(sk_X509_value(chain, 0))),
		0);
	cr_assert_neq(EVP_PKEY_eq(X509_get0_pubkey(signing),
				  X509_get0_pubkey(sk_X509_value(chain, 0))),
		      1);
	X509_free(signing);
	sk_X509_pop_free(chain, X509_free);
}

Test(tob, has_the_wrong_chain_of_early_cards_where_told)
{
	STACK_OF(X509) * chain;

	open_card("trust-onboard", "wrong-chain", NULL);
	read_file("0301");
	chain = certificates(value("CERT_AVAILABLE"));
	cr_assert_eq(sk_X509_num(chain), 3);
	cr_assert_neq(verify(chain, 0), X509_V_OK);
	sk_X509_pop_free(chain, X509_free);
}

Test(tob, has_issuers_that_expired_in_the_first_generation)
{
	STACK_OF(X509) * chain;

	open_card("trust-onboard-preview", NULL, NULL);
	read_file("0301");
	chain = certificates(value("CERT_TYPE_A"));
	cr_assert_eq(sk_X509_num(chain), 4);
	cr_assert_eq(verify(chain, 0), X509_V_ERR_CERT_HAS_EXPIRED);
	/* January 2020 */
	cr_assert_eq(verify(chain, 1578000000), X509_V_OK);
	sk_X509_pop_free(chain, X509_free);
	read_file("0302");
	value("PRIV_TYPE_A");
	teardown();
	open_card("trust-onboard-preview", "g1=off,type-labels=off", NULL);
	read_file("0301");
	chain = certificates(value("CERT_AVAILABLE"));
	cr_assert_eq(verify(chain, 0), X509_V_OK);
	sk_X509_pop_free(chain, X509_free);
}

static bool ends(X509 *cert, const char *when)
{
	ASN1_TIME *time = ASN1_TIME_new();
	bool same = ASN1_TIME_set_string(time, when) == 1 &&
		    ASN1_TIME_compare(X509_get0_notAfter(cert), time) == 0;

	ASN1_TIME_free(time);
	return same;
}

Test(tob, has_authorities_that_end_when_the_real_ones_do)
{
	static const char *const first[] = {
		"20201204000000Z", "20221204000000Z", "20271204000000Z"};
	static const char *const second[] = {"20690723000000Z",
					     "21190722000000Z"};
	X509 **chain;

	open_card("trust-onboard-preview", NULL, NULL);
	chain = b.personal.tob->chains[TOB_SIGNING];
	for (size_t i = 0; i < 3; i++)
		cr_assert(ends(chain[i + 1], first[i]));
	chain = b.personal.tob->chains[TOB_AVAILABLE];
	for (size_t i = 0; i < 3; i++)
		cr_assert(ends(chain[i + 1], first[i]));
	teardown();
	open_card("trust-onboard", NULL, NULL);
	for (size_t i = 0; i < TOB_IDENTITIES; i++) {
		chain = b.personal.tob->chains[i];
		cr_assert(ends(chain[1], second[0]));
		cr_assert(ends(chain[2], second[1]));
		cr_assert(chain[3] == NULL);
	}
}

Test(tob, has_objects_with_more_in_them_where_told)
{
	const char *label;

	open_card("trust-onboard", "p11-fields,more-files", NULL);
	read_file("0302");
	cr_assert(value_of(&label).size > 1000);
	cr_assert_str_eq(label, "PRIV_AVAILABLE   ");
	free((char *)(uintptr_t)label);
	cr_assert_eq(file[16 + 1 + 17], 11);
	read_file("0300");
	cr_assert_eq(strncmp((const char *)value("OTHER   ").data, "not of", 6),
		     0);
}

/* Inflates the file read last; the size, or -1 where it does not fit. */
static long inflated(uint8_t *into, unsigned long capacity)
{
	unsigned long size = capacity;

	if (file[0] != 0x01 || file[1] != 0x00 ||
	    uncompress(into, &size, file + 4, file_size - 4) != Z_OK)
		return -1;
	return (long)size;
}

static size_t announced(void)
{
	return file[2] | (size_t)file[3] << 8;
}

Test(tob, compresses_a_certificate_as_minidrivers_do)
{
	uint8_t der[4096];
	long size;

	open_card("trust-onboard", "kxc-zlib", NULL);
	read_file("0201");
	size = inflated(der, sizeof(der));
	cr_assert(size > 0);
	cr_assert_eq(announced(), (size_t)size);
	memcpy(file, der, (size_t)size);
	file_size = (size_t)size;
	X509_free(certificate());
}

Test(tob, has_compressed_certificates_that_lie_when_told)
{
	static uint8_t der[0x1000001];

	open_card("trust-onboard", NULL, "zlib-bomb");
	read_file("0201");
	cr_assert_eq(inflated(der, sizeof(der)), 0x1000000);
	teardown();
	open_card("trust-onboard", NULL, "zlib-size=5");
	read_file("0201");
	cr_assert_eq(announced(), 5);
	cr_assert_gt(inflated(der, sizeof(der)), 1000);
	teardown();
	open_card("trust-onboard", NULL, "zlib-cut");
	read_file("0201");
	cr_assert_gt(announced(), 1000);
	cr_assert_eq(inflated(der, sizeof(der)), -1);
}

Test(tob, has_objects_that_lie_when_told)
{
	open_card("trust-onboard", NULL, "label-size=255,value-size=65000");
	read_file("0301");
	cr_assert_eq(file[16], 255);
	cr_assert_eq(memcmp(file + 33, "\x82\xFD\xE8", 3), 0);
	teardown();
	open_card("trust-onboard", NULL, "noise-key");
	read_file("0302");
	cr_assert_neq(value("PRIV_AVAILABLE").data[0], 0x30);
	teardown();
	open_card("trust-onboard", NULL, "no-certificate");
	answers("01A4080C020101", "9000");
	answers("01B0000001", "029000");
	answers("01A4080C020201", "6A82");
}

Test(tob, has_certificates_of_another_key_when_told)
{
	X509 *cert;

	open_card("trust-onboard", NULL, "wrong-certificate");
	read_file("0201");
	cert = certificate();
	cr_assert_neq(
		X509_check_private_key(cert, b.personal.tob->keys[TOB_SIGNING]),
		1);
	X509_free(cert);
}

Test(tob, is_another_card_after_a_swap)
{
	X509 *before, *after;

	open_card("trust-onboard", NULL, NULL);
	read_file("0201");
	before = certificate();
	personal_swap(&b.personal);
	card_reset(&b.card);
	bench_choose(&b, APPLET_MIAS);
	read_file("0201");
	after = certificate();
	cr_assert_neq(
		EVP_PKEY_eq(X509_get0_pubkey(before), X509_get0_pubkey(after)),
		1);
	X509_free(before);
	X509_free(after);
}
