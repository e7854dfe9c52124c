// SPDX-License-Identifier: LGPL-2.1-or-later
/* Sessions of the commands that come in two parts: opened, closed, wedged. */
#include "iotsafe_session.h"

#include <string.h>

enum { INIT_OPEN = 0x00, INIT_CLOSE = 0x01, UPDATE_LAST = 0x80 };

static void end(struct session *session)
{
	EVP_MD_CTX_free(session->text);
	EVP_MAC_CTX_free(session->cmac);
	OPENSSL_cleanse(session, sizeof(*session));
}

static bool any_open(const struct iotsafe_state *state)
{
	for (size_t kind = 0; kind < SESSION_KINDS; kind++)
		for (size_t i = 0; i < IOTSAFE_SESSIONS; i++)
			if (state->sessions[kind][i].open)
				return true;
	return false;
}

static bool any_expecting(const struct iotsafe_state *state,
			  enum session_kind kind)
{
	for (size_t i = 0; i < IOTSAFE_SESSIONS; i++)
		if (state->sessions[kind][i].expecting)
			return true;
	return false;
}

void session_leave(struct card *card, struct channel *channel)
{
	for (size_t kind = 0; kind < SESSION_KINDS; kind++)
		for (size_t i = 0; i < IOTSAFE_SESSIONS; i++) {
			struct session *session =
				&channel->iotsafe.sessions[kind][i];

			if (session->expecting &&
			    quirk_on(&card->quirks, QUIRK_STUCK_SESSION))
				card->stuck[kind] |= (uint8_t)(1U << i);
			end(session);
		}
}

/* The session that P2 names; NULL when it may not be used. */
static struct session *named(const struct card *card, struct channel *channel,
			     enum session_kind kind, unsigned int number)
{
	if (number >= IOTSAFE_SESSIONS ||
	    (number == 0 && quirk_on(&card->quirks, QUIRK_NO_SESSION_0)))
		return NULL;
	return &channel->iotsafe.sessions[kind][number];
}

static uint16_t close_session(struct card *card, const struct command *command,
			      enum session_kind kind, struct session *session)
{
	uint8_t bit = (uint8_t)(1U << command->p2);
	bool stuck = (card->stuck[kind] & bit) != 0;

	if (command->data.size != 0)
		return SW_WRONG_LENGTH;
	card->stuck[kind] &= (uint8_t)~bit;
	if (!session->open && !stuck)
		return SW_CONDITIONS;
	end(session);
	return SW_OK;
}

/*
 * C's card: after a signature that was not finished no other begins, also on
 * another channel and after a reset, until the session is closed or told a last
 * UPDATE, whatever is in it.
 */
static bool is_stuck(const struct card *card, const struct channel *channel,
		     enum session_kind kind)
{
	return quirk_on(&card->quirks, QUIRK_STUCK_SESSION) &&
	       (card->stuck[kind] != 0 ||
		any_expecting(&channel->iotsafe, kind));
}

static uint16_t may_open(const struct card *card, const struct channel *channel,
			 enum session_kind kind, unsigned int number)
{
	if (is_stuck(card, channel, kind))
		return number == 0 ? SW_WRONG_P1P2 : SW_CONDITIONS;
	if (quirk_on(&card->quirks, QUIRK_STRICT_SESSION) &&
	    any_open(&channel->iotsafe))
		return SW_CONDITIONS;
	return SW_OK;
}

/* One number, one session, where the card does not tell kinds apart. */
static void end_namesakes(const struct card *card, struct channel *channel,
			  unsigned int number)
{
	if (!quirk_on(&card->quirks, QUIRK_SHARED_SESSION))
		return;
	for (size_t kind = 0; kind < SESSION_KINDS; kind++)
		end(&channel->iotsafe.sessions[kind][number]);
}

static uint16_t open_session(struct card *card, struct channel *channel,
			     const struct command *command,
			     struct session *session, session_begin *begin)
{
	struct session fresh = {.spoiled = card->corrupt};
	uint16_t sw = begin(card, command->data, &fresh);

	if (sw != SW_OK) {
		end(&fresh);
		return sw;
	}
	end_namesakes(card, channel, command->p2);
	end(session);
	fresh.open = true;
	fresh.expecting = true;
	*session = fresh;
	OPENSSL_cleanse(&fresh, sizeof(fresh));
	return SW_OK;
}

uint16_t session_init(struct card *card, struct channel *channel,
		      const struct command *command, enum session_kind kind,
		      session_begin *begin)
{
	struct session *session = named(card, channel, kind, command->p2);
	uint16_t sw;

	if (session == NULL || command->p1 > INIT_CLOSE)
		return SW_WRONG_P1P2;
	if (command->p1 == INIT_CLOSE)
		return close_session(card, command, kind, session);
	if (command->data.size == 0)
		return SW_WRONG_LENGTH;
	sw = may_open(card, channel, kind, command->p2);
	if (sw != SW_OK)
		return sw;
	return open_session(card, channel, command, session, begin);
}

uint16_t session_update(struct card *card, struct channel *channel,
			const struct command *command, enum session_kind kind,
			struct session **out)
{
	struct session *session = named(card, channel, kind, command->p2);

	if (session_last(command))
		card->stuck[kind] = 0;
	if (session == NULL)
		return SW_WRONG_P1P2;
	if (command->data.size == 0)
		return SW_WRONG_LENGTH;
	if (!session->expecting)
		return SW_CONDITIONS;
	session->spoiled |= card->corrupt;
	*out = session;
	return SW_OK;
}

bool session_last(const struct command *command)
{
	return (command->p1 & UPDATE_LAST) != 0;
}

bool gather(struct gathered *gathered, struct view data)
{
	if (data.size > gathered->owed ||
	    gathered->owed > GATHERED_MAX - gathered->size)
		return false;
	memcpy(gathered->bytes + gathered->size, data.data, data.size);
	gathered->size += data.size;
	gathered->owed -= data.size;
	return true;
}
