// SPDX-License-Identifier: LGPL-2.1-or-later
/* --aid: by which names the applets of a card answer. */
#include "aids.h"

#include "problem.h"

#include <string.h>

/* HEX, or APPLET=HEX; APPLET_KINDS where it does not say. */
static enum applet_kind read_kind(const char **text)
{
	static const char *const names[APPLET_KINDS] = {
		[APPLET_IOTSAFE] = "iotsafe=",
		[APPLET_MIAS] = "mias=",
		[APPLET_FILES] = "files=",
	};

	for (enum applet_kind kind = 0; kind < APPLET_KINDS; kind++) {
		size_t length = strlen(names[kind]);

		if (strncmp(*text, names[kind], length) == 0) {
			*text += length;
			return kind;
		}
	}
	return APPLET_KINDS;
}

bool aids_read(struct aids *aids, const char *text)
{
	enum applet_kind kind = read_kind(&text);
	int size;

	if (aids->count == CARD_AIDS_MAX)
		return problem("more than %d --aid", CARD_AIDS_MAX);
	size = hex_decode(text, strlen(text), aids->items[aids->count].bytes,
			  AID_MAX);
	if (size < 1)
		return problem("--aid: \"%s\" is not 1 to 16 bytes of hex",
			       text);
	aids->items[aids->count].kind = kind;
	aids->items[aids->count++].size = (size_t)size;
	return true;
}

/* An AID that names no applet is that of the first one of the profile. */
bool aids_check(struct aids *aids, const struct profile *profile)
{
	for (size_t i = 0; i < aids->count; i++) {
		enum applet_kind *kind = &aids->items[i].kind;

		if (*kind == APPLET_KINDS)
			*kind = profile->aid.size ? APPLET_IOTSAFE
						  : APPLET_MIAS;
		if (profile_aid(profile, *kind).size == 0)
			return problem("--aid: a card of profile %s has no "
				       "such applet",
				       profile->name);
	}
	return true;
}

/* Those of the command line, or else the profile's own. */
static void add_kind(const struct aids *aids, const struct profile *profile,
		     enum applet_kind kind, struct card *card)
{
	bool given = false;

	for (size_t i = 0; i < aids->count; i++) {
		if (aids->items[i].kind != kind)
			continue;
		given = true;
		card_add_aid(
			card, kind,
			view_of(aids->items[i].bytes, aids->items[i].size));
	}
	if (!given)
		card_add_aid(card, kind, profile_aid(profile, kind));
}

void aids_add(const struct aids *aids, const struct profile *profile,
	      struct card *card)
{
	for (enum applet_kind kind = 0; kind < APPLET_KINDS; kind++)
		add_kind(aids, profile, kind, card);
}
