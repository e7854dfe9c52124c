// SPDX-License-Identifier: LGPL-2.1-or-later
/* What survives a restart, a crash in the middle, and a broken file. */
#include "bench.h"

#include "../pki.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

static char directory[64];
static struct bench b;

static void setup(void)
{
	strcpy(directory, "/tmp/sim-store-XXXXXX");
	mkdtemp(directory);
	rmdir(directory); /* the store makes it */
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
	nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(store, .init = setup, .fini = teardown);

static const char *path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static bool open_card(const char *profile, const char *faults)
{
	return bench_open_store(&b, profile, NULL, faults, directory);
}

static unsigned int mode_of(const char *name)
{
	struct stat there;

	return stat(path_of(name), &there) == 0 ? there.st_mode & 0777 : 0;
}

/* The public key 01 and the certificate's first bytes. */
static void identity(char *text, size_t size)
{
	bench_select(&b);
	snprintf(text, size, "%.150s%s", bench_fetch(&b, "81CD000003850101"),
		 "");
	strncat(text, bench_fetch(&b, "81B0000003830102"),
		size - strlen(text) - 1);
}

Test(store, keeps_keys_and_certificates_over_a_restart)
{
	char first[1024], second[1024];
	uint8_t iccid[ICCID_SIZE];

	cr_assert(open_card("gsma", NULL));
	identity(first, sizeof(first));
	memcpy(iccid, b.personal.iccid, sizeof(iccid));
	bench_close(&b);
	cr_assert(open_card("gsma", NULL));
	identity(second, sizeof(second));
	cr_assert_str_eq(first, second);
	cr_assert_arr_eq(iccid, b.personal.iccid, sizeof(iccid));
	bench_close(&b);
}

Test(store, is_private)
{
	cr_assert(open_card("gsma", NULL));
	bench_close(&b);
	cr_assert_eq(mode_of(""), 0700);
	cr_assert_eq(mode_of("gsma"), 0700);
	cr_assert_eq(mode_of("gsma/key-01.pem"), 0600);
	cr_assert_eq(mode_of("ca-key.pem"), 0600);
	cr_assert_neq(mode_of("ca.pem"), 0);
	cr_assert_neq(mode_of("client.pem"), 0);
}

Test(store, keeps_a_key_made_on_the_card_unless_it_is_volatile)
{
	char made[512];

	cr_assert(open_card("zariot", NULL));
	bench_select(&b);
	cr_assert_str_eq(bench_fetch(&b, "81CD0000058503303032"), "6985");
	strcpy(made, bench_fetch(&b, "81B90000058403303031"));
	bench_fetch(&b, "81B90000058403303033");
	bench_close(&b);
	cr_assert_eq(access(path_of("zariot/key-303031.pem"), F_OK), 0);
	cr_assert_eq(access(path_of("zariot/key-303033.pem"), F_OK), -1);
	cr_assert(open_card("zariot", NULL));
	bench_select(&b);
	cr_assert_str_eq(bench_fetch(&b, "81CD0000058503303032"), made + 20);
	cr_assert_str_eq(bench_fetch(&b, "81CD0000058503303034"), "6985");
	bench_close(&b);
}

Test(store, ignores_what_a_crash_left_behind)
{
	char first[1024], second[1024];
	FILE *file;

	cr_assert(open_card("gsma", NULL));
	identity(first, sizeof(first));
	bench_close(&b);
	file = fopen(path_of("gsma/.key-01.pem.new"), "w");
	fputs("-----BEGIN PRIV", file);
	fclose(file);
	cr_assert(open_card("gsma", NULL));
	identity(second, sizeof(second));
	cr_assert_str_eq(first, second);
	bench_close(&b);
}

/* The disk is full in the middle of a key: the old one stays. */
Test(store, keeps_the_old_key_when_the_new_one_cannot_be_written)
{
	char first[256], second[256];
	struct rlimit limit = {16, RLIM_INFINITY};

	cr_assert(open_card("zariot", NULL));
	bench_select(&b);
	bench_fetch(&b, "81B90000058403303031");
	strcpy(first, bench_fetch(&b, "81CD0000058503303032"));
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
	cr_assert_str_eq(bench_fetch(&b, "81B90000058403303031"), "6F00");
	limit.rlim_cur = RLIM_INFINITY;
	setrlimit(RLIMIT_FSIZE, &limit);
	cr_assert_str_eq(bench_fetch(&b, "81CD0000058503303032"), first);
	bench_close(&b);
	cr_assert_eq(access(path_of("zariot/.key-303031.pem.new"), F_OK), -1);
	cr_assert(open_card("zariot", NULL));
	bench_select(&b);
	strcpy(second, bench_fetch(&b, "81CD0000058503303032"));
	cr_assert_str_eq(first, second);
	bench_close(&b);
}

/* After each single lost file the card opens and its chain is whole again. */
Test(store, mends_what_is_missing)
{
	static const char *const files[] = {
		"gsma/file-02.der", "gsma/key-01.pem", "gsma/iccid",
		"client.pem",	    "ca.pem",	       "intermediate.pem"};

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		cr_assert(open_card("gsma", NULL));
		bench_close(&b);
		cr_assert_eq(unlink(path_of(files[i])), 0, "%s", files[i]);
		cr_assert(open_card("gsma", NULL), "%s", files[i]);
		bench_close(&b);
		cr_assert_eq(access(path_of(files[i]), F_OK), 0, "%s",
			     files[i]);
	}
}

