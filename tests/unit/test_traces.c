/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Exchanges of real cards: the library sends the same commands in the same
 * order and understands their answers. Other programs had these cards in other
 * hands: what they sent besides (sessions closed before use, verifying on the
 * card) is not needed and not sent. */
#include <criterion/criterion.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <string.h>
#include "applet/iotsafe.h"
#include "base/error.h"
#include "far_end.h"
#include "script.h"

static iotsafe_key *open_key(iotsafe_card *card, const char *name)
{
	iotsafe_key *key;

	expect_good(iotsafe_key_open(card, name, &key));
	return key;
}

static void expect_signature(iotsafe_key *key, const uint8_t hash[32],
			     const char *rs)
{
	uint8_t *out;
	size_t size;

	expect_good(
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size));
	expect_bytes(out, size, rs);
}

static void expect_raw(iotsafe_card *card, const char *command,
		       const char *answer)
{
	uint8_t data[300], *out;
	size_t size;

	expect_good(iotsafe_card_transact(
		card, data, unhex(command, data, sizeof(data)), &out, &size));
	expect_bytes(out, size, answer);
}

static void expect_hex(const uint8_t hash[32], const char *hex)
{
	uint8_t wanted[32];

	unhex(hex, wanted, sizeof(wanted));
	cr_assert(!memcmp(hash, wanted, 32));
}

/* ---- NTT DOCOMO Business: the modem's own channel, class 00, 61xx ---- */

#define NTT_AID "A0000001157000000000000049534102"
#define NTT_RS                                                                 \
	"73B3A470B67ADD1B954EAC15CFFB4F6BA77B53D91E35E1244526621D97C38524"     \
	"0E2656458895A4F99A73B7E5263C4073C98A4B0D66AC71005871694660B9EC9C"
#define SHA256_HELLO                                                           \
	"2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824"
#define NTT_INIT   "2A00010D840101A1010391020001920104"
#define NTT_UPDATE "2B8001229E20" SHA256_HELLO

/* One line and its answer. */
#define CGLA(size, hex, answer)                                                \
	{                                                                      \
		"AT+CGLA=1," size ",\"" hex "\"",                              \
			"\r\n+CGLA: " answer "\r\n\r\nOK\r\n", FAR_ANSWER      \
	}
#define NTT_SIGNS                                                              \
	CGLA("36", "00" NTT_INIT, "4,\"9000\""),                               \
		CGLA("78", "00" NTT_UPDATE, "4,\"6142\""),                     \
		CGLA("10", "00C0000042", "136,\"3340" NTT_RS "9000\"")

static void open_at(struct link *link, const char *path,
		    const struct deadline *deadline)
{
	struct address address;
	char text[100];

	snprintf(text, sizeof(text), "at:%s?interface=cgla", path);
	expect_good(address_parse(text, &address));
	expect_good(link_open(link, &address, deadline));
}

Test(traces, ntt_signs_on_a_channel_of_the_modem)
{
	static const struct far_row rows[] = {
		{"ATE0", "\r\nOK\r\n", FAR_ANSWER},
		{"AT+CMEE=1", "\r\nOK\r\n", FAR_ANSWER},
		{"AT+CCHO=\"A0000005590010\"", "\r\nERROR\r\n", FAR_ANSWER},
		{"AT+CPIN?", "\r\n+CPIN: READY\r\n\r\nOK\r\n", FAR_ANSWER},
		{"AT+CCHO=\"A00000003053F12401770101495341\"",
		 "\r\n+CME ERROR: 22\r\n", FAR_ANSWER},
		{"AT+CCHO=\"" NTT_AID "\"", "\r\n+CCHO: 1\r\n\r\nOK\r\n",
		 FAR_ANSWER},
		CGLA("36", "80" NTT_INIT, "4,\"6E00\""),
		NTT_SIGNS,
		/* The class is known by now: exactly the trace. */
		NTT_SIGNS,
		{"AT+CCHC=1", "\r\nOK\r\n", FAR_ANSWER},
	};
	struct applet applet = {.kind = &applet_iotsafe,
				.channel = {.manners = {.piece = 256}}};
	const struct record key = {
		.class = IOTSAFE_CLASS_PRIVATE_KEY, .id = {0x01}, .id_size = 1};
	struct deadline deadline = deadline_in(5000, -1);
	const size_t count = sizeof(rows) / sizeof(rows[0]);
	struct signature signature;
	uint8_t hash[32], wanted[64];
	struct far_end far;
	struct link link;

	unhex(SHA256_HELLO, hash, sizeof(hash));
	unhex(NTT_RS, wanted, sizeof(wanted));
	far_start(&far, rows, count);
	open_at(&link, far.path, &deadline);
	expect_good(channel_open(&applet.channel, &link, applet_rows[0].aids,
				 applet_rows[0].aids_count, &deadline));
	for (int twice = 0; twice < 2; twice++) {
		expect_good(gsma_sign(&applet, &key, IOTSAFE_ECDSA_SHA256,
				      (struct bytes){hash, 32}, &signature,
				      &deadline));
		cr_assert(signature.size == 64 &&
			  !memcmp(signature.data, wanted, 64));
	}
	channel_close(&applet.channel, &deadline);
	link_close(&link);
	far_stop(&far);
	cr_assert(far.answered == count, "%zu: %s", far.answered, far.surprise);
}

