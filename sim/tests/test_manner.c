// SPDX-License-Identifier: LGPL-2.1-or-later
/* What modems do with commands before the card sees them. */
#include "bench.h"

#include <criterion/criterion.h>
#include <string.h>

#define OK	"\r\nOK\r\n"
#define REFUSED "\r\n+CME ERROR: 3\r\n"
#define UNKNOWN "\r\n+CME ERROR: 100\r\n"
#define DROPPED "\r\n+CME ERROR: 0\r\n"
#define MS	1000000ULL
#define OPEN	"AT+CSIM=10,\"0070000001\"\r"
#define OPENED	"\r\n+CSIM: 6,\"019000\"\r\n" OK
#define SELECT	"AT+CSIM=24,\"01A4040007A0000005590010\"\r"
#define DONE	"\r\n+CSIM: 4,\"9000\"\r\n" OK
#define CCHO	"AT+CCHO=\"A0000005590010\"\r"
#define RANDOM	"AT+CSIM=10,\"8184000001\"\r"
#define BASIC	"AT+CSIM=10,\"80F2000C00\"\r"

static struct bench b;

static void begin(const char *quirks)
{
	bench_open(&b, "gsma", quirks, NULL);
	bench_at(&b, "ATE0;+CMEE=1\r");
}

static void end(void)
{
	bench_close(&b);
}

TestSuite(manner, .fini = end);

static void says(const char *line, const char *answer)
{
	cr_expect_str_eq(bench_at(&b, line), answer, "%s: \"%s\"", line, b.out);
}

static void starts(const char *line, const char *answer)
{
	cr_expect_eq(strncmp(bench_at(&b, line), answer, strlen(answer)), 0,
		     "%s: \"%s\"", line, b.out);
}

/* A line at some time, without forgetting when the last answer left. */
static const char *at_time(uint64_t now, const char *line)
{
	b.out_size = 0;
	b.out[0] = '\0';
	modem_feed(&b.modem, now, line, strlen(line));
	return b.out;
}

Test(manner, test_forms_are_refused_or_unanswered)
{
	begin("no-csim-test,no-cgla-test");
	says("AT+CSIM=?\r", UNKNOWN);
	says("AT+CGLA=?\r", UNKNOWN);
	says(OPEN, OPENED);
	end();
	begin("silent-test");
	says("AT+CSIM=?\r", "");
	says("AT+CCHO=?\r", "");
	says(OPEN, OPENED);
}

Test(manner, a_sleeping_SIM_is_woken_and_falls_asleep_again)
{
	begin("asleep=2");
	says(OPEN, REFUSED);
	says("AT+ECSIMSLEEP=2\r", "\r\n+CME ERROR: 50\r\n");
	says("AT+ECSIMSLEEP=0\r", OK);
	says(OPEN, OPENED);
	says(SELECT, DONE);
	says(RANDOM, REFUSED);
	end();
	begin(NULL);
	says("AT+ECSIMSLEEP=0\r", UNKNOWN);
}

Test(manner, a_SIM_is_locked_and_given_back)
{
	begin("lock");
	says(OPEN, REFUSED);
	says("AT+CSIM=1\r", OK);
	says(OPEN, OPENED);
	says("AT+CSIM=0\r", OK);
	says(SELECT, REFUSED);
	end();
	begin(NULL);
	says("AT+CSIM=1\r", "\r\n+CME ERROR: 50\r\n");
}

Test(manner, commands_get_lost)
{
	begin("lose-select");
	says(OPEN, OPENED);
	says(SELECT, DROPPED);
	says(SELECT, DONE);
	end();
	begin("lose-some=3");
	says(OPEN, OPENED);
	says(SELECT, DONE);
	says(RANDOM, DROPPED);
	starts(RANDOM, "\r\n+CSIM: 6,");
	end();
	bench_open(&b, "gsma", "lose-first", NULL);
	says("ATE0\r", "");
	says("ATE0\r", "ATE0\r" OK);
}

