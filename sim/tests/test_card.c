// SPDX-License-Identifier: LGPL-2.1-or-later
/* Channels, classes, selection, lengths, and how answers travel. */
#include "bench.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define SELECT_GSMA "01A4040007A0000005590010"

static struct bench b;

static void setup(void)
{
	bench_open(&b, "gsma", NULL, NULL);
}

static void teardown(void)
{
	bench_close(&b);
}

static void again(const char *quirks, const char *faults)
{
	bench_close(&b);
	bench_open(&b, "gsma", quirks, faults);
}

#define answers(command, expected)                                             \
	cr_assert_str_eq(bench_send(&b, command), expected)

TestSuite(card, .init = setup, .fini = teardown);

Test(card, opens_channels_in_order_until_none_is_free)
{
	answers("0070000001", "019000");
	answers("0070000000", "029000");
	answers("01 70 00 00 01", "039000");
	answers("0070000001", "6A81");
	answers("0070800200", "9000");
	answers("0070000001", "029000");
}

Test(card, opens_as_many_channels_as_asked_for)
{
	char number[8];

	again("max-channels=19", NULL);
	for (unsigned int i = 1; i <= 19; i++) {
		snprintf(number, sizeof(number), "%02X9000", i);
		answers("0070000001", number);
	}
	answers("0070000001", "6A81");
	/* channels 4 to 19 have classes 4X and CX */
	answers("4FA4040007A0000005590010", "9000");
	answers("4F70801300", "9000");
	answers("CF84000001", "6881");
	again("max-channels=0", NULL);
	answers("0070000001", "6A81");
}

Test(card, uses_the_class_of_a_high_channel)
{
	again("max-channels=19", NULL);
	for (unsigned int i = 1; i <= 4; i++)
		bench_send(&b, "0070000001");
	answers("40A4040007A0000005590010", "9000");
	cr_assert_eq(strlen(bench_send(&b, "C084000008")), 2 * 8 + 4);
	cr_assert_eq(strlen(bench_send(&b, "4084000008")), 2 * 8 + 4);
	answers("4184000008", "6881");
}

Test(card, closes_a_channel_in_every_form)
{
	static const char *const forms[] = {"0070800100", "0170800100",
					    "00708001", "017080010000",
					    "0170800000"};

	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		answers("0070000001", "019000");
		answers(SELECT_GSMA, "9000");
		answers(forms[i], "9000");
		answers("0184000008", "6881");
		answers("0070800100", "6881");
	}
}

Test(card, refuses_to_close_what_is_not_there)
{
	answers("0070800100", "6881");
	answers("0070801300", "6881");
	answers("0070801400", "6A86");
	answers("0070800000", "6A86");
	answers("0070000100", "6A86");
	answers("0070400000", "6A86");
	answers("00700000020102", "6700");
}

Test(card, opens_a_channel_with_one_length_only_when_told_so)
{
	again("channel-open-00", NULL);
	answers("0070000001", "6700");
	answers("0070000000", "019000");
	again("channel-open-01", NULL);
	answers("0070000000", "6C01");
	answers("0070000001", "019000");
}

Test(card, has_channel_1_open_when_told_so)
{
	answers(SELECT_GSMA, "6881");
	again("implicit-channel", NULL);
	answers(SELECT_GSMA, "9000");
	cr_assert_eq(strlen(bench_send(&b, "8184000008")), 2 * 8 + 4);
	answers("8284000008", "6881");
}

Test(card, selects_by_the_whole_aid_only)
{
	answers("0070000001", "019000");
	answers("01A4040006A00000055900", "6A82");
	answers("01A4040008A000000559001000", "6A82");
	answers("01A404000FA00000003053F12401770101495341", "6A82");
	answers("01A4040007A000000559001000", "9000");
	answers("01A4040C07A0000005590010", "9000");
	answers("01A4040107A0000005590010", "6A86");
	answers("01A4050007A0000005590010", "6A86");
	answers("01A40400", "6700");
	answers("01A4040000", "6700");
}

Test(card, stays_where_it_was_when_a_selection_fails)
{
	answers("0070000001", "019000");
	answers(SELECT_GSMA, "9000");
	answers("01A4040007A0000005590011", "6A82");
	cr_assert_eq(strlen(bench_send(&b, "8184000008")), 2 * 8 + 4);
}

Test(card, keeps_selections_apart_by_channel)
{
	answers("0070000001", "019000");
	answers("0070000001", "029000");
	answers(SELECT_GSMA, "9000");
	answers("8284000008", "6D00");
	answers("8084000008", "6D00");
	cr_assert_eq(strlen(bench_send(&b, "8184000008")), 2 * 8 + 4);
}

Test(card, gives_file_control_data_when_told_so)
{
	again("fci", NULL);
	answers("0070000001", "019000");
	answers(SELECT_GSMA, "610D");
	answers("01C000000D", "6F0B8407A0000005590010A5009000");
	answers("01A4040C07A0000005590010", "9000");
}

