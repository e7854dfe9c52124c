/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trust Onboard's applets byte by byte: what is sent, and files that lie. */
#include <criterion/criterion.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <string.h>
#include "applet/ef.h"
#include "applet/mias.h"
#include "base/crypto.h"
#include "script.h"

#define MIAS "aid=A0000000188000000006624151"
#define MF   "aid=A0000000871001FF33FFFF8901010100"

#define ROW_MIAS                                                               \
	{                                                                      \
		"01A404000DA0000000188000000006624151", "9000"                 \
	}
#define ROW_CONTAINERS                                                         \
	{"01A40804020002", "62138102000B820101830200028A01058C03030000 9000"}, \
	{                                                                      \
		"01B000000B", "0100000000000800000000 9000"                    \
	}
#define ROW_NO_FILES                                                           \
	{"01A40804020101",                                                     \
	 "62138102000182010183020101 8A01058C03030000 9000"},                  \
	{                                                                      \
		"01B0000001", "00 9000"                                        \
	}

#define HASH "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F"
#define ROW_KEY                                                                \
	{                                                                      \
		"012241B606800142840131", "9000"                               \
	}
#define ROW_HASH                                                               \
	{                                                                      \
		"012A90A0229020" HASH, "9000"                                  \
	}
#define BYTES16	 "A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5A5"
#define BYTES64	 BYTES16 BYTES16 BYTES16 BYTES16
#define BYTES256 BYTES64 BYTES64 BYTES64 BYTES64

#define ZEROS11 "0000000000000000000000"
#define ZEROS39 ZEROS11 ZEROS11 ZEROS11 "000000000000"

static int sign(iotsafe_key *key, uint8_t **out, size_t *size)
{
	uint8_t hash[32];

	unhex(HASH, hash, sizeof(hash));
	return iotsafe_key_sign(key, IOTSAFE_RSA_PKCS1_SHA256, hash,
				sizeof(hash), out, size);
}

static void expect_signature(struct script *script, const char *attributes)
{
	iotsafe_card *card = script_open(script, attributes);
	iotsafe_key *key;
	uint8_t *out;
	size_t size;

	expect_good(iotsafe_key_open(card, "label=signing", &key));
	expect_good(sign(key, &out, &size));
	expect_bytes(out, size, BYTES256);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	script_expect_done(script);
}

Test(mias, signs_with_three_commands)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_MIAS, ROW_CONTAINERS, ROW_NO_FILES, ROW_KEY,
		ROW_HASH, {"012A9E9A00", BYTES256 "9000"}, ROW_CLOSE);

	expect_signature(&script, MIAS);
}

Test(mias, follows_61xx_behind_data_with_get_response)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_MIAS, ROW_CONTAINERS, ROW_NO_FILES,
		       ROW_KEY, ROW_HASH, {"012A9E9A00", BYTES64 "61C0"},
		       {"01C00000C0", BYTES64 BYTES64 "6140"},
		       {"01C0000040", BYTES64 "9000"}, ROW_CLOSE);

	expect_signature(&script, MIAS);
}

/* Its names come with the files alone: another way, by id, there is not. */
Test(mias, tells_of_the_file_that_it_cannot_list)
{
	struct script script = SCRIPT(ROW_OPEN, ROW_MIAS,
				      {"01A40804020002", "6204 8102000B 9000"},
				      {"01B000000B", "6B00"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, MIAS);
	iotsafe_key *key;

	expect_error(iotsafe_key_open(card, "label=signing", &key),
		     IOTSAFE_ERR_CARD,
		     "READ BINARY: card answered 6B00 wrong P1 or P2 "
		     "(file 0002, containers)");
	iotsafe_card_free(card);
	script_expect_done(&script);
}

Test(mias, signature_may_wait_behind_a_bare_9000)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_MIAS, ROW_CONTAINERS, ROW_NO_FILES,
		       ROW_KEY, ROW_HASH, {"012A9E9A00", "9000"},
		       {"01C0000000", BYTES256 "9000"}, ROW_CLOSE);

	expect_signature(&script, MIAS);
}

