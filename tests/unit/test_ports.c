/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command's list of ports, below a root made for it; and what it hides
 * from others. */
#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "ports.h"
#include "redact.h"

static char root[] = "/tmp/iotsafe-ports-XXXXXX";

/* Every directory on the way to it. */
static void make_folders(char *path)
{
	for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
		*at = '\0';
		mkdir(path, 0700);
		*at = '/';
	}
}

static void in_root(const char *name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s", root, name);
	make_folders(path);
}

static void make_file(const char *name, const char *content)
{
	char path[PATH_MAX];
	FILE *file;

	in_root(name, path);
	file = fopen(path, "w");
	cr_assert_not_null(file);
	fputs(content, file);
	fclose(file);
}

static void make_link(const char *name, const char *target)
{
	char path[PATH_MAX];

	in_root(name, path);
	cr_assert_eq(symlink(target, path), 0);
}

/* As if process `pid` had the file of this root open. */
static void make_holder(const char *pid, const char *name, const char *port)
{
	char file[64], target[PATH_MAX], comm[64];

	snprintf(file, sizeof(file), "proc/%s/comm", pid);
	snprintf(comm, sizeof(comm), "%s\n", name);
	make_file(file, comm);
	snprintf(file, sizeof(file), "proc/%s/fd/3", pid);
	snprintf(target, sizeof(target), "%s/dev/%s", root, port);
	make_link(file, target);
}

static void make_root(void)
{
	cr_assert_not_null(mkdtemp(root));
}

static void remove_root(void)
{
	char command[PATH_MAX];

	snprintf(command, sizeof(command), "rm -r %s", root);
	cr_assert_eq(system(command), 0);
}

TestSuite(ports, .init = make_root, .fini = remove_root);

Test(ports, are_those_of_modems_in_the_order_of_their_names)
{
	static const char *const expected[][2] = {
		{"cdc-wdm0", "mbim"},	{"cdc-wdm1", "qmi"}, {"ttyACM0", "at"},
		{"ttyUSB2", "at"},	{"ttyUSB10", "at"},  {"wwan0at0", "at"},
		{"wwan0mbim0", "mbim"}, {"wwan0qmi0", "qmi"}};
	struct ports ports;

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		char name[64];

		snprintf(name, sizeof(name), "dev/%s", expected[i][0]);
		make_file(name, "");
	}
	make_file("dev/ttyS0", "");
	make_file("dev/tty", "");
	make_file("dev/null", "");
	make_link("sys/class/usbmisc/cdc-wdm0/device/driver",
		  "../../../bus/usb/drivers/cdc_mbim");
	make_link("sys/class/usbmisc/cdc-wdm1/device/driver",
		  "../../../bus/usb/drivers/qmi_wwan");
	ports_find(root, &ports);
	cr_assert_eq(ports.count, sizeof(expected) / sizeof(expected[0]));
	for (size_t i = 0; i < ports.count; i++) {
		const char *base = strrchr(ports.list[i].path, '/') + 1;

		cr_assert_str_eq(base, expected[i][0]);
		cr_assert_str_eq(ports.list[i].scheme, expected[i][1]);
	}
	ports_free(&ports);
}

Test(ports, have_their_lasting_name_and_who_has_them)
{
	struct ports ports;

	make_file("dev/ttyUSB0", "");
	make_file("dev/ttyUSB1", "");
	make_link("dev/serial/by-id/usb-Maker_Model_0123-if02-port0",
		  "../../ttyUSB1");
	make_holder("4711", "ModemManager", "ttyUSB1");
	make_holder("4712", "gpsd", "null");
	ports_find(root, &ports);
	cr_assert_eq(ports.count, 2);
	cr_assert_null(ports.list[0].by_id);
	cr_assert_eq(ports.list[0].holders_count, 0);
	cr_assert(strstr(ports.list[1].by_id, "usb-Maker_Model_0123"));
	cr_assert_eq(ports.list[1].holders_count, 1);
	cr_assert_eq(ports.list[1].holders[0].pid, 4711);
	cr_assert_str_eq(ports.list[1].holders[0].name, "ModemManager");
	ports_free(&ports);
	cr_assert_eq(ports_process(root, "ModemManager"), 4711);
	cr_assert_eq(ports_process(root, "nobody"), 0);
}

Test(ports, are_none_where_there_is_no_directory)
{
	struct ports ports;

	ports_find("/nowhere", &ports);
	cr_assert_eq(ports.count, 0);
	ports_free(&ports);
	cr_assert_eq(ports_process("/nowhere", "init"), 0);
}

static void expect_text(const char *text, const char *expected)
{
	struct redact redact = {0};
	char *shown;

	redact_add(&redact, "CN=device");
	redact_add(&redact, "CN=device-7");
	redact_add(&redact, "abc");
	redact_add(&redact, NULL);
	shown = redact_text(&redact, text);
	cr_assert_str_eq(shown, expected);
	free(shown);
	redact_free(&redact);
}

Test(redact, hides_words_and_long_numbers)
{
	expect_text("", "");
	expect_text("nothing", "nothing");
	expect_text("of CN=device-7, CN=device.", "of (hidden), (hidden).");
	expect_text("abc", "abc");
	expect_text("89490000001234567890!", "894900(hidden)!");
	expect_text("+CME ERROR: 10", "+CME ERROR: 10");
	expect_text("12345678901234", "12345678901234");
	cr_assert_null(redact_text(&(struct redact){0}, NULL));
}
