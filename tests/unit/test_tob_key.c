/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trust Onboard on the software SIM: signatures, the Available key, decryption.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <iotsafe/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "tobcard.h"

TestSuite(tob, .init = tob_set_up, .fini = tob_tear_down, .timeout = 120);

/* ---- signatures ---- */

Test(tob, signing_takes_three_exchanges_and_every_hash)
{
	static const struct {
		int algorithm;
		gnutls_digest_algorithm_t digest;
		gnutls_sign_algorithm_t sign;
	} rows[] = {
		{IOTSAFE_RSA_PKCS1_SHA1, GNUTLS_DIG_SHA1, GNUTLS_SIGN_RSA_SHA1},
		{IOTSAFE_RSA_PKCS1_SHA224, GNUTLS_DIG_SHA224,
		 GNUTLS_SIGN_RSA_SHA224},
		{IOTSAFE_RSA_PKCS1_SHA256, GNUTLS_DIG_SHA256,
		 GNUTLS_SIGN_RSA_SHA256},
		{IOTSAFE_RSA_PKCS1_SHA384, GNUTLS_DIG_SHA384,
		 GNUTLS_SIGN_RSA_SHA384},
		{IOTSAFE_RSA_PKCS1_SHA512, GNUTLS_DIG_SHA512,
		 GNUTLS_SIGN_RSA_SHA512},
	};
	iotsafe_card *card =
		open_card("trust-onboard", "quirk=direct&pin-env=TOB_PIN");
	iotsafe_key *key = open_key(card, "label=signing");
	gnutls_pubkey_t pubkey;
	gnutls_datum_t spki, signature, hash;
	uint8_t digest[64], *der, *out;
	size_t size;

	give_pin(card, "applet=mias 0000");
	expect_good(iotsafe_key_public_key(key, &der, &size));
	spki = (gnutls_datum_t){der, (unsigned)size};
	gnutls_pubkey_init(&pubkey);
	cr_assert(gnutls_pubkey_import(pubkey, &spki, GNUTLS_X509_FMT_DER) >=
		  0);
	iotsafe_free(der);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		uint64_t before;

		gnutls_hash_fast(rows[i].digest, "x", 1, digest);
		hash = (gnutls_datum_t){
			digest, (unsigned)gnutls_hash_get_len(rows[i].digest)};
		before = exchanges(card);
		expect_good(iotsafe_key_sign(key, rows[i].algorithm, digest,
					     hash.size, &out, &size));
		/* Ahead of the first one: how many tries, the PIN. */
		cr_assert(eq(u64, exchanges(card) - before, i ? 3 : 5));
		signature = (gnutls_datum_t){out, (unsigned)size};
		cr_assert(gnutls_pubkey_verify_hash2(pubkey, rows[i].sign,
						     GNUTLS_VERIFY_ALLOW_BROKEN,
						     &hash, &signature) >= 0);
		iotsafe_free(out);
	}
	expect_error(iotsafe_key_sign(key, IOTSAFE_RSA_PSS_SHA256, digest, 32,
				      &out, &size),
		     IOTSAFE_ERR_SUPPORT, "cannot sign with rsa-pss-sha256");
	expect_error(iotsafe_key_sign_data(key, IOTSAFE_SHA256,
					   IOTSAFE_MODE_FULL_TEXT, digest, 4,
					   &out, &size),
		     IOTSAFE_ERR_SUPPORT, "the applet mias has no command");
	expect_error(iotsafe_key_export(key, &out, &size), IOTSAFE_ERR_DENIED,
		     "cannot leave the card");
	gnutls_pubkey_deinit(pubkey);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

static const char *const signs_whatever_the_cards_manner_rows[] = {
	"",
	"&quirk=split-signature%3D100",
	"&quirk=split-signature%3D255",
	"&quirk=signature-waits",
	"&quirk=size-tag",
	"&quirk=sign-only",
	"&quirk=kxc-zlib",
	"&quirk=tob-tries%3D2",

	"&fault=reset%3D25",
};

ParameterizedTestParameters(tob, signs_whatever_the_cards_manner)
{
	return count_to(COUNT_OF(signs_whatever_the_cards_manner_rows));
}

