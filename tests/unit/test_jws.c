/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* JSON web signatures: a real card's token once more, and what goes into the
 * header. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <string.h>
#include "fakecard.h"
#include "script.h"

#define KEYS                                                                   \
	"840101 600101 4A0101 4B0113 4E0101 610101 920104 91020001"            \
	"850101 600101 4A0101 4B0113 4E0101 610101 920104 91020001"
#define POINT                                                                  \
	"344549438641 04"                                                      \
	"954B6788AE9DB0647A8BFB3F700231C484928D1ECBFA5732E0EE053A54568A55"     \
	"BE3B547FFC72E86D1273CCAF2A1153E1A77DABF868199FC3BB3A05A88A8E1CFD"
#define SIGNATURE                                                              \
	"3340"                                                                 \
	"C0C1B4B29EC17DD1838EF5B89C93C4EACC30104D1BED4BCF98C5A26306BBD73B"     \
	"8032E0E945B41AB20733DE596CD15D232E1ED78E67E714F6A1491B34121DCE51"

/* What the token holds, and the SHA-256 of its first two parts. */
#define CLAIMS                                                                 \
	"{\"id\": 42,\"claimType\": \"claimType\",\"claimUrl\":\"claimUrl\" }"
#define INPUT                                                                  \
	"eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9."                                \
	"eyJpZCI6IDQyLCJjbGFpbVR5cGUiOiAiY2xhaW1U"                             \
	"eXBlIiwiY2xhaW1VcmwiOiJjbGFpbVVybCIgfQ"
#define RS_TEXT                                                                \
	"wMG0sp7BfdGDjvW4nJPE6swwEE0b7UvPmMWiYwa71zu"                          \
	"AMuDpRbQasgcz3lls0V0jLh7XjmfnFPahSRs0Eh3OUQ"
#define HASH "1788C8296577D15157B01BFB7FF277389661241212BB45DB4247338AEF087414"

/* A card that gives this signature for this hash alone, as real ones do. */
static int ask(const char *type, const char *kid, const char *claims,
	       uint8_t **out, size_t *out_size)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT, {"81CB010000", KEYS "9000"},
		{"81CD000003 850101", "6147"}, {"81C0000047", POINT "9000"},
		{"812A00010D 840101 A10103 91020001 920104", "9000"},
		{"812B800122 9E20" HASH, "6142"},
		{"81C0000042", SIGNATURE "9000"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	iotsafe_key *key;
	int result;

	expect_good(iotsafe_key_open(card, "id=01", &key));
	result = iotsafe_key_jws(key, type, kid, (const uint8_t *)claims,
				 strlen(claims), out, out_size);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	if (result >= 0)
		script_expect_done(&script);
	return result;
}

Test(jws, thales_token_is_made_again)
{
	uint8_t *out;
	size_t size;

	expect_good(ask("JWT", NULL, CLAIMS, &out, &size));
	cr_assert(size == strlen((char *)out) && size == strlen(INPUT) + 87);
	cr_assert(!strncmp((char *)out, INPUT ".", strlen(INPUT) + 1));
	cr_assert_str_eq((char *)out + strlen(INPUT) + 1, RS_TEXT);
	iotsafe_free(out);
}

/* ---- headers: a card in memory signs whatever it is given ---- */

static struct identity a;

static void set_up(void)
{
	a = identity_make((struct identity_wish){.name = "a"});
}

static void tear_down(void)
{
	identity_free(&a);
}

TestSuite(jws_header, .init = set_up, .fini = tear_down);

static int make(const char *type, const char *kid, const void *data,
		size_t size, uint8_t **out, size_t *out_size)
{
	struct fakecard fake = {.objects = {
					{.class = IOTSAFE_CLASS_PRIVATE_KEY,
					 .id = "01",
					 .key = &a},
					{.class = IOTSAFE_CLASS_PUBLIC_KEY,
					 .id = "01",
					 .key = &a},
				}};
	iotsafe_card *card = fakecard_open(&fake);
	iotsafe_key *key;
	int result;

	expect_good(iotsafe_key_open(card, "id=01", &key));
	result = iotsafe_key_jws(key, type, kid, data, size, out, out_size);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	return result;
}

/* GnuTLS undoes base64 with the other two digits and padding. */
static gnutls_datum_t undo(const char *from, const char *to)
{
	char text[8192] = "";
	gnutls_datum_t in = {(unsigned char *)text, 0}, out;

	while (from < to) {
		char digit = *from++;

		cr_assert(isalnum((unsigned char)digit) || digit == '-' ||
			  digit == '_');
		text[in.size++] = digit == '-'	 ? '+'
				  : digit == '_' ? '/'
						 : digit;
	}
	while (in.size % 4)
		text[in.size++] = '=';
	cr_assert(!gnutls_base64_decode2(&in, &out));
	return out;
}

