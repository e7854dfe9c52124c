/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Writes one JSON object (RFC 8259), in ASCII whatever goes in. A name of
 * NULL is for the elements of an array. */
#ifndef TOOLS_JSON_H
#define TOOLS_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json;

/* An object that has been begun; NULL if there is no memory. */
struct json *json_new(void);
void json_free(struct json *json);

void json_object(struct json *json, const char *name);
void json_array(struct json *json, const char *name);
void json_end(struct json *json);

/* NULL writes null. */
void json_string(struct json *json, const char *name, const char *text);
/* Text if the bytes are UTF-8, else null. */
void json_text(struct json *json, const char *name, const uint8_t *data,
	       size_t size);
void json_hex(struct json *json, const char *name, const uint8_t *data,
	      size_t size);
void json_number(struct json *json, const char *name, uint64_t number);
/* Microseconds, written as milliseconds with three decimals. */
void json_milliseconds(struct json *json, const char *name,
		       uint64_t microseconds);
void json_flag(struct json *json, const char *name, bool flag);

/* Ends what is open but the outermost object. */
void json_end_inner(struct json *json);

/* Ends everything and writes it with a newline to this stream; no more can be
 * added. */
bool json_write(struct json *json, FILE *file);

/* Ends everything and writes it with a newline to standard output. False if
 * that failed, errno says why. */
bool json_finish(struct json *json);

#endif
