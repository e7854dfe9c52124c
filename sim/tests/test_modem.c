// SPDX-License-Identifier: LGPL-2.1-or-later
/* The modem's line: what it takes, how it answers, and every quirk of it. */
#include "bench.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct bench b;

static void open_with(const char *quirks, const char *faults)
{
	bench_open(&b, "gsma", quirks, faults);
	bench_at(&b, "ATE0\r");
}

static void setup(void)
{
	open_with(NULL, NULL);
}

static void teardown(void)
{
	bench_close(&b);
}

static void again(const char *quirks, const char *faults)
{
	teardown();
	open_with(quirks, faults);
}

#define says(command, expected)                                                \
	cr_assert_str_eq(bench_at(&b, command), expected)

#define OK     "\r\nOK\r\n"
#define ERROR  "\r\nERROR\r\n"
#define OPENED "\r\n+CSIM: 6,\"019000\"\r\n" OK

TestSuite(modem, .init = setup, .fini = teardown);

Test(modem, answers_ordinary_commands)
{
	says("AT\r", OK);
	says("at\r", OK);
	says("  AT  \r\n", OK);
	says("\r\n\n\r", "");
	says("ATI\r",
	     "\r\nlibiotsafe\r\n\r\niotsafe-sim\r\n\r\nRevision: " SIM_VERSION
	     "\r\n" OK);
	says("AT+CGMI\r", "\r\nlibiotsafe\r\n" OK);
	says("at+cgmm\r", "\r\niotsafe-sim\r\n" OK);
	says("AT+CGMR\r", "\r\n" SIM_VERSION "\r\n" OK);
	says("AT+CIMI?\r", "\r\n001010123456789\r\n" OK);
	says("AT+CPIN?\r", "\r\n+CPIN: READY\r\n" OK);
	says("AT+CSIM=?\r", OK);
	says("ATZ\r", OK);
	says("AT&F\r", OK);
	says("ATE0V1Q0X4&C1+CMEE=1;+CMEE?\r", "\r\n+CMEE: 1\r\n" OK);
}

Test(modem, ignores_what_is_no_command)
{
	says("hello\r", "");
	says("A\r", "");
	says("\x80\xff\x01\r", "");
	says("AT\r", OK);
}

Test(modem, says_error_as_it_was_told_to)
{
	says("AT+NOSUCH\r", ERROR);
	says("AT+CMEE=1\r", OK);
	says("AT+NOSUCH=?\r", "\r\n+CME ERROR: 100\r\n");
	says("AT+CSIM=10,\"00\"\r", "\r\n+CME ERROR: 50\r\n");
	says("AT+CMEE=2\r", OK);
	says("AT+NOSUCH\r", "\r\n+CME ERROR: unknown\r\n");
	says("AT+CSIM=1\r", "\r\n+CME ERROR: Incorrect parameters\r\n");
	says("AT+CMEE=3\r", "\r\n+CME ERROR: Incorrect parameters\r\n");
	says("AT+CMEE?\r", "\r\n+CMEE: 2\r\n" OK);
	says("ATE5\r", "\r\n+CME ERROR: unknown\r\n");
	again("plain-error", NULL);
	says("AT+CMEE=1;+NOSUCH\r", ERROR);
	again("cme-number", NULL);
	says("AT+NOSUCH\r", "\r\n+CME ERROR: 100\r\n");
	again("cme-text", NULL);
	says("AT+NOSUCH\r", "\r\n+CME ERROR: unknown\r\n");
}

Test(modem, takes_csim_as_hosts_write_it)
{
	static const char *const lines[] = {
		"AT+CSIM=10,\"0070000001\"\r",
		"AT+CSIM= 10,\"0070000001\"\r",
		"AT+CSIM=10, \"0070000001\"\r",
		"at+csim=10,\"0070000001\"\r\n",
		"AT+CSIM=10,0070000001\n",
		"AT + CSIM = 10 , \"0070000001\" \r",
		"AT+CSIM=0010,0070000001\r",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		says(lines[i], i == 5 ? ERROR : OPENED);
		bench_at(&b, "AT+CSIM=10,\"0070800100\"\r");
	}
	says("AT+CSIM=12,\"00b08200ffff\"\r", "\r\n+CSIM: 4,\"6700\"\r\n" OK);
}

