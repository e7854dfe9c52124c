/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A line of a trace becomes a command, an answer and a time. What stands in
 * front of "iotsafe " (a journal's date and name) is skipped.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "record.h"
#include "text.h"

#define HEX_MAX (2 * RECORD_COMMAND_MAX)

static const struct {
	const char *mark;
	enum record_kind kind;
} marks[] = {
	{"apdu ", RECORD_APDU},	   {"at> ", RECORD_SENT},
	{"at< ", RECORD_RECEIVED}, {"error ", RECORD_ERROR},
	{"card: ", RECORD_REMARK}, {"channel: ", RECORD_REMARK},
	{"link: ", RECORD_REMARK}, {"pcsc: ", RECORD_REMARK},
};

/* From `text` up to `end`, where both are; else NULL. */
static const char *upto(const char *text, const char *end, char *out,
			size_t room)
{
	const char *at = strstr(text, end);
	size_t size = at ? (size_t)(at - text) : 0;

	if (!at || size >= room)
		return NULL;
	memcpy(out, text, size);
	out[size] = '\0';
	return at + strlen(end);
}

static bool read_bytes(const char *digits, uint8_t *out, size_t least,
		       size_t most, size_t *size)
{
	uint8_t bytes[HEX_MAX];

	if (!text_unhex(digits, bytes, size) || *size < least || *size > most)
		return false;
	memcpy(out, bytes, *size);
	return true;
}

/* "16 bytes, 9000": of a secret there is no more. */
static bool read_masked(const char *answer, struct record *record)
{
	char digits[8];

	if (sscanf(answer, "%4zu bytes, %4s", &record->hidden, digits) != 2 ||
	    record->hidden > RECORD_ANSWER_MAX - 2)
		return false;
	record->masked = true;
	return read_bytes(digits, record->answer, 2, 2, &record->answer_size);
}

static bool read_time(const char *text, uint64_t *microseconds)
{
	unsigned long whole;
	unsigned fraction;
	int end = 0;

	if (sscanf(text, "%9lu.%3u ms)%n", &whole, &fraction, &end) != 2 ||
	    !end)
		return false;
	*microseconds = whole * 1000 + fraction;
	return true;
}

/* "NAME: COMMAND -> ANSWER (TIME ms)" */
static bool read_exchange(const char *text, struct record *record)
{
	char digits[HEX_MAX + 1];

	text = upto(text, ": ", record->name, sizeof(record->name));
	text = text ? upto(text, " -> ", digits, sizeof(digits)) : NULL;
	if (!text || !read_bytes(digits, record->command, 4, RECORD_COMMAND_MAX,
				 &record->command_size))
		return false;
	text = upto(text, " (", digits, sizeof(digits));
	if (!text)
		return false;
	if (strstr(digits, " bytes, "))
		return read_masked(digits, record) &&
		       read_time(text, &record->microseconds);
	return read_bytes(digits, record->answer, 2, RECORD_ANSWER_MAX,
			  &record->answer_size) &&
	       read_time(text, &record->microseconds);
}

bool record_read(const char *line, struct record *record)
{
	const char *own = strstr(line, "iotsafe ");
	const char *text = own ? own + strlen("iotsafe ") : line;

	*record = (struct record){.text = ""};
	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		size_t size = strlen(marks[i].mark);

		if (strncmp(text, marks[i].mark, size) != 0)
			continue;
		record->kind = marks[i].kind;
		record->text =
			record->kind == RECORD_REMARK ? text : text + size;
		return record->kind != RECORD_APDU ||
		       read_exchange(record->text, record);
	}
	return true;
}
