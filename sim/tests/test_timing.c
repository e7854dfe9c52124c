// SPDX-License-Identifier: LGPL-2.1-or-later
/* The link model is the formula: computed, never waited for. */
#include "../timing_option.h"
#include "bench.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct bench b;

static void teardown(void)
{
	bench_close(&b);
}

#define SELECT "AT+CSIM=24,\"01A4040007A0000005590010\"\r"
#define INIT   "AT+CSIM=36,\"812A00010D840101A1010391020001920104\"\r"
#define UPDATE                                                                 \
	"AT+CSIM=78,\"812B8001229E202CF24DBA5FB0A30E26E83B2AC5B9E29E1B161E5C"  \
	"1FA7425E73043362938B9824\"\r"
#define FETCH "AT+CSIM=10,\"81C0000043\"\r"

/* What the options make of an instruction with the command and answer sizes. */
static uint64_t card_time(const struct timing *timing, uint8_t ins)
{
	const uint8_t command[] = {0x81, ins, 0, 0, 0};

	return timing_card(timing, command, sizeof(command), 2) -
	       7 * timing->char_ns;
}

static void open_on(const char *quirks, const char *link, const char *clock)
{
	bench_open(&b, "gsma", quirks, NULL);
	bench_at(&b, "ATE0\r");
	bench_at(&b, "AT+CSIM=10,\"0070000001\"\r");
	cr_assert(strstr(bench_at(&b, SELECT), "9000") != NULL ||
		  strstr(b.out, "61") != NULL);
	cr_assert(timing_option(&b.modem.timing, "link", link));
	/* Slower, so that the model's time is the longer one on any machine. */
	cr_assert(timing_option(&b.modem.timing, "clock-mhz", clock));
}

/* Asked at `now`: when the whole answer is there. Adds what was on the line. */
static uint64_t ask(uint64_t now, const char *command, size_t *characters)
{
	b.out_size = 0;
	modem_feed(&b.modem, now, command, strlen(command));
	*characters += strlen(command) + b.out_size;
	return b.due;
}

/* T = N modem + (N - 1) gap + 10 B / baud + C char + card */
static uint64_t formula(const struct timing *timing, unsigned int n, size_t b_,
			size_t c)
{
	uint64_t line = timing->baud ? b_ * 10000000000ULL / timing->baud : 0;

	return n * timing->modem_ns + (n - 1) * timing->gap_ns + line +
	       c * timing->char_ns + card_time(timing, 0x2A) +
	       card_time(timing, 0x2B) + (n > 2 ? card_time(timing, 0xC0) : 0);
}

/* Rounding: below a nanosecond for each way of each exchange. */
static void expect_about(uint64_t actual, uint64_t wanted)
{
	cr_expect(actual <= wanted && actual + 10 > wanted,
		  "%llu, not %llu nanoseconds", (unsigned long long)actual,
		  (unsigned long long)wanted);
}

static void expect_formula(const char *link, const char *clock)
{
	const uint64_t start = 5000000000;
	size_t on_line = 0;
	uint64_t now;

	open_on(NULL, link, clock);
	now = ask(start, INIT, &on_line);
	now = ask(now, UPDATE, &on_line);
	now = ask(now, FETCH, &on_line);
	cr_expect_eq(on_line, 377, "%zu characters", on_line);
	expect_about(now - start, formula(&b.modem.timing, 3, 377, 138));
	teardown();
	on_line = 0;
	open_on("fetches", link, clock);
	now = ask(start, INIT, &on_line);
	now = ask(now, UPDATE, &on_line);
	cr_expect_eq(on_line, 328, "%zu characters", on_line);
	expect_about(now - start, formula(&b.modem.timing, 2, 328, 138));
}

Test(timing, a_signature_takes_the_time_of_the_formula, .fini = teardown)
{
	expect_formula("hat", "0.1");
}

Test(timing, a_signature_without_a_line_does_so_too, .fini = teardown)
{
	expect_formula("usb", "0.1");
}

Test(timing, a_signature_with_gaps_does_so_too, .fini = teardown)
{
	expect_formula("slow", "3.5712");
	cr_expect_eq(b.modem.timing.gap_ns, 15000000);
}

Test(timing, a_gap_that_the_host_waits_out_costs_nothing, .fini = teardown)
{
	size_t on_line = 0;
	uint64_t now;

	open_on(NULL, "slow", "3.5712");
	now = ask(5000000000, INIT, &on_line);
	now += b.modem.timing.gap_ns - 1000;
	expect_about(ask(now, "AT\r", &on_line) - now,
		     1000 + 9 * 10000000000ULL / 9600 + 15000000);
	now = b.due + 4 * b.modem.timing.gap_ns;
	expect_about(ask(now, "AT\r", &on_line) - now,
		     9 * 10000000000ULL / 9600 + 15000000);
}

Test(timing, the_limits_are_those_of_the_links_by_name)
{
	struct timing hat = {0}, slow = {0};

	cr_assert(timing_option(&hat, "link", "hat"));
	cr_assert(timing_option(&slow, "link", "slow"));
	/* 45 + 32.726 + 6.624 + 60 and 45 + 30 + 392.708 + 172.5 + 200 ms */
	cr_expect_eq(formula(&hat, 3, 377, 138) / 1000, 144349);
	cr_expect_eq(formula(&slow, 3, 377, 138) / 1000, 840208);
}