Test(mias, signature_that_is_nowhere_is_told_as_none)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_MIAS, ROW_CONTAINERS, ROW_NO_FILES,
		       ROW_KEY, ROW_HASH, {"012A9E9A00", "9000"},
		       {"01C0000000", "6985"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, MIAS);
	iotsafe_key *key;
	uint8_t *out;
	size_t size;

	expect_good(iotsafe_key_open(card, "label=signing", &key));
	expect_error(sign(key, &out, &size), IOTSAFE_ERR_FORMAT,
		     "a signature of 0 bytes, not 256");
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

/* Data stands where the status word should be. */
#define ROW_CUT                                                                \
	{                                                                      \
		"012A9E9A00", BYTES64 BYTES64 "A5A5"                           \
	}

Test(mias, signs_again_in_smaller_pieces_where_the_modem_cuts_answers)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_MIAS, ROW_CONTAINERS, ROW_NO_FILES,
		       ROW_KEY, ROW_HASH, ROW_CUT, ROW_KEY, ROW_HASH,
		       {"012A9E9A80", BYTES64 BYTES64 "6180"},
		       {"01C0000080", BYTES64 BYTES64 "9000"}, ROW_CLOSE);

	expect_signature(&script, MIAS);
}

/* A cut answer ends with two bytes of the signature, whatever they say. */
Test(mias, signs_again_where_the_cut_signature_looks_like_a_warning_or_all)
{
	static const char *const words[] = {"624D", "63C1", "9110", "9000"};

	for (size_t i = 0; i < COUNT_OF(words); i++) {
		char cut[2 * 256 + 1];
		struct script script = SCRIPT(
			ROW_OPEN, ROW_MIAS, ROW_CONTAINERS, ROW_NO_FILES,
			ROW_KEY, ROW_HASH, {"012A9E9A00", cut}, ROW_KEY,
			ROW_HASH, {"012A9E9A80", BYTES64 BYTES64 "6180"},
			{"01C0000080", BYTES64 BYTES64 "9000"}, ROW_CLOSE);

		snprintf(cut, sizeof(cut), "%s%s", BYTES64 BYTES64, words[i]);
		expect_signature(&script, MIAS);
	}
}

Test(mias, answers_are_cut_no_more_often_than_pieces_get_smaller)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_MIAS, ROW_CONTAINERS, ROW_NO_FILES,
		       ROW_KEY, ROW_HASH, ROW_CUT, ROW_KEY, ROW_HASH,
		       {"012A9E9A80", BYTES64 "A5A5"}, ROW_KEY, ROW_HASH,
		       {"012A9E9A32", BYTES16 "A5A5"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, MIAS);
	iotsafe_key *key;
	uint8_t *out;
	size_t size;

	expect_good(iotsafe_key_open(card, "label=signing", &key));
	expect_error(sign(key, &out, &size), IOTSAFE_ERR_CARD, "A5A5");
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

Test(mias, takes_the_pieces_that_the_address_tells)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_MIAS, ROW_CONTAINERS, ROW_NO_FILES, ROW_KEY,
		ROW_HASH, {"012A9E9A80", BYTES64 BYTES64 "6180"},
		{"01C0000080", BYTES64 BYTES64 "9000"}, ROW_CLOSE);

	expect_signature(&script, MIAS "&piece=128");
}

