// SPDX-License-Identifier: LGPL-2.1-or-later
/* mIAS: selection, files, directory, as the vendor's client knows them. */
#include "bench.h"

#include <criterion/criterion.h>
#include <stdlib.h>
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

TestSuite(mias, .fini = teardown);

#define answers(command, expected)                                             \
	cr_assert_str_eq(bench_send(&b, command), expected)

#define SELECT "01A404000DA0000000188000000006624151"
#define VERIFY "012000810430303030"

/* What the client sends, and what it must see to go on. */
struct exchange {
	const char *command, *answer;
};

static void plays(const struct exchange *trace, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *expected = trace[i].answer;
		const char *got = bench_send(&b, trace[i].command);
		size_t most = strlen(expected);

		if (most > 0 && expected[most - 1] == '*')
			cr_assert_eq(strncmp(got, expected, most - 1), 0,
				     "%s: %s", trace[i].command, got);
		else
			cr_assert_str_eq(got, expected, "%s", trace[i].command);
	}
}

#define PLAYS(trace) plays(trace, sizeof(trace) / sizeof(*trace))

Test(mias, plays_the_known_lookup_of_a_data_object)
{
	static const struct exchange trace[] = {
		{"0070000001", "019000"},
		{SELECT, "9000"},
		{"012000810430303030", "9000"},
		{"01A40804020101", "621381020055820101830201018A01058C03030000"
				   "9000"},
		{"01B0000001", "049000"},
		{"01B0000115", "0002000B636D617066696C65"
			       "6D73637000000000009000"},
		{"01B0001615", "0201*"},
		{"01B0002B15", "0301*"},
		{"01B0004015", "0302*"},
		{"01A40804020301", "62138102*"},
		{"01B0001001", "0E9000"},
		{"01B000110E", "434552545F415641494C41424C459000"},
		{"01B0001F01", "009000"},
		{"01B0002001", "009000"},
		{"01B0002105", "82*"},
		{"01B00024EE", "2D2D2D2D2D424547494E204345525449464943415445*"},
		{"01B00112EE", "*"},
		{"0070800101", "9000"},
	};

	open_card("direct", NULL);
	PLAYS(trace);
}

Test(mias, plays_it_with_61xx_and_what_selection_tells)
{
	static const struct exchange trace[] = {
		{"0070000001", "019000"},
		{SELECT, "6114"},
		{"01C0000014", "6F12840DA00000001880000000066241518A0105"
			       "9000"},
		{VERIFY, "9000"},
		{"01A4080402010115", "6115"},
		{"01C0000015", "621381020055820101830201018A01058C03030000"
			       "9000"},
		{"01A408040202011C", "611C"},
		{"01C000001C", "621A8102*"},
		{"01B00000EE", "3082*"},
	};

	open_card(NULL, NULL);
	PLAYS(trace);
}

Test(mias, lists_containers_and_directory_before_any_pin)
{
	static const struct exchange trace[] = {
		{"01A4080402000215", "6115"},
		{"01C0000015", "6213810200*"},
		{"01B000000B", "01000000000008000000009000"},
		{"01A4080402010115", "6115"},
		{"01B0001615", "0201*"},
	};

	open_card(NULL, NULL);
	bench_choose(&b, APPLET_MIAS);
	PLAYS(trace);
	cr_assert(strstr(bench_send(&b, "01B0001615"),
			 "6B78633030000000" /* kxc00 */
			 "6D73637000000000" /* mscp */));
	cr_assert(strstr(bench_send(&b, "01B0002B15"),
			 "7075626461743030" /* pubdat00 */
			 "7031310000000000" /* p11 */));
	cr_assert(strstr(bench_send(&b, "01B0004015"), "7072696461743030"));
}

/* The number at an offset of the directory. */
static size_t directory_size(unsigned int entry)
{
	char command[32], text[5];

	snprintf(command, sizeof(command), "01B0%04X02", 1 + 21 * entry + 2);
	snprintf(text, sizeof(text), "%.4s", bench_send(&b, command));
	return strtoul(text, NULL, 16);
}

