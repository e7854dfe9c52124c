/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes of unknown manners as text that is safe to print, hexadecimal, and
 * tables. What is returned as `char *` is released with text_free(). */
#ifndef TOOLS_TEXT_H
#define TOOLS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One character of UTF-8: how many bytes it took, 0 if they are none. */
size_t text_decode(const uint8_t *data, size_t size, uint32_t *character);
bool text_is_utf8(const uint8_t *data, size_t size);

/* Lines of characters that the terminal can show. */
bool text_fits_terminal(const uint8_t *data, size_t size);

/* As it is where a terminal can show all of it, else "hex:" and digits; "-"
 * for nothing. */
char *text_show(const uint8_t *data, size_t size);

/* A sentence in which what cannot be shown is written as \xNN. */
char *text_escape(const char *sentence);

char *text_copy(const char *text);
/* Frees `text`, gives a longer one. */
char *text_append(char *text, const char *more);
char *text_hex(const uint8_t *data, size_t size);
void text_free(char *text);

/* Digits to bytes; spaces and colons between bytes are skipped. `out` has
 * room for strlen(text) / 2 bytes. */
bool text_unhex(const char *text, uint8_t *out, size_t *size);

#define TABLE_COLUMNS_MAX 9

/* Rows of cells, printed in columns. */
struct table {
	size_t columns;
	char **cells;
	size_t count, room;
};

void table_init(struct table *table, size_t columns);
/* The next cell; the table takes it over. */
void table_add(struct table *table, char *cell);
/* A row of two: a name and a value that came from elsewhere. */
void table_pair(struct table *table, const char *name, const char *value);
void table_print(const struct table *table, const char *indent, bool error);
void table_free(struct table *table);

#endif
