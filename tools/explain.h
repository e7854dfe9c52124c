/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the bytes of an exchange mean, field by field. Pure: bytes in, fields
 * out. The facts are those of IoT.05 and ETSI TS 102 221. */
#ifndef TOOLS_EXPLAIN_H
#define TOOLS_EXPLAIN_H

#include "record.h"

#define EXPLAIN_WORDS_MAX 160
/* Of fields inside fields. */
#define EXPLAIN_DEPTH_MAX 4

struct field {
	unsigned depth;
	const char *name; /* "class", "P1", "84 private key id" */
	const uint8_t *data;
	size_t size;
	char words[EXPLAIN_WORDS_MAX]; /* "" where there is nothing to say */
};

typedef void explain_func(void *self, const struct field *field);

/* Whose answer a GET RESPONSE fetches, a row a channel. */
struct explain {
	struct {
		uint8_t ins;
	} waiting[20];
	explain_func *give;
	void *self;
};

/* Gives the fields of a RECORD_APDU, in their order. */
void explain_exchange(struct explain *explain, const struct record *record);

/* explain_tlv.c: data objects, as deep as they go. What does not fit is given
 * as "rest". `answer` tells the two meanings of the hash tag apart. */
void explain_objects(struct explain *explain, const uint8_t *data, size_t size,
		     bool answer);

/* explain_words.c: what the value of this tag means; "" where it has only its
 * bytes. */
void explain_value(uint8_t tag, const uint8_t *data, size_t size, bool answer,
		   char words[EXPLAIN_WORDS_MAX]);
/* "private key id"; "unknown" for a tag nobody has told us. */
const char *explain_tag(uint8_t tag);
bool explain_knows(uint8_t tag);

#endif
