/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The two strings of the library: card addresses and names of objects. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <iotsafe/iotsafe.h>
#include "base/address.h"
#include "script.h"

/* ---- addresses ---- */

Test(address, has_a_way_a_path_and_attributes)
{
	struct address address;

	expect_good(address_parse("at:/dev/ttyUSB2?baud=9600&echo&x=%26%3D",
				  &address));
	cr_assert_str_eq(address.scheme, "at");
	cr_assert_str_eq(address.path, "/dev/ttyUSB2");
	cr_assert_str_eq(address_get(&address, "baud"), "9600");
	cr_assert_str_eq(address_get(&address, "echo"), "");
	cr_assert_str_eq(address_get(&address, "x"), "&=");
	cr_assert_null(address_get(&address, "bau"));
	cr_assert(address.attributes_count == 3);
}

Test(address, the_way_is_written_in_either_case)
{
	struct address address;

	expect_good(address_parse("AT:/dev/TTY", &address));
	cr_assert_str_eq(address.scheme, "at");
	cr_assert_str_eq(address.path, "/dev/TTY");
}

Test(address, the_path_may_hold_escapes_and_colons)
{
	struct address address;

	expect_good(address_parse("exec:ssh host:22 a%3Fb", &address));
	cr_assert_str_eq(address.path, "ssh host:22 a?b");
	expect_good(address_parse("sim:", &address));
	cr_assert_str_eq(address.path, "");
	expect_good(address_parse("sim:?", &address));
	cr_assert(address.attributes_count == 0);
}

struct bad_address {
	const char *text, *words;
};

static const struct bad_address address_bad_addresss[] = {
	{"", "does not begin with a way"},
	{"/dev/ttyUSB2", "does not begin with a way"},
	{":x", "does not begin with a way"},
	{"?a:b", "does not begin with a way"},
	{"abcdefghijklmnop:", "does not begin with a way"},
	{"at:/dev/%zz", "bad %XX escape"},
	{"at:/dev/%4", "bad %XX escape"},
	{"at:/dev/%", "bad %XX escape"},
	{"at:/dev/%00", "bad %XX escape"},
	{"at:x?=1", "is not NAME=VALUE"},
	{"at:x?a=%0", "is not NAME=VALUE"},
	{"at:x?a=1&&b=2", "is not NAME=VALUE"},
};

static void check_address_bad_address(const struct bad_address *c)
{
	struct address address;

	expect_error(address_parse(c->text, &address), IOTSAFE_ERR_ARG,
		     c->words);
}

Test(address, what_is_none_is_told)
{
	for (size_t i = 0; i < COUNT_OF(address_bad_addresss); i++)
		check_address_bad_address(&address_bad_addresss[i]);
}

Test(address, has_limits_of_length_and_number)
{
	char text[ADDRESS_SIZE_MAX + 8];
	struct address address;
	size_t used;

	memset(text, 'a', sizeof(text));
	memcpy(text, "at:", 3);
	text[ADDRESS_SIZE_MAX - 1] = '\0';
	expect_good(address_parse(text, &address));
	text[ADDRESS_SIZE_MAX - 1] = 'a';
	text[ADDRESS_SIZE_MAX] = '\0';
	expect_error(address_parse(text, &address), IOTSAFE_ERR_ARG,
		     "longer than 1023");
	used = (size_t)sprintf(text, "at:?a=1");
	for (int i = 1; i < ADDRESS_ATTRIBUTES_MAX; i++)
		used += (size_t)sprintf(text + used, "&a=1");
	expect_good(address_parse(text, &address));
	sprintf(text + used, "&a=1");
	expect_error(address_parse(text, &address), IOTSAFE_ERR_ARG,
		     "more than 24");
}

Test(address, numbers_have_bounds)
{
	struct address address;
	long number;

	expect_good(address_parse("at:?a=5&b=101&c=1x&d=&e=-1&"
				  "f=99999999999999999999",
				  &address));
	expect_good(address_get_number(&address, "a", 5, 100, 7, &number));
	cr_assert(number == 5);
	expect_good(address_get_number(&address, "none", 0, 100, 7, &number));
	cr_assert(number == 7);
	for (const char *name = "bcdef"; *name; name++)
		expect_error(address_get_number(&address, (char[]){*name, '\0'},
						0, 100, 7, &number),
			     IOTSAFE_ERR_ARG, "is not a number from 0 to 100");
}

Test(address, flags_have_words)
{
	struct address address;
	bool flag;

	expect_good(address_parse("at:?a=YES&b=0&c=on&d=false&e=maybe&f",
				  &address));
	for (const char *name = "abcd"; *name; name++) {
		const char one[] = {*name, '\0'};

		expect_good(address_get_flag(&address, one, false, &flag));
		cr_assert(flag == (*name == 'a' || *name == 'c'), "%s", one);
	}
	expect_good(address_get_flag(&address, "none", true, &flag));
	cr_assert(flag);
	expect_error(address_get_flag(&address, "e", true, &flag),
		     IOTSAFE_ERR_ARG, "neither yes nor no");
	expect_error(address_get_flag(&address, "f", true, &flag),
		     IOTSAFE_ERR_ARG, "neither yes nor no");
}

