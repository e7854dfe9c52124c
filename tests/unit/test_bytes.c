/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Cursor, builder, hexadecimal digits and BER-TLV. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>
#include <iotsafe/iotsafe.h>
#include "base/bytes.h"
#include "script.h"

/* ---- cursor ---- */

Test(bytes, a_read_takes_from_the_front)
{
	const uint8_t data[] = {1, 2, 3};
	struct bytes in = {data, 3}, out;
	uint8_t first;

	cr_assert(bytes_take_u8(&in, &first) && first == 1);
	cr_assert(bytes_take(&in, 2, &out));
	cr_assert(out.data == data + 1 && out.size == 2 && in.size == 0);
}

Test(bytes, a_read_beyond_the_end_changes_nothing)
{
	const uint8_t data[] = {1, 2};
	struct bytes in = {data, 2}, out = {NULL, 7};
	uint8_t byte = 9;

	cr_assert(!bytes_take(&in, 3, &out));
	cr_assert(!bytes_take(&in, SIZE_MAX, &out));
	cr_assert(in.data == data && in.size == 2 && out.size == 7);
	in.size = 0;
	cr_assert(!bytes_take_u8(&in, &byte) && byte == 9);
	cr_assert(bytes_take(&in, 0, &out) && out.size == 0);
}

Test(bytes, equal_means_size_and_content)
{
	const uint8_t a[] = {1, 2}, b[] = {1, 3};

	cr_assert(bytes_equal((struct bytes){a, 2}, (struct bytes){a, 2}));
	cr_assert(!bytes_equal((struct bytes){a, 2}, (struct bytes){b, 2}));
	cr_assert(!bytes_equal((struct bytes){a, 2}, (struct bytes){a, 1}));
	cr_assert(bytes_equal((struct bytes){NULL, 0}, (struct bytes){a, 0}));
}

/* ---- builder ---- */

Test(bytes, a_builder_that_is_full_only_says_so)
{
	uint8_t room[3] = {0};
	struct builder out = {room, 0, 2, false};

	build_byte(&out, 1);
	build_byte(&out, 2);
	cr_assert(!out.failed && out.size == 2);
	build_byte(&out, 3);
	cr_assert(out.failed && out.size == 2 && room[2] == 0);
	build_bytes(&out, room, 0);
	cr_assert(out.failed, "a failure is not forgotten");
}

struct length_case {
	size_t size;
	const char *head;
};

static const struct length_case bytes_length_cases[] = {
	{0, "42 00"},	     {1, "42 01"},	  {0x7F, "42 7F"},
	{0x80, "42 81 80"},  {0xFF, "42 81 FF"},  {0x100, "42 82 0100"},
	{300, "42 82 012C"}, {4096, "42 82 1000"}};

static void check_bytes_length_case(const struct length_case *c)
{
	static uint8_t value[4096], room[5000];
	struct builder out = {room, 0, sizeof(room), false};
	uint8_t head[8];
	size_t head_size = unhex(c->head, head, sizeof(head));
	struct bytes in;
	struct tlv tlv;

	memset(value, 0x5A, sizeof(value));
	build_tlv(&out, 0x42, value, c->size);
	cr_assert(!out.failed && out.size == head_size + c->size);
	cr_assert(!memcmp(room, head, head_size));
	in = (struct bytes){room, out.size};
	cr_assert(tlv_next(&in, &tlv) && in.size == 0);
	cr_assert(tlv.tag == 0x42 && tlv.value.size == c->size);
	cr_assert(!memcmp(tlv.value.data, value, c->size));
}

Test(bytes, a_length_is_written_in_its_shortest_form)
{
	for (size_t i = 0; i < COUNT_OF(bytes_length_cases); i++)
		check_bytes_length_case(&bytes_length_cases[i]);
}

Test(bytes, a_value_of_64_kib_is_not_built)
{
	static uint8_t value[0x10000], room[0x10010];
	struct builder out = {room, 0, sizeof(room), false};

	build_tlv(&out, 0x42, value, 0xFFFF);
	cr_assert(!out.failed && out.size == 4 + 0xFFFF);
	out.size = 0;
	build_tlv(&out, 0x42, value, 0x10000);
	cr_assert(out.failed);
}