Test(card, answers_91xx_for_9000_when_told_so)
{
	again("91xx", NULL);
	answers("0070000001", "01910B");
	answers(SELECT_GSMA, "910B");
	answers("01CB010001", bench_send(&b, "01CB010001"));
	again("91xx=0x20", NULL);
	answers("0070000001", "019120");
}

Test(card, knows_wrong_classes_and_instructions)
{
	answers("A0A40000023F00", "6E00");
	answers("0484000008", "6E00");
	answers("1084000008", "6E00");
	answers("FF84000008", "6E00");
	bench_select(&b);
	answers("8100000000", "6D00");
	answers("81FF0000", "6D00");
}

Test(card, refuses_one_family_of_classes_when_told_so)
{
	again("class-0x", NULL);
	bench_select(&b);
	answers("8184000004", "6E00");
	cr_assert_eq(strlen(bench_send(&b, "0184000004")), 2 * 4 + 4);
	answers("0070800100", "9000");
	again("class-8x", NULL);
	bench_select(&b);
	answers("0184000004", "6E00");
	cr_assert_eq(strlen(bench_send(&b, "8184000004")), 2 * 4 + 4);
}

/* Every command cut short at every byte: one status word, never data. */
Test(card, refuses_commands_cut_at_any_byte)
{
	static const char *const commands[] = {
		"01A4040007A0000005590010",
		"812A00010D840101A1010391020001920104",
		("812B8001229E20B94D27B9934D3E08A52E52D7DA7DABFAC484EFE37A5380EE"
		 "9088F7ACE2EFCDE9"),
		"81B0000003830102",
		"81B9000003840104",
		"81CBC30003830102",
		"81CD000003850101",
	};
	char cut[128];

	bench_select(&b);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		for (size_t n = 0; n < strlen(commands[i]); n += 2) {
			snprintf(cut, sizeof(cut), "%.*s", (int)n, commands[i]);
			answers(cut, "6700");
		}
}

Test(card, refuses_commands_longer_than_they_say)
{
	bench_select(&b);
	answers("81CD0000038501010000", "6700");
	answers("81CD00000285010100AA", "6700");
	answers("81CD00000003850101", "6700");
	answers("81CD000000000385010100", "6700");
	answers("", "6700");
}

/* Each byte of the inner lengths takes each value: an error or the truth. */
Test(card, survives_inner_lengths_that_lie)
{
	static const size_t lengths[] = {6, 9, 12, 16};
	char hex[] = "812A00010D840101A1010391020001920104";
	char length[3];

	bench_select(&b);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++)
		for (unsigned int value = 0; value < 256; value++) {
			char kept[3];
			const char *answer;
			bool true_length;

			memcpy(kept, hex + 2 * lengths[i], 2);
			snprintf(length, sizeof(length), "%02X", value);
			memcpy(hex + 2 * lengths[i], length, 2);
			true_length = memcmp(kept, length, 2) == 0;
			answer = bench_send(&b, hex);
			cr_assert_str_eq(answer, true_length ? "9000" : "6A80");
			memcpy(hex + 2 * lengths[i], kept, 2);
		}
}

Test(card, hands_out_answers_with_61xx)
{
	bench_select(&b);
	answers("81C0000000", "6985");
	answers("81CD000003850101", "6147");
	/* another channel's answer is not here */
	answers("80C0000047", "6985");
	cr_assert_eq(strlen(bench_send(&b, "01C0000040")), 2 * 0x40 + 4);
	answers("81C0000107", "6A86");
	cr_assert_eq(strlen(bench_send(&b, "81C0000000")), 2 * 7 + 4);
	answers("81C0000000", "6985");
}

Test(card, forgets_an_answer_at_the_next_command)
{
	bench_select(&b);
	answers("81CD000003850101", "6147");
	bench_send(&b, "8184000001");
	answers("81C0000047", "6985");
	answers("81CD000003850101", "6147");
	answers("8100000000", "6D00");
	answers("81C0000047", "6985");
}

Test(card, gives_data_at_once_to_a_command_that_only_asks)
{
	bench_select(&b);
	cr_assert_eq(strlen(bench_send(&b, "81CB000044")), 2 * 0x44 + 4);
	cr_assert_eq(strlen(bench_send(&b, "81CB000000")), 2 * 0x44 + 4);
	answers("81CB0000", "6144");
	answers("81CB000010", "6C44");
	cr_assert_eq(strlen(bench_send(&b, "81CB000044")), 2 * 0x44 + 4);
}

Test(card, gives_data_at_once_always_when_told_so)
{
	again("direct", NULL);
	bench_select(&b);
	cr_assert_eq(strlen(bench_send(&b, "81CD000003850101")), 2 * 0x47 + 4);
	cr_assert_eq(strlen(bench_send(&b, "81CD00000385010100")),
		     2 * 0x47 + 4);
	cr_assert_eq(strlen(bench_send(&b, "81CB0000")), 2 * 0x44 + 4);
	/* less than all of it: the rest waits */
	cr_assert(strstr(bench_send(&b, "81CD00000385010140") + 0x80, "6107"));
}

