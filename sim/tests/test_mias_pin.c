// SPDX-License-Identifier: LGPL-2.1-or-later
/* mIAS: its PIN, tried, counted, changed, forgotten. */
#include "bench.h"

#include <criterion/criterion.h>
#include <string.h>

static struct bench b;

static void open_card(const char *quirks, const char *faults)
{
	bench_open(&b, "trust-onboard", quirks, faults);
}

static void teardown(void)
{
	bench_close(&b);
}

TestSuite(mias_pin, .fini = teardown);

#define answers(command, expected)                                             \
	cr_assert_str_eq(bench_send(&b, command), expected)

#define SELECT "01A404000DA0000000188000000006624151"
#define VERIFY "012000810430303030"

Test(mias_pin, keeps_a_key_object_closed_without_the_pin)
{
	open_card(NULL, NULL);
	bench_choose(&b, APPLET_MIAS);
	answers("01A4080C020302", "9000");
	answers("01B0000010", "6982");
	answers("01A4080C020301", "9000");
	cr_assert_eq(strlen(bench_send(&b, "01B0000010")), 36);
	answers(VERIFY, "9000");
	answers("01A4080C020302", "9000");
	cr_assert_eq(strlen(bench_send(&b, "01B0000010")), 36);
	teardown();
	open_card("p11-pin", NULL);
	bench_choose(&b, APPLET_MIAS);
	answers("01A4080C020301", "9000");
	answers("01B0000010", "6982");
}

Test(mias_pin, counts_the_tries_of_its_pin_down_and_blocks)
{
	open_card(NULL, NULL);
	bench_choose(&b, APPLET_MIAS);
	answers("01200081", "63C3");
	answers("012000810431323334", "63C2");
	answers("0120008100", "63C2");
	answers(VERIFY, "9000");
	answers("01200081", "9000");
	answers("012000810431323334", "63C2");
	answers("01A4080C020302", "9000");
	answers("01B0000010", "6982");
	/* padded, short, and long digits are wrong ones */
	answers("012000810830303030FFFFFFFF", "63C1");
	answers("0120008103303030", "63C0");
	answers(VERIFY, "6983");
	answers("01200081", "6983");
}

Test(mias_pin, refuses_a_pin_in_a_wrong_form_without_a_try)
{
	open_card(NULL, NULL);
	bench_choose(&b, APPLET_MIAS);
	answers("012000010430303030", "6A86");
	answers("012001810430303030", "6A86");
	answers("812000810430303030", "6E00");
	answers("0120008111"
		"3030303030303030303030303030303030",
		"6700");
	answers("01200081", "63C3");
	teardown();
	open_card("no-tries", NULL);
	bench_choose(&b, APPLET_MIAS);
	answers("01200081", "6700");
}

Test(mias_pin, starts_with_as_many_tries_as_told)
{
	open_card("tob-tries=1", NULL);
	bench_choose(&b, APPLET_MIAS);
	answers("01200081", "63C1");
	answers(VERIFY, "9000");
	teardown();
	open_card("tob-tries=0", NULL);
	bench_choose(&b, APPLET_MIAS);
	answers(VERIFY, "6983");
	answers("8124008109"
		"04"
		"30303030"
		"31323334",
		"6983");
}

Test(mias_pin, changes_its_pin_by_old_length_old_and_new)
{
	open_card(NULL, NULL);
	bench_choose(&b, APPLET_MIAS);
	answers("0124008109"
		"04"
		"30303030"
		"31323334",
		"6E00");
	answers("812400810A"
		"04"
		"30303030"
		"3132333435",
		"9000");
	answers(VERIFY, "63C2");
	answers("01200081053132333435", "9000");
	answers("812400810B"
		"05"
		"3030303030"
		"3132333435",
		"63C2");
	answers("8124008112"
		"05"
		"3132333435"
		"303030303030303030303030",
		"6700");
	/* more old digits than there are, no new ones, too few of them */
	answers("8124008109"
		"09"
		"3132333435"
		"313233",
		"6A80");
	answers("8124008106"
		"05"
		"3132333435",
		"6A80");
	answers("8124008109"
		"05"
		"3132333435"
		"303030",
		"6A80");
	answers("8124008100", "6A80");
	answers("01200081", "63C2");
}

Test(mias_pin, remembers_the_pin_on_one_channel_until_it_is_closed)
{
	open_card(NULL, NULL);
	bench_choose(&b, APPLET_MIAS);
	answers(VERIFY, "9000");
	answers("0070000001", "029000");
	answers("02A404000CA00000001880000000066241", "6A82");
	answers("02A404000DA0000000188000000006624151", "6114");
	answers("02200081", "63C3");
	answers("01200081", "9000");
	answers("0070800101", "9000");
	answers("0070000001", "019000");
	answers(SELECT, "6114");
	answers("01200081", "63C3");
	answers(VERIFY, "9000");
	answers(SELECT, "6114");
	answers("01200081", "63C3");
}
