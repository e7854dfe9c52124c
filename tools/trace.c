/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `iotsafe trace`: a recorded trace is told again, field by field.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"
#include "explain.h"
#include "json.h"
#include "text.h"

/* A line of the library has 1400 characters at most; a journal adds some. */
#define LINE_SIZE 4096

/* Bytes of a value that a line for people shows. */
#define SHOWN_MAX 20

struct story {
	struct cli *cli;
	struct explain explain;
	unsigned line, exchanges, errors, known;
	/* Lines that cannot be understood, and the first of them. */
	unsigned broken, first_broken;
	uint64_t microseconds;
};

static void put_field(struct json *json, const struct field *field)
{
	json_object(json, NULL);
	json_number(json, "depth", field->depth);
	json_string(json, "name", field->name);
	json_hex(json, "hex", field->data, field->size);
	json_string(json, "words", *field->words ? field->words : NULL);
	json_end(json);
}

static void print_field(const struct field *field)
{
	size_t shown = field->size > SHOWN_MAX ? SHOWN_MAX : field->size;
	int indent = 2 + 2 * (int)field->depth;

	printf("%*s%-*s", indent, "",
	       field->size || *field->words ? 32 - indent : 0, field->name);
	for (size_t i = 0; i < shown; i++)
		printf("%02X", field->data[i]);
	if (shown < field->size)
		printf("... (%zu bytes)", field->size);
	printf("%s%s\n", field->size && *field->words ? "  " : "",
	       field->words);
}

static void give_field(void *self, const struct field *field)
{
	struct story *story = self;

	if (story->cli->json)
		put_field(story->cli->json, field);
	else
		print_field(field);
}

static void tell_exchange(struct story *story, const struct record *record)
{
	struct json *json = story->cli->json;

	story->exchanges++;
	story->microseconds += record->microseconds;
	if (json) {
		json_string(json, "name", record->name);
		json_milliseconds(json, "milliseconds", record->microseconds);
		json_array(json, "fields");
	} else {
		char *name = text_escape(record->name);

		printf("%u  %s  (line %u, %" PRIu64 ".%03u ms)\n",
		       story->exchanges, name, story->line,
		       record->microseconds / 1000,
		       (unsigned)(record->microseconds % 1000));
		text_free(name);
	}
	explain_exchange(&story->explain, record);
	if (json)
		json_end(json);
}

static void tell_text(struct story *story, const struct record *record)
{
	static const char *const marks[] = {
		[RECORD_SENT] = "to the modem:  ",
		[RECORD_RECEIVED] = "from the modem:",
		[RECORD_ERROR] = "error:         ",
		[RECORD_REMARK] = "remark:        ",
	};
	char *text;

	story->errors += record->kind == RECORD_ERROR;
	if (story->cli->json) {
		json_string(story->cli->json, "text", record->text);
		return;
	}
	text = text_escape(record->text);
	printf("   %s %s\n", marks[record->kind], text);
	text_free(text);
}

static void tell(struct story *story, const struct record *record)
{
	static const char *const kinds[] = {
		[RECORD_APDU] = "exchange",	[RECORD_SENT] = "sent",
		[RECORD_RECEIVED] = "received", [RECORD_ERROR] = "error",
		[RECORD_REMARK] = "remark",
	};
	struct json *json = story->cli->json;

	story->known++;
	if (json) {
		json_object(json, NULL);
		json_string(json, "kind", kinds[record->kind]);
		json_number(json, "line", story->line);
	}
	if (record->kind == RECORD_APDU)
		tell_exchange(story, record);
	else
		tell_text(story, record);
	if (json)
		json_end(json);
}

static void take_line(struct story *story, char *line)
{
	struct record record;

	story->line++;
	line[strcspn(line, "\r\n")] = '\0';
	if (!record_read(line, &record)) {
		story->first_broken =
			story->broken ? story->first_broken : story->line;
		story->broken++;
	} else if (record.kind != RECORD_OTHER) {
		tell(story, &record);
	}
}

/* What is longer than any line of a trace is none. */
static void skip_line(FILE *file)
{
	int c;

	do
		c = getc(file);
	while (c != EOF && c != '\n');
}

static void take_lines(struct story *story, FILE *file)
{
	char line[LINE_SIZE];

	while (fgets(line, sizeof(line), file)) {
		if (!strchr(line, '\n') && strlen(line) + 1 == sizeof(line))
			skip_line(file);
		take_line(story, line);
	}
}

static void sum_up(struct story *story)
{
	struct json *json = story->cli->json;

	if (json) {
		json_number(json, "exchanges", story->exchanges);
		json_number(json, "errors", story->errors);
		json_milliseconds(json, "milliseconds", story->microseconds);
		json_number(json, "not_understood", story->broken);
	} else if (story->known) {
		printf("%u exchanges in %" PRIu64 ".%03u ms, %u errors\n",
		       story->exchanges, story->microseconds / 1000,
		       (unsigned)(story->microseconds % 1000), story->errors);
	}
}

static int judge(const struct story *story, const char *path)
{
	if (story->broken)
		return fail(story->cli, "ERR_FORMAT",
			    "%s: line %u is an exchange that cannot be "
			    "understood, one of %u",
			    path, story->first_broken, story->broken);
	if (!story->known)
		return fail(story->cli, "ERR_FORMAT",
			    "%s has no line of a trace: IOTSAFE_TRACE=all or "
			    "--trace all writes them to standard error",
			    path);
	return 0;
}

int command_trace(struct cli *cli)
{
	const char *path = cli->options.arguments[0];
	bool standard = !strcmp(path, "-");
	FILE *file = standard ? stdin : fopen(path, "re");
	struct story story = {.cli = cli};
	bool failed;

	if (!file)
		return fail(cli, ERR_FILE, "%s: %s", path, strerror(errno));
	story.explain.give = give_field;
	story.explain.self = &story;
	if (cli->json)
		json_array(cli->json, "lines");
	take_lines(&story, file);
	if (cli->json)
		json_end(cli->json);
	failed = ferror(file);
	if (!standard)
		fclose(file);
	if (failed)
		return fail(cli, ERR_FILE, "%s: cannot read", path);
	sum_up(&story);
	return judge(&story, path);
}
