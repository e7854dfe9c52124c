// SPDX-License-Identifier: LGPL-2.1-or-later
/* SELECT: an applet by its name, or a file of what is selected. */
#include "card_parts.h"

#include "uicc.h"

static const struct aid *find_aid(const struct card *card, struct view name)
{
	if (fault_on(card->faults, FAULT_NO_APPLET))
		return NULL;
	for (size_t i = 0; i < card->aid_count; i++) {
		const struct aid *aid = &card->aids[i];

		if (view_equal(view_of(aid->bytes, aid->size), name))
			return aid;
	}
	return NULL;
}

static void put_fci(struct writer *out, const struct applet *applet,
		    struct view aid)
{
	if (applet->put_fci != NULL) {
		applet->put_fci(out, aid);
		return;
	}
	put_byte(out, 0x6F);
	put_byte(out, (unsigned int)aid.size + 4);
	put_tlv(out, 0x84, aid);
	put_tlv(out, 0xA5, view_of(NULL, 0));
}

/* IoT SAFE has none unless asked; the others give it where there is room. */
static bool gives_fci(const struct card *card, const struct applet *applet,
		      const struct command *command)
{
	if (command->p2 == 0x0C)
		return false;
	if (quirk_on(&card->quirks, QUIRK_FCI))
		return true;
	return applet->put_fci != NULL &&
	       (command->has_le || !quirk_on(&card->quirks, QUIRK_DIRECT));
}

/* A selection that fails leaves the selected application as it was. */
static uint16_t select_aid(struct card *card, struct channel *channel,
			   const struct command *command, struct writer *out)
{
	const struct aid *aid;

	if ((command->p2 & 0xF3) != 0)
		return SW_WRONG_P1P2;
	aid = find_aid(card, command->data);
	if (aid == NULL)
		return SW_NOT_FOUND;
	channel_leave(card, channel);
	channel->applet = aid->applet;
	channel->aid = view_of(aid->bytes, aid->size);
	if (gives_fci(card, aid->applet, command))
		put_fci(out, aid->applet, channel->aid);
	return SW_OK;
}

uint16_t card_select(struct card *card, struct channel *channel,
		     const struct command *command, struct writer *out)
{
	uint16_t sw;

	if (command->data.size == 0)
		return SW_WRONG_LENGTH;
	if (command->p1 == 0x04)
		return select_aid(card, channel, command, out);
	if (channel->applet != NULL && channel->applet->select != NULL)
		return channel->applet->select(card, channel, command, out);
	sw = uicc_select(card, command, out);
	if (sw != SW_OK)
		return sw;
	channel_leave(card, channel);
	channel->file = uicc_file(command);
	return SW_OK;
}