static void expect_part(const char *from, const char *to, const void *data,
			size_t size)
{
	gnutls_datum_t found = undo(from, to);

	cr_assert(found.size == size && !memcmp(found.data, data, size), "%.*s",
		  (int)found.size, found.data);
	gnutls_free(found.data);
}

static void expect_token(const char *type, const char *kid, const void *data,
			 size_t size, const char *header)
{
	const char *token, *payload, *signature;
	uint8_t *out, hash[32];
	gnutls_datum_t rs;
	size_t out_size;

	expect_good(make(type, kid, data, size, &out, &out_size));
	token = (const char *)out;
	cr_assert(strlen(token) == out_size);
	payload = strchr(token, '.') + 1;
	signature = strchr(payload, '.') + 1;
	expect_part(token, payload - 1, header, strlen(header));
	if (size)
		expect_part(payload, signature - 1, data, size);
	else
		cr_assert(payload == signature - 1);
	rs = undo(signature, token + out_size);
	gnutls_hash_fast(GNUTLS_DIG_SHA256, token,
			 (size_t)(signature - 1 - token), hash);
	cr_assert(fakecard_verify(&a, hash, 32, rs.data, rs.size));
	gnutls_free(rs.data);
	iotsafe_free(out);
}

Test(jws_header, names_type_and_key)
{
	expect_token(NULL, NULL, "{}", 2, "{\"alg\":\"ES256\"}");
	expect_token("JWT", NULL, "{}", 2,
		     "{\"alg\":\"ES256\",\"typ\":\"JWT\"}");
	expect_token("JWT", "7", "{}", 2,
		     "{\"alg\":\"ES256\",\"typ\":\"JWT\",\"kid\":\"7\"}");
	expect_token(NULL, "", "{}", 2, "{\"alg\":\"ES256\",\"kid\":\"\"}");
}

Test(jws_header, escapes_what_JSON_wants_escaped)
{
	expect_token(NULL, "a\"\\/\n\x01\x7F é€😀", "{}", 2,
		     "{\"alg\":\"ES256\",\"kid\":\"a\\\"\\\\/\\u000a\\u0001"
		     "\x7F é€😀\"}");
}

Test(jws_header, carries_any_payload)
{
	uint8_t data[3000];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7);
	for (size_t size = 0; size < 6; size++)
		expect_token(NULL, NULL, data, size, "{\"alg\":\"ES256\"}");
	expect_token(NULL, NULL, data, sizeof(data), "{\"alg\":\"ES256\"}");
}

Test(jws_header, refuses_what_is_not_UTF_8)
{
	static const char *const wrong[] = {
		"\x80",
		"a\xC3",
		"\xC0\x80",
		"\xE0\x80\x80",
		"\xED\xA0\x80",
		"\xFF",
		"\xF4\x90\x80\x80",
		"\xE2\x82",
		"\xF0\x80\x80\x80",
	};
	uint8_t *out;
	size_t size;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		expect_error(make(NULL, wrong[i], "", 0, &out, &size),
			     IOTSAFE_ERR_ARG, "kid is not UTF-8");
		expect_error(make(wrong[i], NULL, "", 0, &out, &size),
			     IOTSAFE_ERR_ARG, "typ is not UTF-8");
	}
}

Test(jws_header, has_an_end)
{
	char kid[2000];
	uint8_t *out;
	size_t size;

	memset(kid, 'a', sizeof(kid));
	kid[1000] = '\0';
	expect_good(make(NULL, kid, "", 0, &out, &size));
	iotsafe_free(out);
	kid[1000] = 'a';
	kid[1023] = '\0';
	expect_error(make(NULL, kid, "", 0, &out, &size), IOTSAFE_ERR_ARG,
		     "too long");
}

/* Whether or not the card has the public key. */
Test(jws_header, has_no_name_for_another_curve)
{
	for (int keys = 1; keys <= 2; keys++) {
		struct fakecard fake = {
			.objects = {
				{.class = IOTSAFE_CLASS_PRIVATE_KEY,
				 .id = "01",
				 .key = &a,
				 .type = 0x23},
			}};
		iotsafe_card *card;
		iotsafe_key *key;
		uint8_t *out;
		size_t size;

		if (keys == 2)
			fake.objects[1] = (struct fake_object){
				.class = IOTSAFE_CLASS_PUBLIC_KEY,
				.id = "01",
				.key = &a,
				.type = 0x23};
		card = fakecard_open(&fake);
		expect_good(iotsafe_key_open(card, "id=01", &key));
		expect_error(
			iotsafe_key_jws(key, NULL, NULL, NULL, 0, &out, &size),
			IOTSAFE_ERR_SUPPORT, "not on the curve of ES256");
		cr_assert(!out && !fake.signatures);
		iotsafe_key_free(key);
		iotsafe_card_free(card);
	}
}
