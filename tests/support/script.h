/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A link that follows a script: expected commands and their answers, through
 * the public table of links. A surprise is kept, and fails the test at its
 * end whatever the library made of it. */
#ifndef SUPPORT_SCRIPT_H
#define SUPPORT_SCRIPT_H

#include <iotsafe/iotsafe.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

struct script_row {
	const char *command; /* hexadecimal; blanks do not count */
	const char *answer;  /* the same, or the name of a code: "ERR_IO" */
};

struct script {
	const struct script_row *rows;
	size_t count;

	/* The n-th exchange (from 1) fails, instead of what its row says, and
	 * its row is not used up. */
	unsigned fail_at;
	int fail_code;
	/* The n-th exchange is answered so many milliseconds late, or not at
	 * all if its deadline comes first. */
	unsigned late_at, late_by;

	/* What happened. */
	size_t next; /* row */
	unsigned exchanges, closed;
	unsigned numbers; /* exchanges besides: which card it is, */
	unsigned others;  /* and which other applets it has */
	char surprise[1200];
};

/* Rows in braces: SCRIPT({"00 70 …", "01 9000"}, …). */
#define SCRIPT(...)                                                            \
	{                                                                      \
		.rows = (const struct script_row[]){__VA_ARGS__},              \
		.count = sizeof((const struct script_row[]){__VA_ARGS__}) /    \
			 sizeof(struct script_row),                            \
	}

/* The usual beginning and end of a script. */
#define ROW_OPEN                                                               \
	{                                                                      \
		"0070000001", "01 9000"                                        \
	}
#define ROW_SELECT                                                             \
	{                                                                      \
		"01A4040007A0000005590010", "9000"                             \
	}
#define ROW_CLOSE                                                              \
	{                                                                      \
		"0070800100", "9000"                                           \
	}

iotsafe_link script_link(struct script *script);

/* Opens a card over the script; the test fails if that fails. */
iotsafe_card *script_open(struct script *script, const char *attributes);

/* Every row was used, and nothing else was asked. */
void script_expect_done(const struct script *script);

/* Hexadecimal digits, blanks between them; gives the size. The test fails if
 * they are none. */
size_t unhex(const char *text, uint8_t *out, size_t room);

/* Checks of results, with the library's words where they fail. */
#define expect_good(call) expect_result(__FILE__, __LINE__, (call), 0, NULL)
/* The code, and words that the error's text must have. */
#define expect_error(call, code, words)                                        \
	expect_result(__FILE__, __LINE__, (call), (code), (words))
void expect_result(const char *file, int line, int result, int code,
		   const char *words);
/* The bytes are those digits; frees them. */
#define expect_bytes(data, size, hex)                                          \
	expect_these(__FILE__, __LINE__, (data), (size), (hex))
void expect_these(const char *file, int line, uint8_t *data, size_t size,
		  const char *hex);

#endif