Test(store, refuses_broken_files_and_leaves_them)
{
	static const char *const files[] = {"gsma/key-01.pem", "gsma/iccid",
					    "ca.pem", "intermediate-key.pem",
					    "gsma/file-02.der"};

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		FILE *file;

		cr_assert(open_card("gsma", NULL));
		bench_close(&b);
		file = fopen(path_of(files[i]), "w");
		fputs("broken", file);
		fclose(file);
		cr_assert_not(open_card("gsma", NULL), "%s", files[i]);
		cr_assert_eq(access(path_of(files[i]), F_OK), 0);
		teardown();
	}
}

Test(store, is_not_changed_by_faults)
{
	char first[1024], second[1024];

	cr_assert(open_card("gsma", NULL));
	identity(first, sizeof(first));
	bench_close(&b);
	cr_assert(open_card("gsma", "wrong-certificate"));
	identity(second, sizeof(second));
	cr_assert_str_neq(first, second);
	bench_close(&b);
	cr_assert(open_card("gsma", "no-key,no-certificate"));
	bench_close(&b);
	cr_assert(open_card("gsma", NULL));
	identity(second, sizeof(second));
	cr_assert_str_eq(first, second);
	bench_close(&b);
}

static X509 *first_certificate(const char *name)
{
	FILE *file = fopen(path_of(name), "r");
	X509 *cert = PEM_read_X509(file, NULL, NULL, NULL);

	fclose(file);
	return cert;
}

static int verify(const char *leaf, int purpose, const char *host)
{
	X509_STORE *roots = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	STACK_OF(X509) *between = sk_X509_new_null();
	X509 *cert = first_certificate(leaf);
	X509 *root = first_certificate("ca.pem");
	int good;

	sk_X509_push(between, first_certificate("intermediate.pem"));
	X509_STORE_add_cert(roots, root);
	X509_STORE_CTX_init(ctx, roots, cert, between);
	X509_STORE_CTX_set_purpose(ctx, purpose);
	if (host != NULL)
		X509_VERIFY_PARAM_set1_host(X509_STORE_CTX_get0_param(ctx),
					    host, 0);
	good = X509_verify_cert(ctx);
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(roots);
	sk_X509_pop_free(between, X509_free);
	X509_free(cert);
	X509_free(root);
	return good;
}

Test(store, has_a_client_that_the_authority_vouches_for)
{
	cr_assert(open_card("quantag", NULL));
	bench_close(&b);
	cr_assert_eq(verify("client.pem", X509_PURPOSE_SSL_CLIENT, NULL), 1);
	cr_assert_eq(verify("client.pem", X509_PURPOSE_SSL_SERVER, NULL), 0);
}

