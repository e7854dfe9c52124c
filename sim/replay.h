/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_REPLAY_H
#define SIM_REPLAY_H

#include "bytes.h"

#include <stdbool.h>
#include <stddef.h>

struct card_note;
struct replay_step;

/* A recorded trace that is served as a card: the commands of it, in its order,
 * get the answers of it. */
struct replay {
	struct replay_step *steps;
	size_t count;
	size_t at; /* the step that is due */
	/* The record has MANAGE CHANNEL; where the modem opened the channel
	 * (AT+CGLA) it has not, and the replay answers that by itself. */
	bool has_channels;
	char problem[160]; /* the last one, for the log */
};

/* Says what is wrong with the file; the whole of it must be good. */
bool replay_open(struct replay *replay, const char *path);
void replay_close(struct replay *replay);

/* The answer to a command; 6F00, and a problem in the note, where another one
 * is due. The channel in the class byte does not count. */
size_t replay_exchange(struct replay *replay, struct view command,
		       uint8_t *response, struct card_note *note);

#endif