Test(modem, refuses_csim_that_does_not_fit)
{
	static const char *const lines[] = {
		"AT+CSIM\r",
		"AT+CSIM=\r",
		"AT+CSIM=10\r",
		"AT+CSIM=10,\r",
		"AT+CSIM=10,\"\"\r",
		"AT+CSIM=9,\"007000000\"\r",
		"AT+CSIM=8,\"0070000001\"\r",
		"AT+CSIM=12,\"0070000001\"\r",
		"AT+CSIM=10,\"00700000 1\"\r",
		"AT+CSIM=10,\"007000000G\"\r",
		"AT+CSIM=10,\"0070000001\r",
		"AT+CSIM=10,0070000001\"\r",
		"AT+CSIM=10,\"0070000001\"x\r",
		"AT+CSIM=-10,\"0070000001\"\r",
		"AT+CSIM=99999999999999999999,\"00\"\r",
		"AT+CSIM=6,\"007000\"\r",
		"AT+CSIM?\r",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		cr_assert_str_eq(bench_at(&b, lines[i]), ERROR, "%s", lines[i]);
	cr_assert_eq(b.modem.card->channels[1].open, false);
}

static void long_line(char *line, size_t digits)
{
	int head = sprintf(line, "AT+CSIM=%zu,\"", digits);

	memset(line + head, '0', digits);
	strcpy(line + head + digits, "\"\r");
}

Test(modem, takes_the_longest_command_and_no_longer_line)
{
	static char line[100001];

	long_line(line, 522);
	says(line, "\r\n+CSIM: 4,\"6700\"\r\n" OK);
	long_line(line, 524);
	says(line, ERROR);
	long_line(line, 9000);
	says(line, ERROR);
	memset(line, 'A', 100000);
	says(line, "");
	says("T\r", "");
	says("AT\r", OK);
}

Test(modem, echoes_until_told_not_to)
{
	bench_close(&b);
	bench_open(&b, "gsma", NULL, NULL);
	says("AT\r", "AT\r" OK);
	says("ATE0\r", "ATE0\r" OK);
	says("AT\r", OK);
	says("ATE1\r", OK);
	says("AT\r\n", "AT\r" OK "\n");
	again("echo", NULL);
	says("AT\r", "AT\r" OK);
}

Test(modem, takes_a_line_in_pieces)
{
	const char *line = "AT+CSIM=10,\"0070000001\"\r";

	b.out_size = 0;
	for (size_t i = 0; line[i] != '\0'; i++)
		modem_feed(&b.modem, 0, line + i, 1);
	cr_assert_str_eq(b.out, OPENED);
}

Test(modem, answers_several_lines_in_order)
{
	says("AT\rAT+CSIM=10,\"0070000001\"\rAT+FOO\r", OK OPENED ERROR);
}

#define OPEN "AT+CSIM=10,\"0070000001\"\r"

Test(modem, changes_the_shape_of_its_answer)
{
	static const struct {
		const char *quirks, *answer;
	} shapes[] = {
		{"no-quotes", "\r\n+CSIM: 6,019000\r\n" OK},
		{"no-space", "\r\n+CSIM:6,\"019000\"\r\n" OK},
		{"space-colon", "\r\n+CSIM : 6, \"019000\"\r\n" OK},
		{"no-space,no-quotes", "\r\n+CSIM:6,019000\r\n" OK},
		{"cr-only", "\r+CSIM: 6,\"019000\"\r\rOK\r"},
		{"lf-only", "\n+CSIM: 6,\"019000\"\n\nOK\n"},
		{"wrong-length", "\r\n+CSIM: 12,\"019000\"\r\n" OK},
		{"cut-256=4", "\r\n+CSIM: 6,\"0190\r\n" OK},
		{"blank-lines",
		 "\r\n\r\n+CSIM: 6,\"019000\"\r\n\r\n\r\n\r\nOK\r\n\r\n"},
		{"urc",
		 "\r\n+CREG: 1\r\n\r\nRING\r\n\r\n+CSIM: 6,\"019000\"\r\n"
		 "\r\n+QIND: SMS DONE\r\n" OK},
		{"91xx", "\r\n+CSIM: 6,\"01910B\"\r\n" OK},
		{"91xx,lower-hex", "\r\n+CSIM: 6,\"01910b\"\r\n" OK},
	};

	for (size_t i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		again(shapes[i].quirks, NULL);
		cr_assert_str_eq(bench_at(&b, OPEN), shapes[i].answer, "%s",
				 shapes[i].quirks);
	}
}

Test(modem, puts_the_end_of_the_last_answer_in_front)
{
	again("stale", NULL);
	says(OPEN, OPENED);
	says("AT+CSIM=10,\"0184000001\"\r",
	     "\r\n9000\"+CSIM: 4,\"6D00\"\r\n" OK);
	says(OPEN, "\r\n6D00\"+CSIM: 6,\"029000\"\r\n" OK);
}

Test(modem, writes_in_small_pieces)
{
	again("split=4", NULL);
	says(OPEN, OPENED);
	cr_assert_eq(b.pieces, (strlen(OPENED) + 3) / 4);
	cr_assert_eq(b.due - b.first_due, (b.pieces - 1) * 1000000ULL);
}

Test(modem, writes_the_final_line_late)
{
	again("late-ok=30", NULL);
	says(OPEN, OPENED);
	cr_assert_eq(b.pieces, 2);
	cr_assert_eq(b.due - b.first_due, 30 * 1000000ULL);
}

Test(modem, refuses_lower_case_when_told_so)
{
	again("upper-only", NULL);
	says("at\r", ERROR);
	says("AT+CSIM=10,\"00b082000a\"\r", ERROR);
	cr_assert_eq(strncmp(bench_at(&b, "AT+CSIM=10,\"00B082000A\"\r"),
			     "\r\n+CSIM: 24,", 12),
		     0);
}

Test(modem, keeps_commands_from_the_card_when_told_so)
{
	again("no-csim-test", NULL);
	says("AT+CSIM=?\r", ERROR);
	again("strict-p3,cme-number", NULL);
	says("AT+CSIM=8,\"00700000\"\r", "\r\n+CME ERROR: 3\r\n");
	says("AT+CSIM=14,\"00A40004023F00\"\r", "\r\n+CSIM: 4,\"6117\"\r\n" OK);
	says("AT+CSIM=16,\"00A40004023F0000\"\r", "\r\n+CME ERROR: 3\r\n");
	again("basic-only,cme-number", NULL);
	says(OPEN, OPENED);
	says("AT+CSIM=10,\"0184000001\"\r", "\r\n+CME ERROR: 3\r\n");
	says("AT+CSIM=10,\"8084000001\"\r", "\r\n+CSIM: 4,\"6D00\"\r\n" OK);
	again("long-ignored=24", NULL);
	says(OPEN, OPENED);
	says("AT+CSIM=24,\"01A4040007A0000005590010\"\r", "");
}

Test(modem, breaks_as_faults_say)
{
	again(NULL, "deaf");
	says("AT\r", "");
	again("cme-number", "no-sim");
	says("AT\r", OK);
	says(OPEN, "\r\n+CME ERROR: 10\r\n");
	says("AT+CPIN?\r", "\r\n+CME ERROR: 10\r\n");
	says("AT+CIMI\r", "\r\n+CME ERROR: 10\r\n");
	again("cme-number", "busy=2");
	says(OPEN, "\r\n+CME ERROR: 14\r\n");
	says(OPEN, "\r\n+CME ERROR: 14\r\n");
	says(OPEN, OPENED);
	again("cme-text", "cme=A4:13");
	says("AT+CSIM=14,\"00A40004023F00\"\r",
	     "\r\n+CME ERROR: SIM failure\r\n");
	again(NULL, "silence=70@2");
	says(OPEN, OPENED);
	says(OPEN, "");
	again(NULL, "truncate=70");
	says(OPEN, "\r\n+CSIM: 6,\"019\"\r\n" OK);
	again(NULL, "garble=70");
	says(OPEN, "\r\n+CSIM: 6,\"019#00\"\r\n" OK);
	again(NULL, "die=70");
	says("AT\r", OK);
	says(OPEN "AT\r", "");
	cr_assert(b.modem.dead);
}

Test(modem, breaks_from_one_time_to_another)
{
	again(NULL, "silence@2-3,truncate=70@2");
	says(OPEN, OPENED);
	says(OPEN, "");
	says("AT+CSIM=14,\"00A40004023F00\"\r", "");
	says(OPEN, "\r\n+CSIM: 6,\"029\"\r\n" OK);
}

Test(modem, spoils_an_answer)
{
	again(NULL, "half=70@1-1,digit=70@2");
	says(OPEN, "\r\n+CSIM: 6");
	says(OPEN, "\r\n+CSIM: 6,\"029100\"\r\n" OK);
	again(NULL, "digit");
	says("AT+CCHO=\"A0000005590010\"\r", "\r\n+CCHO: 4\r\n" OK);
}

Test(modem, storms_around_an_answer)
{
	const char *all, *answer;

	again(NULL, "storm@1-1");
	all = bench_at(&b, OPEN);
	answer = strstr(all, OPENED);
	cr_assert(answer != NULL && answer > all + 2000);
	cr_assert(strlen(answer) > 2000);
	says(OPEN, "\r\n+CSIM: 6,\"029000\"\r\n" OK);
}

Test(modem, loses_what_the_card_had_open)
{
#define ON_CHANNEL "AT+CSIM=14,\"01A40004023F00\"\r"
#define NO_CHANNEL "\r\n+CSIM: 4,\"6881\"\r\n" OK
	static const char *const faults[] = {"card-reset=A4@2",
					     "channel-lost=A4@2"};

	for (size_t i = 0; i < 2; i++) {
		again(NULL, faults[i]);
		says(OPEN, OPENED);
		bench_at(&b, ON_CHANNEL);
		cr_assert_eq(card_channels_open(&b.card), 1);
		says(ON_CHANNEL, NO_CHANNEL);
		cr_assert_eq(card_channels_open(&b.card), 0);
	}
	again(NULL, "modem-reset=A4");
	bench_at(&b, "AT+CMEE=1\r");
	says(OPEN, OPENED);
	says(ON_CHANNEL, "\r\nRDY\r\n");
	cr_assert_eq(card_channels_open(&b.card), 0);
	says("AT+FOO\r", "AT+FOO\r" ERROR);
	again("cme-number", "pull=A4");
	says(OPEN, OPENED);
	says(ON_CHANNEL, "\r\n+CME ERROR: 10\r\n");
	says(OPEN, "\r\n+CME ERROR: 10\r\n");
}

Test(modem, resets_the_card_once)
{
	again(NULL, "reset=2");
	says(OPEN, OPENED);
	says(OPEN, "\r\n+CSIM: 6,\"029000\"\r\n" OK);
	says(OPEN, OPENED);
	says(OPEN, "\r\n+CSIM: 6,\"029000\"\r\n" OK);
}

Test(modem, takes_the_time_the_link_model_says)
{
	const size_t in = strlen(OPEN), out = strlen(OPENED);

	b.modem.timing.baud = 9600;
	b.modem.timing.modem_ns = 5000000;
	b.modem.timing.char_ns = 100000;
	b.modem.timing.card_ns = 30000000000;
	says(OPEN, OPENED);
	/* 5 bytes to the card, the procedure byte, 3 back */
	cr_assert_eq(b.due, in * 10000000000ULL / 9600 + 5000000 + 9 * 100000 +
				    30000000000 + out * 10000000000ULL / 9600);
	b.modem.timing.ins[0x70].set = true;
	b.modem.timing.ins[0x70].ns = 10000000000;
	b.modem.timing.baud = 0;
	bench_at(&b, OPEN);
	cr_assert_eq(b.due, 5000000 + 9 * 100000 + 10000000000);
}

Test(modem, restarts_once)
{
	again(NULL, "restart=2");
	bench_at(&b, "AT+CMEE=1\r");
	says(OPEN, OPENED);
	says(OPEN, "\r\n+CSIM: 6,\"029000\"\r\n" OK "\r\nRDY\r\n");
	says("ATE0\r", "ATE0\r" OK);
	says("AT+FOO\r", ERROR);
	says(OPEN, OPENED);
}

/* The clock of a line starts with its first character, not with its last. */
Test(modem, starts_the_clock_with_the_first_character)
{
	b.modem.timing.baud = 1000; /* 10 ms a character */
	b.modem.free_at = 0;
	modem_feed(&b.modem, 1000000000, "A", 1);
	modem_feed(&b.modem, 1005000000, "T\r", 2);
	cr_assert_eq(b.due, 1000000000 + (3 + strlen(OK)) * 10000000);
	/* a host that dawdles */
	modem_feed(&b.modem, 5000000000, "A", 1);
	modem_feed(&b.modem, 6000000000, "T\r", 2);
	cr_assert_eq(b.due, 6000000000 + strlen(OK) * 10000000);
}

/* A second command sent early waits until the first is answered. */
Test(modem, does_one_thing_at_a_time)
{
	b.modem.timing.modem_ns = 50000000;
	bench_at(&b, "AT\rAT\r");
	cr_assert_eq(b.due, 100000000);
}

static size_t read_file(const char *path, char *text, size_t most)
{
	FILE *file = fopen(path, "r");
	size_t size = fread(text, 1, most - 1, file);

	text[size] = '\0';
	fclose(file);
	return size;
}

Test(modem, logs_each_exchange_and_no_pin)
{
	char path[] = "/tmp/sim-log-XXXXXX";
	static char text[8192];
	struct stat there;

	close(mkstemp(path));
	unlink(path);
	cr_assert(log_open(&b.log, path));
	b.modem.log = &b.log;
	b.modem.count_in = b.modem.count_out = 0;
	bench_at(&b, OPEN);
	bench_at(&b, "AT\rAT+CSIM=26,\"00200001083132333435363738\"\r");
	bench_at(&b, "AT+CSIM=24,\"01A4040007A0000005590010\"\r");
	bench_at(&b, "AT+CSIM=36,\"812A00010D840101A1010391020001920104\"\r");
	bench_at(&b, "AT+CSIM=78,\"812B8001229E20B94D27B9934D3E08A52E52D7DA7DAB"
		     "FAC484EFE37A5380EE9088F7ACE2EFCDE9\"\r");
	bench_at(&b, "AT+CSIM=34,\"814800000CD10461626364D20153D30102\"\r");
	bench_at(&b, "AT+CSIM=10,\"81C0000002\"\r");
	cr_assert_eq(stat(path, &there), 0);
	cr_assert_eq(there.st_mode & 0777, 0600);
	read_file(path, text, sizeof(text));
	cr_assert(strstr(text, "\"channel\":0,\"name\":\"MANAGE CHANNEL\","
			       "\"command\":\"0070000001\",\"response\":"
			       "\"019000\",\"sw\":\"9000\",\"us\":"));
	cr_assert(strstr(text, "\"line_in\":24,\"line_out\":27}\n"));
	cr_assert(strstr(text, "\"0020000108****************\""));
	cr_assert(strstr(text, "\"line_in\":43,\"line_out\":31}\n"));
	cr_assert_null(strstr(text, "3132333435363738"));
	cr_assert(strstr(text, "\"814800000C************************\""));
	cr_assert(strstr(text, "\"81C0000002\",\"response\":\"****9000\""));
	cr_assert(strstr(text, "\"name\":\"COMPUTE SIGNATURE UPDATE\""));
	cr_assert(strstr(strstr(text, "SIGNATURE UPDATE"),
			 ",\"signature\":true}\n"));
	cr_assert_null(strstr(strstr(text, "\"signature\":true") + 1,
			      "\"signature\":true"));
	log_close(&b.log);
	unlink(path);
}

#define CCHO "AT+CCHO=\"A0000005590010\"\r"

Test(modem, opens_channels_of_its_own)
{
	again("ccho-handle,cchc-line", NULL);
	bench_at(&b, "ATE0\rAT+CMEE=1\r");
	cr_assert_str_eq(bench_at(&b, CCHO),
			 "\r\n+CCHO: 000000000385a7cf\r\n\r\nOK\r\n");
	/* the channel is put into the class byte, whatever stands there */
	cr_assert_not_null(strstr(
		bench_at(&b, "AT+CGLA=000000000385a7cf,10,\"8184000002\"\r"),
		"+CGLA: 8,\""));
	cr_assert_not_null(strstr(
		bench_at(&b,
			 "AT+CGLA=\"000000000385a7cf\", 10, \"0084000002\"\r"),
		"+CGLA: 8,\""));
	cr_assert_str_eq(bench_at(&b, "AT+CGLA=1,10,\"8084000002\"\r"),
			 "\r\n+CME ERROR: 22\r\n");
	cr_assert_str_eq(bench_at(&b, "AT+CGLA=000000000385a7cf\r"),
			 "\r\n+CME ERROR: 50\r\n");
	cr_assert_str_eq(bench_at(&b, "AT+CCHC=000000000385a7cf\r"),
			 "\r\n+CCHC\r\n\r\nOK\r\n");
	cr_assert_str_eq(bench_at(&b, "AT+CCHC=000000000385a7cf\r"),
			 "\r\n+CME ERROR: 22\r\n");
	/* an applet that is not there leaves no channel open */
	for (int i = 0; i < 5; i++)
		cr_assert_str_eq(bench_at(&b, "AT+CCHO=\"A1B2C3\"\r"),
				 "\r\n+CME ERROR: 22\r\n");
	again("ccho-bare", NULL);
	bench_at(&b, "ATE0\r");
	cr_assert_str_eq(bench_at(&b, CCHO), "\r\n5\r\n\r\nOK\r\n");
	cr_assert_str_eq(bench_at(&b, CCHO), "\r\n6\r\n\r\nOK\r\n");
	cr_assert_str_eq(bench_at(&b, CCHO), "\r\n7\r\n\r\nOK\r\n");
	cr_assert_str_eq(bench_at(&b, CCHO), "\r\nERROR\r\n");
	cr_assert_str_eq(bench_at(&b, "AT+CCHO=\"\"\r"), "\r\nERROR\r\n");
	cr_assert_str_eq(bench_at(&b, "AT+CCHO=?\r"), "\r\nOK\r\n");
	again("no-cgla,no-csim", NULL);
	bench_at(&b, "ATE0\r");
	cr_assert_str_eq(bench_at(&b, CCHO), "\r\nERROR\r\n");
	cr_assert_str_eq(bench_at(&b, OPEN), "\r\nERROR\r\n");
}

Test(manners, are_refused_when_wrong)
{
	static const char *const quirks[] = {
		"",	     "ech",	  "echo,",
		"echo=1",    "split=",	  "split=0",
		"split=x",   "split=999", "short-read=9999999999",
		"echo=offf", ",echo"};
	static const char *const faults[] = {
		"",	    "dye",     "die",	  "die=",     "die=1FF",
		"die=2B@0", "die=2B@", "sw=2B",	  "sw=2B:",   "busy",
		"busy=-1",  "deaf=1",  "cme=2B:", "die=2B,,", "die=2Bx"};
	struct faults rules = {0};
	struct quirks set;
	char why[128];

	quirks_clear(&set);
	for (size_t i = 0; i < sizeof(quirks) / sizeof(*quirks); i++)
		cr_assert_not(quirks_parse(&set, quirks[i], why, sizeof(why)),
			      "%s", quirks[i]);
	for (size_t i = 0; i < sizeof(faults) / sizeof(*faults); i++)
		cr_assert_not(faults_parse(&rules, faults[i], why, sizeof(why)),
			      "%s", faults[i]);
	for (size_t i = 0; i < FAULT_RULES_MAX; i++)
		rules.count = i;
	rules.count = 0;
	for (size_t i = 0; i < FAULT_RULES_MAX; i++)
		cr_assert(faults_parse(&rules, "die=2B", why, sizeof(why)));
	cr_assert_not(faults_parse(&rules, "die=2B", why, sizeof(why)));
}

Test(manners, can_be_switched_off_and_exclude_each_other)
{
	struct quirks set;
	char why[128];

	quirks_clear(&set);
	cr_assert(quirks_parse(&set, "echo,sig8,split=7,91xx=0x1F", why,
			       sizeof(why)));
	cr_assert_eq(quirk_value(&set, QUIRK_SPLIT, 0), 7);
	cr_assert_eq(quirk_value(&set, QUIRK_91XX, 0), 0x1F);
	cr_assert(quirks_parse(&set, "sig16,echo=off", why, sizeof(why)));
	cr_assert_not(quirk_on(&set, QUIRK_SIG8));
	cr_assert_not(quirk_on(&set, QUIRK_ECHO));
	cr_assert(quirk_on(&set, QUIRK_SIG16));
}
