/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the address says of a card's manners takes the place of what would be
 * found out about them.
 */
#include <string.h>
#include "base/error.h"
#include "object/card.h"

const char *const card_attributes[] = {
	"timeout",   "timeout-generate",
	"aid",	     "class",
	"session",   "close",
	"piece",     "list",
	"le",	     "signature-length",
	"pin-file",  "pin-env",
	"pin-blind", "ahead",
	"cache",     NULL,
};

static int apply_class(const struct address *address, struct manners *manners)
{
	const char *class = address_get(address, "class");

	if (!class)
		return IOTSAFE_OK;
	manners->forced_class = true;
	manners->class_0x = !strcmp(class, "00");
	if (!manners->class_0x && strcmp(class, "80") != 0)
		return error_set(IOTSAFE_ERR_ARG,
				 "address: class=%.40s is neither 80 nor 00",
				 class);
	return IOTSAFE_OK;
}

static int apply_channel(const struct address *address, struct manners *manners)
{
	long piece;

	manners->forced_le = address_get(address, "le") != NULL;
	manners->forced_piece = address_get(address, "piece") != NULL;
	TRY(apply_class(address, manners));
	TRY(address_get_flag(address, "le", manners->with_le,
			     &manners->with_le));
	TRY(address_get_number(address, "piece", 1, 256, 256, &piece));
	manners->piece = (unsigned)piece;
	return IOTSAFE_OK;
}

static int apply_applet(const struct address *address,
			struct applet_manners *manners)
{
	long session, length;
	bool list, ahead;

	manners->forced_close = address_get(address, "close") != NULL;
	manners->forced_length =
		address_get(address, "signature-length") != NULL;
	manners->forced_session = address_get(address, "session") != NULL;
	manners->has_session = manners->forced_session;
	TRY(address_get_number(address, "session", 0, 255, 0, &session));
	TRY(address_get_number(address, "signature-length", 1, 2, 0, &length));
	TRY(address_get_flag(address, "close", false, &manners->close_session));
	TRY(address_get_flag(address, "list", true, &list));
	/* ahead.c asks the address. */
	TRY(address_get_flag(address, "ahead", true, &ahead));
	manners->session = (uint8_t)session;
	manners->signature_length = (uint8_t)length;
	manners->forced_no_list = !list;
	return IOTSAFE_OK;
}

int card_apply_manners(iotsafe_card *card)
{
	for (unsigned i = 0; i < APPLETS; i++) {
		struct applet *applet = &card->holdings[i].applet;

		applet->manners = (struct applet_manners){0};
		applet->stuck = false;
		TRY(apply_channel(&card->address, &applet->channel.manners));
		TRY(apply_applet(&card->address, &applet->manners));
	}
	return IOTSAFE_OK;
}