Test(mias, reads_a_file_in_smaller_pieces_where_the_modem_cuts_answers)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_MIAS,
		{"01A40804020002",
		 "6213810200A5820101830200028A01058C03030000 9000"},
		/* Fifteen containers, of which the first is one. */
		{"01B00000A5", "0100000000000800000000" BYTES16 BYTES16},
		{"01B0000080", "0100000000000800000000" BYTES16},
		{"01B0000032", "0100000000000800000000" ZEROS39 "9000"},
		{"01B0003232", ZEROS39 ZEROS11 "9000"},
		{"01B0006432", ZEROS39 ZEROS11 "9000"},
		{"01B000960F", ZEROS11 "00000000 9000"}, ROW_NO_FILES, ROW_KEY,
		ROW_HASH, {"012A9E9A32", BYTES16 BYTES16 BYTES16 "A5A561CE"},
		{"01C0000032", BYTES16 BYTES16 BYTES16 "A5A5619C"},
		{"01C0000032", BYTES16 BYTES16 BYTES16 "A5A5616A"},
		{"01C0000032", BYTES16 BYTES16 BYTES16 "A5A56138"},
		{"01C0000032", BYTES16 BYTES16 BYTES16 "A5A56106"},
		{"01C0000006", "A5A5A5A5A5A5 9000"}, ROW_CLOSE);

	expect_signature(&script, MIAS);
}

/* The second container's key has 4096 bits, the third's none. */
Test(mias, passes_over_containers_whose_keys_it_does_not_know)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_MIAS,
		{"01A40804020002",
		 "6213810200218201018302 00028A01058C03030000 9000"},
		{"01B0000021", "0100000000000800000000 0100000000100000000000"
			       "0100000000000000000000 9000"},
		ROW_NO_FILES, ROW_KEY, ROW_HASH,
		{"012A9E9A00", BYTES256 "9000"}, ROW_CLOSE);

	expect_signature(&script, MIAS);
}

/* One entry, p11/pubdat00, whose file 0301 has so many bytes; the application
 * that made it is called by 60 letters. */
#define ROW_ONE_OBJECT_OF(size)                                                \
	{"01A40804020101",                                                     \
	 "62138102001682010183020101 8A01058C03030000 9000"},                  \
		{"01B0000016",                                                 \
		 "01 0301 " size "7075626461743030 7031310000000000 00 9000"}, \
	{                                                                      \
		"01A40804020301",                                              \
			"62138102" size "82010183020301 8A01058C03030000 9000" \
	}
#define LONG_NAME                                                              \
	"00000000000000000000000000000000 03 414243"                           \
	"3C" BYTES16 BYTES16 BYTES16 "A5A5A5A5A5A5A5A5A5A5A5A5"                \
	"00 07 01020304050607"