/* ---- ZARIOT: class 8X, ids of three characters, 33 00 40 ---- */

#define ZARIOT_POINT                                                           \
	"04 8782CB263ACF47DB6EF7EB9C4369828C5F74E7FAB1719A0AD2036712CA58D936"  \
	"789A264ACB413A1599115D16457D694FAF2B3E763C3F049679E8256DFE53D64F"
#define SHA256_HELLO_WORLD                                                     \
	"B94D27B9934D3E08A52E52D7DA7DABFAC484EFE37A5380EE9088F7ACE2EFCDE9"
#define ZARIOT_FIELDS "600100 4A0101 4B0113 4E0101 610103 920104 91020001"

#define ZARIOT_SPKI                                                            \
	"3059301306072A8648CE3D020106082A8648CE3D030107034200" ZARIOT_POINT

Test(traces, zariot_makes_a_key_pair)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT,
		{"81CB010000", "C11B 8403303031" ZARIOT_FIELDS "9000"},
		{"81B9000005 8403303031", "6151"},
		{"81C0000051",
		 "8403303031 8503303032 344549438641" ZARIOT_POINT "9000"},
		{"81CB010000", "C11B 8403303031" ZARIOT_FIELDS
			       "C21B 8503303032" ZARIOT_FIELDS "9000"},
		ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	iotsafe_key *key;
	uint8_t *out;
	size_t size;

	expect_good(iotsafe_key_generate(card, "id=%30%30%31", &key));
	expect_good(iotsafe_key_public_key(key, &out, &size));
	expect_bytes(out, size, ZARIOT_SPKI);
	expect_good(iotsafe_card_public_key(card, "id=%30%30%32", &out, &size));
	expect_bytes(out, size, ZARIOT_SPKI);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

/* The values of this signature were not published; with only the private key
 * in the list it is not verified. */
#define ZARIOT_RS NTT_RS