/* ---- TLV ---- */

struct tlv_case {
	const char *bytes;
	int size; /* of the value; -1: no TLV */
};

static const struct tlv_case bytes_tlv_cases[] = {
	{"", -1},
	{"84", -1},
	{"84 00", 0},
	{"84 02 0102", 2},
	{"84 02 0102 99", 2},
	{"84 02 01", -1},
	{"84 7F", -1},
	{"84 80", -1}, /* indefinite */
	{"84 80 01 00 00", -1},
	{"84 81", -1},
	{"84 81 01 05", 1}, /* longer than needed, yet clear */
	{"84 81 80", -1},
	{"84 82 0001 05", 1},
	{"84 82 00", -1},
	{"84 83 000002 0506", 2},
	{"84 83 FFFFFF 05", -1},
	{"84 84 00000001 05", -1}, /* four bytes: no card's */
	{"84 FF", -1},
};

static void check_bytes_tlv_case(const struct tlv_case *c)
{
	uint8_t data[16];
	struct bytes in = {data, unhex(c->bytes, data, sizeof(data))};
	const size_t before = in.size;
	struct tlv tlv;
	bool good = tlv_next(&in, &tlv);

	cr_assert(good == (c->size >= 0), "%s", c->bytes);
	if (good)
		cr_assert(tlv.tag == 0x84 && tlv.value.size == (size_t)c->size);
	else
		cr_assert(in.data == data && in.size == before);
}

Test(bytes, tlv_lengths_are_read_in_four_forms)
{
	for (size_t i = 0; i < COUNT_OF(bytes_tlv_cases); i++)
		check_bytes_tlv_case(&bytes_tlv_cases[i]);
}

Test(bytes, tlv_find_stays_on_its_level)
{
	uint8_t data[16];
	struct bytes in = {data, unhex("34 03 86 01 AA 86 01 BB 86 01 CC", data,
				       sizeof(data))};
	struct bytes value;

	cr_assert(tlv_find(in, 0x86, &value) && value.data[0] == 0xBB);
	cr_assert(!tlv_find(in, 0x49, &value));
	/* What cannot be walked ends the search. */
	in = (struct bytes){data, unhex("34 7F 86 01 AA", data, sizeof(data))};
	cr_assert(!tlv_find(in, 0x86, &value));
}

/* ---- hexadecimal ---- */

Test(bytes, hex_is_read_in_either_case_and_written_in_upper)
{
	uint8_t data[4];
	char text[9];

	cr_assert(hex_decode("00aFfF9a", 8, data));
	hex_encode(data, 4, text);
	cr_assert_str_eq(text, "00AFFF9A");
	cr_assert(hex_decode("", 0, data));
}

Test(bytes, hex_refuses_what_is_no_digit)
{
	static const char *const bad[] = {"0",	"0g", "g0", " 0", "0x",
					  "-1", "/0", ":0", "@A", "`a"};
	uint8_t data[4];

	for (size_t i = 0; i < COUNT_OF(bad); i++)
		cr_assert(!hex_decode(bad[i], strlen(bad[i]), data), "%s",
			  bad[i]);
}

/* ---- memory that leaves the library ---- */

Test(bytes, what_is_given_out_is_a_copy_that_ends_with_a_zero)
{
	uint8_t text[] = {'a', 'b', 'c'};
	uint8_t *out;
	size_t size;

	cr_assert(bytes_give(text, 3, &out, &size) == 0 && size == 3);
	text[0] = 'x';
	cr_assert_str_eq((char *)out, "abc");
	iotsafe_free(out);
	cr_assert(bytes_give(NULL, 0, &out, &size) == 0 && out && size == 0);
	iotsafe_free(out);
	iotsafe_free(NULL);
}

Test(bytes, wiped_bytes_are_zero)
{
	uint8_t secret[4] = {1, 2, 3, 4};
	static const uint8_t zeros[4];

	bytes_wipe(secret, sizeof(secret));
	cr_assert(!memcmp(secret, zeros, 4));
}