Test(mias, tells_true_sizes_in_the_directory)
{
	static const char *const ids[] = {"0002", "0201", "0301", "0302"};
	uint8_t bytes[0x4000];

	open_card(NULL, NULL);
	bench_choose(&b, APPLET_MIAS);
	answers(VERIFY, "9000");
	for (unsigned int i = 0; i < 4; i++) {
		size_t size = bench_read_file(&b, ids[i], bytes, sizeof(bytes));

		answers("01A4080C020101", "9000");
		cr_assert_eq(directory_size(i), size);
	}
}

Test(mias, answers_the_closing_of_any_channel)
{
	char command[16];

	open_card(NULL, NULL);
	for (unsigned int i = 1; i <= 13; i++) {
		snprintf(command, sizeof(command), "007080%02X01", i);
		answers(command, "6881");
	}
	answers("0070000001", "019000");
	answers("00708001", "9000");
	answers("0070000001", "019000");
	answers("0070800101", "9000");
}

Test(mias, reads_no_further_than_a_file_goes)
{
	open_card(NULL, NULL);
	bench_choose(&b, APPLET_MIAS);
	answers("01B0000001", "6986");
	answers("01A4080C020002", "9000");
	answers("01B000000C", "6C0B");
	answers("01B0000A00", "009000");
	answers("01B0000B01", "6B00");
	answers("01B0820001", "6A86");
	answers("01A4080C020007", "6A82");
	answers("01B000000B", "01000000000008000000009000");
	answers("01A4000C020002", "6A86");
	answers("01A4080C047FAA6F01", "6A82");
	teardown();
	open_card("read-6282", NULL);
	bench_choose(&b, APPLET_MIAS);
	answers("01A4080C020002", "9000");
	answers("01B0000A10", "006282");
}

Test(mias, never_tells_a_wrong_le_where_data_came)
{
	open_card("6cxx", NULL);
	bench_choose(&b, APPLET_MIAS);
	answers("01A408040201011C", "6115");
	answers("01C0000000", "6C15");
	answers("01A4080C020101", "9000");
	answers("01B0000000", "6C55");
}

Test(mias, forgets_files_in_a_reset)
{
	open_card(NULL, NULL);
	bench_choose(&b, APPLET_MIAS);
	answers("01A4080C020002", "9000");
	card_reset(&b.card);
	bench_choose(&b, APPLET_MIAS);
	answers("01B000000B", "6986");
}

Test(mias, puts_the_key_where_the_quirks_say)
{
	open_card("container=2,more-files", NULL);
	bench_choose(&b, APPLET_MIAS);
	answers("01A4080C020002", "9000");
	answers("01B0000021", "0000000000000000000000"
			      "0000000000000000000000"
			      "01000000000008000000009000");
	answers("01A4080C020101", "9000");
	answers("01B0000001", "079000");
	cr_assert(strstr(bench_send(&b, "01B0000094"), "6B78633032"));
	answers("01224181B606800142840131", "6700");
	answers("012241B606800142840131", "6A88");
	answers("012241B606800142840133", "9000");
	teardown();
	open_card("sign-only", NULL);
	bench_choose(&b, APPLET_MIAS);
	answers("01A4080C020002", "9000");
	answers("01B000000B", "01000000080000000000009000");
	answers("01A4080C020101", "9000");
	cr_assert(strstr(bench_send(&b, "01B0000055"), "6B73633030"));
	answers("012241B606800142840141", "9000");
	answers("012241B80680011A840141", "6A88");
}