Test(traces, zariot_signs)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, {"81CB010000", "611D"},
		       {"81C000001D", "C11B 8403303036" ZARIOT_FIELDS "9000"},
		       {"812A00010F 8403303036A1010391020001920104", "9000"},
		       {"812B800122 9E20" SHA256_HELLO_WORLD, "6143"},
		       {"81C0000043", "330040" ZARIOT_RS "9000"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	iotsafe_key *key = open_key(card, NULL);
	uint8_t hash[32];

	cr_assert(gnutls_hash_fast(GNUTLS_DIG_SHA256, "hello world", 11,
				   hash) == 0);
	expect_hex(hash, SHA256_HELLO_WORLD);
	expect_signature(key, hash, ZARIOT_RS);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

Test(traces, zariot_gives_its_public_key_out)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_SELECT,
		{"81CB010000", "C21B 8503303037" ZARIOT_FIELDS "9000"},
		{"81CD000005 8503303037", "6147"},
		{"81C0000047", "344549438641" ZARIOT_POINT "9000"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	uint8_t *out;
	size_t size;

	expect_good(iotsafe_card_public_key(card, "id=%30%30%37", &out, &size));
	cr_assert(size == 91);
	iotsafe_free(out);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

/* Its signatures have two bytes of length; so a card that has given one gets
 * one back. */
Test(traces, zariot_verifies)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT,
		       {"81CB010000", "C11B 8403303036" ZARIOT_FIELDS
				      "C21B 8503303037" ZARIOT_FIELDS "9000"},
		       {"81CD000005 8503303037", "6985"},
		       {"812A00010F 8403303036A1010391020001920104", "9000"},
		       {"812B800122 9E20" SHA256_HELLO_WORLD, "6143"},
		       {"81C0000043", "330040" ZARIOT_RS "9000"},
		       {"812C00020F 8503303037A1010391020001920104", "9000"},
		       {"812D800265 9E20" SHA256_HELLO_WORLD "330040" ZARIOT_RS,
			"9000"},
		       ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	iotsafe_key *key = open_key(card, NULL);
	uint8_t hash[32], rs[64];

	unhex(SHA256_HELLO_WORLD, hash, sizeof(hash));
	unhex(ZARIOT_RS, rs, sizeof(rs));
	expect_signature(key, hash, ZARIOT_RS);
	expect_good(iotsafe_card_verify(card, "id=303037", IOTSAFE_SHA256, hash,
					32, rs, 64));
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

/* ---- quantag: PC/SC, bare lists, tag 92 too short, one session ---- */

#define THALES_AID "A00000003053F12401770101495341"
#define QUANTAG_POINT                                                          \
	"04 D569954216F62264F01B78ED599898D12C436A4633505DA18B008D5529E09AF2"  \
	"83ED5E453EDC8B5492704C1B8D48895857442057335B39078AF27A9008DC1401"
#define QUANTAG_RS                                                             \
	"343A117BF21D74315B9D7C4EB3EAF0CAD125AD98FF0E14A02D9554C6274A663C"     \
	"E3C0E9E19BEBFF3454694E95D7E1DA7AB79A9242FEE41F063245A2C6B2C91A9B"
#define QUANTAG_FIELDS                                                         \
	"600102 4A0101 4B0113 4E0103 610107 920204 91020007 6F0101"
#define QUANTAG_FILE   "73023031 83020001 600101 4A0101 210101 20020040"
#define QUANTAG_SECRET "76023333 86020004 600103 4A0100 4B01A0 61010C 940102"
#define QUANTAG_LIST                                                           \
	"74023131 84020002" QUANTAG_FIELDS                                     \
	"75023131 85020002" QUANTAG_FIELDS QUANTAG_FILE QUANTAG_SECRET
#define QUANTAG_APPLICATION                                                    \
	"100110 1120 1122334455667788112233445566778811223344556677881122"     \
	"334455667788 B1010A B2010A B3010A B4010A 61010F 91020001 920104"      \
	"6F0101 940102 B70101"
#define ROW_THALES                                                             \
	{                                                                      \
		"01A404000F" THALES_AID, "9000"                                \
	}

/* SHA-256 of 01 02 … 08, which the published signature is over. */
static void quantag_hash(uint8_t hash[32])
{
	static const uint8_t message[] = {1, 2, 3, 4, 5, 6, 7, 8};

	cr_assert(gnutls_hash_fast(GNUTLS_DIG_SHA256, message, sizeof(message),
				   hash) == 0);
}

Test(traces, quantag_lists_reads_and_signs)
{
	uint8_t hash[32];
	char init[] = "812A00010E 84020002 A10103 91020001 920104";
	char update[100];
	struct script script = SCRIPT(
		ROW_OPEN, ROW_THALES, {"81CB010000", QUANTAG_LIST "9000"},
		{"81CD000004 85020002", "344549438641" QUANTAG_POINT "9000"},
		{init, "9000"}, {update, "3340" QUANTAG_RS "9000"},
		/* The card has one session: a second INIT is refused once,
		 * and from then on each one is closed. */
		{init, "6985"}, {"812A010100", "9000"}, {init, "9000"},
		{update, "3340" QUANTAG_RS "9000"}, {"812A010100", "9000"},
		ROW_CLOSE);
	iotsafe_card *card;
	iotsafe_key *key;

	quantag_hash(hash);
	strcpy(update, "812B800122 9E20");
	for (int i = 0; i < 32; i++)
		sprintf(update + strlen(update), "%02X", hash[i]);
	card = script_open(&script, "aid=" THALES_AID);
	key = open_key(card, "11");
	/* Verified with the card's own public key. */
	expect_signature(key, hash, QUANTAG_RS);
	cr_assert(iotsafe_key_verifies(key) == 1);
	expect_signature(key, hash, QUANTAG_RS);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

/* The trace: full text, one session for both. */
Test(traces, quantag_signs_and_verifies_a_text)
{
	static const uint8_t text[] = {1, 2, 3, 4, 5, 6, 7, 8};
	struct script script = SCRIPT(
		ROW_OPEN, ROW_THALES, {"81CB010000", QUANTAG_LIST "9000"},
		{"81CD000004 85020002", "344549438641" QUANTAG_POINT "9000"},
		{"812A00010E 84020002 A10101 91020001 920104", "9000"},
		{"812B80010A 9B08 0102030405060708", "3340" QUANTAG_RS "9000"},
		{"812A010100", "9000"},
		{"812C00010E 85020002 A10101 91020001 920104", "9000"},
		{"812D80014C 9B08 0102030405060708 3340" QUANTAG_RS, "9000"},
		{"812C010100", "9000"}, ROW_CLOSE);
	iotsafe_card *card =
		script_open(&script, "aid=" THALES_AID "&session=1&close=yes");
	iotsafe_key *key = open_key(card, "11");
	uint8_t *out;
	size_t size;

	expect_good(iotsafe_key_sign_data(key, IOTSAFE_SHA256,
					  IOTSAFE_MODE_FULL_TEXT, text,
					  sizeof(text), &out, &size));
	expect_good(iotsafe_card_verify_data(card, "11", IOTSAFE_SHA256,
					     IOTSAFE_MODE_FULL_TEXT, text,
					     sizeof(text), out, size));
	expect_bytes(out, size, QUANTAG_RS);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

Test(traces, quantag_makes_a_key_pair)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_THALES, {"81CB010000", QUANTAG_LIST "9000"},
		{"81B9000004 84020002",
		 "84020002 85020002 344549438641" QUANTAG_POINT "9000"},
		{"81CB010000", QUANTAG_LIST "9000"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, "aid=" THALES_AID);
	iotsafe_key *key;
	uint8_t *out;
	size_t size;

	expect_good(iotsafe_key_generate(card, "11", &key));
	expect_good(iotsafe_key_public_key(key, &out, &size));
	expect_bytes(
		out, size,
		"3059301306072A8648CE3D020106082A8648CE3D030107034200" QUANTAG_POINT);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

Test(traces, quantag_gives_random_bytes)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_THALES,
		       {"8184000010", "0B0E398CCCB8D3A28053C302E2CF82BC 9000"},
		       ROW_CLOSE);
	iotsafe_card *card = script_open(&script, "aid=" THALES_AID);
	uint8_t *out;
	size_t size;

	expect_good(iotsafe_card_random(card, 16, &out, &size));
	expect_bytes(out, size, "0B0E398CCCB8D3A28053C302E2CF82BC");
	iotsafe_card_free(card);
	script_expect_done(&script);
}

static const char *value_of(const iotsafe_info *info, const char *name)
{
	for (size_t i = 0; i < iotsafe_info_count(info); i++)
		if (!strcmp(iotsafe_info_name(info, i), name))
			return iotsafe_info_value(info, i);
	return "";
}

Test(traces, quantag_tells_about_itself)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_THALES,
		{"81CB000044", QUANTAG_APPLICATION "9000"},
		{"8184000010", "0B0E398CCCB8D3A28053C302E2CF82BC 9000"},
		/* Its own: the vendor's version; and one object alone. */
		{"8170000000", "0104 9000"},
		{"81CBC20004 85020002",
		 "75023131 85020002" QUANTAG_FIELDS "9000"},
		ROW_CLOSE);
	iotsafe_card *card = script_open(&script, "aid=" THALES_AID);
	iotsafe_info *info;
	uint8_t *out;
	size_t size;

	expect_good(iotsafe_card_info(card, &info));
	cr_assert_str_eq(value_of(info, "aid"), THALES_AID);
	cr_assert_str_eq(value_of(info, "applet-version"), "10");
	cr_assert_str_eq(value_of(info, "max-private-keys"), "10");
	cr_assert_str_eq(value_of(info, "max-sessions"), "1");
	cr_assert_str_eq(value_of(info, "signatures"), "ecdsa");
	cr_assert_str_eq(value_of(info, "key-derivations"), "hkdf");
	iotsafe_info_free(info);
	expect_good(iotsafe_card_random(card, 16, &out, &size));
	expect_bytes(out, size, "0B0E398CCCB8D3A28053C302E2CF82BC");
	expect_raw(card, "80700000", "0104 9000");
	expect_raw(card, "80CBC20004 85020002",
		   "75023131 85020002" QUANTAG_FIELDS "9000");
	iotsafe_card_free(card);
	script_expect_done(&script);
}

