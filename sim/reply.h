/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_REPLY_H
#define SIM_REPLY_H

#include "quirk.h"

#include <stddef.h>

/* The answer to one command line, as it goes over the line. */
struct reply {
	const struct quirks *quirks;
	char text[2048];
	size_t size;
	size_t final_at; /* where the final result begins */
};

/* Error numbers of 3GPP TS 27.007 9.2. */
enum cme {
	CME_PHONE_FAILURE = 0,
	CME_NOT_ALLOWED = 3,
	CME_NO_SIM = 10,
	CME_SIM_PIN = 11,
	CME_SIM_PUK = 12,
	CME_SIM_BUSY = 14,
	CME_PASSWORD = 16,
	CME_NOT_FOUND = 22,
	CME_BAD_PARAMETERS = 50,
	CME_UNKNOWN = 100
};

struct reply reply_new(const struct quirks *quirks);
void reply_line(struct reply *reply, const char *text);

/* The line of +CSIM or +CGLA, as `name` says. `hex` may be changed; with
 * `truncate` its second half is missing; `stale`, if not empty, precedes it. */
void reply_csim(struct reply *reply, const char *name, char *hex, bool truncate,
		const char *stale);

void reply_ok(struct reply *reply);
/* Puts the final line in front of all others. */
void reply_turn(struct reply *reply);
/* In the form that AT+CMEE=`cmee` asks for, unless a quirk knows better. */
void reply_error(struct reply *reply, unsigned int code, unsigned int cmee);

#endif
