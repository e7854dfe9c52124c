// SPDX-License-Identifier: LGPL-2.1-or-later
/* Trust Onboard: the file applet of the preview generation. */
#include "bench.h"

#include <criterion/criterion.h>

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

TestSuite(tob_files, .fini = teardown);

static void open_files(const char *quirks, const char *faults)
{
	bench_open(&b, "trust-onboard-preview", quirks, faults);
	bench_choose(&b, APPLET_FILES);
}

#define CHV1 "012000010831313131FFFFFFFF"

Test(tob_files, plays_the_known_reading_of_a_file)
{
	open_files(NULL, NULL);
	/* the trace has another PIN */
	answers("0124000110"
		"31313131FFFFFFFF"
		"30303030FFFFFFFF",
		"9000");
	answers("012000010830303030FFFFFFFF", "9000");
	answers("01A40804047FAA6F0100", "6115");
	cr_assert_eq(strncmp(bench_send(&b, "01C0000015"), "62138002", 8), 0);
	cr_assert_eq(strlen(bench_send(&b, "01B00000FF")), 2 * 255 + 4);
	cr_assert_eq(strlen(bench_send(&b, "01B000FFFF")), 2 * 255 + 4);
}

Test(tob_files, keeps_its_files_behind_chv1)
{
	const uint8_t *der = file;
	EVP_PKEY *key;
	X509 *cert;
	BIO *pem;

	open_files(NULL, NULL);
	answers("01A4080C047FAA6F01", "9000");
	answers("01B0000001", "6982");
	answers(CHV1, "9000");
	read_file("7FAA6F01");
	pem = BIO_new_mem_buf(file, (int)file_size);
	cert = PEM_read_bio_X509(pem, NULL, NULL, NULL);
	read_file("7FAA6F02");
	key = d2i_PrivateKey(EVP_PKEY_RSA, NULL, &der, (long)file_size);
	cr_assert_eq(X509_check_private_key(cert, key), 1);
	X509_free(cert);
	BIO_free(pem);
	read_file("7FAA6F03");
	der = file;
	cert = d2i_X509(NULL, &der, (long)file_size);
	cr_assert(cert != NULL && der == file + file_size);
	cr_assert_neq(X509_check_private_key(cert, key), 1);
	X509_free(cert);
	EVP_PKEY_free(key);
}

Test(tob_files, takes_paths_in_binary_only)
{
	open_files(NULL, NULL);
	answers("01A40804083746414136463031", "6A82");
	answers("01A40804047FAA6F04", "6A82");
	answers("01A40804027FAA", "6A82");
	answers("01A4000C026F01", "6A86");
	answers("01B0000001", "6986");
}

Test(tob_files, counts_the_tries_of_chv1)
{
	open_files(NULL, NULL);
	answers("01200001", "63C3");
	answers("012000010430303030", "6700");
	answers("81200001083131313100000000", "6E00");
	answers("012000010830303030FFFFFFFF", "63C2");
	answers("012400011030303030FFFFFFFF31313131FFFFFFFF", "63C1");
	answers("012400010831313131FFFFFFFF", "6700");
	answers("012400011031313131FFFFFFFF313131FFFFFFFFFF", "6A80");
	answers("012000010830303030FFFFFFFF", "63C0");
	answers(CHV1, "6983");
}

Test(tob_files, has_files_longer_than_their_content_where_told)
{
	const uint8_t *der = file;

	open_files("file-der,file-pad=100", NULL);
	answers(CHV1, "9000");
	read_file("7FAA6F01");
	X509_free(d2i_X509(NULL, &der, (long)file_size));
	cr_assert_eq(file + file_size - der, 100);
	cr_assert_eq(*der, 0xFF);
}

Test(tob_files, has_a_key_that_is_none_and_files_that_are_gone_when_told)
{
	open_files(NULL, "noise-key");
	answers(CHV1, "9000");
	read_file("7FAA6F02");
	cr_assert_neq(file[0], 0x30);
	teardown();
	open_files(NULL, "no-key");
	answers("01A4080C047FAA6F02", "6A82");
	answers("01A4080C047FAA6F01", "9000");
	teardown();
	open_files(NULL, "no-certificate");
	answers("01A4080C047FAA6F01", "6A82");
	answers("01A4080C047FAA6F03", "6A82");
}
