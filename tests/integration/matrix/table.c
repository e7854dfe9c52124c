/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Turns the tables of a page for people into cells for the program. */
#include "table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "simulator.h"

#define COLUMNS	 6
#define ELLIPSIS "…"

static const char *const ways[] = {"CSIM", "CGLA", "PC/SC"};

static const struct {
	const char *name;
	const char *ins;
} places[] = {
	{"MANAGE CHANNEL", "70"},    {"SELECT", "A4"},
	{"GET DATA", "CB"},	     {"READ FILE", "B0"},
	{"SIGNATURE INIT", "2A"},    {"SIGNATURE UPDATE", "2B"},
	{"GENERATE KEY PAIR", "B9"}, {"GET RESPONSE", "C0"},
};

static _Noreturn void bad(const char *line)
{
	fprintf(stderr, "a row that nobody understands: %s\n", line);
	exit(1);
}

static char *trim(char *text)
{
	size_t size;

	text += strspn(text, " ");
	size = strlen(text);
	while (size && text[size - 1] == ' ')
		text[--size] = '\0';
	return text;
}

/* `| a | b |` in place; false where the line is no row of COLUMNS. */
static bool split(char *line, char *columns[COLUMNS])
{
	char *rest = line + 1;

	for (int i = 0; i < COLUMNS; i++) {
		char *end = strchr(rest, '|');

		if (!end)
			return false;
		*end = '\0';
		columns[i] = trim(rest);
		rest = end + 1;
	}
	return !*trim(rest);
}

/* "READ FILE", or "READ FILE 2" for the second one. */
static const char *find_place(const char *text, unsigned *time)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		size_t size = strlen(places[i].name);

		if (strncmp(text, places[i].name, size) != 0)
			continue;
		*time = text[size] ? (unsigned)atoi(text + size) : 1;
		return *time ? places[i].ins : NULL;
	}
	return NULL;
}

/* A pattern such as "silence=INS@N-N". */
static void make_rule(const char *pattern, const char *ins, unsigned time,
		      char *out, size_t room)
{
	size_t size = 0;

	out[0] = '\0';
	while (*pattern && size < room) {
		if (!strncmp(pattern, "INS", 3)) {
			size += (size_t)snprintf(out + size, room - size, "%s",
						 ins);
			pattern += 3;
		} else if (*pattern == 'N') {
			size += (size_t)snprintf(out + size, room - size, "%u",
						 time);
			pattern++;
		} else {
			size += (size_t)snprintf(out + size, room - size, "%c",
						 *pattern++);
		}
	}
}

struct reader {
	struct table table;
	int way;
	char fault[40];
	char pattern[80];
};

static void copy(char *out, size_t room, const char *text)
{
	if (snprintf(out, room, "%s", text) >= (int)room)
		bad(text);
}

/* "(leaves a channel)", behind what is expected. */
static void take_leaves(struct cell *cell)
{
	char *words = strstr(cell->expected, "(leaves a channel)");

	if (!words)
		return;
	cell->leaves = true;
	*words = '\0';
	trim(cell->expected);
}

static void add(struct reader *reader, char *columns[COLUMNS])
{
	const char *expected = columns[2 + reader->way];
	struct cell *cell;
	const char *ins;
	unsigned time;

	if (!strcmp(expected, "same"))
		expected = columns[2];
	if (!strcmp(expected, "–"))
		return;
	ins = find_place(columns[1], &time);
	if (!ins)
		bad(columns[1]);
	reader->table.cells =
		realloc(reader->table.cells,
			(reader->table.count + 1) * sizeof(struct cell));
	if (!reader->table.cells)
		give_up("cells");
	cell = &reader->table.cells[reader->table.count++];
	memset(cell, 0, sizeof(*cell));
	copy(cell->fault, sizeof(cell->fault), reader->fault);
	make_rule(reader->pattern, ins, time, cell->rule, sizeof(cell->rule));
	copy(cell->operation, sizeof(cell->operation), columns[0]);
	copy(cell->place, sizeof(cell->place), columns[1]);
	copy(cell->expected, sizeof(cell->expected), expected);
	take_leaves(cell);
	cell->anew = !strcmp(columns[5], "anew");
	if (!cell->anew && strcmp(columns[5], "same handle") != 0)
		bad(columns[5]);
}

static void take_line(struct reader *reader, char *line)
{
	char *columns[COLUMNS];

	line[strcspn(line, "\n")] = '\0';
	if (!strncmp(line, "## ", 3)) {
		copy(reader->fault, sizeof(reader->fault), line + 3);
		reader->pattern[0] = '\0';
	} else if (!strncmp(line, "`--fault ", 9)) {
		line += 9;
		line[strcspn(line, "`")] = '\0';
		copy(reader->pattern, sizeof(reader->pattern), line);
	} else if (*line == '|' && reader->pattern[0]) {
		if (!split(line, columns))
			bad(line);
		if (strcmp(columns[0], "operation") && columns[0][0] != '-')
			add(reader, columns);
	}
}

struct table table_read(const char *path, const char *way)
{
	struct reader reader = {.way = -1};
	FILE *file = fopen(path, "r");
	char line[1024];

	for (int i = 0; i < 3; i++)
		if (!strcmp(ways[i], way))
			reader.way = i;
	if (!file || reader.way < 0)
		give_up(path);
	while (fgets(line, sizeof(line), file))
		take_line(&reader, line);
	fclose(file);
	return reader.table;
}

/* The words in this order, with anything in the place of each "…". */
static bool words_fit(const char *words, const char *sentence)
{
	char part[160];

	while (*words) {
		const char *end = strstr(words, ELLIPSIS);
		size_t size = end ? (size_t)(end - words) : strlen(words);

		snprintf(part, sizeof(part), "%.*s", (int)size, words);
		sentence = strstr(sentence, part);
		if (!sentence)
			return false;
		sentence += size;
		words += size + (end ? strlen(ELLIPSIS) : 0);
	}
	return true;
}

bool cell_fits(const struct cell *cell, const char *code, const char *sentence)
{
	size_t size = strlen(code);
	const char *words = cell->expected + 1 + size + 1;

	if (cell->expected[0] != '`' ||
	    strncmp(cell->expected + 1, code, size) != 0 ||
	    cell->expected[1 + size] != '`')
		return false;
	return words_fit(words + strspn(words, " "), sentence);
}
