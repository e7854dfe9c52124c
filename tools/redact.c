/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A text becomes one that names neither card, modem, host nor person.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "redact.h"
#include "text.h"

#define WORD_MIN    4
#define DIGITS_MIN  15
#define DIGITS_KEPT 6

static const char hidden[] = "(hidden)";

void redact_add(struct redact *redact, const char *word)
{
	if (!word || strlen(word) < WORD_MIN)
		return;
	for (size_t i = 0; i < redact->count; i++)
		if (!strcmp(redact->words[i], word))
			return;
	if (redact->count < REDACT_WORDS_MAX)
		redact->words[redact->count++] = text_copy(word);
}

void redact_free(struct redact *redact)
{
	for (size_t i = 0; i < redact->count; i++)
		text_free(redact->words[i]);
	redact->count = 0;
}

/* The longest word that stands here: one may be the front of another. */
static size_t word_here(const struct redact *redact, const char *text)
{
	size_t longest = 0;

	for (size_t i = 0; i < redact->count; i++) {
		size_t size = strlen(redact->words[i]);

		if (size > longest && !strncmp(text, redact->words[i], size))
			longest = size;
	}
	return longest;
}

char *redact_text(const struct redact *redact, const char *text)
{
	char *out = NULL;
	size_t size, skip;
	FILE *stream;

	if (!text)
		return NULL;
	stream = open_memstream(&out, &size);
	if (!stream)
		return text_copy(hidden);
	while (*text) {
		size_t digits = strspn(text, "0123456789");

		if ((skip = word_here(redact, text))) {
			fputs(hidden, stream);
		} else if (digits >= DIGITS_MIN) {
			fprintf(stream, "%.*s%s", DIGITS_KEPT, text, hidden);
			skip = digits;
		} else {
			fputc(*text, stream);
			skip = 1;
		}
		text += skip;
	}
	if (fclose(stream) || !out) {
		free(out);
		return text_copy(hidden);
	}
	return out;
}