Test(manner, nothing_is_heard_while_the_modem_starts)
{
	bench_open(&b, "gsma", "boot=500", NULL);
	cr_expect_str_eq(at_time(7 * MS, "AT\r"), "\r\nRDY\r\n");
	cr_expect_eq(b.due, 507 * MS);
	cr_expect_str_eq(at_time(506 * MS, "AT\r"), "");
	cr_expect_str_eq(at_time(507 * MS, "ATE0\r"), "ATE0\r" OK);
}

Test(manner, the_SIM_is_busy_while_it_starts)
{
	begin("sim-slow=500");
	cr_expect_str_eq(at_time(499 * MS, OPEN), "\r\n+CME ERROR: 14\r\n");
	cr_expect_str_eq(at_time(500 * MS, OPEN), OPENED);
}

Test(manner, a_command_too_soon_behind_an_answer_is_lost)
{
	begin("pause=20");
	at_time(100 * MS, "AT\r");
	cr_expect_str_eq(at_time(119 * MS, "AT\r"), "");
	cr_expect_str_eq(at_time(120 * MS, "AT\r"), OK);
}

Test(manner, channels_are_refused)
{
	begin("no-channels");
	says(OPEN, REFUSED);
	says(RANDOM, REFUSED);
	starts(BASIC, "\r\n+CSIM: 4,");
	end();
	begin("no-cchc");
	says(CCHO, "\r\n+CCHO: 5\r\n" OK);
	says("AT+CCHC=5\r", UNKNOWN);
	says("AT+CGLA=5,10,\"0070800000\"\r", "\r\n+CGLA: 4,\"9000\"\r\n" OK);
}

/* Without the number the basic channel gets the command, and knows it not. */
Test(manner, the_class_byte_of_AT_CGLA_is_let_alone)
{
	begin("cgla-class");
	says(CCHO, "\r\n+CCHO: 1\r\n" OK);
	starts("AT+CGLA=1,10,\"8084000001\"\r", "\r\n+CGLA: 4,\"6D00\"");
	starts("AT+CGLA=1,10,\"8184000001\"\r", "\r\n+CGLA: 6,");
}

Test(manner, GET_RESPONSE_is_the_modems_own)
{
	begin("fetches");
	says(OPEN, OPENED);
	says("AT+CSIM=10,\"01C0000001\"\r", REFUSED);
	starts("AT+CSIM=14,\"00A40004023F00\"\r", "\r\n+CSIM: 50,\"62");
	end();
	begin("c0-class-0x");
	says(OPEN, OPENED);
	says("AT+CSIM=10,\"81C0000001\"\r", REFUSED);
	says("AT+CSIM=10,\"01C0000001\"\r", "\r\n+CSIM: 4,\"6985\"\r\n" OK);
}

Test(manner, lines_stand_where_they_like)
{
	begin("ok-first");
	says(OPEN, OK "\r\n+CSIM: 6,\"019000\"\r\n");
	says("AT\r", OK);
	end();
	begin("urc-after");
	says("AT\r", OK "\r\n+QIND: PB DONE\r\n");
	end();
	begin("no-cmee");
	says("AT+CMEE=1\r", "\r\nERROR\r\n");
}

Test(manner, an_Le_that_is_too_short_is_served_and_continued)
{
	begin("le-61xx");
	says(OPEN, OPENED);
	says(SELECT, DONE);
	starts("AT+CSIM=10,\"81CB010004\"\r", "\r\n+CSIM: 12,\"");
	cr_expect(strstr(b.out, "61EE\""), "%s", b.out);
	end();
	begin(NULL);
	says(OPEN, OPENED);
	says(SELECT, DONE);
	says("AT+CSIM=10,\"81CB010004\"\r", "\r\n+CSIM: 4,\"6CF2\"\r\n" OK);
}