ParameterizedTest(int *index, tob, signs_whatever_the_cards_manner)
{
	const char *const *row = &signs_whatever_the_cards_manner_rows[*index];
	char attributes[128] = "pin-env=TOB_PIN";
	uint8_t hash[32] = {7}, *out;
	iotsafe_card *card;
	iotsafe_key *key;
	size_t size;

	strcat(attributes, *row);
	card = open_card("trust-onboard", attributes);
	give_pin(card, "applet=mias 0000");
	key = open_key(card, "label=signing;applet=mias");
	for (int i = 0; i < 3; i++) {
		expect_good(iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32,
					     &out, &size));
		cr_assert(eq(sz, size, 256));
		iotsafe_free(out);
	}
	cr_assert(eq(int, iotsafe_key_verifies(key), 1));
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

Test(tob, does_not_announce_sha512_once_it_was_refused)
{
	iotsafe_card *card =
		open_card("trust-onboard", "quirk=no-sha512&pin-env=TOB_PIN");
	iotsafe_key *key = open_key(card, "label=signing");
	uint8_t hash[64] = {9}, *out;
	size_t size;
	uint64_t before;

	give_pin(card, "applet=mias 0000");
	expect_error(
		iotsafe_key_sign(key, IOTSAFE_SHA512, hash, 64, &out, &size),
		IOTSAFE_ERR_SUPPORT, "does not sign with rsa-pkcs1-sha512");
	before = exchanges(card);
	expect_error(
		iotsafe_key_sign(key, IOTSAFE_SHA512, hash, 64, &out, &size),
		IOTSAFE_ERR_SUPPORT, "cannot sign with sha512");
	cr_assert(eq(u64, exchanges(card), before));
	expect_good(
		iotsafe_key_sign(key, IOTSAFE_SHA384, hash, 48, &out, &size));
	iotsafe_free(out);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

static const char *const refuses_a_signature_that_is_none_rows[] = {
	"fault=signature-size%3D255", "fault=signature-size%3D257",
	"fault=signature-size%3D1"};

ParameterizedTestParameters(tob, refuses_a_signature_that_is_none)
{
	return count_to(COUNT_OF(refuses_a_signature_that_is_none_rows));
}

ParameterizedTest(int *index, tob, refuses_a_signature_that_is_none)
{
	const char *const *row = &refuses_a_signature_that_is_none_rows[*index];
	char attributes[128];
	uint8_t hash[32] = {7}, *out;
	iotsafe_card *card;
	iotsafe_key *key;
	size_t size;

	snprintf(attributes, sizeof(attributes), "pin-env=TOB_PIN&%s", *row);
	card = open_card("trust-onboard", attributes);
	give_pin(card, "applet=mias 0000");
	key = open_key(card, "label=signing");
	expect_error(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size),
		IOTSAFE_ERR_FORMAT, "PSO COMPUTE SIGNATURE: a signature of");
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

Test(tob, signature_that_does_not_verify_names_the_applets_command)
{
	iotsafe_card *card = open_card("trust-onboard", "fault=flip-signature&"
							"pin-env=TOB_PIN");
	iotsafe_key *key = open_key(card, "label=signing");
	uint8_t hash[32] = {3}, *out;
	size_t size;

	give_pin(card, "applet=mias 0000");
	expect_error(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size),
		IOTSAFE_ERR_VERIFY,
		"PSO COMPUTE SIGNATURE: the card's signature does not verify");
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

/* ---- the Available key ---- */

static size_t times_in_error(const char *words)
{
	const char *at = iotsafe_last_error();
	size_t count = 0;

	while ((at = strstr(at, words)) != NULL) {
		at += strlen(words);
		count++;
	}
	return count;
}

Test(tob, available_key_is_read_trimmed_and_signs_here)
{
	iotsafe_card *card =
		open_card("trust-onboard", "quirk=key-nul%3D3&pin-env=TOB_PIN");
	iotsafe_key *key;
	uint8_t hash[32] = {3}, *out, *der;
	gnutls_x509_privkey_t private;
	gnutls_datum_t data;
	uint64_t signatures;
	size_t size;

	give_pin(card, "applet=mias 0000");
	key = open_key(card, "label=available");
	signatures = iotsafe_card_counter(card, IOTSAFE_SIGNATURES);
	expect_good(iotsafe_key_sign(key, IOTSAFE_RSA_PSS_SHA256, hash, 32,
				     &out, &size));
	iotsafe_free(out);
	expect_good(iotsafe_key_sign(key, IOTSAFE_RSA_PKCS1_SHA256, hash, 32,
				     &out, &size));
	cr_assert(eq(sz, size, 256));
	iotsafe_free(out);
	cr_assert(eq(u64, iotsafe_card_counter(card, IOTSAFE_SIGNATURES),
		     signatures));
	expect_good(iotsafe_key_export(key, &der, &size));
	data = (gnutls_datum_t){der, (unsigned)size};
	gnutls_x509_privkey_init(&private);
	cr_assert(gnutls_x509_privkey_import(private, &data,
					     GNUTLS_X509_FMT_DER) >= 0);
	gnutls_x509_privkey_deinit(private);
	iotsafe_free(der);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

Test(tob, available_key_that_is_noise_is_told_so)
{
	iotsafe_card *card =
		open_card("trust-onboard", "fault=noise-key&pin-env=TOB_PIN");
	uint8_t hash[32] = {3}, *out;
	iotsafe_key *key;
	size_t size;

	give_pin(card, "applet=mias 0000");
	key = open_key(card, "label=available");
	expect_error(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size),
		IOTSAFE_ERR_FORMAT, "private key: ");
	cr_assert(eq(sz, times_in_error("(key \"available\")"), 1));
	expect_error(iotsafe_key_export(key, &out, &size), IOTSAFE_ERR_FORMAT,
		     "key \"available\"");
	cr_assert(eq(sz, times_in_error("(key \"available\")"), 1));
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

static const char *const preview_has_its_key_in_a_padded_file_rows[] = {
	"quirk=file-pad%3D20&pin-env=TOB_PIN",
	"quirk=file-pad%3D20,size-tag&pin-env=TOB_PIN",
	"quirk=file-pad%3D20,cut-256&pin-env=TOB_PIN",
};

ParameterizedTestParameters(tob, preview_has_its_key_in_a_padded_file)
{
	return count_to(COUNT_OF(preview_has_its_key_in_a_padded_file_rows));
}

ParameterizedTest(int *index, tob, preview_has_its_key_in_a_padded_file)
{
	iotsafe_card *card =
		open_card("trust-onboard-preview",
			  preview_has_its_key_in_a_padded_file_rows[*index]);
	uint8_t hash[32] = {3}, *out;
	iotsafe_key *key;
	size_t size;

	give_pin(card, "applet=mf 1111");
	key = open_key(card, "applet=mf");
	expect_good(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size));
	iotsafe_free(out);
	expect_good(iotsafe_key_certificate(key, 0, &out, &size));
	iotsafe_free(out);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

/* ---- decryption ---- */

static void encrypt(iotsafe_key *key, const char *text, size_t text_size,
		    gnutls_datum_t *out)
{
	gnutls_datum_t plain = {(unsigned char *)strndup(text, text_size),
				(unsigned)text_size};
	gnutls_pubkey_t pubkey;
	gnutls_datum_t spki;
	uint8_t *der;
	size_t size;

	expect_good(iotsafe_key_public_key(key, &der, &size));
	spki = (gnutls_datum_t){der, (unsigned)size};
	gnutls_pubkey_init(&pubkey);
	cr_assert(gnutls_pubkey_import(pubkey, &spki, GNUTLS_X509_FMT_DER) >=
		  0);
	cr_assert(gnutls_pubkey_encrypt_data(pubkey, 0, &plain, out) >= 0);
	gnutls_pubkey_deinit(pubkey);
	iotsafe_free(der);
	free(plain.data);
}

static const char *const decrypts_rows[][2] = {
	{"", "label=signing"},
	{"&quirk=decipher-waits", "label=signing"},
	{"&quirk=direct", "label=signing"},
	{"", "label=available"},
};

ParameterizedTestParameters(tob, decrypts)
{
	return count_to(COUNT_OF(decrypts_rows));
}

ParameterizedTest(int *index, tob, decrypts)
{
	const char *const *row = decrypts_rows[*index];
	char attributes[128] = "pin-env=TOB_PIN";
	gnutls_privkey_t privkey;
	gnutls_datum_t cryptogram, plain;
	iotsafe_card *card;
	iotsafe_key *key;
	uint8_t *out;
	size_t size;

	strcat(attributes, row[0]);
	card = open_card("trust-onboard", attributes);
	give_pin(card, "applet=mias 0000");
	key = open_key(card, row[1]);
	encrypt(key, "premaster", 9, &cryptogram);
	expect_good(iotsafe_key_decrypt(key, cryptogram.data, cryptogram.size,
					&out, &size));
	cr_assert(size == 9 && !memcmp(out, "premaster", 9));
	iotsafe_free(out);
	/* And through GnuTLS. */
	gnutls_privkey_init(&privkey);
	expect_good(iotsafe_key_import(key, privkey));
	cr_assert(gnutls_privkey_decrypt_data(privkey, 0, &cryptogram,
					      &plain) >= 0);
	cr_assert(plain.size == 9 && !memcmp(plain.data, "premaster", 9));
	gnutls_free(plain.data);
	gnutls_privkey_deinit(privkey);
	gnutls_free(cryptogram.data);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

/* PKCS#1 v1.5 takes 11 bytes of 256 at least. */
static const char *const text_may_be_of_any_length_rows[][2] = {
	{"", "label=signing"},
	{"&quirk=decipher-waits", "label=signing"},
	{"&quirk=direct", "label=signing"},
	{"&quirk=cut-256", "label=signing"},
	{"&quirk=cut-256,direct", "label=signing"},
	{"&quirk=cut-256,wrong-length", "label=signing"},
	{"&quirk=cut-256,decipher-waits", "label=signing"},
	{"&quirk=cut-256,no-csim", "label=signing"},
	{"", "label=available"},
};

ParameterizedTestParameters(tob, text_may_be_of_any_length)
{
	return count_to(COUNT_OF(text_may_be_of_any_length_rows));
}

ParameterizedTest(int *index, tob, text_may_be_of_any_length)
{
	const char *const *row = text_may_be_of_any_length_rows[*index];
	static const size_t sizes[] = {0, 1, 128, 245, 0};
	char attributes[128] = "pin-env=TOB_PIN", text[245];
	gnutls_datum_t cryptogram;
	iotsafe_card *card;
	iotsafe_key *key;
	uint8_t *out;
	size_t size;

	memset(text, 'x', sizeof(text));
	strcat(attributes, row[0]);
	card = open_card("trust-onboard", attributes);
	give_pin(card, "applet=mias 0000");
	key = open_key(card, row[1]);
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		encrypt(key, text, sizes[i], &cryptogram);
		expect_good(iotsafe_key_decrypt(key, cryptogram.data,
						cryptogram.size, &out, &size));
		cr_assert(eq(sz, size, sizes[i]));
		cr_assert(memcmp(out, text, size) == 0);
		iotsafe_free(out);
		gnutls_free(cryptogram.data);
	}
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

Test(tob, refuses_to_decrypt_what_cannot_be_and_with_what_cannot)
{
	iotsafe_card *card =
		open_card("trust-onboard", "quirk=sign-only&pin-env=TOB_PIN");
	uint8_t bytes[258] = {1}, *out;
	iotsafe_key *key = open_key(card, "label=signing");
	size_t size;

	expect_error(iotsafe_key_decrypt(key, bytes, 256, &out, &size),
		     IOTSAFE_ERR_SUPPORT, "does not decrypt");
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	card = open_card("trust-onboard", "pin-env=TOB_PIN");
	give_pin(card, "applet=mias 0000");
	key = open_key(card, "label=signing");
	expect_error(iotsafe_key_decrypt(key, bytes, 255, &out, &size),
		     IOTSAFE_ERR_ARG, "255 bytes, the key wants 256");
	iotsafe_key_free(key);
	key = open_key(card, "label=available");
	for (size_t wrong = 0; wrong < 258; wrong += wrong == 255 ? 2 : 1)
		expect_error(
			iotsafe_key_decrypt(key, bytes, wrong, &out, &size),
			IOTSAFE_ERR_ARG, "bytes, the key wants 256");
	expect_error(iotsafe_key_decrypt(key, bytes, 256, &out, &size),
		     IOTSAFE_ERR_VERIFY, "cannot decrypt this");
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}
