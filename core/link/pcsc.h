/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parts of the link pcsc: that are pure: which reader an address means, and
 * what the codes of PC/SC mean for people. */
#ifndef LINK_PCSC_H
#define LINK_PCSC_H

#include <stdbool.h>
#include <stddef.h>

#define PCSC_READERS_MAX 16
#define PCSC_NAME_MAX	 128

struct pcsc_readers {
	size_t count;
	struct {
		char name[PCSC_NAME_MAX];
		bool has_card;
	} list[PCSC_READERS_MAX];
};

/* Takes over a multi-string: names that each end with NUL, and a NUL. What is
 * too long or too many is left out. */
void pcsc_read_names(struct pcsc_readers *readers, const char *names,
		     size_t size);

/*
 * The reader that is wanted: by its name, by its number, or by a part of its
 * name; "": any. Of several the only one with a card. Else IOTSAFE_ERR_ABSENT
 * or _AMBIGUOUS with the names there are.
 */
int pcsc_choose(const struct pcsc_readers *readers, const char *wanted,
		size_t *chosen);

/* Records what a code of PC/SC means; `reader` "" where none is known yet.
 * Never for SCARD_S_SUCCESS. */
int pcsc_failed(const char *reader, long code);

#endif