Test(address, has_one_way_to_be_written)
{
	static const char *const same[] = {
		"at:/dev/x%25?a=&b=1%262&c=x",
		"AT:/dev/x%25?timeout=5&c=x&b=1%262&a",
		"at:%2Fdev/x%25?c=%78&a=&b=1%262&b=9",
	};
	struct address address, again;
	char text[ADDRESS_NAME_MAX];

	for (size_t i = 0; i < COUNT_OF(same); i++) {
		expect_good(address_parse(same[i], &address));
		address_format(&address, "timeout", text);
		cr_assert_str_eq(text, same[0]);
		expect_good(address_parse(text, &again));
		cr_assert_str_eq(again.path, "/dev/x%");
		cr_assert_str_eq(address_get(&again, "b"), "1&2");
	}
	expect_good(address_parse("sim:?timeout=5", &address));
	address_format(&address, "timeout", text);
	cr_assert_str_eq(text, "sim:");
}

/* ---- names ---- */

Test(name, nothing_is_the_identity)
{
	static const char *const empty[] = {NULL, "",
					    "iotsafe:", "iotsafe:type=private",
					    "iotsafe:?card=sim:"};
	struct name name;

	for (size_t i = 0; i < COUNT_OF(empty); i++) {
		expect_good(name_parse(empty[i], &name));
		cr_assert(name_is_empty(&name), "%s", empty[i]);
	}
}

Test(name, has_id_label_type_and_card)
{
	struct name name;

	expect_good(name_parse("iotsafe:id=0a0B;label=my%20key;type=public"
			       "?card=at:/dev/x?baud=9600%26crtscts=yes",
			       &name));
	cr_assert(name.id_size == 2);
	cr_assert(name.id[0] == 0x0A && name.id[1] == 0x0B);
	cr_assert(name.label_size == 6);
	cr_assert(!memcmp(name.label, "my key", 6));
	cr_assert(name.class == IOTSAFE_CLASS_PUBLIC_KEY && !name.certificate);
	cr_assert_str_eq(name.card, "at:/dev/x?baud=9600&crtscts=yes");
}

Test(name, a_bare_word_is_a_label)
{
	struct name name;

	expect_good(name_parse("client", &name));
	cr_assert(name.label_size == 6 && !name.id_size);
	expect_good(name_parse("iotsafe:client;type=cert", &name));
	cr_assert(name.label_size && name.certificate);
	expect_good(name_parse("object=client", &name));
	cr_assert(name.label_size == 6);
}

Test(name, ids_are_hexadecimal_or_percent_encoded)
{
	struct name name;

	expect_good(name_parse("id=%30%30%36", &name));
	cr_assert(name.id_size == 3 && !memcmp(name.id, "006", 3));
	expect_good(name_parse("id=%00", &name));
	cr_assert(name.id_size == 1 && name.id[0] == 0);
	expect_good(name_parse("id=000102030405060708090A0B0C0D0E0F10111213",
			       &name));
	cr_assert(name.id_size == 20);
}

struct bad_name {
	const char *text, *words;
};

static const struct bad_name name_bad_names[] = {
	{"id=", "is not 1 to 20 bytes"},
	{"id=0", "is not 1 to 20 bytes"},
	{"id=xy", "is not 1 to 20 bytes"},
	{"id=000102030405060708090A0B0C0D0E0F1011121314",
	 "is not 1 to 20 bytes"},
	{"id=%30%3", "is not 1 to 20 bytes"},
	{"label=", "is not 1 to 60 bytes"},
	{"label=%4", "bad %XX escape"},
	{"0123456789012345678901234567890123456789012345678901234567890",
	 "is not 1 to 60 bytes"},
	{"type=key", "is none of private"},
	{"token=x", "unknown attribute \"token\""},
	{";a", "is not 1 to 60 bytes"},
	{"a?b=c", "unknown attribute \"b\" behind ?"},
	{"a?card", "unknown attribute \"card\" behind ?"},
	{"a?card=%00", "bad %XX escape"},
};

static void check_name_bad_name(const struct bad_name *c)
{
	struct name name;

	expect_error(name_parse(c->text, &name), IOTSAFE_ERR_ARG, c->words);
}

Test(name, what_is_none_is_told)
{
	for (size_t i = 0; i < COUNT_OF(name_bad_names); i++)
		check_name_bad_name(&name_bad_names[i]);
}

Test(name, may_not_be_longer_than_its_room)
{
	char text[ADDRESS_SIZE_MAX + 16];
	struct name name;

	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	expect_error(name_parse(text, &name), IOTSAFE_ERR_ARG,
		     "longer than 1023");
	/* The longest card address that still fits. */
	memcpy(text, "a?card=", 7);
	text[ADDRESS_SIZE_MAX - 1] = '\0';
	expect_good(name_parse(text, &name));
	cr_assert(strlen(name.card) == ADDRESS_SIZE_MAX - 8);
}

Test(name, what_is_written_reads_back_as_the_same)
{
	uint8_t label[NAME_LABEL_MAX], id[] = {0x00, 0xFF};
	char text[256];
	struct name name;

	for (size_t i = 0; i < sizeof(label); i++)
		label[i] = (uint8_t)(i * 5);
	name_format(IOTSAFE_CLASS_FILE, true, NULL, 0, label, sizeof(label),
		    NULL, text, sizeof(text));
	cr_assert(!strncmp(text, "iotsafe:label=%00%05", 20));
	expect_good(name_parse(text, &name));
	cr_assert(name.certificate && name.label_size == sizeof(label));
	cr_assert(!memcmp(name.label, label, sizeof(label)));
	name_format(IOTSAFE_CLASS_PRIVATE_KEY, false, id, 2, label, 3, NULL,
		    text, sizeof(text));
	cr_assert_str_eq(text, "iotsafe:id=00FF;type=private");
}
