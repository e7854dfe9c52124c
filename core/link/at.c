/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bytes from a modem become lines (ITU-T V.250 section 5.7), and the lines of
 * one answer to AT+CSIM or AT+CGLA (3GPP TS 27.007 sections 8.17 and 8.43; they
 * have one form) become a response APDU.
 * Takes every form that modems are known to give.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "base/error.h"
#include "link/at.h"

/* The locale has no say in what modems write. */
static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_decimal(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_decimal(c) || (c >= 'A' && c <= 'F') ||
	       (c >= 'a' && c <= 'f');
}

static const char *skip_blanks(const char *text)
{
	while (is_blank(*text))
		text++;
	return text;
}

/* A line may not begin with these: noise of a port that was just opened. In
 * the middle they stay, so that a garbled answer is seen to be one. */
static bool is_noise(uint8_t byte)
{
	return byte <= ' ' || byte >= 0x7F;
}

static bool starts_with(const char *text, const char *words)
{
	return !strncasecmp(text, words, strlen(words));
}

static bool is_one_of(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (!strcmp(text, *words))
			return true;
	return false;
}

static enum at_kind classify(const char *text)
{
	/* V.250 table 1, and what some makers add. */
	static const char *const errors[] = {
		"ERROR",
		"ABORTED",
		"COMMAND NOT SUPPORT",
		NULL,
	};
	static const char *const calls[] = {
		"NO CARRIER", "NO DIALTONE", "NO ANSWER", "BUSY", NULL,
	};

	if (!strcmp(text, "OK"))
		return AT_OK;
	if (is_one_of(text, errors) || starts_with(text, "+CME ERROR") ||
	    starts_with(text, "+CMS ERROR"))
		return AT_ERROR;
	if (is_one_of(text, calls))
		return AT_CALL;
	if (starts_with(text, "AT"))
		return AT_ECHO;
	return AT_TEXT;
}

static void add(struct at_lines *lines, uint8_t byte)
{
	if (!lines->size && is_noise(byte))
		return;
	if (lines->size == AT_LINE_MAX)
		lines->too_long = true;
	else
		lines->text[lines->size++] = (char)byte;
}

/* False for an empty line. */
static bool end_line(struct at_lines *lines, struct at_line *line)
{
	while (lines->size && is_noise((uint8_t)lines->text[lines->size - 1]))
		lines->size--;
	lines->text[lines->size] = '\0';
	if (!lines->size)
		return false;
	/* A NUL inside would hide what follows it: noise, not text. */
	if (strlen(lines->text) != lines->size)
		line->kind = AT_TEXT;
	else
		line->kind = classify(lines->text);
	if (lines->too_long)
		line->kind = AT_LONG;
	line->text = lines->text;
	line->size = lines->size;
	lines->ended = true;
	return true;
}

bool at_lines_next(struct at_lines *lines, struct bytes *in,
		   struct at_line *line)
{
	uint8_t byte;

	if (lines->ended)
		bytes_wipe(lines, sizeof(*lines));
	while (bytes_take_u8(in, &byte))
		if (byte != '\r' && byte != '\n')
			add(lines, byte);
		else if (end_line(lines, line))
			return true;
	return false;
}

/* What stands behind "NAME:" where the text begins with it, else NULL. */
static const char *behind_name(const char *text, const char *name)
{
	if (!starts_with(text, name))
		return NULL;
	text = skip_blanks(text + strlen(name));
	return *text == ':' ? skip_blanks(text + 1) : NULL;
}

const char *at_value(const struct at_line *line, const char *name)
{
	return behind_name(line->text, name);
}

bool at_is_bare(const struct at_line *line)
{
	const char *text = line->text;

	while (is_hex(*text))
		text++;
	return line->kind == AT_TEXT && text == line->text + line->size;
}

/* By at_csim.cgla. */
static const char *const names[] = {"+CSIM", "+CGLA"};

/* Stale text may stand in front of the answer (seen on Sequans): the last
 * "+CSIM:" of the line counts. */
static const char *find_csim(const char *text, bool *cgla)
{
	const char *value = NULL;

	for (; (text = strchr(text, '+')); text++)
		for (int i = 0; i < 2; i++) {
			const char *found = behind_name(text, names[i]);

			if (!found)
				continue;
			value = found;
			*cgla = i == 1;
		}
	return value;
}

/* Digits up to the closing mark or the end of the line. */
static void take_digits(struct at_csim *csim, const char *text)
{
	for (; is_hex(*text); text++) {
		if (csim->size == AT_CSIM_MAX) {
			csim->state = AT_CSIM_BAD;
			return;
		}
		csim->digits[csim->size++] = *text;
	}
	if (csim->quoted && *text == '"') {
		/* Behind the mark comes nothing that matters. */
		csim->quoted = false;
		csim->state = AT_CSIM_WHOLE;
	} else if (*skip_blanks(text)) {
		csim->state = AT_CSIM_BAD;
	} else if (csim->quoted || csim->size < csim->declared) {
		csim->state = AT_CSIM_OPEN;
	} else {
		csim->state = AT_CSIM_WHOLE;
	}
}

/* `<length>,<response>`: quotation marks and blanks as the modem likes. */
static void take_value(struct at_csim *csim, const char *text)
{
	const char *start = text;

	for (; is_decimal(*text); text++)
		if (csim->declared < 100000)
			csim->declared =
				csim->declared * 10 + (size_t)(*text - '0');
	csim->state = AT_CSIM_BAD;
	if (text == start)
		return;
	text = skip_blanks(text);
	if (*text != ',')
		return;
	text = skip_blanks(text + 1);
	csim->quoted = *text == '"';
	take_digits(csim, csim->quoted ? skip_blanks(text + 1) : text);
}