Test(mias, finds_a_data_object_behind_a_long_name_of_its_application)
{
	static const uint8_t value[] = {1, 2, 3, 4, 5, 6, 7};
	struct script script = SCRIPT(
		ROW_OPEN, ROW_MIAS, ROW_CONTAINERS, ROW_ONE_OBJECT_OF("005A"),
		{"01B0000040", "00000000000000000000000000000000 03 414243"
			       "3C" BYTES16 BYTES16 "A5A5A5A5A5A5A5A5A5A5A5"
			       "9000"},
		{"01B000005A", LONG_NAME "9000"},
		{"01A40804020301",
		 "62138102005A82010183020301 8A01058C03030000 9000"},
		{"01B000005A", LONG_NAME "9000"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, MIAS);
	iotsafe_file *file;
	uint8_t *out;
	size_t size;

	expect_good(iotsafe_file_open(card, "label=ABC", &file));
	expect_good(iotsafe_file_read(file, &out, &size));
	cr_assert(size == sizeof(value) && !memcmp(out, value, size));
	iotsafe_free(out);
	iotsafe_file_free(file);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

/* 63CF makes the list history; the new one calls the file pubdat00 again. */
Test(mias, knows_a_data_object_by_its_name_when_the_list_is_read_anew)
{
#define ROW_SELECT_ABC                                                         \
	{                                                                      \
		"01A40804020301",                                              \
			"62138102001882010183020301 8A01058C03030000 9000"     \
	}
#define ABC "00000000000000000000000000000000 03 414243 00 00 01 2A "
	struct script script =
		SCRIPT(ROW_OPEN, ROW_MIAS, ROW_CONTAINERS,
		       ROW_ONE_OBJECT_OF("0018"), {"01B0000018", ABC "9000"},
		       ROW_SELECT_ABC, {"01B0000018", ABC "63CF"},
		       ROW_CONTAINERS, ROW_ONE_OBJECT_OF("0018"),
		       {"01B0000018", ABC "9000"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, MIAS);
	iotsafe_file *file;
	uint8_t *out;
	size_t size;

	expect_good(iotsafe_file_open(card, "label=ABC", &file));
	for (int i = 0; i < 2; i++) {
		expect_good(iotsafe_file_read(file, &out, &size));
		cr_assert(size == 1 && out[0] == 0x2A);
		iotsafe_free(out);
	}
	iotsafe_file_free(file);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

Test(mias, a_pin_that_is_refused_without_a_count_was_wrong)
{
	static const char *const words[] = {"6300", "6982"};

	for (size_t i = 0; i < COUNT_OF(words); i++) {
		struct script script =
			SCRIPT(ROW_OPEN, ROW_MIAS,
			       {"012000810430303030", words[i]}, ROW_CLOSE);
		iotsafe_card *card = script_open(&script, MIAS);

		expect_error(iotsafe_card_pin_verify(card, "mias", "0000"),
			     IOTSAFE_ERR_PIN, "VERIFY PIN: card answered ");
		cr_assert(strstr(iotsafe_last_error(), "wrong PIN"));
		iotsafe_card_free(card);
		script_expect_done(&script);
	}
}

Test(mias, says_le_behind_data_where_the_address_wants_it)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_MIAS,
		       {"01A4080402000200",
			"62138102000B820101830200028A01058C03030000 9000"},
		       {"01B000000B", "0100000000000800000000 9000"},
		       {"01A4080402010100", "6204 81020001 9000"},
		       {"01B0000001", "00 9000"}, ROW_KEY,
		       {"012A90A0229020" HASH "00", "9000"},
		       {"012A9E9A00", BYTES256 "9000"}, ROW_CLOSE);

	expect_signature(&script, MIAS "&le=yes");
}

/* ---- decryption ---- */

#define ROW_CIPHER                                                             \
	{                                                                      \
		"012241B80680011A840131", "9000"                               \
	}
#define ROW_LINK                                                               \
	{                                                                      \
		"112A8086FF81" BYTES64 BYTES64 BYTES64 BYTES16 BYTES16 BYTES16 \
		"A5A5A5A5A5A5A5A5A5A5A5A5A5A5",                                \
			"9000"                                                 \
	}

static int decrypt(iotsafe_card *card, uint8_t **out, size_t *size)
{
	uint8_t data[256];
	iotsafe_key *key;
	int result;

	memset(data, 0xA5, sizeof(data));
	expect_good(iotsafe_key_open(card, "label=signing", &key));
	result = iotsafe_key_decrypt(key, data, sizeof(data), out, size);
	iotsafe_key_free(key);
	return result;
}

static void expect_text(struct script *script, const char *attributes,
			const char *hex)
{
	iotsafe_card *card = script_open(script, attributes);
	uint8_t *out;
	size_t size;

	expect_good(decrypt(card, &out, &size));
	expect_bytes(out, size, hex);
	iotsafe_card_free(card);
	script_expect_done(script);
}

Test(mias, chains_what_is_deciphered)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_MIAS, ROW_CONTAINERS, ROW_NO_FILES,
		       ROW_CIPHER, ROW_LINK, {"012A808602A5A5", "9000"},
		       {"01C0000000", "0102 9000"}, ROW_CLOSE);

	expect_text(&script, MIAS, "0102");
}

