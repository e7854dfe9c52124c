/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A conversation with a modem over a stream: one command line, one answer.
 * Knows which answer belongs to which command. */
#ifndef LINK_AT_MODEM_H
#define LINK_AT_MODEM_H

#include <stdbool.h>
#include <stdint.h>
#include "base/bytes.h"
#include "base/deadline.h"
#include "link/at.h"
#include "link/link.h"
#include "link/stream.h"

#define AT_WORDS_MAX 96

/* What a modem is asked first. Its answer may be a number instead of a word. */
#define AT_PROBE	"ATE0\r"
#define AT_NUMBER_OK	"0"
#define AT_NUMBER_ERROR "4"

struct at_marker;

struct at_modem {
	struct stream stream;
	struct link_counters *counters;
	struct at_lines lines;
	uint8_t buffer[256];
	struct bytes unread; /* in buffer */
	/* Every command was answered. If not, what comes next may be an old
	 * answer. */
	bool in_step;
	/* The last command line was not written to its end. */
	bool line_open;
	bool heard; /* something came since the last command */
	/* When it was sent, and when something came; the longest that one took
	 * to be answered. Milliseconds. */
	int64_t sent_at, heard_at, longest;
	/* It was told all that it must know, until it says that it has started
	 * anew. */
	bool up;
	/* Milliseconds that the modem needs between an answer and the next
	 * command; 0 for nearly all. */
	int pause;
	/* Of the address (at_init.c), NULL for none. */
	char *init, *exit;
	bool ok_first; /* says OK and then its answer */
	/* Answers of the card had their length in front; one had another. */
	bool exact, miscounts;
	/* Markers (at_sync.c): whose line came and whose OK is due, and whose
	 * answer was complete last. */
	const struct at_marker *marked, *answered;
	/* What comes may be the late answer to the opening of a channel. */
	bool seek;
	/* The command that told the card's number (at_sim.c). */
	unsigned iccid_command;
	/* The link's. Where it is set, the answer to one of ours may come. */
	int *note;
};

/* What one command was answered with. */
struct at_answer {
	enum at_kind final; /* AT_OK or AT_ERROR */
	struct at_csim csim;
	char words[AT_WORDS_MAX]; /* the final result code's line */
	char value[AT_WORDS_MAX]; /* behind the wanted name, "" if none came */
	char bare[AT_WORDS_MAX];  /* a line of digits, where one was wanted */
};

/*
 * Sends one command line ("AT+CMEE=1\r", `name` for errors) and takes lines
 * to its final result code. Unsolicited lines are skipped; the last one that
 * begins with `wanted` (may be NULL) is kept. Gets back in step first, if need
 * be.
 *
 * _TIMEOUT, _CANCELLED, _CLOSED, _IO are recorded. An AT_ERROR answer is none
 * of these: the caller judges it.
 */
int at_modem_command(struct at_modem *modem, const char *line, const char *name,
		     const char *wanted, struct at_answer *answer,
		     const struct deadline *deadline);

/* The next line, whatever it is. The OK of a marker is given as AT_TEXT.
 * _TIMEOUT and _CANCELLED are not recorded. */
int at_modem_line(struct at_modem *modem, struct at_line *line,
		  const struct deadline *deadline);

/* Records that `name` got no answer: `result` is _TIMEOUT or _CANCELLED;
 * other codes are passed on. */
int at_modem_gave_up(const struct at_modem *modem, int result,
		     const char *name);

/* Takes what comes for some milliseconds, so that it is read and not kept. */
int at_modem_listen(struct at_modem *modem, int milliseconds,
		    const struct deadline *deadline);

/* Sends a line that ends in CR, after throwing away what has come. */
int at_modem_send(struct at_modem *modem, const char *line,
		  const struct deadline *deadline);

/* Wipes what was read and is done with. */
void at_modem_wipe(struct at_modem *modem);

/* In at_sync.c. Waits until the modem answers what it is asked now. */
int at_modem_synchronise(struct at_modem *modem,
			 const struct deadline *deadline);

/* In at_share.c. Looks for the answer to an opening, ours or one that nobody
 * saw: whether such a one is missing, and whether a line is it. */
void at_share_seek(struct at_modem *modem);
void at_share_look(struct at_modem *modem, const struct at_line *line);

/* In at_sync.c. Knows the answers to what at_modem_synchronise() asked, also
 * when they come late, and makes plain text of them. */
void at_modem_sort(struct at_modem *modem, struct at_line *line);

#endif