static bool is_continuation(const struct at_csim *csim, const char *text)
{
	if (csim->state != AT_CSIM_OPEN)
		return false;
	while (is_hex(*text))
		text++;
	return !*text || (csim->quoted && *text == '"' && !text[1]);
}

void at_csim_take(struct at_csim *csim, const struct at_line *line)
{
	bool has_nul = strlen(line->text) != line->size;
	const char *value;
	bool cgla = false;

	if (line->kind == AT_LONG)
		csim->lost = true;
	if (line->kind != AT_TEXT)
		return;
	value = has_nul ? NULL : find_csim(line->text, &cgla);
	if (value) {
		/* A second answer: the first was left over from before. */
		bytes_wipe(csim, sizeof(*csim));
		csim->cgla = cgla;
		take_value(csim, value);
	} else if (starts_with(line->text, names[csim->cgla])) {
		csim->state = AT_CSIM_BAD;
	} else if (!has_nul && is_continuation(csim, line->text)) {
		csim->continued = true;
		take_digits(csim, line->text);
	}
}

/* ISO/IEC 7816-4: SW1 is 6x or 9x. */
static bool ends_with_status(const struct at_csim *csim)
{
	char sw1 = csim->digits[csim->size - 4];

	return sw1 == '6' || sw1 == '9';
}

/* The length field lies on some modems (ModemManager's tests have 10 for four
 * digits), so data that ends well is believed; but not from a modem that has
 * told the truth before: one cut in eight ends like a status word. Digits put
 * together from two lines are believed only when the length confirms them. */
static bool is_truncated(const struct at_csim *csim)
{
	if (csim->continued)
		return csim->quoted || csim->size != csim->declared;
	if (csim->exact && csim->declared > csim->size)
		return true;
	return csim->declared > csim->size &&
	       (csim->quoted || !ends_with_status(csim));
}

int at_csim_response(const struct at_csim *csim, uint8_t *response, size_t room,
		     size_t *size)
{
	const char *name = names[csim->cgla];

	if (csim->lost && csim->state == AT_CSIM_NONE)
		return error_set(IOTSAFE_ERR_FORMAT,
				 "AT%s: the modem sent a line of more than "
				 "%d characters",
				 name, AT_LINE_MAX);
	if (csim->state == AT_CSIM_NONE)
		return error_set(IOTSAFE_ERR_FORMAT,
				 "AT%s: modem answered OK without the "
				 "card's answer",
				 name);
	if (csim->state == AT_CSIM_BAD)
		return error_set(IOTSAFE_ERR_FORMAT,
				 "AT%s: the answer is garbled", name);
	if (csim->size < 4 || csim->size % 2 || is_truncated(csim))
		return error_set(IOTSAFE_ERR_FORMAT,
				 "AT%s: the answer is truncated (%zu "
				 "digits of %zu)",
				 name, csim->size, csim->declared);
	if (csim->size / 2 > room)
		return error_set(IOTSAFE_ERR_FORMAT,
				 "AT%s: an answer of %zu bytes is too long",
				 name, csim->size / 2);
	if (!hex_decode(csim->digits, csim->size, response))
		return error_set(IOTSAFE_ERR_FORMAT,
				 "AT%s: the answer is garbled", name);
	*size = csim->size / 2;
	return IOTSAFE_OK;
}

/* Everything behind the comma of a CSIM or CGLA line is an APDU, however
 * garbled; in the command AT+CGLA behind the second one. */
static size_t plain_size(const char *text)
{
	const char *comma, *second = NULL;

	for (const char *at = text; *at; at++) {
		if (!starts_with(at, names[0] + 1) &&
		    !starts_with(at, names[1] + 1))
			continue;
		comma = strchr(at, ',');
		if (comma && starts_with(at, "CGLA="))
			second = strchr(comma + 1, ',');
		if (second)
			comma = second;
		return comma ? (size_t)(comma + 1 - text) : strlen(text);
	}
	return strlen(text);
}

static size_t count_hex(const char *text, size_t size)
{
	size_t count = 0;

	while (count < size && is_hex(text[count]))
		count++;
	return count;
}

static void put_size(struct builder *out, size_t digits)
{
	char words[32];
	int size = snprintf(words, sizeof(words), "<%zu bytes>", digits / 2);

	build_bytes(out, (const uint8_t *)words, (size_t)size);
}

void at_mask(const char *text, char *out, size_t room)
{
	/* Shorter numbers are lengths and states. */
	const size_t shortest = 6;
	static const char pin[] = "AT+CPIN=";
	struct builder line = {(uint8_t *)out, 0, room - 1, false};
	size_t size = plain_size(text);
	size_t hidden = 0;

	if (starts_with(text, pin)) {
		snprintf(out, room, "%s<PIN>", pin);
		return;
	}
	for (size_t i = 0; i < size;) {
		size_t digits = count_hex(text + i, size - i);

		if (digits >= shortest) {
			put_size(&line, digits);
			i += digits;
		} else {
			build_byte(&line, (uint8_t)text[i++]);
		}
	}
	for (text += size; *text; text++)
		hidden += is_hex(*text);
	if (hidden)
		put_size(&line, hidden);
	out[line.size] = '\0';
}