Test(store, makes_a_server_of_the_names_given)
{
	static const char *const names[] = {"one.example", "127.0.0.1"};
	static const char *const bad[] = {"a,DNS:b"};
	struct store store;

	cr_assert(store_open(&store, directory));
	cr_assert(pki_make_server(&store, names, 2));
	cr_assert_not(pki_make_server(&store, bad, 1));
	store_close(&store);
	cr_assert_eq(
		verify("server.pem", X509_PURPOSE_SSL_SERVER, "one.example"),
		1);
	cr_assert_eq(
		verify("server.pem", X509_PURPOSE_SSL_SERVER, "two.example"),
		0);
	cr_assert_eq(verify("server.pem", X509_PURPOSE_SSL_CLIENT, NULL), 0);
	cr_assert_eq(mode_of("server-key.pem"), 0600);
	/* and a card of the same store has the same authority */
	cr_assert(open_card("gsma", NULL));
	bench_close(&b);
	cr_assert_eq(verify("client.pem", X509_PURPOSE_SSL_CLIENT, NULL), 1);
}

Test(store, serves_several_profiles_with_one_authority)
{
	static const char *const profiles[] = {"gsma",	  "zariot", "thales",
					       "quantag", "full",   "rsa",
					       "ntt",	  "odd"};

	for (size_t i = 0; i < sizeof(profiles) / sizeof(*profiles); i++) {
		cr_assert(open_card(profiles[i], NULL));
		bench_select(&b);
		bench_close(&b);
		cr_assert_eq(
			verify("client.pem", X509_PURPOSE_SSL_CLIENT, NULL), 1,
			"%s", profiles[i]);
	}
}

Test(store, keeps_rsa_keys_put_keys_and_secrets)
{
	char rsa[700], put[256], secret[80];

	cr_assert(open_card("full", NULL));
	bench_select(&b);
	strcpy(rsa, bench_do(&b, "81CD0000", "850108"));
	cr_assert_eq(strncmp(rsa,
			     "3482010D"
			     "49820109"
			     "81820100",
			     24),
		     0);
	cr_assert_eq(strlen(rsa), 2 * 273 + 4);
	snprintf(put, sizeof(put), "%.142s",
		 bench_do(&b, "81CD0000", "85010B"));
	bench_do(&b, "81240003", "85010D");
	cr_assert_str_eq(bench_do(&b, "81D88003", put), "9000");
	bench_do(&b, "81240003", "850106");
	cr_assert_str_eq(bench_do(&b, "81D88003", put), "9000");
	strcpy(secret, bench_do(&b, "814A0000", "860101 D50101 91020001"));
	bench_close(&b);
	cr_assert(open_card("full", NULL));
	bench_select(&b);
	cr_assert_str_eq(bench_do(&b, "81CD0000", "850108"), rsa);
	cr_assert_eq(strncmp(bench_do(&b, "81CD0000", "85010D"), put, 142), 0);
	/* a volatile slot is empty again */
	cr_assert_str_eq(bench_do(&b, "81CD0000", "850106"), "6985");
	cr_assert_str_eq(bench_do(&b, "814A0000", "860101 D50101 91020001"),
			 secret);
	bench_close(&b);
}

/* "psk:" and the 32 bytes of the key, for its owner alone. */
Test(store, tells_a_test_server_the_secret)
{
	static const uint8_t id = 0x01;
	struct tlv name = {.tag = 0x86, .value = view_of(&id, 1)};
	char hex[65], expected[80], text[80] = "";
	const struct object *secret;
	FILE *file;

	cr_assert(open_card("psk", NULL));
	secret = personal_find(&b.personal, CLASS_SECRET, &name);
	cr_assert_eq(secret->content_size, 32);
	hex_encode(secret->content, 32, hex);
	snprintf(expected, sizeof(expected), "psk:%s\n", hex);
	bench_close(&b);
	file = fopen(path_of("psk.txt"), "r");
	fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	cr_assert_str_eq(text, expected);
	cr_assert_eq(mode_of("psk.txt"), 0600);
}
