/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The AT line parser, and the modem's errors. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>
#include <string.h>
#include "base/bytes.h"
#include "base/error.h"
#include "link/at.h"
#include "link/at_error.h"

static struct bytes bytes_of(const char *text)
{
	return (struct bytes){(const uint8_t *)text, strlen(text)};
}

/* Feeds `text`, cut into two pieces at `cut`, and collects the answer up to
 * and including the final result code. */
static bool collect(const char *text, size_t cut, struct at_csim *csim)
{
	struct at_lines lines = {0};
	struct bytes pieces[2] = {
		{(const uint8_t *)text, cut},
		{(const uint8_t *)text + cut, strlen(text) - cut},
	};
	struct at_line line;

	memset(csim, 0, sizeof(*csim));
	for (int i = 0; i < 2; i++)
		while (at_lines_next(&lines, &pieces[i], &line)) {
			at_csim_take(csim, &line);
			if (line.kind == AT_OK)
				return true;
		}
	return false;
}

static int answer_of(const char *text, size_t cut, uint8_t *response,
		     size_t *size)
{
	struct at_csim csim;

	if (!collect(text, cut, &csim))
		return 1;
	return at_csim_response(&csim, response, 258, size);
}

/* --- Lines ---------------------------------------------------------------- */

struct kind_case {
	char text[48];
	enum at_kind kind;
};