Test(mias, text_may_be_empty)
{
	static const char *const nothing[] = {"6985", "6D00", "6700",
					      "9000", "6A80", "6B00"};

	for (size_t i = 0; i < COUNT_OF(nothing); i++) {
		struct script script =
			SCRIPT(ROW_OPEN, ROW_MIAS, ROW_CONTAINERS, ROW_NO_FILES,
			       ROW_CIPHER, ROW_LINK, {"012A808602A5A5", "9000"},
			       {"01C0000000", nothing[i]}, ROW_CLOSE);
		iotsafe_card *card;
		uint8_t *out;
		size_t size;
		int result;

		card = script_open(&script, MIAS);
		result = decrypt(card, &out, &size);
		cr_assert(result == 0 && size == 0, "%s: %s", nothing[i],
			  iotsafe_last_error());
		iotsafe_free(out);
		iotsafe_card_free(card);
		script_expect_done(&script);
	}
}

/* Of the card's trouble nobody knows what it has kept. */
Test(mias, text_that_trouble_kept_back_is_not_taken_for_empty)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_MIAS, ROW_CONTAINERS, ROW_NO_FILES,
		       ROW_CIPHER, ROW_LINK, {"012A808602A5A5", "9000"},
		       {"01C0000000", "6F00"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, MIAS);
	uint8_t *out;
	size_t size;

	expect_error(decrypt(card, &out, &size), IOTSAFE_ERR_CARD,
		     "PSO DECIPHER: card answered 6F00");
	iotsafe_card_free(card);
	script_expect_done(&script);
}

/* And a cryptogram that the card refuses is no empty text. */
Test(mias, refusal_to_decipher_is_told)
{
	struct script script = SCRIPT(ROW_OPEN, ROW_MIAS, ROW_CONTAINERS,
				      ROW_NO_FILES, ROW_CIPHER, ROW_LINK,
				      {"012A808602A5A5", "6A80"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, MIAS);
	uint8_t *out;
	size_t size;

	expect_error(decrypt(card, &out, &size), IOTSAFE_ERR_CARD,
		     "PSO DECIPHER: card answered 6A80");
	iotsafe_card_free(card);
	script_expect_done(&script);
}

#define TEXT BYTES64 BYTES64 BYTES64

/* The Le of GET RESPONSE is ours; that of DECIPHER, only where the answer came
 * with it. */
Test(mias, text_that_the_modem_cuts_is_fetched_in_smaller_pieces)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_MIAS, ROW_CONTAINERS, ROW_NO_FILES,
		       ROW_CIPHER, ROW_LINK, {"012A808602A5A5", "61C0"},
		       {"01C00000C0", BYTES64 "A5A5"}, ROW_CIPHER, ROW_LINK,
		       {"012A808602A5A5", "61C0"},
		       {"01C0000080", BYTES64 BYTES64 "6140"},
		       {"01C0000040", BYTES64 "9000"}, ROW_CLOSE);

	expect_text(&script, MIAS, TEXT);
}

Test(mias, text_that_comes_at_once_and_cut_is_asked_for_with_le)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_MIAS, ROW_CONTAINERS, ROW_NO_FILES, ROW_CIPHER,
		ROW_LINK, {"012A808602A5A5", BYTES64 "A5A5"}, ROW_CIPHER,
		ROW_LINK, {"012A808602A5A580", BYTES64 BYTES64 "6140"},
		{"01C0000040", BYTES64 "9000"},
		/* The next time as well, though pieces are small. */
		ROW_CIPHER, ROW_LINK, {"012A808602A5A5", BYTES64 "A5A5"},
		ROW_CIPHER, ROW_LINK,
		{"012A808602A5A580", BYTES64 BYTES64 "6140"},
		{"01C0000040", BYTES64 "9000"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, MIAS);
	uint8_t *out;
	size_t size;

	for (int i = 0; i < 2; i++) {
		expect_good(decrypt(card, &out, &size));
		expect_bytes(out, size, TEXT);
	}
	iotsafe_card_free(card);
	script_expect_done(&script);
}

