/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The reader of traces and what it tells of them: lines from anywhere, one
 * behind the other. Every byte told must be a byte of the record. */
#include <string.h>
#include "check.h"
#include "explain.h"
#include "record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_inside(const uint8_t *data, size_t size, const uint8_t *whole,
		      size_t whole_size)
{
	return data >= whole && data + size <= whole + whole_size;
}

static void look(void *self, const struct field *field)
{
	const struct record *record = self;

	CHECK(field->name && *field->name);
	CHECK(field->depth <= EXPLAIN_DEPTH_MAX);
	CHECK(memchr(field->words, '\0', sizeof(field->words)));
	CHECK(is_inside(field->data, field->size, record->command,
			record->command_size) ||
	      is_inside(field->data, field->size, record->answer,
			record->answer_size));
}

static void take(struct explain *explain, const char *line)
{
	struct record record;

	if (!record_read(line, &record) || record.kind != RECORD_APDU)
		return;
	CHECK(record.command_size >= 4 && record.answer_size >= 2);
	CHECK(!record.masked || record.answer_size == 2);
	explain->self = &record;
	explain_exchange(explain, &record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct explain explain = {.give = look};
	char *text = malloc(size + 1), *rest = text, *line;

	CHECK(text);
	memcpy(text, data, size);
	text[size] = '\0';
	while ((line = strsep(&rest, "\n")))
		take(&explain, line);
	free(text);
	return 0;
}
