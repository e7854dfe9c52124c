/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_MODEM_H
#define SIM_MODEM_H

#include "card.h"
#include "log.h"
#include "timing.h"

#define MODEM_LINE_MAX 640 /* AT+CSIM with 261 bytes takes 536 */

/* Characters for the host, to leave no earlier than `due` (timing_now). */
typedef void modem_emit(void *context, uint64_t due, const char *text,
			size_t size);

struct modem {
	struct card *card;
	struct quirks quirks;
	struct faults *faults;
	struct timing timing;
	struct log *log;
	modem_emit *emit;
	void *context;

	bool echo;
	unsigned int cmee;
	bool dead;	/* fault "die" struck: end the program */
	bool unplugged; /* fault "unplug" struck: take the port away */
	bool restarted; /* a restart: say so after the answer */
	bool pulled;	/* fault "pull" struck: there is no SIM */
	bool storm;	/* fault "storm" struck: around the next answer */
	unsigned int exchanges;
	unsigned int opened; /* channels of AT+CCHO, a bit each */
	/* for the quirks of manner.c */
	uint64_t started;      /* at the first character */
	unsigned int lines;    /* of commands that ended */
	unsigned int commands; /* for the card that came through */
	bool heard;	       /* `started` is known */
	bool answered;	       /* something was said */
	bool deaf;	       /* to the line that is coming in */
	bool awake;	       /* AT+ECSIMSLEEP=0 */
	bool locked;	       /* AT+CSIM=1 */
	bool select_lost;      /* since the channel was opened */

	char line[MODEM_LINE_MAX];
	size_t line_size;
	bool line_too_long;
	size_t line_received; /* characters, those thrown away too */
	uint64_t line_start;
	/* characters on the line since the last entry of the log */
	size_t count_in;
	size_t count_out;

	char stale[12];	  /* the end of the last answer */
	uint64_t free_at; /* the last answer has left the line */
};

void modem_init(struct modem *modem, struct card *card, struct log *log,
		modem_emit *emit, void *context);

/* Takes what the host wrote, arrived at `now`. */
void modem_feed(struct modem *modem, uint64_t now, const char *bytes,
		size_t size);

#endif
