/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A modem's error line, as a number (AT+CMEE=1) or in words (AT+CMEE=2),
 * becomes a code and a sentence. Numbers and words: 3GPP TS 27.007 section 9.2.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <iotsafe/iotsafe.h>
#include "base/error.h"
#include "link/at_error.h"

struct cme {
	int number;
	int code;
	const char *words;   /* of the standard */
	const char *meaning; /* for people, NULL where the words are enough */
};

#define NOT_FOUND 22

static const struct cme cmes[] = {
	{0, IOTSAFE_ERR_MODEM, "phone failure", NULL},
	{1, IOTSAFE_ERR_MODEM, "no connection to phone", NULL},
	{2, IOTSAFE_ERR_BUSY, "phone-adaptor link reserved", NULL},
	{3, IOTSAFE_ERR_MODEM, "operation not allowed", NULL},
	{4, IOTSAFE_ERR_MODEM, "operation not supported", NULL},
	{5, IOTSAFE_ERR_PIN, "PH-SIM PIN required",
	 "the modem is locked to another SIM"},
	{10, IOTSAFE_ERR_ABSENT, "SIM not inserted", "no SIM in the modem"},
	{11, IOTSAFE_ERR_PIN, "SIM PIN required", "the SIM wants its PIN"},
	{12, IOTSAFE_ERR_PIN, "SIM PUK required",
	 "the SIM's PIN is blocked, it wants its PUK"},
	{13, IOTSAFE_ERR_MODEM, "SIM failure", NULL},
	{14, IOTSAFE_ERR_BUSY, "SIM busy", "SIM busy all the time"},
	{15, IOTSAFE_ERR_MODEM, "SIM wrong", NULL},
	{16, IOTSAFE_ERR_PIN, "incorrect password", NULL},
	{17, IOTSAFE_ERR_PIN, "SIM PIN2 required", "the SIM wants its PIN2"},
	{18, IOTSAFE_ERR_PIN, "SIM PUK2 required",
	 "the SIM's PIN2 is blocked, it wants its PUK2"},
	{20, IOTSAFE_ERR_MODEM, "memory full", NULL},
	{NOT_FOUND, IOTSAFE_ERR_MODEM, "not found", NULL},
	{48, IOTSAFE_ERR_PIN, "hidden key required", NULL},
	{50, IOTSAFE_ERR_MODEM, "incorrect parameters", NULL},
	{51, IOTSAFE_ERR_MODEM, "command implemented but currently disabled",
	 NULL},
	{52, IOTSAFE_ERR_MODEM, "command aborted by user", NULL},
	{100, IOTSAFE_ERR_MODEM, "unknown", NULL},
};

/* What stands behind "+CME ERROR", without colon and blanks; NULL if the line
 * is another. */
static const char *cme_value(const char *line)
{
	static const char name[] = "+CME ERROR";

	if (strncasecmp(line, name, sizeof(name) - 1))
		return NULL;
	line += sizeof(name) - 1;
	return line + strspn(line, ": \t");
}

static const struct cme *find_cme(const char *line)
{
	const char *value = cme_value(line);
	char *end;
	long number;

	if (!value || !*value)
		return NULL;
	number = strtol(value, &end, 10);
	if (*end || end == value)
		number = -1;
	for (size_t i = 0; i < sizeof(cmes) / sizeof(cmes[0]); i++)
		if (cmes[i].number == number ||
		    !strcasecmp(cmes[i].words, value))
			return &cmes[i];
	return NULL;
}

int at_error_code(const char *line)
{
	const struct cme *cme = find_cme(line);

	return cme ? cme->code : IOTSAFE_ERR_MODEM;
}

bool at_error_is_not_found(const char *line)
{
	const struct cme *cme = find_cme(line);

	return cme && cme->number == NOT_FOUND;
}

int at_error_record(const char *line, const char *port, const char *command)
{
	const struct cme *cme = find_cme(line);

	if (!cme)
		return error_set(IOTSAFE_ERR_MODEM,
				 "%s: %s: modem answered %.80s", port, command,
				 line);
	if (cme->meaning)
		return error_set(cme->code, "%s: %s (%s: modem answered %.80s)",
				 port, cme->meaning, command, line);
	if (!strcasecmp(cme_value(line), cme->words))
		return error_set(cme->code, "%s: %s: modem answered %.80s",
				 port, command, line);
	return error_set(cme->code, "%s: %s: modem answered %.80s (%s)", port,
			 command, line, cme->words);
}
