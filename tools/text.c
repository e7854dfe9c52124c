/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bytes of unknown manners become text that is safe to print. A label comes
 * from the card and a name from a server: neither may steer a terminal.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>
#include "text.h"

/* A few kilobytes at most are asked for here. There is nothing sensible to
 * say to a machine that has not got them. */
static void *need(void *memory)
{
	if (memory)
		return memory;
	fputs("iotsafe: no memory\n", stderr);
	exit(1);
}

/* RFC 3629 section 4: no overlong forms, no surrogates, nothing beyond
 * U+10FFFF. */
size_t text_decode(const uint8_t *data, size_t size, uint32_t *character)
{
	static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t length = data[0] < 0x80		   ? 1
			: (data[0] & 0xE0) == 0xC0 ? 2
			: (data[0] & 0xF0) == 0xE0 ? 3
			: (data[0] & 0xF8) == 0xF0 ? 4
						   : 0;
	uint32_t value;

	if (!length || length > size)
		return 0;
	value = length == 1 ? data[0] : data[0] & (0x7Fu >> length);
	for (size_t i = 1; i < length; i++) {
		if ((data[i] & 0xC0) != 0x80)
			return 0;
		value = value << 6 | (data[i] & 0x3F);
	}
	if (value < lowest[length] || value > 0x10FFFF ||
	    (value >= 0xD800 && value < 0xE000))
		return 0;
	*character = value;
	return length;
}

bool text_is_utf8(const uint8_t *data, size_t size)
{
	uint32_t character;

	while (size) {
		size_t used = text_decode(data, size, &character);

		if (!used)
			return false;
		data += used;
		size -= used;
	}
	return true;
}

/* How many bytes of `text` the terminal can show as one character, 0 if it
 * cannot. The locale decides; what takes no column (marks that change the
 * direction of writing, for instance) is refused. */
static size_t printable(const char *text, size_t size, int *columns)
{
	mbstate_t state = {0};
	wchar_t wide;
	size_t used = mbrtowc(&wide, text, size, &state);

	if (!used || used > size || !iswprint((wint_t)wide))
		return 0;
	*columns = wcwidth(wide);
	return *columns > 0 ? used : 0;
}

static size_t width(const char *text)
{
	size_t size = strlen(text), sum = 0;

	while (size) {
		int columns = 1;
		size_t used = printable(text, size, &columns);

		used = used ? used : 1;
		sum += (size_t)columns;
		text += used;
		size -= used;
	}
	return sum;
}

static bool is_printable(const char *text, size_t size)
{
	int columns;

	while (size) {
		size_t used = printable(text, size, &columns);

		if (!used)
			return false;
		text += used;
		size -= used;
	}
	return true;
}

bool text_fits_terminal(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	int columns;

	while (size) {
		size_t used = *text == '\n' || *text == '\t'
				      ? 1
				      : printable(text, size, &columns);

		if (!used)
			return false;
		text += used;
		size -= used;
	}
	return true;
}

char *text_copy(const char *text)
{
	return need(strdup(text));
}

char *text_append(char *text, const char *more)
{
	text = need(realloc(text, strlen(text) + strlen(more) + 1));
	return strcat(text, more);
}

char *text_hex(const uint8_t *data, size_t size)
{
	char *out = need(malloc(2 * size + 1));

	out[0] = '\0';
	for (size_t i = 0; i < size; i++)
		sprintf(out + 2 * i, "%02x", data[i]);
	return out;
}

char *text_show(const uint8_t *data, size_t size)
{
	char *digits, *out;

	if (!size)
		return text_copy("-");
	if (is_printable((const char *)data, size))
		return need(strndup((const char *)data, size));
	digits = text_hex(data, size);
	out = need(malloc(strlen(digits) + sizeof("hex:")));
	sprintf(out, "hex:%s", digits);
	free(digits);
	return out;
}

char *text_escape(const char *sentence)
{
	size_t size = strlen(sentence);
	char *out = need(malloc(4 * size + 1)), *at = out;
	int columns;

	while (size) {
		size_t used = printable(sentence, size, &columns);

		if (used) {
			memcpy(at, sentence, used);
			at += used;
		} else {
			used = 1;
			at += sprintf(at, "\\x%02x", (uint8_t)*sentence);
		}
		sentence += used;
		size -= used;
	}
	*at = '\0';
	return out;
}

void text_free(char *text)
{
	free(text);
}

static int digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, tolower((unsigned char)c)) : NULL;

	return at ? (int)(at - digits) : -1;
}

bool text_unhex(const char *text, uint8_t *out, size_t *size)
{
	size_t count = 0;

	for (; *text; text += 2) {
		text += strspn(text, " :\t\n");
		if (!*text)
			break;
		if (digit(text[0]) < 0 || digit(text[1]) < 0)
			return false;
		out[count++] = (uint8_t)(digit(text[0]) << 4 | digit(text[1]));
	}
	*size = count;
	return true;
}

void table_init(struct table *table, size_t columns)
{
	*table = (struct table){.columns = columns};
}

void table_add(struct table *table, char *cell)
{
	if (table->count == table->room) {
		table->room = table->room ? 2 * table->room : 64;
		table->cells = need(reallocarray(table->cells, table->room,
						 sizeof(char *)));
	}
	table->cells[table->count++] = cell;
}

void table_pair(struct table *table, const char *name, const char *value)
{
	table_add(table, text_escape(name));
	table_add(table, value && *value ? text_escape(value) : text_copy("-"));
}

static void find_widths(const struct table *table, size_t *widths)
{
	for (size_t i = 0; i < table->count; i++) {
		size_t wanted = width(table->cells[i]);

		if (wanted > widths[i % table->columns])
			widths[i % table->columns] = wanted;
	}
}

void table_print(const struct table *table, const char *indent, bool error)
{
	FILE *stream = error ? stderr : stdout;
	size_t widths[TABLE_COLUMNS_MAX] = {0};

	find_widths(table, widths);
	for (size_t i = 0; i < table->count; i++) {
		size_t column = i % table->columns;
		const char *cell = table->cells[i];

		fprintf(stream, "%s%s", column ? "" : indent, cell);
		if (column + 1 == table->columns)
			fputc('\n', stream);
		else
			fprintf(stream, "%*s",
				(int)(widths[column] + 2 - width(cell)), "");
	}
}

void table_free(struct table *table)
{
	for (size_t i = 0; i < table->count; i++)
		free(table->cells[i]);
	free(table->cells);
}