Test(card, wants_an_exact_length_when_told_so)
{
	static char first[600];

	again("6cxx", NULL);
	answers("0070000000", "6C01");
	answers("0070000001", "019000");
	answers(SELECT_GSMA, "9000");
	answers("81CD00000385010100", "6C47");
	cr_assert_eq(strlen(bench_send(&b, "81CD00000385010147")),
		     2 * 0x47 + 4);
	answers("81CD000003850101", "6147");
	answers("81C0000000", "6C47");
	cr_assert_eq(strlen(bench_send(&b, "81C0000047")), 2 * 0x47 + 4);
	answers("81CB010000", "6CF2");
	strcpy(first, bench_send(&b, "81CB0100F2"));
	cr_assert_eq(strlen(first), 2 * 0xF2 + 4);
}

/* 6Cxx comes after the signature was made: asking again must not fail. */
Test(card, keeps_a_signature_for_the_right_length)
{
	again("6cxx", NULL);
	answers("0070000001", "019000");
	answers(SELECT_GSMA, "9000");
	answers("812A00010D840101A1010391020001920104", "9000");
	answers("812B8001229E20B94D27B9934D3E08A52E52D7DA7DABFAC484EFE37A5380EE"
		"9088F7ACE2EFCDE900",
		"6C43");
	cr_assert_eq(strlen(bench_send(&b, "812B8001229E20B94D27B9934D3E08A52E"
					   "52D7DA7DABFAC484EFE37A5380EE"
					   "9088F7ACE2EFCDE943")),
		     2 * 0x43 + 4);
}

Test(card, hands_out_answers_in_pieces_when_told_so)
{
	again("chained-61=32", NULL);
	bench_select(&b);
	answers("81CD000003850101", "6120");
	cr_assert(strstr(bench_send(&b, "81C0000020") + 64, "6120"));
	cr_assert(strstr(bench_send(&b, "81C0000020") + 64, "6107"));
	cr_assert(strstr(bench_send(&b, "81C0000007") + 14, "9000"));
	cr_assert_eq(strlen(bench_fetch(&b, "81CD000003850101")), 2 * 0x47 + 4);
}

Test(card, answers_as_a_uicc_on_the_basic_channel)
{
	char iccid[32];

	answers("00A40004023F00", "6117");
	cr_assert_str_eq(bench_send(&b, "00C0000017"),
			 "62158202782183023F008A01058B032F0601C603900100"
			 "9000");
	answers("00B000000A", "6986");
	answers("00A4000C022FE2", "9000");
	strcpy(iccid, bench_send(&b, "00B0000000"));
	cr_assert_eq(strlen(iccid), 2 * 10 + 4);
	cr_assert_eq(strncmp(iccid, "9899", 4), 0);
	answers("00B000000B", "6C0A");
	answers("00B000000A", iccid);
	answers("00B0000A01", "6B00");
	answers("00A4000C022FE3", "6A82");
	answers("00A4080C043F002FE2", "9000");
	answers("00A4080C032FE23F", "6700");
	answers("00A4070C022FE2", "6A86");
	answers("80F2000C00", "9000");
	cr_assert_eq(strlen(bench_send(&b, "80F2000000")), 2 * 0x17 + 4);
	answers("0020000100", "63C3");
	answers("00200001083132333400000000", "6984");
	answers("0020000101", "63C3");
}

Test(card, finds_the_iccid_by_its_short_name)
{
	cr_assert_eq(strlen(bench_send(&b, "00B082000A")), 2 * 10 + 4);
	answers("00B085000A", "6A82");
}

Test(card, has_an_iccid_of_its_own_with_a_check_digit)
{
	const uint8_t *iccid = b.personal.iccid;
	unsigned int sum = 0;

	for (unsigned int i = 0; i < 20; i++) {
		unsigned int digit =
			i % 2 ? iccid[i / 2] >> 4 : iccid[i / 2] & 0x0F;

		if (i % 2 == 0) /* the last of 20 digits is the check */
			digit = digit * 2 > 9 ? digit * 2 - 9 : digit * 2;
		sum += digit;
	}
	cr_assert_eq(sum % 10, 0);
}

Test(card, loses_channels_and_selections_in_a_reset)
{
	bench_select(&b);
	card_reset(&b.card);
	answers("8184000008", "6881");
	answers("0070000001", "019000");
	answers("8184000008", "6D00");
}

Test(card, answers_the_status_word_a_fault_asks_for)
{
	again(NULL, "sw=84:6982@2");
	bench_select(&b);
	cr_assert_eq(strlen(bench_send(&b, "8184000004")), 2 * 4 + 4);
	answers("8184000004", "6982");
	answers("8184000004", "6982");
}

Test(card, marks_commands_with_a_pin)
{
	static const uint8_t verify[] = {0x00, 0x20, 0x00, 0x01,
					 0x02, 0x31, 0x32};
	uint8_t response[CARD_RESPONSE_MAX];
	struct card_note note;

	card_exchange(&b.card, verify, sizeof(verify), response, &note);
	cr_assert(note.secret);
	card_exchange(&b.card, verify, sizeof(verify) - 1, response, &note);
	cr_assert(note.secret);
}
