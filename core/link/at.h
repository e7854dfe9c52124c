/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What modems say, understood: bytes become lines, lines become results and
 * the card's answer. Pure: no I/O, no heap. */
#ifndef LINK_AT_H
#define LINK_AT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/bytes.h"

/* The longest answer of a card has 531 characters: +CSIM: 516,"…". The rest is
 * for text that a modem leaves in front of it, or for more than one answer of
 * the card that it has put together. */
#define AT_LINE_MAX 1023

/* LINK_RESPONSE_MAX bytes, as hexadecimal digits. A signature of RSA-2048 alone
 * is longer than what a card gives at once. */
#define AT_CSIM_MAX 1000

enum at_kind {
	AT_TEXT, /* information, or unsolicited: only the command can tell */
	AT_ECHO, /* a command, come back */
	AT_OK,
	AT_ERROR, /* ERROR, +CME ERROR, +CMS ERROR and their like */
	AT_CALL,  /* NO CARRIER and the like: final for calls, else unsolicited
		   */
	AT_LONG,  /* a line that was too long, and is lost */
};

struct at_line {
	enum at_kind kind;
	const char *text; /* until the next call; ends with a NUL */
	size_t size;
};

/* A line that is coming in. Starts zeroed. */
struct at_lines {
	char text[AT_LINE_MAX + 1];
	size_t size;
	bool ended; /* the text was given out */
	bool too_long;
};

/* Takes bytes until a line ends that is not empty. False: all are taken and
 * the line is not complete. */
bool at_lines_next(struct at_lines *lines, struct bytes *in,
		   struct at_line *line);

/* What stands behind "NAME:" in a line, in any of the ways to put blanks and
 * in either case; NULL if the line is another. */
const char *at_value(const struct at_line *line, const char *name);

/* The answer to AT+CSIM or AT+CGLA, collected from the lines of one answer.
 * Starts zeroed. */
struct at_csim {
	bool cgla; /* it is of AT+CGLA */
	enum {
		AT_CSIM_NONE,
		AT_CSIM_OPEN, /* more digits may follow on another line */
		AT_CSIM_WHOLE,
		AT_CSIM_BAD,
	} state;
	bool quoted; /* began with a quotation mark and did not end with one */
	bool continued;
	bool lost;	 /* a line was too long to keep */
	bool exact;	 /* this modem's length fields have been right */
	size_t declared; /* the length field: digits */
	size_t size;	 /* digits that came */
	char digits[AT_CSIM_MAX];
};

/* True for what may be a number that a modem gives without its name:
 * hexadecimal digits and nothing else. */
bool at_is_bare(const struct at_line *line);

/* Takes a line if it belongs to the answer; others change nothing. */
void at_csim_take(struct at_csim *csim, const struct at_line *line);

/*
 * The response APDU in at most LINK_RESPONSE_MAX bytes. IOTSAFE_ERR_FORMAT,
 * recorded, if none came or it is truncated or garbled.
 */
int at_csim_response(const struct at_csim *csim, uint8_t *response, size_t room,
		     size_t *size);

/* The line as it may be seen in a trace: APDUs and other long hexadecimal
 * numbers become "<18 bytes>". Always ends with a NUL. */
void at_mask(const char *text, char *out, size_t room);

#endif
