// SPDX-License-Identifier: LGPL-2.1-or-later
/* Sessions: one number a kind, one in all, and one that stays wedged. */
#include "bench.h"

#include <criterion/criterion.h>
#include <string.h>

static struct bench b;

static void open_card(const char *quirks)
{
	bench_open(&b, "full", quirks, NULL);
	bench_select(&b);
}

static void teardown(void)
{
	bench_close(&b);
}

#define does(header, data, expected)                                           \
	cr_assert_str_eq(bench_do(&b, header, data), expected)
#define answers(command, expected)                                             \
	cr_assert_str_eq(bench_fetch(&b, command), expected)

#define SIGN   "840101 A10103 91020001 920104"
#define VERIFY "850101 A10103 91020001 920104"
#define DIGEST                                                                 \
	"9E20 2CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C1FA7425E73043362938B9824"

TestSuite(sessions, .fini = teardown);

static bool signs(unsigned int session)
{
	char header[16];

	snprintf(header, sizeof(header), "812B80%02X", session);
	return strlen(bench_do(&b, header, DIGEST)) == 138;
}

Test(sessions, of_each_kind_have_numbers_of_their_own)
{
	open_card(NULL);
	does("812A0001", SIGN, "9000");
	does("812C0001", VERIFY, "9000");
	does("81240001", "850105", "9000");
	cr_assert(signs(1));
	answers("812C010100", "9000");
	answers("8124010100", "9000");
}

Test(sessions, may_share_their_numbers)
{
	open_card("shared-session");
	does("812A0001", SIGN, "9000");
	does("812A0002", SIGN, "9000");
	does("812C0001", VERIFY, "9000");
	cr_assert_not(signs(1));
	cr_assert(signs(2));
}

Test(sessions, may_be_one_in_all)
{
	open_card("strict-session");
	does("812A0001", SIGN, "9000");
	does("812C0002", VERIFY, "6985");
	does("81240003", "850105", "6985");
	cr_assert(signs(1));
	does("812C0002", VERIFY, "6985");
	answers("812A010100", "9000");
	does("812C0002", VERIFY, "9000");
}

static void leave_one_unfinished(void)
{
	does("812A0001", SIGN, "9000");
	answers("0070800100", "9000");
	bench_select(&b);
}

Test(sessions, stay_wedged_until_they_are_closed)
{
	open_card("stuck-session");
	leave_one_unfinished();
	does("812A0001", SIGN, "6985");
	does("812A0002", SIGN, "6985");
	does("812A0000", SIGN, "6A86");
	answers("812A010000", "6985");
	answers("812A010100", "9000");
	does("812A0002", SIGN, "9000");
	cr_assert(signs(2));
	does("812A0002", SIGN, "9000");
	cr_assert(signs(2));
}

Test(sessions, stay_wedged_until_a_last_update)
{
	open_card("stuck-session");
	leave_one_unfinished();
	card_reset(&b.card);
	bench_select(&b);
	does("812A0001", SIGN, "6985");
	does("812B0001", DIGEST, "6985");
	does("812A0001", SIGN, "6985");
	/* C's own recipe, bit and all */
	does("812B9000", "9B0401020304", "6985");
	does("812A0001", SIGN, "9000");
	cr_assert(signs(1));
}

Test(sessions, wedge_on_one_channel_too)
{
	open_card("stuck-session");
	does("812A0001", SIGN, "9000");
	does("812A0001", SIGN, "6985");
	does("812C0001", VERIFY, "9000");
	cr_assert(signs(1));
	does("812A0001", SIGN, "9000");
}