ParameterizedTestParameters(at, a_line_has_a_kind)
{
	static struct kind_case cases[] = {
		{"OK", AT_OK},
		{"  OK ", AT_OK},
		{"\377\376OK", AT_OK},
		{"OKAY", AT_TEXT},
		{"ERROR", AT_ERROR},
		{"ABORTED", AT_ERROR},
		{"COMMAND NOT SUPPORT", AT_ERROR},
		{"+CME ERROR: 10", AT_ERROR},
		{"+CME ERROR:10", AT_ERROR},
		{"+CME ERROR: SIM busy", AT_ERROR},
		{"+CMS ERROR: 500", AT_ERROR},
		{"NO CARRIER", AT_CALL},
		{"BUSY", AT_CALL},
		{"AT+CSIM=10,\"0070000001\"", AT_ECHO},
		{"at", AT_ECHO},
		{"+CSIM: 4,\"9000\"", AT_TEXT},
		{"+CREG: 1", AT_TEXT},
		{"RING", AT_TEXT},
		{"RDY", AT_TEXT},
	};

	return cr_make_param_array(struct kind_case, cases,
				   sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct kind_case *given, at, a_line_has_a_kind)
{
	struct at_lines lines = {0};
	struct at_line line;
	struct bytes in = bytes_of(given->text);
	struct bytes end = bytes_of("\r\n");

	cr_assert_not(at_lines_next(&lines, &in, &line));
	cr_assert(at_lines_next(&lines, &end, &line));
	cr_expect_eq(line.kind, given->kind, "%s: kind %d", given->text,
		     (int)line.kind);
}

Test(at, lines_end_at_either_character_and_empty_ones_are_none)
{
	static const char *const expected[] = {"A1", "B2", "C3", "D4"};
	struct at_lines lines = {0};
	struct bytes in = bytes_of("\r\n\r\nA1\rB2\n\n \t\r\nC3\r\r\nD4\n");
	struct at_line line;

	for (size_t i = 0; i < 4; i++) {
		cr_assert(at_lines_next(&lines, &in, &line));
		cr_expect_str_eq(line.text, expected[i]);
		cr_expect_eq(line.size, 2);
	}
	cr_expect_not(at_lines_next(&lines, &in, &line));
}

Test(at, a_line_that_is_too_long_is_lost_and_the_next_one_is_not)
{
	char text[AT_LINE_MAX + 100];
	struct at_lines lines = {0};
	struct at_line line;
	struct bytes in;

	memset(text, 'A', sizeof(text));
	strcpy(text + sizeof(text) - 10, "\r\nOK\r\n");
	in = bytes_of(text);
	cr_assert(at_lines_next(&lines, &in, &line));
	cr_expect_eq(line.kind, AT_LONG);
	cr_assert(at_lines_next(&lines, &in, &line));
	cr_expect_eq(line.kind, AT_OK);
}

Test(at, a_line_of_the_greatest_length_is_kept)
{
	char text[AT_LINE_MAX + 2];
	struct at_lines lines = {0};
	struct at_line line;
	struct bytes in;

	memset(text, 'x', AT_LINE_MAX);
	strcpy(text + AT_LINE_MAX, "\r");
	in = bytes_of(text);
	cr_assert(at_lines_next(&lines, &in, &line));
	cr_expect_eq(line.kind, AT_TEXT);
	cr_expect_eq(line.size, AT_LINE_MAX);
}

Test(at, a_value_is_found_behind_its_name_however_blanks_stand)
{
	static const char *const texts[] = {"+CPIN: READY", "+CPIN:READY",
					    "+CPIN : READY", "+cpin:  READY"};

	for (size_t i = 0; i < 4; i++) {
		struct at_line line = {AT_TEXT, texts[i], strlen(texts[i])};

		cr_expect_str_eq(at_value(&line, "+CPIN"), "READY");
		cr_expect_null(at_value(&line, "+CPI"));
		cr_expect_null(at_value(&line, "+CSIM"));
	}
}

/* --- Answers of AT+CSIM ----------------------------------------------------
 */

struct answer_case {
	char text[200];
	char hex[48]; /* "" for an answer that cannot be understood */
};

ParameterizedTestParameters(at, an_answer_is_understood_or_refused)
{
	static struct answer_case cases[] = {
		/* The forms of 27.007 and of modems. */
		{"\r\n+CSIM: 4,\"9000\"\r\n\r\nOK\r\n", "9000"},
		{"+CSIM: 6,\"019000\"\nOK\n", "019000"},
		{"+CSIM:4,\"611A\"\r\nOK\r\n", "611A"},
		{"+CSIM :4,\"9000\"\r\nOK\r\n", "9000"},
		{"+CSIM: 4, \"9000\"\r\nOK\r\n", "9000"},
		{"+CSIM: 4 , \" 9000\"\r\nOK\r\n", "9000"},
		{"+CSIM: 4,9000\r\nOK\r\n", "9000"},
		{"+CSIM:4,9000 \r\nOK\r\n", "9000"},
		{"+csim: 8,\"abcd9000\"\r\nOK\r\n", "ABCD9000"},
		{"+CSIM: 8,abCD9000\r\nOK\r\n", "ABCD9000"},
		/* Echo, blank lines, unsolicited lines. */
		{"AT+CSIM=10,\"0070000001\"\r\r\n+CSIM: 6,\"019000\"\r\nOK\r\n",
		 "019000"},
		{"\r\n\r\n\r\n+CSIM: 4,\"9000\"\r\n\r\n\r\n\r\nOK\r\n", "9000"},
		{"+CREG: 1\r\n+CSIM: 4,\"9000\"\r\n\r\nRING\r\n\r\nOK\r\n",
		 "9000"},
		{"NO CARRIER\r\n+CSIM: 4,\"9000\"\r\nBUSY\r\nOK\r\n", "9000"},
		/* Stale text. */
		{"+CSIM: 4,\"6100\"\r\n+CSIM: 4,\"9000\"\r\nOK\r\n", "9000"},
		{"GARBAGE+CSIM: 4,\"9000\"\r\nOK\r\n", "9000"},
		{"+CSIM: 20,\"61+CSIM: 4,\"9000\"\r\nOK\r\n", "9000"},
		/* The length lies. */
		{"+CSIM: 10,\"9000\"\r\nOK\r\n", "9000"},
		{"+CSIM: 2,\"9000\"\r\nOK\r\n", "9000"},
		{"+CSIM: 999999999999999,\"9000\"\r\nOK\r\n", "9000"},
		{"+CSIM: 8,9000\r\nOK\r\n", "9000"},
		/* An unsolicited line, or a fold, inside the digits. */
		{"+CSIM: 12,\"3340AB\r\n+CREG: 1\r\nCD9000\"\r\nOK\r\n",
		 "3340ABCD9000"},
		{"+CSIM: 12,3340AB\r\nCD9000\r\nOK\r\n", "3340ABCD9000"},
		{"+CSIM: 12,\"3340AB\r\nCD9000\r\nOK\r\n", ""},
		{"+CSIM: 14,\"3340AB\r\nCD9000\"\r\nOK\r\n", ""},
		/* Behind the closing mark nothing counts. */
		{"+CSIM: 4,\"9000\"+CREG: 1\r\nOK\r\n", "9000"},
		/* Truncated. */
		{"+CSIM: 12,\"3340AB\r\nOK\r\n", ""},
		{"+CSIM: 12,\"3340AB\"\r\nOK\r\n", ""},
		{"+CSIM: 12,3340AB\r\nOK\r\n", ""},
		{"+CSIM: 12,\"3340A\"\r\nOK\r\n", ""},
		{"+CSIM: 4,\"90\"\r\nOK\r\n", ""},
		{"+CSIM: 4,\"\"\r\nOK\r\n", ""},
		{"+CSIM: 4,\r\nOK\r\n", ""},
		{"+CSIM: 4\r\nOK\r\n", ""},
		{"+CSIM:\r\nOK\r\n", ""},
		{"+CSIM\r\nOK\r\n", ""},
		/* Garbled. */
		{"+CSIM: 4,\"9G00\"\r\nOK\r\n", ""},
		{"+CSIM: 4,\"90 00\"\r\nOK\r\n", ""},
		{"+CSIM: 8,\"AB\377D9000\"\r\nOK\r\n", ""},
		{"+CSIM: ,\"9000\"\r\nOK\r\n", ""},
		{"+CSIM: -4,\"9000\"\r\nOK\r\n", ""},
		{"+CSIM: 4;\"9000\"\r\nOK\r\n", ""},
		/* None at all. */
		{"OK\r\n", ""},
		{"AT+CSIM=4,\"9000\"\r\nOK\r\n", ""},
		{"+CCHO: 4,\"9000\"\r\nOK\r\n", ""},
		/* AT+CGLA's has the same form. */
		{"+CGLA: 4,\"9000\"\r\nOK\r\n", "9000"},
		{"+CGLA:4,\"611a\"\r\nOK\r\n", "611A"},
		{"X+CSIM: 4,\"6100\"+CGLA: 4,\"9000\"\r\nOK\r\n", "9000"},
		{"+CGLA: 4,\"90\r\nOK\r\n", ""},
	};

	return cr_make_param_array(struct answer_case, cases,
				   sizeof(cases) / sizeof(cases[0]));
}

/* Wherever the read that brings it is split. */
ParameterizedTest(struct answer_case *given, at,
		  an_answer_is_understood_or_refused)
{
	uint8_t response[258];
	char hex[2 * 258 + 1];
	size_t size;

	for (size_t cut = 0; cut <= strlen(given->text); cut++) {
		int result = answer_of(given->text, cut, response, &size);

		if (!given->hex[0]) {
			cr_expect_eq(result, IOTSAFE_ERR_FORMAT, "%s cut %zu",
				     given->text, cut);
			continue;
		}
		cr_assert_eq(result, IOTSAFE_OK, "%s cut %zu: %s", given->text,
			     cut, iotsafe_last_error());
		hex_encode(response, size, hex);
		cr_expect_str_eq(hex, given->hex);
	}
}

Test(at, the_longest_answer_fits_and_a_longer_one_is_refused)
{
	uint8_t response[258];
	char text[600];
	size_t size;

	for (int bytes = 257; bytes <= 259; bytes++) {
		int at = sprintf(text, "+CSIM: %d,\"", 2 * bytes);

		for (int i = 0; i < bytes - 2; i++)
			at += sprintf(text + at, "%02X", i & 0xFF);
		strcpy(text + at, "9000\"\r\nOK\r\n");
		if (bytes == 259) {
			cr_expect_eq(answer_of(text, 0, response, &size),
				     IOTSAFE_ERR_FORMAT);
			continue;
		}
		cr_assert_eq(answer_of(text, 0, response, &size), IOTSAFE_OK);
		cr_expect_eq(size, (size_t)bytes);
		cr_expect_eq(response[bytes - 3], (bytes - 3) & 0xFF);
	}
}

Test(at, a_nul_inside_the_digits_is_seen)
{
	static const char text[] = "+CSIM: 8,\"AB\0CD9000\"\r\n";
	struct bytes in = {(const uint8_t *)text, sizeof(text) - 1};
	struct at_lines lines = {0};
	struct at_csim csim = {0};
	uint8_t response[258];
	struct at_line line;
	size_t size;

	cr_assert(at_lines_next(&lines, &in, &line));
	at_csim_take(&csim, &line);
	cr_expect_eq(at_csim_response(&csim, response, 258, &size),
		     IOTSAFE_ERR_FORMAT);
}

Test(at, a_lost_line_is_named_when_no_answer_is_left)
{
	char text[2000] = "";
	uint8_t response[258];
	size_t size;

	memset(text, 'F', 1500);
	strcpy(text + 1500, "\r\nOK\r\n");
	cr_assert_eq(answer_of(text, 0, response, &size), IOTSAFE_ERR_FORMAT);
	cr_expect(strstr(iotsafe_last_error(), "more than 1023 characters"));
	strcpy(text + 1500, "\r\n+CSIM: 4,\"9000\"\r\nOK\r\n");
	cr_expect_eq(answer_of(text, 0, response, &size), IOTSAFE_OK);
}

/* --- Errors of the modem ----------------------------------------------------
 */

struct error_case {
	char line[48];
	int code;
	char words[120];
};

ParameterizedTestParameters(at_error, a_refusal_becomes_code_and_sentence)
{
	static struct error_case cases[] = {
		{"ERROR", IOTSAFE_ERR_MODEM,
		 "at:x: AT+CSIM: modem answered ERROR"},
		{"+CME ERROR: 0", IOTSAFE_ERR_MODEM,
		 "at:x: AT+CSIM: modem answered +CME ERROR: 0 (phone failure)"},
		{"+CME ERROR: 3", IOTSAFE_ERR_MODEM,
		 "at:x: AT+CSIM: modem answered +CME ERROR: 3 (operation not "
		 "allowed)"},
		{"+CME ERROR:10", IOTSAFE_ERR_ABSENT,
		 "at:x: no SIM in the modem (AT+CSIM: modem answered +CME "
		 "ERROR:10)"},
		{"+CME ERROR: SIM not inserted", IOTSAFE_ERR_ABSENT,
		 "at:x: no SIM in the modem (AT+CSIM: modem answered +CME "
		 "ERROR: SIM not inserted)"},
		{"+CME ERROR: 11", IOTSAFE_ERR_PIN,
		 "at:x: the SIM wants its PIN (AT+CSIM: modem answered +CME "
		 "ERROR: 11)"},
		{"+CME ERROR: SIM PUK required", IOTSAFE_ERR_PIN,
		 "at:x: the SIM's PIN is blocked, it wants its PUK (AT+CSIM: "
		 "modem answered +CME ERROR: SIM PUK required)"},
		{"+CME ERROR: 13", IOTSAFE_ERR_MODEM,
		 "at:x: AT+CSIM: modem answered +CME ERROR: 13 (SIM failure)"},
		{"+CME ERROR: SIM failure", IOTSAFE_ERR_MODEM,
		 "at:x: AT+CSIM: modem answered +CME ERROR: SIM failure"},
		{"+CME ERROR: sim BUSY", IOTSAFE_ERR_BUSY,
		 "at:x: SIM busy all the time (AT+CSIM: modem answered +CME "
		 "ERROR: sim BUSY)"},
		{"+CME ERROR: 4711", IOTSAFE_ERR_MODEM,
		 "at:x: AT+CSIM: modem answered +CME ERROR: 4711"},
		{"+CME ERROR:", IOTSAFE_ERR_MODEM,
		 "at:x: AT+CSIM: modem answered +CME ERROR:"},
		{"+CME ERROR: 14x", IOTSAFE_ERR_MODEM,
		 "at:x: AT+CSIM: modem answered +CME ERROR: 14x"},
		{"+CMS ERROR: 310", IOTSAFE_ERR_MODEM,
		 "at:x: AT+CSIM: modem answered +CMS ERROR: 310"},
	};

	return cr_make_param_array(struct error_case, cases,
				   sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct error_case *given, at_error,
		  a_refusal_becomes_code_and_sentence)
{
	cr_expect_eq(at_error_code(given->line), given->code);
	cr_expect_eq(at_error_record(given->line, "at:x", "AT+CSIM"),
		     given->code);
	cr_expect_str_eq(iotsafe_last_error(), given->words);
}

/* --- Traces -----------------------------------------------------------------
 */

struct mask_case {
	char text[80];
	char masked[80];
};

ParameterizedTestParameters(at, a_trace_hides_apdus)
{
	static struct mask_case cases[] = {
		{"AT+CSIM=10,\"0020000108\"", "AT+CSIM=10,<5 bytes>"},
		{"+CSIM: 8,\"12349000\"", "+CSIM: 8,<4 bytes>"},
		{"+csim:8,12 34x9000", "+csim:8,<4 bytes>"},
		{"+CSIM: 4", "+CSIM: 4"},
		{"31323334359000\"", "<7 bytes>\""},
		{"AT+CGLA=5,10,\"0020000108\"", "AT+CGLA=5,10,<5 bytes>"},
		{"AT+CGLA=5,\"0020\"", "AT+CGLA=5,<2 bytes>"},
		{"+CGLA: 8,\"12349000\"", "+CGLA: 8,<4 bytes>"},
		{"+CREG: 1,\"00FF\"", "+CREG: 1,\"00FF\""},
		{"OK", "OK"},
		{"", ""},
	};

	return cr_make_param_array(struct mask_case, cases,
				   sizeof(cases) / sizeof(cases[0]));
}

ParameterizedTest(struct mask_case *given, at, a_trace_hides_apdus)
{
	char masked[80];

	at_mask(given->text, masked, sizeof(masked));
	cr_expect_str_eq(masked, given->masked);
}

Test(at, a_masked_line_never_leaves_its_room)
{
	char masked[9];

	memset(masked, '#', sizeof(masked));
	at_mask("+CREG: 1,\"00FF\",\"0123456789\"", masked, 8);
	cr_expect(memchr(masked, '\0', 8));
	cr_expect_eq(masked[8], '#');
}
