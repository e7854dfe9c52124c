/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The readers that pcscd names, and the one that the address names, become the
 * number of a reader. No input or output.
 */
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "link/pcsc.h"

void pcsc_read_names(struct pcsc_readers *readers, const char *names,
		     size_t size)
{
	const char *end = names + size;

	readers->count = 0;
	while (names < end && *names && readers->count < PCSC_READERS_MAX) {
		size_t length = strnlen(names, (size_t)(end - names));

		if (length < PCSC_NAME_MAX) {
			memcpy(readers->list[readers->count].name, names,
			       length);
			readers->list[readers->count].name[length] = '\0';
			readers->list[readers->count++].has_card = false;
		}
		names += length + 1;
	}
}

static void append_names(const struct pcsc_readers *readers, const char *part,
			 bool with_card)
{
	const char *separator = " ";

	for (size_t i = 0; i < readers->count; i++) {
		if (!strcasestr(readers->list[i].name, part) ||
		    (with_card && !readers->list[i].has_card))
			continue;
		error_append("%s%zu \"%s\"%s", separator, i,
			     readers->list[i].name,
			     readers->list[i].has_card ? "" : " (empty)");
		separator = ", ";
	}
}

static bool is_number(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text);
}

static int by_number(const struct pcsc_readers *readers, const char *wanted,
		     size_t *chosen)
{
	*chosen = strtoul(wanted, NULL, 10);
	if (*chosen < readers->count)
		return IOTSAFE_OK;
	error_set(IOTSAFE_ERR_ABSENT, "pcsc: no reader has the number %.20s;",
		  wanted);
	error_append(" there is");
	append_names(readers, "", false);
	return IOTSAFE_ERR_ABSENT;
}

static int none_fits(const struct pcsc_readers *readers, const char *wanted)
{
	error_set(IOTSAFE_ERR_ABSENT,
		  "pcsc: no reader has \"%.100s\" in its name; there is",
		  wanted);
	append_names(readers, "", false);
	return IOTSAFE_ERR_ABSENT;
}

static int by_part(const struct pcsc_readers *readers, const char *wanted,
		   size_t *chosen)
{
	size_t fit = 0, full = 0;

	for (size_t i = readers->count; i-- > 0;) {
		if (!strcasestr(readers->list[i].name, wanted))
			continue;
		fit++;
		full += readers->list[i].has_card;
		if (readers->list[i].has_card || fit == 1)
			*chosen = i;
	}
	if (!fit)
		return none_fits(readers, wanted);
	if (full == 1 || (fit == 1 && *wanted))
		return IOTSAFE_OK;
	if (full)
		error_set(IOTSAFE_ERR_AMBIGUOUS,
			  "pcsc: %zu readers have a card; name one:", full);
	else
		error_set(IOTSAFE_ERR_ABSENT,
			  "pcsc: no reader has a card in it; put it in:");
	append_names(readers, wanted, full > 0);
	return full ? IOTSAFE_ERR_AMBIGUOUS : IOTSAFE_ERR_ABSENT;
}

int pcsc_choose(const struct pcsc_readers *readers, const char *wanted,
		size_t *chosen)
{
	if (!readers->count)
		return error_set(IOTSAFE_ERR_ABSENT,
				 "pcsc: pcscd knows no reader: connect one "
				 "(pcsc_scan shows them)");
	for (*chosen = 0; *chosen < readers->count; (*chosen)++)
		if (!strcmp(readers->list[*chosen].name, wanted))
			return IOTSAFE_OK;
	if (is_number(wanted))
		return by_number(readers, wanted, chosen);
	return by_part(readers, wanted, chosen);
}
