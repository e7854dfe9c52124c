/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_AIDS_H
#define SIM_AIDS_H

#include "card.h"

/* The application identifiers of the command line. */
struct aids {
	struct {
		enum applet_kind kind;
		uint8_t bytes[AID_MAX];
		size_t size;
	} items[CARD_AIDS_MAX];
	size_t count;
};

/* [APPLET=]HEX. False, and a word on standard error, where it is not that. */
bool aids_read(struct aids *aids, const char *text);
/* Does the profile have these applets? Says which it has not. */
bool aids_check(struct aids *aids, const struct profile *profile);
/* An applet without one here keeps the profile's own. */
void aids_add(const struct aids *aids, const struct profile *profile,
	      struct card *card);

#endif
