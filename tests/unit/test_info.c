/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is known of a card, as names and values. */
#include <criterion/criterion.h>
#include <string.h>
#include "script.h"

static const char *value_of(const iotsafe_info *info, const char *name)
{
	for (size_t i = 0; i < iotsafe_info_count(info); i++)
		if (!strcmp(iotsafe_info_name(info, i), name))
			return iotsafe_info_value(info, i);
	return NULL;
}

Test(info, has_channel_aid_and_manners)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, {"81CB000044", "6D00"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	iotsafe_info *info;

	expect_good(iotsafe_card_info(card, &info));
	cr_assert_str_eq(value_of(info, "address"), "link:");
	cr_assert_str_eq(value_of(info, "applet"), "iotsafe");
	cr_assert_str_eq(value_of(info, "aid"), "A0000005590010");
	cr_assert_str_eq(value_of(info, "channel"), "1");
	cr_assert_str_eq(value_of(info, "class"), "8X");
	cr_assert_str_eq(value_of(info, "le-behind-data"), "no");
	cr_assert_str_eq(value_of(info, "largest-answer"), "256");
	cr_assert_str_eq(value_of(info, "session-close"), "not needed");
	cr_assert_null(value_of(info, "applet-version"));
	cr_assert_null(iotsafe_info_name(info, iotsafe_info_count(info)));
	cr_assert_null(iotsafe_info_value(info, iotsafe_info_count(info)));
	iotsafe_info_free(info);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

Test(info, has_what_the_applet_tells_of_itself)
{
	struct script script =
		SCRIPT(ROW_OPEN, ROW_SELECT, {"81CB000044", "6E00"},
		       {"01CB000044", "6C0C"},
		       {"01CB00000C", "B70103 90010D 91020005 9201FF 9000"},
		       ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	iotsafe_info *info;

	expect_good(iotsafe_card_info(card, &info));
	cr_assert_str_eq(value_of(info, "class"), "0X");
	cr_assert_str_eq(value_of(info, "max-sessions"), "3");
	cr_assert_str_eq(value_of(info, "functions"),
			 "signature key-agreement key-derivation");
	cr_assert_str_eq(value_of(info, "hashes"), "sha256 sha512");
	cr_assert_str_eq(value_of(info, "signatures"),
			 "rsa-pkcs1 rsa-pss ecdsa cmac");
	cr_assert_str_eq(value_of(info, "key-agreements"), "");
	iotsafe_info_free(info);
	iotsafe_card_free(card);
	script_expect_done(&script);
}

Test(info, is_none_where_the_link_fails)
{
	struct script script = SCRIPT(ROW_OPEN, ROW_SELECT,
				      {"81CB000044", "ERR_TIMEOUT"}, ROW_CLOSE);
	iotsafe_card *card = script_open(&script, NULL);
	iotsafe_info *info = (iotsafe_info *)1;

	expect_error(iotsafe_card_info(card, &info), IOTSAFE_ERR_TIMEOUT,
		     "GET DATA application: ");
	cr_assert_null(info);
	iotsafe_card_free(card);
	script_expect_done(&script);
}
