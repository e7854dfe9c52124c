/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Commands to bytes, status words to sense. */
#include <criterion/criterion.h>
#include <string.h>
#include <iotsafe/iotsafe.h>
#include "script.h"
#include "uicc/apdu.h"

struct encode_case {
	const char *data;
	enum apdu_expect expect;
	unsigned le;
	bool with_le;
	const char *bytes;
};

static const struct encode_case apdu_encode_cases[] = {
	/* case 1: five bytes all the same */
	{"", APDU_NOTHING, 0, false, "81 2A0101 00"},
	{"", APDU_NOTHING, 0, true, "81 2A0101 00"},
	/* case 2 */
	{"", APDU_SOME, 0, false, "81 2A0101 00"},
	{"", APDU_EXACT, 1, false, "81 2A0101 01"},
	{"", APDU_EXACT, 255, false, "81 2A0101 FF"},
	{"", APDU_EXACT, 256, false, "81 2A0101 00"},
	/* case 3 never carries Le */
	{"0102", APDU_NOTHING, 0, false, "81 2A0101 02 0102"},
	{"0102", APDU_NOTHING, 0, true, "81 2A0101 02 0102"},
	/* case 4 */
	{"0102", APDU_SOME, 0, false, "81 2A0101 02 0102"},
	{"0102", APDU_SOME, 0, true, "81 2A0101 02 0102 00"},
	{"0102", APDU_EXACT, 32, false, "81 2A0101 02 0102 20"},
	{"0102", APDU_EXACT, 256, true, "81 2A0101 02 0102 00"},
};

static void check_apdu_encode_case(const struct encode_case *c)
{
	uint8_t data[4], wanted[16], out[APDU_COMMAND_MAX];
	struct apdu apdu = {
		.ins = 0x2A,
		.p1 = 0x01,
		.p2 = 0x01,
		.data = {data, unhex(c->data, data, sizeof(data))},
		.expect = c->expect,
		.le = c->le,
	};
	size_t size = apdu_encode(&apdu, 0x81, c->with_le, out);

	cr_assert(size == unhex(c->bytes, wanted, sizeof(wanted)), "%s",
		  c->bytes);
	cr_assert(!memcmp(out, wanted, size), "%s", c->bytes);
}

Test(apdu, has_four_cases)
{
	for (size_t i = 0; i < COUNT_OF(apdu_encode_cases); i++)
		check_apdu_encode_case(&apdu_encode_cases[i]);
}

Test(apdu, of_255_bytes_is_the_longest)
{
	static uint8_t data[256], out[APDU_COMMAND_MAX];
	struct apdu apdu = {.data = {data, 255}, .expect = APDU_SOME};

	cr_assert(apdu_encode(&apdu, 0x81, true, out) == 261);
	cr_assert(out[4] == 0xFF && out[260] == 0x00);
	apdu.data.size = 256;
	cr_assert(apdu_encode(&apdu, 0x81, true, out) == 0);
}

Test(apdu, asks_for_1_to_256_bytes)
{
	uint8_t out[APDU_COMMAND_MAX];
	struct apdu apdu = {.expect = APDU_EXACT};

	cr_assert(apdu_encode(&apdu, 0x81, true, out) == 0);
	apdu.le = 257;
	cr_assert(apdu_encode(&apdu, 0x81, true, out) == 0);
}

Test(apdu, class_carries_twenty_channels)
{
	for (int channel = 0; channel < 20; channel++) {
		int bits = channel < 4 ? channel : 0x40 | (channel - 4);

		cr_assert(apdu_class(0x00, channel) == bits);
		cr_assert(apdu_class(0x80, channel) == (0x80 | bits));
	}
	cr_assert(apdu_class(0x83, 1) == 0x81, "a channel is replaced");
	cr_assert(apdu_class(0x00, 19) == 0x4F);
}

Test(apdu, an_answer_ends_with_its_status_word)
{
	const uint8_t answer[] = {1, 2, 0x90, 0x00};
	struct bytes data;
	unsigned status;

	cr_assert(apdu_split((struct bytes){answer, 4}, &data, &status));
	cr_assert(data.size == 2 && data.data == answer && status == 0x9000);
	cr_assert(apdu_split((struct bytes){answer + 2, 2}, &data, &status));
	cr_assert(data.size == 0 && status == 0x9000);
	cr_assert(!apdu_split((struct bytes){answer, 1}, &data, &status));
	cr_assert(!apdu_split((struct bytes){answer, 0}, &data, &status));
}

struct status_case {
	unsigned status;
	int code;
	const char *words;
};

static const struct status_case apdu_status_cases[] = {
	{0x6982, IOTSAFE_ERR_DENIED, "security status not satisfied"},
	{0x6983, IOTSAFE_ERR_PIN, "authentication method blocked"},
	{0x6283, IOTSAFE_ERR_CARD, "deactivated"},
	{0x6884, IOTSAFE_ERR_CARD, "command chaining not supported"},
	{0x6985, IOTSAFE_ERR_CARD, "conditions not satisfied"},
	{0x6A82, IOTSAFE_ERR_ABSENT, "not found"},
	{0x6A88, IOTSAFE_ERR_ABSENT, "referenced data not found"},
	{0x6D01, IOTSAFE_ERR_VERIFY, "signature does not match"},
	{0x63C0, IOTSAFE_ERR_PIN, "wrong PIN"},
	{0x63C3, IOTSAFE_ERR_PIN, "wrong PIN"},
	{0x63CF, IOTSAFE_ERR_CARD, "a remote administration has completed"},
	{0x9300, IOTSAFE_ERR_BUSY, "SIM toolkit is busy"},
	{0x9804, IOTSAFE_ERR_PIN, "access condition not fulfilled"},
	{0x6FFF, IOTSAFE_ERR_CARD, ""},
	{0x0000, IOTSAFE_ERR_CARD, ""},
};

static void check_apdu_status_case(const struct status_case *c)
{
	cr_assert(apdu_status_code(c->status) == c->code, "%04X", c->status);
	cr_assert_str_eq(apdu_status_words(c->status), c->words);
}

Test(apdu, a_status_word_has_a_code_and_words)
{
	for (size_t i = 0; i < COUNT_OF(apdu_status_cases); i++)
		check_apdu_status_case(&apdu_status_cases[i]);
}
