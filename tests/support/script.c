/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows of a script become an application's link. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "script.h"

#define COMMAND_MAX 261

/* EF_ICCID and its status word. */
static const char number[] = "98 99 10 32 54 76 98 10 32 14 9000";

static int nibble(char digit)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *at = strchr(digits, toupper((unsigned char)digit));

	return at && *at ? (int)(at - digits) : -1;
}

size_t unhex(const char *text, uint8_t *out, size_t room)
{
	size_t size = 0;
	int high = -1;

	for (; *text; text++) {
		if (*text == ' ')
			continue;
		cr_assert(nibble(*text) >= 0, "no hexadecimal digits: %s",
			  text);
		if (high < 0) {
			high = nibble(*text);
			continue;
		}
		cr_assert(size < room, "no room for %s", text);
		out[size++] = (uint8_t)(high << 4 | nibble(*text));
		high = -1;
	}
	cr_assert(high < 0, "an odd number of digits");
	return size;
}

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static int be_late(unsigned by, int64_t deadline)
{
	int64_t left = deadline - now();

	if (left < 0)
		left = 0;
	if (left > by) {
		poll(NULL, 0, (int)by);
		return IOTSAFE_OK;
	}
	/* Poll(2) wakes up to a millisecond early for our clock. */
	poll(NULL, 0, (int)left + 1);
	return IOTSAFE_ERR_TIMEOUT;
}

static int surprised(struct script *script, const uint8_t *command, size_t size)
{
	char sent[2 * COMMAND_MAX + 1];
	const char *wanted = script->next < script->count
				     ? script->rows[script->next].command
				     : "no more";

	for (size_t i = 0; i < size; i++)
		snprintf(sent + 2 * i, 3, "%02X", command[i]);
	if (!*script->surprise)
		snprintf(script->surprise, sizeof(script->surprise),
			 "exchange %u: %s, expected %s", script->exchanges,
			 sent, wanted);
	/* The code that makes the library give up soonest. */
	return IOTSAFE_ERR_TIMEOUT;
}

/* The code that an answer such as "ERR_IO" names, 0 for others. */
static int named_code(const char *answer)
{
	for (int code = IOTSAFE_ERR_ARG; code >= IOTSAFE_ERR_CLOSED; code--)
		if (!strcmp(answer, iotsafe_error_name(code)))
			return code;
	return 0;
}

/* Every channel that is opened asks which card it is: no part of a script,
 * unless it has a row for it. */
static bool asks_for_number(const struct script *script, const uint8_t *command,
			    size_t size)
{
	static const uint8_t read[] = {0xB0, 0x82, 0x00, 0x0A};
	uint8_t next[COMMAND_MAX];

	if (size != 5 || memcmp(command + 1, read, sizeof(read)) != 0)
		return false;
	return script->next == script->count ||
	       unhex(script->rows[script->next].command, next, sizeof(next)) !=
		       size ||
	       memcmp(next, command, size) != 0;
}

static bool is_command(const uint8_t *command, size_t size, const char *hex)
{
	uint8_t wanted[COMMAND_MAX];

	return unhex(hex, wanted, sizeof(wanted)) == size &&
	       !memcmp(wanted, command, size);
}

/* Who looks for what the first applet does not have asks once for others, on a
 * channel of their own: no part of a script either, unless it has rows for
 * it. */
static const char *ask_for_others(struct script *script, const uint8_t *command,
				  size_t size)
{
	static const char *const rows[][2] = {
		{"0070000001", "03 9000"},
		{"03B082000A", number},
		{"03A404000DA0000000188000000006624151", "6A82"},
		{"03A4040010A0000000871001FF33FFFF8901010100", "6A82"},
		{"0070800300", "9000"},
	};
	const size_t row = script->others % COUNT_OF(rows);

	if (script->next < script->count &&
	    is_command(command, size, script->rows[script->next].command))
		return NULL;
	/* The one that opens a channel is known by nothing yet: once a card. */
	if (script->others >= COUNT_OF(rows) ||
	    !is_command(command, size, rows[row][0]))
		return NULL;
	script->others++;
	return rows[row][1];
}

static int exchange(void *self, const uint8_t *command, size_t command_size,
		    uint8_t *response, size_t *response_size, int64_t deadline)
{
	struct script *script = self;
	const struct script_row *row = &script->rows[script->next];
	uint8_t expected[COMMAND_MAX];
	const char *answer = ask_for_others(script, command, command_size);

	if (answer) {
		*response_size = unhex(answer, response, *response_size);
		return IOTSAFE_OK;
	}
	if (asks_for_number(script, command, command_size)) {
		script->numbers++;
		*response_size = unhex(number, response, *response_size);
		return IOTSAFE_OK;
	}
	script->exchanges++;
	if (script->fail_at == script->exchanges)
		return script->fail_code;
	if (script->next == script->count ||
	    unhex(row->command, expected, sizeof(expected)) != command_size ||
	    memcmp(expected, command, command_size))
		return surprised(script, command, command_size);
	script->next++;
	if (named_code(row->answer))
		return named_code(row->answer);
	*response_size = unhex(row->answer, response, *response_size);
	if (script->late_at == script->exchanges)
		return be_late(script->late_by, deadline);
	return IOTSAFE_OK;
}

static void closed(void *self)
{
	struct script *script = self;

	script->closed++;
}

iotsafe_link script_link(struct script *script)
{
	return (iotsafe_link){
		.size = sizeof(iotsafe_link),
		.self = script,
		.exchange = exchange,
		.close = closed,
	};
}

iotsafe_card *script_open(struct script *script, const char *attributes)
{
	iotsafe_link link = script_link(script);
	iotsafe_card *card;
	int result = iotsafe_card_open_link(&link, attributes, &card);

	cr_assert(result == 0 && card, "open: %s; %s", iotsafe_last_error(),
		  script->surprise);
	return card;
}

void script_expect_done(const struct script *script)
{
	cr_assert(!*script->surprise, "%s", script->surprise);
	cr_assert(script->next == script->count,
		  "%zu of %zu rows used; next: %s", script->next, script->count,
		  script->rows[script->next].command);
}

void expect_result(const char *file, int line, int result, int code,
		   const char *words)
{
	const char *text = iotsafe_last_error();

	cr_assert(result == code, "%s:%d: result %s instead of %s: %s", file,
		  line, iotsafe_error_name(result), iotsafe_error_name(code),
		  text);
	if (!words)
		return;
	cr_assert(strstr(text, words), "%s:%d: \"%s\" does not say \"%s\"",
		  file, line, text, words);
	cr_assert(iotsafe_last_code() == code, "%s:%d: last code is %s", file,
		  line, iotsafe_error_name(iotsafe_last_code()));
}

void expect_these(const char *file, int line, uint8_t *data, size_t size,
		  const char *hex)
{
	static uint8_t wanted[1 << 16];
	size_t wanted_size = unhex(hex, wanted, sizeof(wanted));

	cr_assert(data && size == wanted_size, "%s:%d: %zu bytes, not %zu",
		  file, line, size, wanted_size);
	cr_assert(!memcmp(data, wanted, size), "%s:%d: other bytes", file,
		  line);
	iotsafe_free(data);
}
