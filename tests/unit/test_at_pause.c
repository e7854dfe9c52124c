/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A modem that loses what comes right behind an answer. */
#include <criterion/criterion.h>
#include <stdio.h>
#include "base/error.h"
#include "far_end.h"
#include "link/link.h"

#define OK   "\r\nOK\r\n"
#define LOST NULL, FAR_ANSWER
#define MARK                                                                   \
	{                                                                      \
		"AT+CMEE?", "\r\n+CMEE: 0\r\n" OK, FAR_ANSWER                  \
	}
#define PAUSE 25 /* milliseconds, the shortest that is tried */
#define CHANNEL                                                                \
	{                                                                      \
		0x00, 0x70, 0x00, 0x00, 0x01                                   \
	}

static struct far_end far;
static struct link link_;

static int open_far(const struct far_row *rows, size_t count, int timeout)
{
	struct deadline deadline = deadline_in(timeout, -1);
	struct address address;
	char text[100];

	far_start(&far, rows, count);
	snprintf(text, sizeof(text), "at:%s", far.path);
	cr_assert_eq(address_parse(text, &address), IOTSAFE_OK);
	return link_open(&link_, &address, &deadline);
}

/* How many milliseconds one exchange took. */
static int64_t exchange(void)
{
	struct deadline deadline = deadline_in(5000, -1);
	const uint8_t command[] = CHANNEL;
	uint8_t response[LINK_RESPONSE_MAX];
	size_t size = sizeof(response);
	int64_t start = deadline_now();

	cr_assert_eq(link_exchange(&link_, NULL, command, sizeof(command),
				   response, &size, &deadline),
		     IOTSAFE_OK, "%s", iotsafe_last_error());
	return deadline_now() - start;
}

static void close_far(void)
{
	link_close(&link_);
	far_stop(&far);
	cr_expect_eq(far.answered, far.count);
	cr_expect_str_eq(far.surprise, "");
}

Test(at_pause, is_left_to_a_modem_that_lost_a_command)
{
	const struct far_row rows[] = {
		{"ATE0", OK, FAR_ANSWER},
		{"AT+CMEE=1", LOST},
		MARK,
		{"AT+CMEE=1", OK, FAR_ANSWER},
		{"AT+CSIM=10,\"0070000001\"", "\r\n+CSIM: 6,\"019000\"\r\n" OK,
		 FAR_ANSWER},
	};

	cr_assert_eq(open_far(rows, 5, 5000), IOTSAFE_OK, "%s",
		     iotsafe_last_error());
	cr_expect_geq(exchange(), PAUSE);
	close_far();
}

Test(at_pause, is_left_to_no_other)
{
	const struct far_row rows[] = {
		{"ATE0", OK, FAR_ANSWER},
		{"AT+CMEE=1", "\r\nERROR\r\n", FAR_ANSWER},
		{"AT+CSIM=10,\"0070000001\"", "\r\n+CSIM: 6,\"019000\"\r\n" OK,
		 FAR_ANSWER},
	};

	cr_assert_eq(open_far(rows, 3, 5000), IOTSAFE_OK, "%s",
		     iotsafe_last_error());
	cr_expect_lt(exchange(), PAUSE);
	close_far();
}

Test(at_pause, is_not_taken_for_what_getting_in_step_costs)
{
	const struct far_row rows[] = {
		{"ATE0", "\r\nERROR\r\n", FAR_ANSWER},
		{"ATE0", "\r\nERROR\r\n", FAR_ANSWER},
		{"ATE0", "\r\nERROR\r\n", FAR_ANSWER},
		{"AT+CMEE?", "\r\nERROR\r\n", FAR_ANSWER},
		{"AT+CSCS?", "\r\nERROR\r\n", FAR_ANSWER},
		{"AT+CMEE=1", "\r\nERROR\r\n", FAR_ANSWER},
		{"AT+CSIM=10,\"0070000001\"", "\r\n+CSIM: 6,\"019000\"\r\n" OK,
		 FAR_ANSWER},
	};

	cr_assert_eq(open_far(rows, 7, 5000), IOTSAFE_OK, "%s",
		     iotsafe_last_error());
	cr_expect_lt(exchange(), PAUSE);
	close_far();
}

Test(at_pause, a_modem_that_falls_silent_ends_the_opening_in_time)
{
	const struct far_row rows[] = {
		{"ATE0", OK, FAR_ANSWER},
		{"AT+CMEE=1", LOST},
		{"AT+CMEE?", LOST},
		{"AT+CMEE?", LOST},
	};
	int64_t start = deadline_now();

	cr_expect_eq(open_far(rows, 4, 2500), IOTSAFE_ERR_TIMEOUT);
	cr_expect_lt(deadline_now() - start, 2600);
	far_stop(&far);
}
