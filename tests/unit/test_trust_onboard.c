/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trust Onboard on the software SIM: both applets, their keys and PINs, and
 * sessions with them. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <ftw.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <iotsafe/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tlspeer.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static char store[] = "/tmp/tob-XXXXXX";
static struct identity ca, server;

static int remove_one(const char *path, const struct stat *status, int type,
		      struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	return remove(path);
}

static void set_up(void)
{
	cr_assert(mkdtemp(store) != NULL);
	ca = identity_make((struct identity_wish){.name = "CA", .ca = true});
	server = identity_make((struct identity_wish){
		.name = "server", .issuer = &ca, .dns = "server.example"});
}

static void tear_down(void)
{
	identity_free(&ca);
	identity_free(&server);
	nftw(store, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

TestSuite(tob, .init = set_up, .fini = tear_down, .timeout = 120);

static void check(int line, int got, int wanted, const char *words)
{
	cr_assert(eq(int, got, wanted), "line %d: %s: %s", line,
		  iotsafe_error_name(got), iotsafe_last_error());
	if (words)
		cr_assert(strstr(iotsafe_last_error(), words) != NULL,
			  "line %d: %s", line, iotsafe_last_error());
}

#define expect_good(call)		check(__LINE__, (call), 0, NULL)
#define expect_error(call, code, words) check(__LINE__, (call), (code), (words))

/* Parameters go to other processes, where pointers mean nothing: tables stay
 * here. */
static struct criterion_test_params count_to(size_t count)
{
	static int numbers[16];

	for (int i = 0; i < 16; i++)
		numbers[i] = i;
	cr_assert(count <= COUNT_OF(numbers));
	return cr_make_param_array(int, numbers, count);
}

/* ---- cards ---- */

static iotsafe_card *open_card(const char *profile, const char *attributes)
{
	char address[512];
	iotsafe_card *card;

	snprintf(address, sizeof(address), "sim:%s?store=%s%s%s", profile,
		 store, *attributes ? "&" : "", attributes);
	expect_good(iotsafe_card_open(address, &card));
	return card;
}

/* A line for this card in the variable that pin-env= names. */
static void give_pin(iotsafe_card *card, const char *rest)
{
	char line[256];

	snprintf(line, sizeof(line), "# PINs\n%s 1234\n%s %s\n",
		 iotsafe_card_iccid(card), iotsafe_card_iccid(card), rest);
	setenv("TOB_PIN", line, 1);
}

static iotsafe_key *open_key(iotsafe_card *card, const char *name)
{
	iotsafe_key *key;

	expect_good(iotsafe_key_open(card, name, &key));
	return key;
}

static uint64_t exchanges(iotsafe_card *card)
{
	return iotsafe_card_counter(card, IOTSAFE_EXCHANGES);
}

static char *list_words(iotsafe_card *card, const char *name)
{
	static char words[2048];
	iotsafe_object *object;
	iotsafe_list *list;
	uint8_t *label;
	size_t size;

	words[0] = '\0';
	expect_good(iotsafe_card_list(card, name, &list));
	for (;;) {
		expect_good(iotsafe_list_next(list, &object));
		if (!object)
			break;
		expect_good(iotsafe_object_label(object, &label, &size));
		snprintf(words + strlen(words), sizeof(words) - strlen(words),
			 "%s %d %.*s%s\n", iotsafe_object_applet(object),
			 iotsafe_object_class(object), (int)size, label,
			 iotsafe_object_flags(object) & IOTSAFE_OBJECT_SOFTWARE
				 ? " software"
				 : "");
		iotsafe_free(label);
		iotsafe_object_free(object);
	}
	iotsafe_list_free(list);
	return words;
}

Test(tob, is_listed_with_its_applet_and_a_pin_names_the_rest)
{
	iotsafe_card *card = open_card("trust-onboard", "pin-env=TOB_PIN");
	static const char without[] = "mias 1 signing\n"
				      "mias 3 cmapfile\n"
				      "mias 3 signing\n"
				      "mias 3 available\n"
				      "mias 1 pridat00 software\n";
	static const char with[] = "mias 1 signing\n"
				   "mias 3 cmapfile\n"
				   "mias 3 signing\n"
				   "mias 3 available\n"
				   "mias 1 available software\n";
	int tries;

	unsetenv("TOB_PIN");
	cr_assert(eq(str, list_words(card, NULL), (char *)without));
	give_pin(card, "applet=mias 0000");
	cr_assert(eq(str, list_words(card, NULL), (char *)with));
	expect_good(iotsafe_card_pin_tries(card, "mias", &tries));
	cr_assert(tries == 3 || tries == -1);
	iotsafe_card_free(card);
}

Test(tob, of_2018_has_both_applets)
{
	iotsafe_card *card =
		open_card("trust-onboard-preview", "pin-env=TOB_PIN");
	static const char wanted[] = "mf 3 available\n"
				     "mf 1 available software\n"
				     "mf 3 signing\n";

	give_pin(card, "applet=mf 1111");
	cr_assert(eq(str, list_words(card, "applet=mf"), (char *)wanted));
	cr_assert(strstr(list_words(card, NULL), wanted) != NULL);
	expect_error(iotsafe_card_list(card, "applet=iotsafe", NULL),
		     IOTSAFE_ERR_ARG, NULL);
	iotsafe_card_free(card);
}

Test(tob, beside_iot_safe_leaves_the_identity_where_it_was)
{
	iotsafe_card *card =
		open_card("trust-onboard-iotsafe", "pin-env=TOB_PIN");
	iotsafe_object *object;
	iotsafe_key *key;
	uint64_t before = exchanges(card);

	give_pin(card, "applet=mias 0000");
	cr_assert(eq(u64, before, 3));
	key = open_key(card, NULL);
	expect_good(iotsafe_key_object(key, &object));
	cr_assert(eq(str, (char *)iotsafe_object_applet(object), "iotsafe"));
	iotsafe_object_free(object);
	iotsafe_key_free(key);
	/* One list: nobody has looked for another applet. */
	cr_assert(exchanges(card) - before <= 8, "%u exchanges",
		  (unsigned)(exchanges(card) - before));
	key = open_key(card, "label=signing");
	expect_good(iotsafe_key_object(key, &object));
	cr_assert(eq(str, (char *)iotsafe_object_applet(object), "mias"));
	cr_assert(eq(str, (char *)iotsafe_object_name(object),
		     "iotsafe:id=31;type=private;applet=mias"));
	iotsafe_object_free(object);
	iotsafe_key_free(key);
	cr_assert(strstr(list_words(card, NULL), "iotsafe 1 client\n") != NULL);
	cr_assert(strstr(list_words(card, NULL), "mias 1 signing\n") != NULL);
	expect_error(iotsafe_key_open(card, "applet=mf", &key),
		     IOTSAFE_ERR_ABSENT, "this SIM has no applet mf");
	expect_error(iotsafe_key_open(card, "applet=x", &key), IOTSAFE_ERR_ARG,
		     "none of iotsafe, mias, mf");
	iotsafe_card_free(card);
}

Test(tob, identity_is_ambiguous_and_named)
{
	iotsafe_card *card = open_card("trust-onboard", "pin-env=TOB_PIN");
	iotsafe_key *key;

	give_pin(card, "applet=mias 0000");
	expect_error(iotsafe_key_open(card, NULL, &key), IOTSAFE_ERR_AMBIGUOUS,
		     "id=31;type=private;applet=mias (\"signing\"), "
		     "id=0302;type=private;applet=mias (\"available\")");
	iotsafe_card_free(card);
	/* The same where nobody has the PIN. */
	unsetenv("TOB_PIN");
	card = open_card("trust-onboard", "");
	expect_error(iotsafe_key_open(card, NULL, &key), IOTSAFE_ERR_AMBIGUOUS,
		     "(\"pridat00\")");
	iotsafe_card_free(card);
}

/* ---- one channel for two applets ---- */

Test(tob, shares_the_only_channel_of_a_card)
{
	iotsafe_card *card =
		open_card("trust-onboard-iotsafe",
			  "quirk=max-channels%3D1&pin-env=TOB_PIN");
	uint8_t hash[32] = {1}, *out;
	iotsafe_key *client, *signing;
	size_t size;

	give_pin(card, "applet=mias 0000");
	client = open_key(card, NULL);
	signing = open_key(card, "applet=mias;label=signing");
	for (int i = 0; i < 2; i++) {
		expect_good(iotsafe_key_sign(client, IOTSAFE_SHA256, hash, 32,
					     &out, &size));
		iotsafe_free(out);
		expect_good(iotsafe_key_sign(signing, IOTSAFE_SHA256, hash, 32,
					     &out, &size));
		iotsafe_free(out);
	}
	iotsafe_key_free(client);
	iotsafe_key_free(signing);
	/* Its PIN is wanted to find it, and to read it. */
	signing = open_key(card, "applet=mias;label=available");
	expect_good(iotsafe_key_sign(signing, IOTSAFE_SHA256, hash, 32, &out,
				     &size));
	iotsafe_free(out);
	iotsafe_key_free(signing);
	iotsafe_card_free(card);
}

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

Test(tob, preview_has_its_key_in_a_padded_file)
{
	iotsafe_card *card = open_card("trust-onboard-preview",
				       "quirk=file-pad%3D20&pin-env=TOB_PIN");
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

static void encrypt(iotsafe_key *key, const char *text, gnutls_datum_t *out)
{
	gnutls_datum_t plain = {(unsigned char *)strdup(text),
				(unsigned)strlen(text)};
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
	encrypt(key, "premaster", &cryptogram);
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

/* ---- certificates ---- */

static unsigned chain_length(iotsafe_key *key)
{
	unsigned count = 0;
	uint8_t *out;
	size_t size;

	while (iotsafe_key_certificate(key, count, &out, &size) == 0) {
		iotsafe_free(out);
		count++;
	}
	return count;
}

Test(tob, chain_is_what_really_issued)
{
	iotsafe_card *card = open_card("trust-onboard", "pin-env=TOB_PIN");
	char bundle[64];
	iotsafe_key *key;

	snprintf(bundle, sizeof(bundle), "%s/trust-onboard-bundle.pem", store);
	give_pin(card, "applet=mias 0000");
	key = open_key(card, "label=available");
	cr_assert(eq(uint, chain_length(key), 2));
	expect_good(iotsafe_key_complete_chain(key, bundle));
	cr_assert(eq(uint, chain_length(key), 2));
	iotsafe_key_free(key);
	key = open_key(card, "label=signing");
	cr_assert(eq(uint, chain_length(key), 1));
	expect_error(iotsafe_key_complete_chain(key, "/nonexistent"),
		     IOTSAFE_ERR_IO, "/nonexistent");
	expect_good(iotsafe_key_complete_chain(key, bundle));
	cr_assert(eq(uint, chain_length(key), 2));
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	/* Behind the leaf stand the other identity's issuers. */
	card = open_card("trust-onboard", "quirk=wrong-chain&pin-env=TOB_PIN");
	give_pin(card, "applet=mias 0000");
	key = open_key(card, "label=available");
	cr_assert(eq(uint, chain_length(key), 1));
	expect_good(iotsafe_key_complete_chain(key, bundle));
	cr_assert(eq(uint, chain_length(key), 2));
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

static const char *const compressed_certificate_must_inflate_rows[] = {
	"fault=zlib-bomb", "fault=zlib-size%3D9", "fault=zlib-size%3D65535",
	"fault=zlib-cut"};

ParameterizedTestParameters(tob, compressed_certificate_must_inflate)
{
	return count_to(COUNT_OF(compressed_certificate_must_inflate_rows));
}

ParameterizedTest(int *index, tob, compressed_certificate_must_inflate)
{
	const char *const *row =
		&compressed_certificate_must_inflate_rows[*index];
	char attributes[128];
	iotsafe_file *file;
	iotsafe_card *card;
	uint8_t *out;
	size_t size;

	snprintf(attributes, sizeof(attributes), "quirk=kxc-zlib&%s", *row);
	card = open_card("trust-onboard", attributes);
	expect_good(iotsafe_file_open(card, "label=signing", &file));
	expect_error(iotsafe_file_read(file, &out, &size), IOTSAFE_ERR_FORMAT,
		     "its compressed form does not give");
	iotsafe_file_free(file);
	iotsafe_card_free(card);
}

static void read_leaf(const char *attributes, const char *name, uint8_t **out,
		      size_t *size)
{
	iotsafe_card *card = open_card("trust-onboard", attributes);
	iotsafe_key *key;

	give_pin(card, "applet=mias 0000");
	key = open_key(card, name);
	expect_good(iotsafe_key_certificate(key, 0, out, size));
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

Test(tob, certificate_is_verified_at_a_time)
{
	const int64_t in_2019 = 1560000000, in_2010 = 1262304000;
	char bundle[64];
	uint8_t *leaf;
	size_t size;

	snprintf(bundle, sizeof(bundle), "%s/trust-onboard-bundle.pem", store);
	read_leaf("pin-env=TOB_PIN", "label=signing", &leaf, &size);
	expect_good(iotsafe_certificate_verify(leaf, size, bundle, -1, 0));
	expect_error(iotsafe_certificate_verify(leaf, size, bundle, in_2010, 0),
		     IOTSAFE_ERR_UNTRUSTED, "is not valid before");
	expect_error(iotsafe_certificate_verify(leaf, size, bundle, -1, 2),
		     IOTSAFE_ERR_ARG, NULL);
	expect_error(iotsafe_certificate_verify(leaf, size / 2, bundle, -1, 0),
		     IOTSAFE_ERR_FORMAT, NULL);
	iotsafe_free(leaf);
	/* The first generation's issuers have expired. */
	read_leaf("pin-env=TOB_PIN&quirk=g1", "label=signing", &leaf, &size);
	expect_error(iotsafe_certificate_verify(leaf, size, bundle, -1, 0),
		     IOTSAFE_ERR_UNTRUSTED, "(CA) has expired on 20");
	expect_good(iotsafe_certificate_verify(
		leaf, size, bundle, -1, IOTSAFE_VERIFY_IGNORE_CA_EXPIRY));
	expect_good(iotsafe_certificate_verify(leaf, size, bundle, in_2019, 0));
	/* Never the device's own. */
	expect_error(
		iotsafe_certificate_verify(leaf, size, bundle, (int64_t)1 << 40,
					   IOTSAFE_VERIFY_IGNORE_CA_EXPIRY),
		IOTSAFE_ERR_UNTRUSTED, "(device) has expired");
	iotsafe_free(leaf);
	/* Another authority. */
	expect_error(iotsafe_certificate_verify(server.der.data,
						server.der.size, bundle, -1, 0),
		     IOTSAFE_ERR_UNTRUSTED, "ends without a root");
}

/* ---- bad input ---- */

static const char *const lie_is_told_by_name_rows[][3] = {
	{"fault=dir-count%3D5", "ERR_FORMAT", "do not hold the 5 entries"},
	{"fault=dir-count%3D255", "ERR_FORMAT", "do not hold the 255 entries"},
	{"fault=key-bits%3D1000", "ERR_FORMAT", "a key of 1000 bits"},
	{"fault=no-size", "ERR_FORMAT", "has no size (file 0002, containers)"},
	{"fault=fcp-size%3D65535", "ERR_FORMAT",
	 "65535 bytes are more than can be read"},
	{"fault=dir-id%3D4660", "ERR_FORMAT",
	 "its file pubdat00, 1234, is not on the card"},
	{"fault=dir-size%3D60000", "ERR_FORMAT",
	 "directory: 60000 bytes, the file has"},
	{"fault=value-size%3D20000", "ERR_FORMAT", "do not hold the value"},
};

ParameterizedTestParameters(tob, lie_is_told_by_name)
{
	return count_to(COUNT_OF(lie_is_told_by_name_rows));
}

ParameterizedTest(int *index, tob, lie_is_told_by_name)
{
	const char *const *row = lie_is_told_by_name_rows[*index];
	iotsafe_card *card = open_card("trust-onboard", row[0]);
	iotsafe_file *file = NULL;
	int result;
	uint8_t *out;
	size_t size;

	result = iotsafe_file_open(card, "label=available", &file);
	if (result >= 0)
		result = iotsafe_file_read(file, &out, &size);
	cr_assert(eq(str, (char *)iotsafe_error_name(result), (char *)row[1]),
		  "%s", iotsafe_last_error());
	cr_assert(strstr(iotsafe_last_error(), row[2]) != NULL, "%s",
		  iotsafe_last_error());
	iotsafe_file_free(file);
	iotsafe_card_free(card);
}

/* ---- PIN ---- */

static int tries_left(iotsafe_card *card, const char *applet)
{
	int tries;

	expect_good(iotsafe_card_pin_tries(card, applet, &tries));
	return tries;
}

Test(tob, pin_that_no_applet_can_have_is_not_sent)
{
	static const char long_pin[301] = {[0 ... 299] = '1'};
	static const char *const pins[] = {"",	     "123",    "123456789",
					   long_pin, "12\t34", NULL};
	iotsafe_card *card = open_card("trust-onboard", "");
	uint64_t before = exchanges(card);

	for (size_t i = 0; i < COUNT_OF(pins); i++) {
		expect_error(iotsafe_card_pin_verify(card, "mias", pins[i]),
			     IOTSAFE_ERR_ARG, "nothing was sent");
		expect_error(
			iotsafe_card_pin_change(card, "mias", pins[i], "0000"),
			IOTSAFE_ERR_ARG, "nothing was sent");
		expect_error(
			iotsafe_card_pin_change(card, "mias", "0000", pins[i]),
			IOTSAFE_ERR_ARG, "nothing was sent");
	}
	expect_error(iotsafe_card_pin_verify(card, "sim", "0000"),
		     IOTSAFE_ERR_ARG, "is no applet");
	cr_assert(eq(u64, exchanges(card), before));
	cr_assert(eq(int, tries_left(card, NULL), 3));
	iotsafe_card_free(card);
}

Test(tob, pin_is_verified_and_changed_in_both_applets)
{
	static const struct {
		const char *applet, *pin, *next;
	} rows[] = {{"mias", "0000", "a1B2c3D4"}, {"mf", "1111", "22222"}};
	iotsafe_card *card = open_card("trust-onboard-preview", "");

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const char *applet = rows[i].applet;

		expect_error(iotsafe_card_pin_verify(card, applet, "9999"),
			     IOTSAFE_ERR_PIN, "wrong PIN, 2 tries left");
		cr_assert(eq(uint, iotsafe_last_status(), 0x63C2));
		cr_assert(eq(int, tries_left(card, applet), 2));
		expect_good(iotsafe_card_pin_change(card, applet, rows[i].pin,
						    rows[i].next));
		expect_error(iotsafe_card_pin_verify(card, applet, rows[i].pin),
			     IOTSAFE_ERR_PIN, "wrong PIN");
		expect_good(
			iotsafe_card_pin_verify(card, applet, rows[i].next));
		expect_good(iotsafe_card_pin_change(card, applet, rows[i].next,
						    rows[i].pin));
	}
	iotsafe_card_free(card);
	card = open_card("gsma", "");
	expect_error(iotsafe_card_pin_verify(card, NULL, "0000"),
		     IOTSAFE_ERR_SUPPORT, "has none of its own");
	expect_error(iotsafe_card_pin_verify(card, "mias", "0000"),
		     IOTSAFE_ERR_ABSENT, "no applet mias");
	iotsafe_card_free(card);
}

Test(tob, wrong_pin_is_sent_once)
{
	iotsafe_card *card = open_card("trust-onboard", "pin-env=TOB_PIN");
	uint8_t hash[32] = {3}, *out;
	iotsafe_key *key = open_key(card, "label=signing");
	size_t size;

	give_pin(card, "applet=mias 9999");
	expect_error(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size),
		IOTSAFE_ERR_PIN, "wrong PIN");
	give_pin(card, "applet=mias 0000");
	expect_error(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size),
		IOTSAFE_ERR_PIN, "none is sent again");
	cr_assert(eq(int, tries_left(card, "mias"), 2));
	/* A list is one all the same. */
	cr_assert(strstr(list_words(card, NULL), "pridat00") != NULL);
	cr_assert(eq(int, tries_left(card, "mias"), 2));
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

/* What the first use of a key costs, by what is known of the PIN. */
static const struct {
	const char *quirk, *pin;
	bool given; /* to the card, past the library */
	unsigned exchanges;
} pin_goes_ahead_of_a_key_rows[] = {
	{"direct", "applet=mias 0000", false, 2 + 3},
	/* Asked, it says that it wants none. */
	{"direct", "applet=mias 9999", true, 1 + 3},
	/* The line is another applet's. */
	{"direct", "applet=mf 0000", true, 1 + 3},
	{"direct,no-tries", "applet=mias 0000", true, 1 + 3},
	{"direct,tob-tries%3D1", "applet=mias 0000", true, 1 + 3},
};

ParameterizedTestParameters(tob, pin_goes_ahead_of_a_key)
{
	return count_to(COUNT_OF(pin_goes_ahead_of_a_key_rows));
}

ParameterizedTest(int *index, tob, pin_goes_ahead_of_a_key)
{
	static const uint8_t verify[] = {0,   0x20, 0,	 0x81, 4,
					 '0', '0',  '0', '0'};
	char attributes[128];
	uint8_t hash[32] = {3}, *out;
	iotsafe_card *card;
	iotsafe_key *key;
	uint64_t before;
	size_t size;

	snprintf(attributes, sizeof(attributes), "pin-env=TOB_PIN&quirk=%s",
		 pin_goes_ahead_of_a_key_rows[*index].quirk);
	card = open_card("trust-onboard", attributes);
	give_pin(card, pin_goes_ahead_of_a_key_rows[*index].pin);
	key = open_key(card, "label=signing");
	expect_good(iotsafe_key_public_key(key, &out, &size));
	iotsafe_free(out);
	if (pin_goes_ahead_of_a_key_rows[*index].given) {
		expect_good(iotsafe_card_transact(card, verify, sizeof(verify),
						  &out, &size));
		iotsafe_free(out);
	}
	before = exchanges(card);
	expect_good(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size));
	iotsafe_free(out);
	cr_assert(eq(u64, exchanges(card) - before,
		     pin_goes_ahead_of_a_key_rows[*index].exchanges));
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

Test(tob, wrong_pin_of_a_list_is_told_with_the_tries)
{
	iotsafe_card *card = open_card("trust-onboard", "pin-env=TOB_PIN");
	iotsafe_list *list;

	give_pin(card, "applet=mias 9999");
	expect_error(iotsafe_card_list(card, NULL, &list), IOTSAFE_ERR_PIN,
		     "wrong PIN, 2 tries left");
	cr_assert(list == NULL);
	/* None is sent again: then it is a list without. */
	cr_assert(strstr(list_words(card, NULL), "pridat00") != NULL);
	cr_assert(eq(int, tries_left(card, "mias"), 2));
	iotsafe_card_free(card);
}

/* The first VERIFY asks for the tries, the second has the PIN. */
static const char *const pin_without_an_answer_is_told_as_that_rows[][2] = {
	{"fault=silence%3D20%401", "did not answer in time"},
	{"fault=silence%3D20%402",
	 "the card may have done it all the same, so it is not repeated"},
};

ParameterizedTestParameters(tob, pin_without_an_answer_is_told_as_that)
{
	return count_to(COUNT_OF(pin_without_an_answer_is_told_as_that_rows));
}

ParameterizedTest(int *index, tob, pin_without_an_answer_is_told_as_that)
{
	const char *const *row =
		pin_without_an_answer_is_told_as_that_rows[*index];
	char attributes[128];
	uint8_t hash[32] = {3}, *out;
	iotsafe_card *card;
	iotsafe_key *key;
	size_t size;

	snprintf(attributes, sizeof(attributes),
		 "pin-env=TOB_PIN&timeout=1500&%s", row[0]);
	card = open_card("trust-onboard", attributes);
	give_pin(card, "applet=mias 0000");
	key = open_key(card, "label=signing");
	expect_error(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size),
		IOTSAFE_ERR_TIMEOUT, row[1]);
	cr_assert(strncmp(iotsafe_last_error(), "VERIFY PIN: ", 12) == 0, "%s",
		  iotsafe_last_error());
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

/* With pin-blind=yes; and then too a wrong one only once. */
Test(tob, pin_is_sent_blindly_where_the_address_says_so)
{
	iotsafe_card *card =
		open_card("trust-onboard", "quirk=no-tries&pin-env=TOB_PIN&"
					   "pin-blind=yes");
	uint8_t hash[32] = {3}, *out;
	iotsafe_key *key = open_key(card, "label=signing");
	size_t size;

	give_pin(card, "applet=mias 0000");
	expect_good(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size));
	iotsafe_free(out);
	iotsafe_key_free(key);
	iotsafe_card_free(card);

	card = open_card("trust-onboard", "quirk=no-tries&pin-env=TOB_PIN&"
					  "pin-blind=yes&timeout=9999");
	key = open_key(card, "label=signing");
	give_pin(card, "applet=mias 9999");
	expect_error(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size),
		IOTSAFE_ERR_PIN, "wrong PIN");
	expect_error(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size),
		IOTSAFE_ERR_PIN, "none is sent again");
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

static const char *const pin_is_not_risked_rows[][3] = {
	{"quirk=tob-tries%3D1", "applet=mias 0000",
	 "has 1 try left: none is sent automatically"},
	{"quirk=tob-tries%3D0", "applet=mias 0000", "has 0 tries left"},
	{"quirk=no-tries", "applet=mias 0000",
	 "does not tell how many tries are left"},
	{"quirk=direct", "applet=mf 0000", "has none for the card"},
	{"quirk=direct", "0000", "has none for the card"},
	{"quirk=direct", "applet=mias 000", "no four to eight"},
};

ParameterizedTestParameters(tob, pin_is_not_risked)
{
	return count_to(COUNT_OF(pin_is_not_risked_rows));
}

ParameterizedTest(int *index, tob, pin_is_not_risked)
{
	const char *const *row = pin_is_not_risked_rows[*index];
	char attributes[128];
	uint8_t hash[32] = {3}, *out;
	iotsafe_card *card;
	iotsafe_key *key;
	size_t size;
	int result;

	snprintf(attributes, sizeof(attributes), "pin-env=TOB_PIN&%s", row[0]);
	card = open_card("trust-onboard", attributes);
	give_pin(card, row[1]);
	key = open_key(card, "label=signing");
	result = iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size);
	cr_assert(result < 0);
	if (result == IOTSAFE_ERR_PIN && !iotsafe_last_status())
		cr_assert(strstr(iotsafe_last_error(), row[2]) != NULL, "%s",
			  iotsafe_last_error());
	else
		cr_assert(result == IOTSAFE_ERR_PIN ||
				  result == IOTSAFE_ERR_ARG,
			  "%s", iotsafe_last_error());
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

static int give(void *self, const char *iccid, const char *applet, int tries,
		char *pin, size_t pin_size)
{
	unsigned *asked = self;

	cr_assert(strlen(iccid) >= 18 && tries >= 2 && pin_size >= 9);
	cr_assert(eq(str, (char *)applet, "mias"));
	++*asked;
	strcpy(pin, "0000");
	return 0;
}

/* The SIM's PIN 1 is another one: its function is not asked. */
static int never(void *self, const char *iccid, int tries, char *pin,
		 size_t pin_size)
{
	(void)self;
	(void)iccid;
	(void)tries;
	(void)pin;
	(void)pin_size;
	cr_assert(false, "the SIM's PIN is asked for");
	return -1;
}

Test(tob, pin_comes_from_the_applications_function_for_applets)
{
	iotsafe_card *card = open_card("trust-onboard", "");
	iotsafe_key *key = open_key(card, "label=signing");
	uint8_t hash[32] = {3}, *out;
	unsigned asked = 0;
	size_t size;

	iotsafe_pin_set(never, NULL);
	expect_error(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size),
		IOTSAFE_ERR_PIN, "the applet mias wants its PIN");
	iotsafe_pin_set_applet(give, &asked);
	expect_good(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size));
	iotsafe_free(out);
	expect_good(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size));
	iotsafe_free(out);
	cr_assert(eq(uint, asked, 1));
	iotsafe_pin_set(NULL, NULL);
	iotsafe_pin_set_applet(NULL, NULL);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
}

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

	snprintf(path, sizeof(path), "%s/trust-onboard-bundle.pem", store);
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
					     .server = &server,
					     .client_ca = &issuer});
	expect_good(iotsafe_tls_new(card, row->datagram, &tls));
	expect_good(iotsafe_tls_set_key(tls, row->name));
	expect_good(iotsafe_tls_set_server_name(tls, "server.example"));
	expect_good(iotsafe_tls_set_ca_data(tls, ca.der.data, ca.der.size));
	expect_good(iotsafe_tls_set_versions(tls, row->lowest, 0));
	expect_good(iotsafe_tls_set_priority(tls, row->priority));
	result = iotsafe_tls_handshake(tls, peer.fd, 30000);
	check(__LINE__, result, row->result, result ? row->words : NULL);
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

Test(tob, is_reached_by_urls)
{
	iotsafe_card *card = open_card("trust-onboard", "pin-env=TOB_PIN");
	gnutls_certificate_credentials_t cred;
	char cert[512], key[512];

	give_pin(card, "applet=mias 0000");
	snprintf(cert, sizeof(cert),
		 "iotsafe:applet=mias;label=signing;type=cert?card=sim:"
		 "trust-onboard?store=%s%%26pin-env=TOB_PIN",
		 store);
	snprintf(key, sizeof(key),
		 "iotsafe:applet=mias;label=signing;type=private?card=sim:"
		 "trust-onboard?store=%s%%26pin-env=TOB_PIN",
		 store);
	expect_good(iotsafe_gnutls_register());
	gnutls_certificate_allocate_credentials(&cred);
	cr_assert(gnutls_certificate_set_x509_key_file2(
			  cred, cert, key, GNUTLS_X509_FMT_PEM, NULL, 0) >= 0,
		  "%s", iotsafe_last_error());
	gnutls_certificate_free_credentials(cred);
	iotsafe_card_free(card);
}
