/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which reader an address means, and what codes of PC/SC say. */
#include <criterion/criterion.h>
#include <string.h>
#include "base/error.h"
#include "link/pcsc.h"

#define NAMES "Gemalto PC 00 00\0ACME SIM 01 00\0ACME SIM 01 01\0"

static struct pcsc_readers readers_with(const char *names, size_t size,
					unsigned cards)
{
	struct pcsc_readers readers;

	pcsc_read_names(&readers, names, size);
	for (size_t i = 0; i < readers.count; i++)
		readers.list[i].has_card = cards >> i & 1;
	return readers;
}

static void expect_chosen(const char *wanted, unsigned cards, size_t number)
{
	struct pcsc_readers readers = readers_with(NAMES, sizeof(NAMES), cards);
	size_t chosen = 99;

	cr_assert_eq(pcsc_choose(&readers, wanted, &chosen), IOTSAFE_OK, "%s",
		     iotsafe_last_error());
	cr_assert_eq(chosen, number);
}

static void expect_none(const char *wanted, unsigned cards, int code,
			const char *sentence)
{
	struct pcsc_readers readers = readers_with(NAMES, sizeof(NAMES), cards);
	size_t chosen;

	cr_assert_eq(pcsc_choose(&readers, wanted, &chosen), code);
	cr_assert_str_eq(iotsafe_last_error(), sentence);
}

Test(pcsc, without_a_name_the_only_card_is_meant)
{
	expect_chosen("", 1 << 1, 1);
	expect_none("", 0, IOTSAFE_ERR_ABSENT,
		    "pcsc: no reader has a card in it; put it in: 0 \"Gemalto "
		    "PC 00 00\" (empty), 1 \"ACME SIM 01 00\" (empty), 2 "
		    "\"ACME SIM 01 01\" (empty)");
	expect_none(
		"", 3, IOTSAFE_ERR_AMBIGUOUS,
		"pcsc: 2 readers have a card; name one: 0 \"Gemalto PC 00 00\", 1 "
		"\"ACME SIM 01 00\"");
}

Test(pcsc, a_whole_name_is_meant_with_a_card_or_without)
{
	expect_chosen("ACME SIM 01 01", 0, 2);
	expect_chosen("ACME SIM 01 01", 1 << 1, 2);
}

Test(pcsc, a_number_counts_from_zero)
{
	expect_chosen("0", 0, 0);
	expect_chosen("2", 0, 2);
	expect_none("3", 0, IOTSAFE_ERR_ABSENT,
		    "pcsc: no reader has the number 3; there is 0 \"Gemalto PC "
		    "00 00\" (empty), 1 \"ACME SIM 01 00\" (empty), 2 \"ACME "
		    "SIM 01 01\" (empty)");
	expect_none("99999999999999999999", 7, IOTSAFE_ERR_ABSENT,
		    "pcsc: no reader has the number 99999999999999999999; "
		    "there is 0 \"Gemalto PC 00 00\", 1 \"ACME SIM 01 00\", 2 "
		    "\"ACME SIM 01 01\"");
}

Test(pcsc, a_part_of_a_name_is_enough_where_one_fits_or_has_a_card)
{
	expect_chosen("gemalto", 0, 0);
	expect_chosen("acme", 1 << 2, 2);
	expect_none(
		"acme", 6, IOTSAFE_ERR_AMBIGUOUS,
		"pcsc: 2 readers have a card; name one: 1 \"ACME SIM 01 00\", 2 "
		"\"ACME SIM 01 01\"");
	expect_none("acme", 1, IOTSAFE_ERR_ABSENT,
		    "pcsc: no reader has a card in it; put it in: 1 \"ACME SIM "
		    "01 00\" (empty), 2 \"ACME SIM 01 01\" (empty)");
}

Test(pcsc, names_that_lie_about_their_length_are_read_to_the_end_only)
{
	static const char unended[] = {'a', 'b', '\0', 'c', 'd'};
	char name_of_200[202] = {0};
	struct pcsc_readers readers = readers_with(unended, sizeof(unended), 0);

	cr_assert_eq(readers.count, 2);
	cr_assert_str_eq(readers.list[1].name, "cd");
	memset(name_of_200, 'x', 200);
	readers = readers_with(name_of_200, sizeof(name_of_200), 0);
	cr_assert_eq(readers.count, 0);
	readers = readers_with("", 0, 0);
	cr_assert_eq(readers.count, 0);
}

Test(pcsc, more_readers_than_there_is_room_for_are_left_out)
{
	char names[2 * (PCSC_READERS_MAX + 3) + 1];
	struct pcsc_readers readers;

	for (size_t i = 0; i < sizeof(names); i++)
		names[i] = i % 2 ? '\0' : 'a';
	readers = readers_with(names, sizeof(names), 0);
	cr_assert_eq(readers.count, PCSC_READERS_MAX);
}

Test(pcsc, every_code_of_the_sheet_has_its_sentence)
{
	static const struct {
		unsigned number;
		int code;
		const char *word;
	} rows[] = {
		{0x80100008, IOTSAFE_ERR_FORMAT, "258 bytes"},
		{0x8010000B, IOTSAFE_ERR_BUSY, "scdaemon"},
		{0x8010000F, IOTSAFE_ERR_SUPPORT, "protocol"},
		{0x80100016, IOTSAFE_ERR_IO, "still in it"},
		{0x8010001D, IOTSAFE_ERR_IO, "systemctl start pcscd"},
		{0x8010002E, IOTSAFE_ERR_ABSENT, "connect one"},
		{0x8010002F, IOTSAFE_ERR_IO, "another cable"},
		{0x80100066, IOTSAFE_ERR_IO, "contacts"},
		{0x80100067, IOTSAFE_ERR_IO, "no power"},
		{0x80100068, IOTSAFE_ERR_CLOSED, "reset the card"},
		{0x80100069, IOTSAFE_ERR_CLOSED, "taken out"},
		{0x8010006A, IOTSAFE_ERR_DENIED, "polkit"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		/* As 64-bit and as 32-bit systems have it. */
		cr_assert_eq(pcsc_failed("R", (long)rows[i].number),
			     rows[i].code);
		cr_assert_eq(pcsc_failed("R", (long)(int)rows[i].number),
			     rows[i].code);
		cr_assert_not_null(strstr(iotsafe_last_error(), rows[i].word),
				   "%s", iotsafe_last_error());
		cr_assert_eq(strncmp(iotsafe_last_error(), "pcsc: \"R\": ", 11),
			     0);
	}
}

Test(pcsc, another_code_is_told_as_a_number)
{
	cr_assert_eq(pcsc_failed("", 0x80100042L), IOTSAFE_ERR_IO);
	cr_assert_str_eq(iotsafe_last_error(), "pcsc: pcscd answered 80100042");
}
