// SPDX-License-Identifier: LGPL-2.1-or-later
/* Trust Onboard: what a store keeps, takes, and leaves for servers. */
#include "bench.h"

#include <criterion/criterion.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509.h>

static struct bench b;
static uint8_t file[0x8000];
static size_t file_size;

static void read_file(const char *path)
{
	file_size = bench_read_file(&b, path, file, sizeof(file));
}

static void teardown(void)
{
	bench_close(&b);
}

#define answers(command, expected)                                             \
	cr_assert_str_eq(bench_send(&b, command), expected)

static X509 *certificate(void)
{
	const uint8_t *der = file;
	X509 *cert = d2i_X509(NULL, &der, (long)file_size);

	cr_assert(cert != NULL && der == file + file_size);
	return cert;
}

static char directory[64];

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static void make_directory(void)
{
	strcpy(directory, "/tmp/sim-tob-XXXXXX");
	cr_assert(mkdtemp(directory) != NULL);
}

static void remove_directory(void)
{
	nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	bench_close(&b);
}

TestSuite(tob_store, .init = make_directory, .fini = remove_directory);

static void start(void)
{
	cr_assert(bench_open_store(&b, "trust-onboard", NULL, NULL, directory));
	bench_choose(&b, APPLET_MIAS);
}

Test(tob_store, keeps_certificates_pins_and_tries)
{
	uint8_t first[4096];
	size_t size;

	start();
	size = bench_read_file(&b, "0201", first, sizeof(first));
	answers("8124008109"
		"04"
		"30303030"
		"31323334",
		"9000");
	answers("012000810430303030", "63C2");
	teardown();
	start();
	read_file("0201");
	cr_assert(view_equal(view_of(file, file_size), view_of(first, size)));
	answers("01200081", "63C2");
	answers("012000810431323334", "9000");
}

static const char *path_of(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

Test(tob_store, leaves_its_authorities_for_servers)
{
	FILE *bundle;
	int count = 0;
	X509 *cert;

	start();
	bundle = fopen(path_of("trust-onboard-bundle.pem"), "r");
	cr_assert(bundle != NULL);
	while ((cert = PEM_read_X509(bundle, NULL, NULL, NULL)) != NULL) {
		X509_free(cert);
		count++;
	}
	fclose(bundle);
	cr_assert_eq(count, 3);
	cr_assert_eq(access(path_of("trust-onboard-ca.pem"), R_OK), 0);
}

Test(tob_store, takes_keys_that_somebody_put_there)
{
	EVP_PKEY *own = EVP_RSA_gen(2048);
	FILE *out;
	X509 *cert;

	mkdir(path_of("trust-onboard"), 0700);
	out = fopen(path_of("trust-onboard/signing.pem"), "w");
	PEM_write_PrivateKey(out, own, NULL, NULL, 0, NULL, NULL);
	fclose(out);
	start();
	read_file("0201");
	cert = certificate();
	cr_assert_eq(X509_check_private_key(cert, own), 1);
	X509_free(cert);
	EVP_PKEY_free(own);
}

Test(tob_store, refuses_a_pin_file_that_is_none)
{
	FILE *out;

	start();
	teardown();
	out = fopen(path_of("trust-onboard/pin"), "w");
	fputs("\x05"
	      "0000",
	      out);
	fclose(out);
	cr_assert_not(
		bench_open_store(&b, "trust-onboard", NULL, NULL, directory));
	unlink(path_of("trust-onboard/pin"));
	start();
}
