// SPDX-License-Identifier: LGPL-2.1-or-later
/* Objects of a user's own: loaded all or none, whatever the power does. */
#include "bench.h"

#include "../personalise.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#define WORDS_MAX 40

static char folder[64], store[80];
static EVP_PKEY *own;
static struct bench b;

static const char *path_of(const char *name)
{
	static char paths[8][128];
	static size_t next;
	char *path = paths[next++ % 8];

	snprintf(path, 128, "%s/%s", folder, name);
	return path;
}

static void write_text(const char *name, const char *text)
{
	FILE *file = fopen(path_of(name), "w");

	fputs(text, file);
	fclose(file);
}

static void write_key(const char *name, EVP_PKEY *key)
{
	FILE *file = fopen(path_of(name), "w");

	PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
	fclose(file);
	file = fopen(path_of("public.pem"), "w");
	PEM_write_PUBKEY(file, key);
	fclose(file);
}

static X509 *certificate(EVP_PKEY *key)
{
	X509 *cert = X509_new();

	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 7);
	X509_gmtime_adj(X509_getm_notBefore(cert), -60);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN",
				   MBSTRING_ASC, (const uint8_t *)"own", -1, -1,
				   0);
	X509_set_issuer_name(cert, X509_get_subject_name(cert));
	X509_set_pubkey(cert, key);
	X509_sign(cert, key, EVP_sha256());
	return cert;
}

static void write_certificate(void)
{
	X509 *cert = certificate(own);
	FILE *file = fopen(path_of("cert.pem"), "w");

	PEM_write_X509(file, cert);
	fclose(file);
	file = fopen(path_of("cert.der"), "w");
	i2d_X509_fp(file, cert);
	fclose(file);
	X509_free(cert);
}