Test(mias, text_is_cut_no_more_often_than_pieces_get_smaller)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_MIAS, ROW_CONTAINERS, ROW_NO_FILES,
		       ROW_CIPHER, ROW_LINK, {"012A808602A5A5", "61C0"},
		       {"01C00000C0", BYTES64 "A5A5"}, ROW_CIPHER, ROW_LINK,
		       {"012A808602A5A5", "61C0"}, {"01C0000080", "02A5A5"},
		       ROW_CIPHER, ROW_LINK, {"012A808602A5A5", "61C0"},
		       {"01C0000032", "02A5A5"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, MIAS);
	uint8_t *out;
	size_t size;

	expect_error(decrypt(card, &out, &size), IOTSAFE_ERR_CARD,
		     "PSO DECIPHER: card answered A5A5");
	iotsafe_card_free(card);
	script_expect_done(&script);
}

/* ---- PIN ---- */

Test(mias, sends_its_pin_as_long_as_it_is_and_once)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_MIAS, {"0120008100", "63C3"},
		{"012000810430303030", "63C2"},
		{"01200081053132333435", "9000"},
		{"81240081 0A 05 3132333435 39383736", "9000"},
		{"81240081 11 08 4142434445464748 6162636465666768", "6983"},
		{"0120008100", "6983"}, {"0120008100", "6700"},
		{"0120008100", "9000"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, MIAS);
	int tries;

	expect_good(iotsafe_card_pin_tries(card, "mias", &tries));
	cr_assert(tries == 3);
	expect_error(iotsafe_card_pin_verify(card, NULL, "0000"),
		     IOTSAFE_ERR_PIN,
		     "VERIFY PIN: card answered 63C2 wrong PIN, 2 tries left");
	expect_good(iotsafe_card_pin_verify(card, "mias", "12345"));
	expect_good(iotsafe_card_pin_change(card, "mias", "12345", "9876"));
	expect_error(
		iotsafe_card_pin_change(card, "mias", "ABCDEFGH", "abcdefgh"),
		IOTSAFE_ERR_PIN, "CHANGE REFERENCE DATA: card answered 6983");
	expect_good(iotsafe_card_pin_tries(card, "mias", &tries));
	cr_assert(tries == 0);
	expect_error(iotsafe_card_pin_tries(card, "mias", &tries),
		     IOTSAFE_ERR_SUPPORT, "does not tell");
	cr_assert(tries == -1);
	expect_good(iotsafe_card_pin_tries(card, "mias", &tries));
	cr_assert(tries == -1);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

Test(mias, file_applet_pads_its_pin)
{
	struct script script =
		SCRIPT(ROW_OPEN,
		       {"01A4040010A0000000871001FF33FFFF8901010100", "9000"},
		       {"01A40804047FAA6F01", "6206 80020010 8200 9000"},
		       {"012000010831313131FFFFFFFF", "9000"},
		       {"0124000110 31313131FFFFFFFF 3232323232FFFFFF", "9000"},
		       ROW_CLOSE);
	iotsafe_card *card = script_open(&script, MF);

	expect_good(iotsafe_card_pin_verify(card, "mf", "1111"));
	expect_good(iotsafe_card_pin_change(card, "mf", "1111", "22222"));
	iotsafe_card_free(card);
	script_expect_done(&script);
}

/* 3GPP has an application by this AID: without our files it is none. */
Test(mias, another_application_by_the_aid_of_files_is_none)
{
	struct script script =
		SCRIPT(ROW_OPEN,
		       {"01A4040010A0000000871001FF33FFFF8901010100", "9000"},
		       {"01A40804047FAA6F01", "6A82"}, ROW_CLOSE);
	iotsafe_link link = script_link(&script);
	iotsafe_card *card;

	expect_error(iotsafe_card_open_link(&link, MF, &card),
		     IOTSAFE_ERR_ABSENT, "card answered 6A82");
	script_expect_done(&script);
}

/* ---- decoders ---- */

static struct bytes bytes_of(const char *hex)
{
	static uint8_t room[1024];

	return (struct bytes){room, unhex(hex, room, sizeof(room))};
}

