// SPDX-License-Identifier: LGPL-2.1-or-later
/* mIAS: what was enciphered with the card's certificate. */
#include "bench.h"

#include <criterion/criterion.h>
#include <string.h>

#include <openssl/rsa.h>

static struct bench b;
static EVP_PKEY *key; /* of the Signing certificate */

static void open_card(const char *quirks, const char *faults)
{
	bench_open(&b, "trust-onboard", quirks, faults);
	bench_choose(&b, APPLET_MIAS);
	key = bench_signing_key(&b);
	cr_assert_str_eq(bench_send(&b, "012000810430303030"), "9000");
}

static void teardown(void)
{
	EVP_PKEY_free(key);
	key = NULL;
	bench_close(&b);
}

TestSuite(mias_decipher, .fini = teardown);

#define answers(command, expected)                                             \
	cr_assert_str_eq(bench_send(&b, command), expected)

/* What the certificate's key makes of 256 bytes, or of a text, in hex. */
static void encipher_bytes(const uint8_t *text, size_t text_size, int padding,
			   char hex[513])
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	uint8_t bytes[256];
	size_t size = sizeof(bytes);

	EVP_PKEY_encrypt_init(ctx);
	EVP_PKEY_CTX_set_rsa_padding(ctx, padding);
	cr_assert(EVP_PKEY_encrypt(ctx, bytes, &size, text, text_size) == 1);
	EVP_PKEY_CTX_free(ctx);
	hex_encode(bytes, size, hex);
}

static void encipher(const char *text, char hex[513])
{
	encipher_bytes((const uint8_t *)text, strlen(text), RSA_PKCS1_PADDING,
		       hex);
}

#define USE_CIPHER "012241B80680011A840131"

/* 254 bytes in a link of a chain, the last two alone; no Le. */
static const char *decipher(const char *cryptogram)
{
	char command[600];

	snprintf(command, sizeof(command), "112A8086FF81%.508s", cryptogram);
	answers(command, "9000");
	snprintf(command, sizeof(command), "012A808602%s", cryptogram + 508);
	return bench_send(&b, command);
}

Test(mias_decipher, plays_the_known_decryption)
{
	char hex[513];

	open_card(NULL, NULL);
	encipher("hello", hex);
	answers(USE_CIPHER, "9000");
	cr_assert_str_eq(decipher(hex), "6105");
	answers("01C0000005", "68656C6C6F9000");
	teardown();
	open_card("direct", NULL);
	encipher("hello", hex);
	answers(USE_CIPHER, "9000");
	cr_assert_str_eq(decipher(hex), "68656C6C6F9000");
	teardown();
	open_card("decipher-waits", NULL);
	encipher("hello", hex);
	answers(USE_CIPHER, "9000");
	cr_assert_str_eq(decipher(hex), "9000");
	answers("01C00000", "68656C6C6F9000");
}

Test(mias_decipher, has_nothing_to_give_of_an_empty_text)
{
	char hex[513];

	open_card(NULL, NULL);
	encipher("", hex);
	answers(USE_CIPHER, "9000");
	cr_assert_str_eq(decipher(hex), "9000");
	answers("01C0000000", "6985");
}

Test(mias_decipher, deciphers_only_what_is_whole)
{
	char hex[513], command[600];

	open_card(NULL, NULL);
	encipher("hello", hex);
	answers("012A8086028155", "6985");
	answers(USE_CIPHER, "9000");
	answers("012A8086028155", "6700");
	answers("012A8086028255", "6A80");
	answers("012A80860181", "6700");
	/* a command in between ends the chain */
	snprintf(command, sizeof(command), "112A8086FF81%.508s", hex);
	answers(command, "9000");
	answers("01200081", "9000");
	snprintf(command, sizeof(command), "012A808602%s", hex + 508);
	answers(command, "6A80");
	/* one byte too many */
	snprintf(command, sizeof(command), "112A8086FF81%.508s", hex);
	answers(command, "9000");
	answers("012A808603112233", "6700");
	/* another text, whose padding is wrong */
	hex[511] = hex[511] == '0' ? '1' : '0';
	cr_assert_str_eq(decipher(hex), "6A80");
}

Test(mias_decipher, deciphers_what_has_eight_bytes_of_padding)
{
	uint8_t block[256];
	char hex[513];

	open_card(NULL, NULL);
	answers(USE_CIPHER, "9000");
	memset(block, 0x55, sizeof(block));
	memcpy(block, "\x00\x02", 2);
	block[10] = 0;
	encipher_bytes(block, sizeof(block), RSA_NO_PADDING, hex);
	cr_assert_str_eq(decipher(hex), "61F5");
	block[9] = 0;
	encipher_bytes(block, sizeof(block), RSA_NO_PADDING, hex);
	cr_assert_str_eq(decipher(hex), "6A80");
	memset(block + 2, 0x55, sizeof(block) - 2);
	encipher_bytes(block, sizeof(block), RSA_NO_PADDING, hex);
	cr_assert_str_eq(decipher(hex), "6A80");
}