static void setup(void)
{
	strcpy(folder, "/tmp/sim-personal-XXXXXX");
	mkdtemp(folder);
	snprintf(store, sizeof(store), "%s/store", folder);
	own = EVP_EC_gen("P-256");
	write_key("key.pem", own);
	write_certificate();
	write_text("config.json", "{\"port\": 1}");
	write_text("empty", "");
	cr_redirect_stderr();
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static void teardown(void)
{
	EVP_PKEY_free(own);
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(personalise, .init = setup, .fini = teardown);

/* The exit code of `iotsafe-sim personalise --store STORE` and these words; a
 * word with a slash before it is a file of the folder. */
static int load(const char *first, ...)
{
	char *words[WORDS_MAX] = {strdup("personalise"), strdup("--store"),
				  strdup(store)};
	int count = 3;
	va_list list;
	int code;

	va_start(list, first);
	for (const char *word = first; word != NULL;
	     word = va_arg(list, const char *))
		words[count++] =
			strdup(*word == '/' ? path_of(word + 1) : word);
	va_end(list);
	code = personalise(count, words);
	for (int i = 0; i < count; i++)
		free(words[i]);
	return code;
}

static void open_card(const char *profile)
{
	cr_assert(bench_open_store(&b, profile, NULL, NULL, store));
	bench_select(&b);
}

#define does(header, data, expected)                                           \
	cr_assert_str_eq(bench_do(&b, header, data), expected)

/* What READ PUBLIC KEY must say of this key. */
static const char *answer_of(EVP_PKEY *key)
{
	static char text[256];
	uint8_t point[65];
	char hex[131];
	size_t size;

	EVP_PKEY_get_octet_string_param(key, "pub", point, sizeof(point),
					&size);
	hex_encode(point, size, hex);
	snprintf(text, sizeof(text), "344549438641%s9000", hex);
	return text;
}

Test(personalise, loads_every_kind_of_object)
{
	cr_assert_eq(load("--key", "/key.pem", "--id", "01", "--certificate",
			  "/cert.pem", "--id", "02", "--label", "own-cert",
			  "--file", "/config.json", "--id", "0f0f", "--label",
			  "config", "--secret", "00112233", "--id", "01",
			  "--label", "psk", "--ca", "/cert.der", "--id", "20",
			  "--ca", "/public.pem", "--id", "21", "--cmac-key",
			  "2B7E151628AED2A6ABF7158809CF4F3C", "--id", "02",
			  NULL),
		     0);
	open_card("gsma");
	does("81CD0000", "850101", answer_of(own));
	does("81CD0000", "850120", answer_of(own));
	does("81CD0000", "850121", answer_of(own));
	does("81B00000", "83020F0F", "7B22706F7274223A20317D9000");
	does("81B00000", "7306636F6E666967", "7B22706F7274223A20317D9000");
	cr_assert_eq(
		strlen(bench_do(&b, "814A0000", "760370736B D50101 91020001")),
		68);
	does("812A0001", "860102 A10101 920108", "9000");
	does("812B8001", "9F10 6BC1BEE22E409F96E93D7E117393172A",
	     "3310070A16B46B4D4144F79BDD9DD04A287C9000");
	/* the label of the profile stays where none is given */
	cr_assert_not_null(
		strstr(bench_do(&b, "81CBC100", "840101"), "7406636C69656E74"));
	cr_assert_not_null(strstr(bench_do(&b, "81CBC300", "830102"),
				  "73086F776E2D63657274"));
	bench_close(&b);
}

Test(personalise, keeps_what_was_loaded_before)
{
	EVP_PKEY *other = EVP_EC_gen("brainpoolP256r1");

	write_key("other.pem", other);
	cr_assert_eq(load("--profile", "blank", "--key", "/key.pem", "--id",
			  "AB", NULL),
		     0);
	cr_assert_eq(load("--profile", "blank", "--key", "/other.pem", "--id",
			  "AC", NULL),
		     0);
	open_card("blank");
	does("81CD0000", "8501AB", answer_of(own));
	does("81CD0000", "8501AC", answer_of(other));
	cr_assert_eq(b.personal.object_count, 4);
	bench_close(&b);
	cr_assert_eq(load("--profile", "blank", "--key", "/other.pem", "--id",
			  "AB", NULL),
		     0);
	open_card("blank");
	does("81CD0000", "8501AB", answer_of(other));
	cr_assert_eq(b.personal.object_count, 4);
	bench_close(&b);
	EVP_PKEY_free(other);
}

/* ZARIOT's public key has another id than its private key. */
Test(personalise, puts_the_public_key_where_the_profile_has_it)
{
	cr_assert_eq(load("--profile", "zariot", "--key", "/key.pem", "--id",
			  "303036", NULL),
		     0);
	open_card("zariot");
	does("81CD0000", "8503303037", answer_of(own));
	does("81CD0000", "8503303036", "6A80");
	bench_close(&b);
}

/* A client certificate of the store that was for the old key is made again. */
Test(personalise, leaves_no_certificate_of_the_old_key)
{
	X509 *cert;
	FILE *file;

	open_card("gsma");
	bench_close(&b);
	cr_assert_eq(load("--key", "/key.pem", "--id", "01", NULL), 0);
	open_card("gsma");
	bench_close(&b);
	file = fopen(path_of("store/client.pem"), "r");
	cert = PEM_read_X509(file, NULL, NULL, NULL);
	fclose(file);
	cr_assert_eq(EVP_PKEY_eq(X509_get0_pubkey(cert), own), 1);
	X509_free(cert);
}

static char *contents(const char *name, size_t *size)
{
	static char text[2][0x8000];
	static size_t next;
	char *at = text[next++ % 2];
	FILE *file = fopen(path_of(name), "r");

	*size = 0;
	if (file == NULL)
		return at;
	*size = fread(at, 1, sizeof(text[0]), file);
	fclose(file);
	return at;
}

Test(personalise, changes_nothing_when_anything_is_wrong)
{
	size_t before, after;
	char *old;

	cr_assert_eq(load("--key", "/key.pem", "--id", "01", NULL), 0);
	old = contents("store/gsma/personal", &before);
	cr_assert_gt(before, 0);
	cr_assert_eq(load(NULL, NULL), 2);
	cr_assert_eq(load("--key", "/key.pem", NULL), 2);
	cr_assert_eq(load("--id", "01", NULL), 2);
	cr_assert_eq(load("--label", "x", NULL), 2);
	cr_assert_eq(load("--key", "/key.pem", "--id", "0", NULL), 2);
	cr_assert_eq(load("--key", "/key.pem", "--id", "", NULL), 2);
	cr_assert_eq(load("--key", "/key.pem", "--id",
			  "000102030405060708090A0B0C0D0E0F1011121314", NULL),
		     2);
	cr_assert_eq(
		load("--key", "/key.pem", "--id", "02", "--label", "", NULL),
		2);
	cr_assert_eq(load("--key", "/key.pem", "--certificate", "/cert.pem",
			  "--id", "02", NULL),
		     2);
	cr_assert_eq(load("--profile", "none", NULL), 2);
	cr_assert_eq(load("--nonsense", NULL), 2);
	cr_assert_eq(load("word", NULL), 2);
	cr_assert_eq(load("--key", "/absent", "--id", "02", NULL), 1);
	cr_assert_eq(load("--key", "/cert.pem", "--id", "02", NULL), 1);
	cr_assert_eq(load("--certificate", "/key.pem", "--id", "02", NULL), 1);
	cr_assert_eq(load("--ca", "/config.json", "--id", "02", NULL), 1);
	cr_assert_eq(load("--file", "/empty", "--id", "02", NULL), 1);
	cr_assert_eq(load("--secret", "0", "--id", "02", NULL), 1);
	cr_assert_eq(load("--cmac-key", "00", "--id", "02", NULL), 1);
	/* the second is wrong, so the first is not loaded; a label that is
	 * taken */
	cr_assert_eq(load("--file", "/config.json", "--id", "11", "--file",
			  "/absent", "--id", "12", NULL),
		     1);
	cr_assert_eq(load("--file", "/config.json", "--id", "11", "--label",
			  "ca", NULL),
		     1);
	cr_assert_arr_eq(contents("store/gsma/personal", &after), old, before);
	cr_assert_eq(before, after);
}

Test(personalise, refuses_a_broken_file_and_leaves_it)
{
	static const char *const broken[] = {
		"",
		"broken",
		"iotsafe-sim personal 1\nkey 01 - \n",
		"iotsafe-sim personal 1\nkey 01 - 00\n",
		"iotsafe-sim personal 1\nfile 01 - 0\n",
		"iotsafe-sim personal 1\nfile 01 - 00",
		"iotsafe-sim personal 1\nfile  - 00\n",
		"iotsafe-sim personal 1\nfile 01 - 00 00\n",
		"iotsafe-sim personal 1\nthing 01 - 00\n",
		"iotsafe-sim personal 2\nfile 01 - 00\n"};

	cr_assert_eq(load("--key", "/key.pem", "--id", "01", NULL), 0);
	for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
		size_t size;

		write_text("store/gsma/personal", broken[i]);
		cr_assert_not(bench_open_store(&b, "gsma", NULL, NULL, store),
			      "%s", broken[i]);
		contents("store/gsma/personal", &size);
		cr_assert_eq(size, strlen(broken[i]));
	}
}

/* Runs `act` in a child whose power goes after `bytes`; its exit code. */
static int until_dark(int (*act)(size_t bytes), size_t bytes)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0)
		_exit(act(bytes));
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int load_two(size_t bytes)
{
	char fault[32];

	snprintf(fault, sizeof(fault), "power-cut=%zu", bytes);
	return load("--fault", fault, "--key", "/key.pem", "--id", "01",
		    "--file", "/config.json", "--id", "11", NULL);
}

