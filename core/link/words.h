/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A command line as people write it becomes an argument vector. Pure. */
#ifndef LINK_WORDS_H
#define LINK_WORDS_H

#include <stddef.h>

/*
 * Splits at blanks, in place; 'single' and "double" quotation marks and a
 * backslash keep a blank, as in a shell, and nothing else is expanded.
 * `words` has room for `room` pointers, the last of which will be NULL.
 * Returns the number of words, or -1 for a quotation that does not end or
 * too many words.
 */
int words_split(char *text, char **words, size_t room);

#endif
