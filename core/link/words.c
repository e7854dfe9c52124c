/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A command line becomes an argument vector, without a shell. */
#include <stdbool.h>
#include "link/words.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Copies one word to *out and ends it. Gives what follows it, NULL if a
 * quotation does not end. */
static char *take_word(char *in, char **out)
{
	char quote = '\0';

	for (; *in && (quote || !is_blank(*in)); in++) {
		if (*in == quote) {
			quote = '\0';
		} else if (!quote && (*in == '\'' || *in == '"')) {
			quote = *in;
		} else {
			if (*in == '\\' && quote != '\'' && in[1])
				in++;
			*(*out)++ = *in;
		}
	}
	if (quote)
		return NULL;
	/* The end may overwrite the blank that `in` stands on. */
	if (*in)
		in++;
	*(*out)++ = '\0';
	return in;
}

int words_split(char *text, char **words, size_t room)
{
	char *out = text;
	size_t count = 0;

	for (;;) {
		while (is_blank(*text))
			text++;
		if (!*text)
			break;
		if (count + 1 >= room)
			return -1;
		words[count++] = out;
		text = take_word(text, &out);
		if (!text)
			return -1;
	}
	words[count] = NULL;
	return (int)count;
}
