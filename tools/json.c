/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values become one JSON object, kept in memory until it is whole. Everything
 * beyond ASCII is escaped, so that what a card says can neither break the
 * encoding nor steer a terminal.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "json.h"
#include "text.h"

#define DEPTH_MAX 8

struct json {
	FILE *stream;
	char *text;
	size_t size;
	/* The closing brackets owed. */
	char owed[DEPTH_MAX];
	size_t depth;
	bool comma;
};

static void begin(struct json *json, char opening, char closing)
{
	fputc(opening, json->stream);
	json->owed[json->depth++] = closing;
	json->comma = false;
}

struct json *json_new(void)
{
	struct json *json = calloc(1, sizeof(*json));

	if (!json)
		return NULL;
	json->stream = open_memstream(&json->text, &json->size);
	if (!json->stream) {
		free(json);
		return NULL;
	}
	begin(json, '{', '}');
	return json;
}

void json_free(struct json *json)
{
	if (!json)
		return;
	if (json->stream)
		fclose(json->stream);
	free(json->text);
	free(json);
}

static void put_escape(FILE *stream, uint32_t character)
{
	if (character >= 0x10000) {
		character -= 0x10000;
		fprintf(stream, "\\u%04x\\u%04x", 0xD800 + (character >> 10),
			0xDC00 + (character & 0x3FF));
	} else {
		fprintf(stream, "\\u%04x", character);
	}
}

static void put_character(FILE *stream, uint32_t character)
{
	if (character == '"' || character == '\\')
		fprintf(stream, "\\%c", (char)character);
	else if (character == '\n')
		fputs("\\n", stream);
	else if (character >= 0x20 && character < 0x7F)
		fputc((int)character, stream);
	else
		put_escape(stream, character);
}

static void put_text(FILE *stream, const uint8_t *data, size_t size)
{
	uint32_t character;

	fputc('"', stream);
	while (size) {
		size_t used = text_decode(data, size, &character);

		if (!used) {
			character = 0xFFFD;
			used = 1;
		}
		put_character(stream, character);
		data += used;
		size -= used;
	}
	fputc('"', stream);
}

static void put_name(struct json *json, const char *name)
{
	if (json->comma)
		fputc(',', json->stream);
	json->comma = true;
	if (!name)
		return;
	put_text(json->stream, (const uint8_t *)name, strlen(name));
	fputc(':', json->stream);
}

void json_object(struct json *json, const char *name)
{
	put_name(json, name);
	begin(json, '{', '}');
}

void json_array(struct json *json, const char *name)
{
	put_name(json, name);
	begin(json, '[', ']');
}

void json_end(struct json *json)
{
	fputc(json->owed[--json->depth], json->stream);
	json->comma = true;
}

void json_end_inner(struct json *json)
{
	while (json->depth > 1)
		json_end(json);
}

void json_string(struct json *json, const char *name, const char *text)
{
	put_name(json, name);
	if (text)
		put_text(json->stream, (const uint8_t *)text, strlen(text));
	else
		fputs("null", json->stream);
}

void json_text(struct json *json, const char *name, const uint8_t *data,
	       size_t size)
{
	put_name(json, name);
	if (text_is_utf8(data, size))
		put_text(json->stream, data, size);
	else
		fputs("null", json->stream);
}

void json_hex(struct json *json, const char *name, const uint8_t *data,
	      size_t size)
{
	put_name(json, name);
	fputc('"', json->stream);
	for (size_t i = 0; i < size; i++)
		fprintf(json->stream, "%02x", data[i]);
	fputc('"', json->stream);
}

void json_number(struct json *json, const char *name, uint64_t number)
{
	put_name(json, name);
	fprintf(json->stream, "%" PRIu64, number);
}

void json_milliseconds(struct json *json, const char *name,
		       uint64_t microseconds)
{
	put_name(json, name);
	fprintf(json->stream, "%" PRIu64 ".%03u", microseconds / 1000,
		(unsigned)(microseconds % 1000));
}

void json_flag(struct json *json, const char *name, bool flag)
{
	put_name(json, name);
	fputs(flag ? "true" : "false", json->stream);
}

bool json_write(struct json *json, FILE *file)
{
	bool whole;

	while (json->depth)
		json_end(json);
	fputc('\n', json->stream);
	whole = !fclose(json->stream);
	json->stream = NULL;
	if (!whole)
		return false;
	fwrite(json->text, 1, json->size, file);
	return !fflush(file) && !ferror(file);
}

bool json_finish(struct json *json)
{
	return json_write(json, stdout);
}
