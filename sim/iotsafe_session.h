/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_IOTSAFE_SESSION_H
#define SIM_IOTSAFE_SESSION_H

#include "card.h"

/* The modes of a signature: what UPDATE brings. Tag A1. */
enum { MODE_TEXT = 1, MODE_LAST_BLOCK = 2, MODE_DIGEST = 3 };

/* Reads the data of an INIT into a session that has just been made. */
typedef uint16_t session_begin(struct card *card, struct view data,
			       struct session *session);

/* INIT of any kind: opens with `begin`, or closes. */
uint16_t session_init(struct card *card, struct channel *channel,
		      const struct command *command, enum session_kind kind,
		      session_begin *begin);

/* What UPDATE works on; SW_OK and the session, or why not. */
uint16_t session_update(struct card *card, struct channel *channel,
			const struct command *command, enum session_kind kind,
			struct session **out);

/* Is this UPDATE the last? Other bits of P1 have been seen (90) and mean
 * nothing known. */
bool session_last(const struct command *command);

/* Takes what was announced, or the next piece of it, and no more. */
bool gather(struct gathered *gathered, struct view data);

void session_leave(struct card *card, struct channel *channel);

/* iotsafe_message.c: the text, last block or digest of an UPDATE. */

/* Can this stand behind the message? */
typedef bool message_tail(const struct session *session, struct view rest);

/* Begins to hash or to authenticate what is to come, in mode 1. */
bool message_begin(struct session *session);
/* Takes the message off the front of `data`. */
bool message_take(const struct card *card, struct session *session,
		  struct view *data, message_tail *tail);
/* All has come: leaves the digest in the session. */
bool message_end(struct session *session);
const EVP_MD *message_hash(const struct session *session);

#endif
