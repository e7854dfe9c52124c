// SPDX-License-Identifier: LGPL-2.1-or-later
/* Turns names of quirks into switches. */
#include "quirk_rows.h"

#include <stdlib.h>
#include <string.h>

void quirks_clear(struct quirks *quirks)
{
	for (size_t i = 0; i < QUIRK_COUNT; i++)
		quirks->value[i] = -1;
}

static void set(struct quirks *quirks, size_t index, int value)
{
	enum group group = quirk_rows[index].group;

	for (size_t i = 0; i < QUIRK_COUNT; i++)
		if (group != ALONE && quirk_rows[i].group == group)
			quirks->value[i] = -1;
	quirks->value[index] = value;
}

static size_t find(const char *name, size_t length)
{
	for (size_t i = 0; i < QUIRK_COUNT; i++)
		if (strlen(quirk_rows[i].name) == length &&
		    memcmp(quirk_rows[i].name, name, length) == 0)
			return i;
	return QUIRK_COUNT;
}

static bool number_of(const struct quirk_row *row, const char *text,
		      size_t length, int *out)
{
	char copy[8];
	char *end;
	long number;

	if (length == 0 || length >= sizeof(copy) || row->usual == SWITCH)
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	number = strtol(copy, &end, 0);
	if (*end != '\0' || number < row->least || number > row->most)
		return false;
	*out = (int)number;
	return true;
}

/* One NAME, NAME=NUMBER or NAME=off. */
static bool parse_one(struct quirks *quirks, const char *text, size_t length,
		      char *why, size_t why_size)
{
	const char *equals = memchr(text, '=', length);
	size_t name_length = equals ? (size_t)(equals - text) : length;
	size_t index = find(text, name_length);
	size_t value_length = equals ? length - name_length - 1 : 0;
	int number;

	if (index == QUIRK_COUNT) {
		snprintf(why, why_size, "no quirk \"%.*s\"", (int)name_length,
			 text);
		return false;
	}
	if (equals == NULL) {
		number = quirk_rows[index].usual;
		set(quirks, index, number == SWITCH ? 1 : number);
		return true;
	}
	if (value_length == 3 && memcmp(equals + 1, "off", 3) == 0) {
		quirks->value[index] = -1;
		return true;
	}
	if (!number_of(&quirk_rows[index], equals + 1, value_length, &number)) {
		snprintf(why, why_size, "quirk %s: \"%.*s\" is not %s",
			 quirk_rows[index].name, (int)value_length, equals + 1,
			 quirk_rows[index].usual == SWITCH
				 ? "\"off\""
				 : "a fitting number");
		return false;
	}
	set(quirks, index, number);
	return true;
}

bool quirks_parse(struct quirks *quirks, const char *text, char *why,
		  size_t why_size)
{
	for (;;) {
		size_t length = strcspn(text, ",");

		if (!parse_one(quirks, text, length, why, why_size))
			return false;
		if (text[length] == '\0')
			return true;
		text += length + 1;
	}
}

bool quirk_on(const struct quirks *quirks, enum quirk quirk)
{
	return quirks->value[quirk] >= 0;
}

int quirk_value(const struct quirks *quirks, enum quirk quirk, int otherwise)
{
	return quirk_on(quirks, quirk) ? quirks->value[quirk] : otherwise;
}

void quirks_print(FILE *out)
{
	for (size_t i = 0; i < QUIRK_COUNT; i++) {
		char name[32];

		snprintf(name, sizeof(name), "%s%s", quirk_rows[i].name,
			 quirk_rows[i].usual == SWITCH ? "" : "=N");
		fprintf(out, "%-18s %s\n", name, quirk_rows[i].sentence);
	}
}