Test(mias, container_tells_its_keys_number)
{
	static const struct {
		const char *hex;
		size_t index;
		unsigned key, bits;
		bool used, exchange;
	} rows[] = {
		{"0100000000000800000000", 0, 0x31, 2048, true, true},
		{"0100000008000000000000", 0, 0x41, 2048, true, false},
		{"0100000000000400000000", 0, 0x11, 1024, true, true},
		{"0100000004000000000000", 0, 0x21, 1024, true, false},
		{"0000000000000000000000 0100000000000800000000", 1, 0x32, 2048,
		 true, true},
		{"0000000000000000000000", 0, 0x11, 0, false, true},
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct mias_container container;

		cr_assert(mias_decode_container(bytes_of(rows[i].hex),
						rows[i].index, &container));
		cr_assert(container.used == rows[i].used, "row %zu", i);
		cr_assert(container.bits == rows[i].bits, "row %zu", i);
		cr_assert(container.exchange == rows[i].exchange, "row %zu", i);
		if (container.used)
			cr_assert(container.key == rows[i].key, "row %zu", i);
	}
	/* Ten bytes are none; there are fifteen at most. */
	cr_assert(!mias_decode_container(bytes_of("01000000000008000000"), 0,
					 &(struct mias_container){0}));
	cr_assert(!mias_decode_container((struct bytes){(uint8_t[176]){1}, 176},
					 15, &(struct mias_container){0}));
}

Test(mias, directory_holds_what_it_says)
{
	static const char entry[] = "01 0201 04AE 6B78633030000000"
				    "6D73637000000000 00";
	struct mias_file file;
	struct bytes in = bytes_of(entry);
	size_t count;

	cr_assert(mias_decode_count(in, &count) && count == 1);
	cr_assert(mias_decode_file(in, 0, &file));
	cr_assert(file.id[0] == 2 && file.id[1] == 1 && file.size == 1198);
	cr_assert_str_eq(file.name, "kxc00");
	cr_assert_str_eq(file.directory, "mscp");
	cr_assert(mias_container_of(&file) == 0);
	in.size--;
	cr_assert(!mias_decode_count(in, &count));
	cr_assert(!mias_decode_count((struct bytes){NULL, 0}, &count));
}

/* As a file that was erased, or never written. */
Test(mias, directory_has_what_there_is_room_for)
{
	static const char entries[] =
		"FF 0201 04AE 6B78633030000000"
		"6D73637000000000 00"
		"FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
		"00000000000000000000000000000000000000"
		"0000 FFFF";
	struct mias_file file;
	struct bytes in = bytes_of(entries);
	size_t count;

	cr_assert(mias_decode_count(in, &count) && count == 3);
	cr_assert(mias_decode_file(in, 0, &file));
	cr_assert(!mias_decode_file(in, 1, &file));
	cr_assert(!mias_decode_file(in, 2, &file));
}

/* The directory says 255, and has one; the first container's key has 4096
 * bits: the other one signs all the same. */
