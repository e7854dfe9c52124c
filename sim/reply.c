// SPDX-License-Identifier: LGPL-2.1-or-later
/* Writes the lines of an answer in the manner the quirks ask for. */
#include "reply.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	unsigned int code;
	const char *text;
} errors[] = {
	{0, "phone failure"},
	{3, "operation not allowed"},
	{4, "operation not supported"},
	{10, "SIM not inserted"},
	{11, "SIM PIN required"},
	{12, "SIM PUK required"},
	{13, "SIM failure"},
	{11, "SIM PIN required"},
	{12, "SIM PUK required"},
	{14, "SIM busy"},
	{16, "incorrect password"},
	{15, "SIM wrong"},
	{22, "not found"},
	{50, "Incorrect parameters"},
};

struct reply reply_new(const struct quirks *quirks)
{
	return (struct reply){.quirks = quirks};
}

__attribute__((format(printf, 2, 3))) static void add(struct reply *reply,
						      const char *format, ...)
{
	size_t room = sizeof(reply->text) - reply->size;
	va_list args;
	int size;

	va_start(args, format);
	size = vsnprintf(reply->text + reply->size, room, format, args);
	va_end(args);
	if (size > 0 && (size_t)size < room)
		reply->size += (size_t)size;
}

static const char *line_end(const struct quirks *quirks)
{
	if (quirk_on(quirks, QUIRK_CR_ONLY))
		return "\r";
	return quirk_on(quirks, QUIRK_LF_ONLY) ? "\n" : "\r\n";
}

void reply_line(struct reply *reply, const char *text)
{
	const char *end = line_end(reply->quirks);
	bool blank = quirk_on(reply->quirks, QUIRK_BLANK_LINES);

	add(reply, "%s%s%s%s%s", blank ? end : "", end, text, end,
	    blank ? end : "");
}

static void lower(char *hex)
{
	for (; *hex != '\0'; hex++)
		*hex = (char)tolower((unsigned char)*hex);
}

void reply_csim(struct reply *reply, const char *name, char *hex, bool truncate,
		const char *stale)
{
	const struct quirks *quirks = reply->quirks;
	const char *quote = quirk_on(quirks, QUIRK_NO_QUOTES) ? "" : "\"";
	size_t most = (size_t)quirk_value(quirks, QUIRK_CUT_256, 600);
	size_t length = strlen(hex);
	bool cut = length > most;
	bool spaced = quirk_on(quirks, QUIRK_SPACE_COLON);
	char line[700];

	if (cut)
		hex[most] = '\0';
	if (truncate)
		hex[strlen(hex) / 2] = '\0';
	if (quirk_on(quirks, QUIRK_LOWER_HEX))
		lower(hex);
	if (quirk_on(quirks, QUIRK_WRONG_LENGTH))
		length += 6;
	if (quirk_on(quirks, QUIRK_URC)) {
		reply_line(reply, "+CREG: 1");
		reply_line(reply, "RING");
	}
	snprintf(line, sizeof(line), "%s+%s%s%s%zu,%s%s%s%s", stale, name,
		 spaced ? " :" : ":",
		 quirk_on(quirks, QUIRK_NO_SPACE) ? "" : " ", length,
		 spaced ? " " : "", quote, hex, cut ? "" : quote);
	reply_line(reply, line);
}

static void final(struct reply *reply, const char *text)
{
	if (quirk_on(reply->quirks, QUIRK_URC))
		reply_line(reply, "+QIND: SMS DONE");
	reply->final_at = reply->size;
	reply_line(reply, text);
}

void reply_ok(struct reply *reply)
{
	final(reply, "OK");
}

void reply_turn(struct reply *reply)
{
	size_t tail = reply->size - reply->final_at;
	char final_line[32];

	if (tail > sizeof(final_line))
		return;
	memcpy(final_line, reply->text + reply->final_at, tail);
	memmove(reply->text + tail, reply->text, reply->final_at);
	memcpy(reply->text, final_line, tail);
	reply->final_at = 0;
}

static const char *error_text(unsigned int code)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
		if (errors[i].code == code)
			return errors[i].text;
	return "unknown";
}

void reply_error(struct reply *reply, unsigned int code, unsigned int cmee)
{
	char line[64];

	if (quirk_on(reply->quirks, QUIRK_PLAIN_ERROR))
		cmee = 0;
	else if (quirk_on(reply->quirks, QUIRK_CME_NUMBER))
		cmee = 1;
	else if (quirk_on(reply->quirks, QUIRK_CME_TEXT))
		cmee = 2;
	if (cmee == 0)
		snprintf(line, sizeof(line), "ERROR");
	else if (cmee == 1)
		snprintf(line, sizeof(line), "+CME ERROR: %u", code);
	else
		snprintf(line, sizeof(line), "+CME ERROR: %s",
			 error_text(code));
	final(reply, line);
}