Test(personalise, loses_nothing_whenever_the_power_goes)
{
	size_t before, after, bytes = 0;
	char *old;

	cr_assert_eq(load("--secret", "0011", "--id", "01", NULL), 0);
	old = contents("store/gsma/personal", &before);
	while (until_dark(load_two, bytes) == 3) {
		cr_assert_arr_eq(contents("store/gsma/personal", &after), old,
				 before, "after %zu bytes", bytes);
		cr_assert_eq(before, after);
		bytes++;
	}
	/* every byte of the file that was to be, and all of it in the end */
	contents("store/gsma/personal", &after);
	cr_assert_eq(bytes, after + 1);
	cr_assert_gt(after, before);
	open_card("gsma");
	does("81CD0000", "850101", answer_of(own));
	does("81B00000", "830111", "7B22706F7274223A20317D9000");
	bench_close(&b);
}

static int generate(size_t bytes)
{
	static struct bench card;
	char fault[32];

	snprintf(fault, sizeof(fault), "power-cut=%zu", bytes);
	if (!bench_open_store(&card, "zariot", NULL, NULL, store))
		return 1;
	store_cut(&card.store, bytes);
	bench_select(&card);
	bench_do(&card, "81B90000", "8403303031");
	bench_close(&card);
	return 0;
}

/* A key that is made anew is the old one or the new one, and whole. */
Test(personalise, keeps_a_key_of_the_card_whenever_the_power_goes)
{
	char old[256];
	size_t bytes = 0;

	open_card("zariot");
	bench_do(&b, "81B90000", "8403303031");
	snprintf(old, sizeof(old), "%s",
		 bench_do(&b, "81CD0000", "8503303032"));
	bench_close(&b);
	while (until_dark(generate, bytes) == 3) {
		open_card("zariot");
		does("81CD0000", "8503303032", old);
		bench_close(&b);
		bytes++;
	}
	cr_assert_gt(bytes, 200);
	open_card("zariot");
	cr_assert_str_neq(bench_do(&b, "81CD0000", "8503303032"), old);
	bench_close(&b);
}

static int first_start(size_t bytes)
{
	static struct bench card;
	char fault[32];

	snprintf(fault, sizeof(fault), "power-cut=%zu", bytes);
	if (!bench_open_store(&card, "psk", NULL, fault, store))
		return 1;
	bench_close(&card);
	return 0;
}

/* The first start goes on where the power left it. */
Test(personalise, goes_on_after_a_first_start_without_power, .timeout = 60)
{
	size_t bytes = 0;

	while (until_dark(first_start, bytes) == 3) {
		open_card("psk");
		cr_assert_eq(strlen(bench_do(&b, "814A0000",
					     "860101 D50101 91020001")),
			     68);
		bench_close(&b);
		nftw(store, remove_one, 8, FTW_DEPTH | FTW_PHYS);
		bytes += 29;
	}
	cr_assert_gt(bytes, 1000);
}
