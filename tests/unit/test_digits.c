/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The number of a SIM as modems write it. */
#include <criterion/criterion.h>
#include <string.h>
#include "base/bytes.h"
#include "link/digits.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

Test(digits, of_any_form_are_the_bytes_of_the_file)
{
	static const struct {
		const char *text, *file;
	} rows[] = {
		{"89990123456789012341", "98991032547698103214"},
		{"\"89990123456789012341\"", "98991032547698103214"},
		{" 89990123456789012341 ", "98991032547698103214"},
		{"8999012345678901234F", "989910325476981032F4"},
		{"8999012345678901234f", "989910325476981032F4"},
		{"8999012345678901234", "989910325476981032F4"},
		{"899901234567890123", "989910325476981032FF"},
		/* A copy of the file. */
		{"98991032547698103214", "98991032547698103214"},
		{"989910325476981032F4", "989910325476981032F4"},
		{"989910325476981032FF", "989910325476981032FF"},
		/* An old one that does not begin with 89. */
		{"01234567890123456789", "10325476981032547698"},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		uint8_t iccid[LINK_ICCID_SIZE];
		char found[2 * LINK_ICCID_SIZE + 1];

		cr_assert(digits_to_iccid(rows[i].text, iccid), "%s",
			  rows[i].text);
		hex_encode(iccid, sizeof(iccid), found);
		cr_assert_str_eq(found, rows[i].file);
	}
}

Test(digits, of_no_number_are_refused)
{
	static const char *const rows[] = {
		"",
		"\"\"",
		"ERROR",
		"001010123456789",	 /* an IMSI */
		"89990123456789012",	 /* too short */
		"899901234567890123412", /* too long */
		"8999012345678901F341",	 /* a filler within */
		"8999012345678901234A",
		"89990123456789012341,1",
		"FFFFFFFFFFFFFFFFFFFF",
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		uint8_t iccid[LINK_ICCID_SIZE];

		cr_assert_not(digits_to_iccid(rows[i], iccid), "%s", rows[i]);
	}
}
