/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A text that may be shown to others. */
#ifndef TOOLS_REDACT_H
#define TOOLS_REDACT_H

#include <stddef.h>

#define REDACT_WORDS_MAX 64

/* What others must not read; words of less than four characters are no secret
 * and would hide half of a text. */
struct redact {
	char *words[REDACT_WORDS_MAX];
	size_t count;
};

void redact_add(struct redact *redact, const char *word);
void redact_free(struct redact *redact);

/* A copy in which the words, and of runs of 15 digits and more (ICCID, IMEI,
 * IMSI) all but the first six, are "(hidden)". NULL stays NULL. */
char *redact_text(const struct redact *redact, const char *text);

#endif