Test(timing, characters_are_those_of_T_0)
{
	/* case 1, as four bytes and as five; then 2, 3 and 4 */
	cr_expect_eq(timing_characters(4, 0, 2), 5 + 2);
	cr_expect_eq(timing_characters(5, 0, 2), 5 + 2);
	cr_expect_eq(timing_characters(5, 0, 34), 5 + 1 + 32 + 2);
	cr_expect_eq(timing_characters(18, 13, 2), 5 + 1 + 13 + 2);
	cr_expect_eq(timing_characters(40, 34, 69),
		     5 + 1 + 34 + 2 + 5 + 1 + 67 + 2);
	cr_expect_eq(timing_characters(18, 13, 2) +
			     timing_characters(39, 34, 2) +
			     timing_characters(5, 0, 69),
		     138);
}

Test(timing, a_character_is_that_of_TA1_and_clock)
{
	/* ISO 7816-3, tables 7 and 8: 372, 16 and 8 clocks a bit */
	cr_expect_eq(timing_of_ta1(0x11, 3.5712), 1250000);
	cr_expect_eq(timing_of_ta1(0x96, 4), 48000);
	cr_expect_eq(timing_of_ta1(0x97, 4), 24000);
	cr_expect_eq(timing_of_ta1(0x18, 3.72), 100000);
	/* kept for later: F of 7, 8 and 14; D of 0, 10 and above */
	cr_expect_eq(timing_of_ta1(0x71, 4), 0);
	cr_expect_eq(timing_of_ta1(0x81, 4), 0);
	cr_expect_eq(timing_of_ta1(0xE1, 4), 0);
	cr_expect_eq(timing_of_ta1(0x10, 4), 0);
	cr_expect_eq(timing_of_ta1(0x1A, 4), 0);
}

Test(timing, the_last_word_on_a_character_counts)
{
	struct timing timing = {0};

	cr_assert(timing_option(&timing, "ta1", "96"));
	cr_expect_eq(timing.char_ns, 48000); /* at 4 MHz */
	cr_assert(timing_option(&timing, "clock-mhz", "3"));
	cr_expect_eq(timing.char_ns, 64000);
	cr_assert(timing_option(&timing, "char-us", "7.5"));
	cr_assert(timing_option(&timing, "clock-mhz", "4"));
	cr_expect_eq(timing.char_ns, 7500);
}

Test(timing, a_command_has_a_name_and_a_time_of_its_own)
{
	struct timing timing = {0};

	cr_assert(timing_option(&timing, "card-ms", "3"));
	cr_assert(timing_option(&timing, "card-ms", "sign:60"));
	cr_assert(timing_option(&timing, "card-ms", "b9:150"));
	cr_assert(timing_option(&timing, "card-ms", "fetch:0"));
	cr_expect_eq(card_time(&timing, 0x2B), 60000000);
	cr_expect_eq(card_time(&timing, 0xB9), 150000000);
	cr_expect_eq(card_time(&timing, 0xC0), 0);
	cr_expect_eq(card_time(&timing, 0x84), 3000000);
}

/* Each whole link names each term. */
Test(timing, a_link_leaves_no_term_open)
{
	static const char *const names[] = {"usb", "hat", "slow", "nbiot"};
	static const char *const terms[] = {
		" baud=",    " modem-ms=",  " gap-ms=",
		" ta1=",     " clock-mhz=", " card-ms=5 ",
		" char-us=", " delay-ms=",  " loss=",
	};
	char text[4096] = "", *line = text;
	FILE *file = fmemopen(text, sizeof(text), "w");

	links_print(file);
	fclose(file);
	for (size_t i = 0; i < 4; i++) {
		char *end = strchr(line, '\n');

		cr_assert(end != NULL);
		*end = '\0';
		cr_expect_eq(strncmp(line, names[i], strlen(names[i])), 0);
		for (size_t term = 0; term < 9; term++)
			cr_expect(strstr(line, terms[term]) != NULL ||
					  (term == 5 && i == 2),
				  "%s lacks%s", names[i], terms[term]);
		line = end + 1;
	}
	cr_expect_str_empty(line);
}

Test(timing, what_is_no_term_is_refused)
{
	static const char *const wrong[][2] = {
		{"link", "wire"},     {"baud", "49"},	    {"baud", "fast"},
		{"modem-ms", "-1"},   {"gap-ms", "x"},	    {"char-us", ""},
		{"ta1", "71"},	      {"ta1", "9"},	    {"ta1", "9696"},
		{"clock-mhz", "0"},   {"clock-mhz", "nan"}, {"card-ms", "zz:1"},
		{"card-ms", "sign:"}, {"card-ms", ":1"},    {"speed", "1"},
	};
	struct timing timing = {0};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		cr_expect(!timing_option(&timing, wrong[i][0], wrong[i][1]),
			  "--%s %s", wrong[i][0], wrong[i][1]);
	cr_expect(timing_option(&timing, "baud", "0"));
}
