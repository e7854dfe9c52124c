/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A link of kind at: over a pseudo-terminal whose far end follows a script. One
 * at a time. */
#ifndef AT_FAR_H
#define AT_FAR_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include "base/bytes.h"
#include "base/error.h"
#include "far_end.h"
#include "link/link.h"

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

#define OK "\r\nOK\r\n"
#define OPENING                                                                \
	{"ATE0", OK, FAR_ANSWER},                                              \
	{                                                                      \
		"AT+CMEE=1", OK, FAR_ANSWER                                    \
	}
#define OPEN_CHANNEL "AT+CSIM=10,\"0070000001\""
#define RANDOM	     "AT+CSIM=10,\"8184000008\""

static struct far_end far;
static struct link link_;
static const char *attributes = ""; /* of the address */

static inline int open_far(const struct far_row *rows, size_t count,
			   int timeout)
{
	struct deadline deadline;
	struct address address;
	char text[100];

	far_start(&far, rows, count);
	snprintf(text, sizeof(text), "at:%s%s", far.path, attributes);
	cr_assert_eq(address_parse(text, &address), IOTSAFE_OK);
	deadline = deadline_in(timeout, far.cancel[0]);
	return link_open(&link_, &address, &deadline);
}

static inline void close_far(void)
{
	link_close(&link_);
	far_stop(&far);
}

/* Sends hexadecimal digits; the answer as such, or NULL with `code`. */
static inline const char *ask(const char *hex, int timeout, int *code)
{
	static char answer[2 * LINK_RESPONSE_MAX + 1];
	struct deadline deadline = deadline_in(timeout, far.cancel[0]);
	uint8_t command[LINK_COMMAND_MAX], response[LINK_RESPONSE_MAX];
	size_t size = sizeof(response);

	cr_assert(hex_decode(hex, strlen(hex), command));
	*code = link_exchange(&link_, NULL, command, strlen(hex) / 2, response,
			      &size, &deadline);
	if (*code < 0)
		return NULL;
	hex_encode(response, size, answer);
	return answer;
}

static inline void expect_answer(const char *hex, const char *expected)
{
	int code;
	const char *answer = ask(hex, 5000, &code);

	cr_assert_eq(code, IOTSAFE_OK, "%s: %s", hex, iotsafe_last_error());
	cr_expect_str_eq(answer, expected);
}

static inline void expect_error(const char *hex, int timeout, int expected,
				const char *words)
{
	int code;

	ask(hex, timeout, &code);
	cr_expect_eq(code, expected, "%s: %s", iotsafe_error_name(code),
		     iotsafe_last_error());
	cr_expect(strstr(iotsafe_last_error(), words), "\"%s\" in \"%s\"",
		  words, iotsafe_last_error());
	cr_expect(strstr(iotsafe_last_error(), far.path));
}

/* Every row was asked for, and nothing else. */
static inline void expect_all_answered(void)
{
	cr_expect_eq(far.answered, far.count, "%zu of %zu", far.answered,
		     far.count);
	cr_expect_str_eq(far.surprise, "");
}

#endif