Test(mias, has_a_dead_entry_where_told)
{
	open_card("dead-entry=1", NULL);
	bench_choose(&b, APPLET_MIAS);
	answers("01A4080C020101", "9000");
	answers("01B0000001", "059000");
	answers("01A4080C020305", "6A82");
	answers("01A4080C020301", "9000");
	teardown();
	open_card("dead-entry=2", NULL);
	bench_choose(&b, APPLET_MIAS);
	answers(VERIFY, "9000");
	answers("01A4080C020305", "9000");
	answers("01B0000001", "6982");
	teardown();
	open_card(NULL, NULL);
	bench_choose(&b, APPLET_MIAS);
	answers("01A4080C020101", "9000");
	answers("01B0000001", "049000");
	answers("01A4080C020305", "6A82");
}

Test(mias, tells_sizes_under_the_other_tag_where_told)
{
	open_card("size-tag,direct", NULL);
	bench_choose(&b, APPLET_MIAS);
	cr_assert(!strncmp(bench_send(&b, "01A4080402000200"), "62138002000B",
			   12));
}

Test(mias, marks_what_is_secret)
{
	static const struct {
		const char *command;
		bool secret;
		const char *name;
	} rows[] = {
		{VERIFY, true, "VERIFY"},
		{"812400810904303030303030303000", true,
		 "CHANGE REFERENCE DATA"},
		{"01A4080C020301", false, "SELECT"},
		{"01B0000010", false, "READ BINARY"},
		{"01A4080C020302", false, "SELECT"},
		{"01B0000010", true, "READ BINARY"},
		{"012241B606800142840131", false, "MSE SET"},
		{"012A9E9A00", false, "COMPUTE SIGNATURE"},
		{"012A80860181", true, "DECIPHER"},
		{"012A0000", true, "PERFORM SECURITY OPERATION"},
	};
	uint8_t response[CARD_RESPONSE_MAX], command[64];
	struct card_note note;

	open_card(NULL, NULL);
	bench_choose(&b, APPLET_MIAS);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t size =
			bench_bytes(rows[i].command, command, sizeof(command));

		card_exchange(&b.card, command, size, response, &note);
		cr_assert_eq(note.secret, rows[i].secret, "%s",
			     rows[i].command);
		cr_assert_str_eq(note.name, rows[i].name);
	}
}

Test(mias, lies_in_its_directory_containers_and_control_data_when_told)
{
	open_card(NULL, "dir-count=200,dir-size=65535,dir-id=257,key-bits=999");
	bench_choose(&b, APPLET_MIAS);
	answers("01A4080C020101", "9000");
	answers("01B0000005", "C80101FFFF9000");
	cr_assert_gt(b.faults.struck, 0);
	answers("01A4080C020002", "9000");
	answers("01B000000B", "01000000000003E70000009000");
	teardown();
	open_card(NULL, "no-size@1-1,fcp-size=9@2");
	bench_choose(&b, APPLET_MIAS);
	cr_assert_str_eq(bench_fetch(&b, "01A40804020002"),
			 "620F8201018302"
			 "00028A01058C030300009000");
	cr_assert_eq(
		strncmp(bench_fetch(&b, "01A40804020002"), "6213810200098", 13),
		0);
}

Test(mias, lives_beside_iot_safe)
{
	bench_open(&b, "trust-onboard-iotsafe", NULL, NULL);
	bench_select(&b);
	cr_assert_eq(strlen(bench_send(&b, "8184000008")), 2 * 8 + 4);
	answers("01A4080C020101", "6A82");
	answers("1184000008", "6E00");
	answers(SELECT, "6114");
	answers("8184000008", "6E00");
	answers("0184000008", "6D00");
	answers("01A4080C020101", "9000");
	answers("01A4040007A0000005590010", "9000");
	cr_assert_eq(strlen(bench_send(&b, "8184000008")), 2 * 8 + 4);
}

Test(mias, is_not_on_other_cards)
{
	bench_open(&b, "gsma", NULL, NULL);
	answers("0070000001", "019000");
	answers(SELECT, "6A82");
	teardown();
	open_card(NULL, "no-applet");
	answers("0070000001", "019000");
	answers(SELECT, "6A82");
	answers("01A4040007A0000005590010", "6A82");
}
