/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the parts of `iotsafe doctor` share: the patient, what was found so
 * far, and the ways to say it. */
#ifndef TOOLS_DOCTOR_H
#define TOOLS_DOCTOR_H

#include "cli.h"
#include "ports.h"
#include "redact.h"

enum level {
	LEVEL_OK,
	/* Worth knowing, nothing to do. */
	LEVEL_NOTE,
	LEVEL_WARNING,
	LEVEL_PROBLEM
};

struct finding {
	enum level level;
	/* "no-sim": an interface, docs/doctor.md has them. */
	const char *id;
	char *card;   /* the address it is about, or NULL */
	char *text;   /* a plain sentence */
	char *detail; /* the library's own words, or NULL */
	char *next;   /* what to do, or NULL */
};

/* What the trace showed while one address was tried. */
struct evidence {
	char sent[80];	 /* the last line to the modem */
	unsigned lines;	 /* that came back */
	unsigned echoes; /* of them the same as was sent */
	unsigned nmea;	 /* of them of a GPS receiver */
	unsigned resets; /* the card was opened again in the middle */
};

struct doctor {
	struct cli *cli;
	struct ports ports;
	struct redact redact;
	struct evidence evidence;
	struct finding *findings;
	size_t count, room;
	const char *address;
	/* Of the card that was examined; "" and 0 where not known. */
	char interface[16];
	uint64_t exchange_us, signature_us;
	bool at_applet; /* the SIM's PIN is none of our worries any more */
	bool traces;	/* lines of the trace go to standard error too */
};

/* doctor_say.c. `next` is NULL where nothing is to be done. */
void doctor_say(struct doctor *doctor, enum level level, const char *id,
		const char *next, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* The same with the library's last error as detail. */
void doctor_say_failure(struct doctor *doctor, enum level level, const char *id,
			const char *next, const char *text);
void doctor_free(struct doctor *doctor);
void doctor_print(const struct doctor *doctor);
/* `redact` NULL hides nothing. */
void doctor_put(const struct doctor *doctor, struct json *json,
		const struct redact *redact);
bool doctor_is_healthy(const struct doctor *doctor);

/* doctor_reason.c: the library's last failure, as a finding. */
void doctor_reason(struct doctor *doctor, enum level level);

/* doctor_link.c: opens `address` into cli->card, with evidence gathered. A
 * code of the library. */
int doctor_open(struct doctor *doctor, const char *address);
void doctor_close(struct doctor *doctor);
/* Opens the address, or finds out why not and whether another way does. */
bool doctor_reach(struct doctor *doctor, const char *address);
/* Which other interfaces of the modem would do. */
void doctor_try_ways(struct doctor *doctor, const char *address);

/* doctor_card.c: everything from the applet up, on the open card. */
void doctor_examine(struct doctor *doctor);

/* doctor_tob.c: of Trust Onboard. The latter two are false where the failure is
 * none of that kind. */
void doctor_say_applets(struct doctor *doctor);
bool doctor_say_two(struct doctor *doctor);
bool doctor_say_pin(struct doctor *doctor, enum level level);

/* doctor_chain.c: whether every certificate of the card can be read, and dates
 * and issuers of those of the key. */
void doctor_read_certificates(struct doctor *doctor);
void doctor_certificates(struct doctor *doctor, iotsafe_key *key);

#endif