Test(mias, signs_beside_what_it_does_not_know)
{
	struct script script = SCRIPT(
		ROW_OPEN, ROW_MIAS,
		{"01A40804020002",
		 "6213810200168201018302 00028A01058C03030000 9000"},
		{"01B0000016", "0100000000001000000000 0100000000000800000000"
			       "9000"},
		{"01A40804020101",
		 "62138102002B82010183020101 8A01058C03030000 9000"},
		{"01B000002B",
		 "FF 0201 04AE 66696C6530300000 6162630000000000 00"
		 "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF 9000"},
		{"012241B606800142840132", "9000"}, ROW_HASH,
		{"012A9E9A00", BYTES256 "9000"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, MIAS);
	iotsafe_object *object;
	iotsafe_list *list;
	iotsafe_key *key;
	unsigned count = 0;
	uint8_t *out;
	size_t size;

	expect_error(iotsafe_key_open(card, "label=signing", &key),
		     IOTSAFE_ERR_ABSENT,
		     "left out: containers: number 0 has a key of 4096 bits");
	expect_good(iotsafe_card_list(card, NULL, &list));
	while (!iotsafe_list_next(list, &object) && object) {
		iotsafe_object_free(object);
		count++;
	}
	iotsafe_list_free(list);
	cr_assert(count == 2, "%u objects", count);
	expect_good(iotsafe_key_open(card, "label=kxc01", &key));
	expect_good(sign(key, &out, &size));
	iotsafe_free(out);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

Test(mias, data_object_ends_where_it_says)
{
	struct mias_object object;
	struct bytes in = bytes_of("00000000000000000000000000000000"
				   "05 4142432020 02 0102 00 820003 414243");

	cr_assert(mias_decode_object(in, &object));
	cr_assert(object.label.size == 3 &&
		  !memcmp(object.label.data, "ABC", 3));
	cr_assert(object.value_at == 29 && object.value_size == 3);
	/* The head may be all that was read; less is no head. */
	in.size = 29;
	cr_assert(mias_decode_object(in, &object));
	for (in.size = 0; in.size < 29; in.size++)
		cr_assert(!mias_decode_object(in, &object), "%zu", in.size);
	cr_assert(!mias_decode_object(
		bytes_of("00000000000000000000000000000000 00 00 00 80"),
		&object));
}

Test(mias, size_of_a_file_is_where_its_applet_has_it)
{
	size_t size;

	cr_assert(ef_decode_size(bytes_of("6204 81020123"), 0x81, &size) &&
		  size == 0x123);
	/* The other tag, where the applet's own is not there; else its own. */
	cr_assert(ef_decode_size(bytes_of("6204 81020123"), 0x80, &size) &&
		  size == 0x123);
	cr_assert(ef_decode_size(bytes_of("6204 80020123"), 0x81, &size) &&
		  size == 0x123);
	cr_assert(ef_decode_size(bytes_of("6208 80020123 81020133"), 0x81,
				 &size) &&
		  size == 0x133);
	cr_assert(ef_decode_size(bytes_of("6208 80020123 81020133"), 0x80,
				 &size) &&
		  size == 0x123);
	cr_assert(!ef_decode_size(bytes_of("6204 82020123"), 0x80, &size));
	cr_assert(!ef_decode_size(bytes_of("6F04 81020123"), 0x81, &size));
	cr_assert(!ef_decode_size(bytes_of("6202 8100"), 0x81, &size));
	cr_assert(
		!ef_decode_size(bytes_of("6207 81050000000001"), 0x81, &size));
	cr_assert(!ef_decode_size((struct bytes){NULL, 0}, 0x81, &size));
}

/* ---- private keys on the host ---- */

Test(mias, bytes_that_are_no_private_key_are_told_so)
{
	static const char *const rows[] = {"",
					   "00",
					   "3000",
					   "3003020100",
					   "30820400",
					   "FFFFFFFF",
					   "2D2D2D2D2D424547494E20"};
	struct secret *key;

	for (size_t i = 0; i < COUNT_OF(rows); i++)
		expect_error(crypto_private_read(bytes_of(rows[i]), &key),
			     IOTSAFE_ERR_FORMAT, "private key: ");
}

/* A card that answers to any name, and an applet whose files are none. */
Test(mias, that_makes_no_sense_is_no_reason_why_there_is_no_identity)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, {"81CB010000", "9000"},
		       {"0070000001", "02 9000"},
		       {"02A404000DA0000000188000000006624151", "9000"},
		       {"02A40804020002", "6F00 9000"}, ROW_CLOSE,
		       {"0070800200", "9000"});
	iotsafe_card *card = script_open(
		&script, "aid=A0000005590010,A0000000188000000006624151");
	iotsafe_key *key;

	expect_error(iotsafe_key_open(card, NULL, &key), IOTSAFE_ERR_ABSENT,
		     "no private key on the card");
	iotsafe_card_free(card);
	script_expect_done(&script);
}