/* ---- Thales: the second AID; a token that a SIM signed ---- */

#define THALES_TOKEN                                                           \
	"eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJpZCI6IDQyLCJjbGFpbVR5cGUiOiA" \
	"iY2xhaW1UeXBlIiwiY2xhaW1VcmwiOiJjbGFpbVVybCIgfQ"
#define THALES_POINT                                                           \
	"04 954B6788AE9DB0647A8BFB3F700231C484928D1ECBFA5732E0EE053A54568A55"  \
	"BE3B547FFC72E86D1273CCAF2A1153E1A77DABF868199FC3BB3A05A88A8E1CFD"
#define THALES_RS                                                              \
	"C0C1B4B29EC17DD1838EF5B89C93C4EACC30104D1BED4BCF98C5A26306BBD73B"     \
	"8032E0E945B41AB20733DE596CD15D232E1ED78E67E714F6A1491B34121DCE51"
#define THALES_FIELDS "600101 4A0101 4B0113 4E0101 610101 920104 91020001"

Test(traces, thales_signs_a_token)
{
	char update[100] = "812B800122 9E20";
	struct script script = SCRIPT(
		ROW_OPEN, {"01A4040007A0000005590010", "6A82"}, ROW_THALES,
		{"81CB010000", "C119 840101" THALES_FIELDS
			       "C219 850101" THALES_FIELDS "9000"},
		{"81CD000003 850101", "6147"},
		{"81C0000047", "344549438641" THALES_POINT "9000"},
		{"812A00010D 840101 A10103 91020001 920104", "9000"},
		{update, "6142"}, {"81C0000042", "3340" THALES_RS "9000"},
		ROW_CLOSE);
	iotsafe_card *card;
	iotsafe_key *key;
	uint8_t hash[32];

	cr_assert(gnutls_hash_fast(GNUTLS_DIG_SHA256, THALES_TOKEN,
				   strlen(THALES_TOKEN), hash) == 0);
	for (int i = 0; i < 32; i++)
		sprintf(update + strlen(update), "%02X", hash[i]);
	card = script_open(&script, NULL);
	key = open_key(card, NULL);
	expect_signature(key, hash, THALES_RS);
	cr_assert(iotsafe_key_verifies(key) == 1);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

/* The vectors of Thales's own tests. */
#define THALES_SECRET_1                                                        \
	"C0485B054863F6DFA458789768B9035C6CACB160DD1A01834811F5783309DB81"
#define THALES_SEED_1                                                          \
	"CE15B44D68440B652624244DB8D2FB7DD601C759E9EB627FB10529AB0DB76049"
#define THALES_PRF_1                                                           \
	"A1F02A766DA04C8FD83A40E358267528F8D815C48E3DC353D55FE3861C350622"     \
	"C78B48FE6F49F6E13E1B6B175CFE59FB"
#define THALES_SEED_2                                                          \
	"CB52E451A752CA812EA9646F2E5A0EC138C3D4D8AEFA744E17F01499867450815"    \
	"DCADEED3917D046311A4B5D73BBD75E500CE963A7D05D8122EA9745F2E0D9E9"

/* P_SHA256 of RFC 5246 section 5, as the card computes it. */
static void p_sha256(const char *secret, const char *seed, uint8_t out[256])
{
	uint8_t key[64], a[32 + 128], text[128];
	size_t key_size = unhex(secret, key, sizeof(key));
	size_t size = unhex(seed, text, sizeof(text));

	cr_assert(gnutls_hmac_fast(GNUTLS_MAC_SHA256, key, key_size, text, size,
				   a) == 0);
	for (size_t done = 0; done < 256; done += 32) {
		memcpy(a + 32, text, size);
		cr_assert(gnutls_hmac_fast(GNUTLS_MAC_SHA256, key, key_size, a,
					   32 + size, out + done) == 0);
		cr_assert(gnutls_hmac_fast(GNUTLS_MAC_SHA256, key, key_size, a,
					   32, a) == 0);
	}
}

static void expect_prf(const char *secret, const char *label, const char *seed,
		       const char *command, const char *begins,
		       const char *ends)
{
	char answer[2 * 256 + 8], words[400] = "";
	struct script script =
		SCRIPT(ROW_OPEN, ROW_THALES, {command, answer}, ROW_CLOSE);
	uint8_t key[64], text[128], whole[256], part[64], *out;
	size_t size, key_size = unhex(secret, key, sizeof(key));
	iotsafe_card *card;

	for (const char *c = label; *c; c++)
		sprintf(words + strlen(words), "%02X", (unsigned)*c);
	strcat(words, seed);
	p_sha256(secret, words, whole);
	for (size_t i = 0; i < 255; i++)
		sprintf(answer + 2 * i, "%02X", whole[i]);
	strcat(answer, "9000");
	card = script_open(&script, "aid=" THALES_AID);
	expect_good(iotsafe_card_prf(card, NULL, key, key_size, label, text,
				     unhex(seed, text, sizeof(text)), 255, &out,
				     &size));
	cr_assert(size == 255);
	cr_assert(!memcmp(out, part, unhex(begins, part, sizeof(part))));
	size -= unhex(ends, part, sizeof(part));
	cr_assert(!memcmp(out + size, part, 255 - size));
	iotsafe_free(out);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

Test(traces, thales_derives)
{
	expect_prf(
		THALES_SECRET_1, "extended master secret", THALES_SEED_1,
		"81480000 5D D120" THALES_SECRET_1
		"D236 657874656E646564206D617374657220736563726574" THALES_SEED_1
		"D301FF",
		THALES_PRF_1, "");
	expect_prf(THALES_PRF_1, "key expansion", THALES_SEED_2,
		   "81480000 84 D130" THALES_PRF_1
		   "D24D 6B657920657870616E73696F6E" THALES_SEED_2 "D301FF",
		   "ED6C6644C075653F1919FD05A11A93C8",
		   "922D80D1E7D3DA69669877125B8C0B41");
}

/* Key pair 04 and the slot 05 of the peer's key. */
#define THALES_PEER                                                            \
	"04 9E5B7F778B7997617C8993B6406608EFE2D3F2D6751D6B3F5F5320FFFD6A7DC9"  \
	"A8F6C5C1474F64D668364AE2ED8DC4C1C6C4767423B013937B4499F52C4F89A0"

Test(traces, thales_agrees_with_a_peer)
{
	static const char shared[] = THALES_SECRET_1;
	struct script script =
		SCRIPT(ROW_OPEN, ROW_THALES,
		       {"81CB010000",
			"840104" THALES_FIELDS "850105" THALES_FIELDS "9000"},
		       {"81240000 03 850105", "9000"},
		       {"81D88000 47 344549438641" THALES_PEER, "9000"},
		       {"81460000 06 840104 850105", THALES_SECRET_1 "9000"},
		       ROW_CLOSE);
	iotsafe_card *card =
		script_open(&script, "aid=" THALES_AID "&session=0");
	iotsafe_key *key = open_key(card, "id=04");
	uint8_t spki[91], *out;
	size_t size;

	unhex("3059301306072A8648CE3D020106082A8648CE3D030107034200" THALES_PEER,
	      spki, sizeof(spki));
	expect_good(iotsafe_key_agree(key, "id=05", spki, 91, &out, &size));
	expect_bytes(out, size, shared);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

/* ---- a SIM without the applet ---- */

Test(traces, no_applet_1nce_stops_at_select_and_closes)
{
	/* Whatever comes after the 6A82 would reach the USIM: it answered
	 * 6D00, 6A86 and 6700. */
	struct script script = SCRIPT(
		ROW_OPEN, {"01A4040007A0000005590010", "6A82"}, ROW_CLOSE);
	iotsafe_link link = script_link(&script);
	iotsafe_card *card;

	expect_error(iotsafe_card_open_link(&link, "aid=A0000005590010", &card),
		     IOTSAFE_ERR_ABSENT, "");
	cr_assert_str_eq(iotsafe_last_error(),
			 "SELECT: this SIM has no IoT SAFE applet (card "
			 "answered 6A82 not found to 1 known AID)");
	cr_assert(iotsafe_last_status() == 0x6A82);
	script_expect_done(&script);
}
