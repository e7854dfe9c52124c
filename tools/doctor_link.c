/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An address becomes an open card, or evidence of why not: what the trace
 * shows while it is tried, and whether another of the modem's ways works.
 */
#include <stdio.h>
#include <string.h>
#include "doctor.h"
#include "record.h"
#include "text.h"
#include "watch.h"

/* NMEA 0183: a sentence begins with $ and two letters of the talker. */
static bool is_nmea(const char *line)
{
	return line[0] == '$' &&
	       (line[1] == 'G' || line[1] == 'P' || line[1] == 'B' ||
		line[1] == 'Q') &&
	       strchr(line, ',');
}

/* What came is what was sent, or was before somebody read half of it, or lost
 * some: where a line overflows its pieces join. It may be late, and behind a
 * command of after it; no modem's answer begins so. A single digit may be an
 * answer (ATV0). */
static bool is_echo(const char *came, const char *sent)
{
	size_t size = strlen(came), whole = strlen(sent);

	if (!whole || size < 2)
		return false;
	return strstr(sent, came) || !strncmp(came, "AT", 2) ||
	       !strncmp(came, sent, whole) ||
	       (size > whole && !strcmp(came + size - whole, sent));
}

/* A refusal of the modem's is tried again on a new channel, too. */
static bool tells_reset(const char *line)
{
	return !strncmp(line, "card: opening again", 19) &&
	       (!strstr(line, "modem answered") || strstr(line, "reset"));
}

static void take_line(void *self, const char *line)
{
	struct doctor *doctor = self;
	struct evidence *seen = &doctor->evidence;
	struct record record;

	if (doctor->traces)
		fprintf(stderr, "iotsafe %s\n", line);
	if (!record_read(line, &record))
		return;
	if (record.kind == RECORD_SENT) {
		snprintf(seen->sent, sizeof(seen->sent), "%s", record.text);
	} else if (record.kind == RECORD_RECEIVED) {
		seen->lines++;
		seen->echoes += is_echo(record.text, seen->sent);
		seen->nmea += is_nmea(record.text);
	} else if (tells_reset(line)) {
		seen->resets++;
	}
}

/* Of the time that is left a way gets one part in so many, that others can be
 * tried; and what an address may say at least. */
#define SHARE 2
#define LEAST 100

static char *with_attribute(const char *address, const char *attribute)
{
	char *out = text_copy(address);

	out = text_append(out, strchr(address, '?') ? "&" : "?");
	return text_append(out, attribute);
}

int doctor_open(struct doctor *doctor, const char *address)
{
	char *whole = text_copy(address), limit[32];
	int result, timeout = watch_left(0) / SHARE;

	if (doctor->cli->options.timeout && !strstr(address, "timeout=")) {
		timeout = timeout < LEAST ? LEAST : timeout;
		snprintf(limit, sizeof(limit), "timeout=%d", timeout);
		text_free(whole);
		whole = with_attribute(address, limit);
	}
	doctor->evidence = (struct evidence){0};
	iotsafe_trace_set(IOTSAFE_TRACE_APDU | IOTSAFE_TRACE_AT, take_line,
			  doctor);
	watch_begin("trying the way to the card");
	result = iotsafe_card_open(whole, &doctor->cli->card);
	watch_card(doctor->cli->card);
	watch_end();
	text_free(whole);
	return result;
}

void doctor_close(struct doctor *doctor)
{
	watch_card(NULL);
	iotsafe_card_free(doctor->cli->card);
	doctor->cli->card = NULL;
}

/* The modem's own ways; those of a library that does not know one are refused
 * as an address and told by nobody. */
static const struct {
	const char *attribute, *words;
} ways[] = {
	{"interface=csim", "AT+CSIM with a logical channel"},
	{"interface=cgla", "AT+CCHO and AT+CGLA"},
	{"interface=basic", "AT+CSIM on the basic channel"},
};

#define WAYS_COUNT (sizeof(ways) / sizeof(ways[0]))

static bool has_ways(const char *address)
{
	return (!strncmp(address, "at:", 3) || !strncmp(address, "sim:", 4) ||
		!strncmp(address, "exec:", 5) ||
		!strncmp(address, "unix:", 5)) &&
	       !strstr(address, "interface=");
}

/* A SIM that is not there or busy is so by any way. */
static bool may_differ(int code)
{
	return code == IOTSAFE_ERR_MODEM || code == IOTSAFE_ERR_TIMEOUT ||
	       code == IOTSAFE_ERR_FORMAT || code == IOTSAFE_ERR_CARD ||
	       strstr(iotsafe_last_error(), "no free logical channel");
}

/* After a failure: does the modem answer at all, and does one of its ways? */
static bool reach_otherwise(struct doctor *doctor, const char *address)
{
	for (size_t i = 0; i < WAYS_COUNT && !watch_over(); i++) {
		char *other = with_attribute(address, ways[i].attribute);
		int result = doctor_open(doctor, other);
		char next[64];

		text_free(other);
		if (result < 0)
			continue;
		snprintf(next, sizeof(next), "Add %s to the address.",
			 ways[i].attribute);
		doctor_say(doctor, LEVEL_WARNING, "other-way", next,
			   "The way that is tried by itself does not work with "
			   "this modem; %s does.",
			   ways[i].words);
		return true;
	}
	return false;
}

/* A port that is silent or taken stays so. */
static bool port_answers(const struct doctor *doctor)
{
	const struct evidence *seen = &doctor->evidence;

	return seen->lines > seen->echoes && !seen->nmea &&
	       !strstr(iotsafe_last_error(), "does not answer AT commands");
}

/* Who reads beside us takes answers away; not every program locks a port. */
static void say_others(struct doctor *doctor, const char *address, int result)
{
	struct holder holders[HOLDERS_MAX];
	char path[256];

	if (strncmp(address, "at:", 3) != 0 ||
	    (result != IOTSAFE_ERR_TIMEOUT && result != IOTSAFE_ERR_FORMAT))
		return;
	snprintf(path, sizeof(path), "%s", address + 3);
	path[strcspn(path, "?")] = '\0';
	if (ports_holders("", path, holders))
		doctor_say(doctor, LEVEL_NOTE, "port-held",
			   "If it reads there, end it: two readers take each "
			   "other's answers.",
			   "The port is open in %s (%d) too.", holders[0].name,
			   holders[0].pid);
}

bool doctor_reach(struct doctor *doctor, const char *address)
{
	size_t before = doctor->count;
	int result = doctor_open(doctor, address);

	if (result >= 0)
		return true;
	doctor_reason(doctor, LEVEL_PROBLEM);
	say_others(doctor, address, result);
	if (!has_ways(address) || !may_differ(result) ||
	    !port_answers(doctor) || watch_over())
		return false;
	if (!reach_otherwise(doctor, address))
		return false;
	/* What failed is a detour, and no more a problem. */
	doctor->findings[before].level = LEVEL_NOTE;
	return true;
}

/* On the basic channel the applet takes the place of what the modem has
 * selected there, and a card that lets an applet be selected only once has no
 * other channel for it any more: tried where nothing else works. */
static bool is_intrusive(const char *attribute)
{
	return !strcmp(attribute, "interface=basic");
}

void doctor_try_ways(struct doctor *doctor, const char *address)
{
	char works[160] = "";

	if (!has_ways(address))
		return;
	for (size_t i = 0; i < WAYS_COUNT && !watch_over(); i++) {
		char *other = with_attribute(address, ways[i].attribute);
		size_t size = strlen(works);

		if ((!size || !is_intrusive(ways[i].attribute)) &&
		    doctor_open(doctor, other) >= 0)
			snprintf(works + size, sizeof(works) - size, "%s%s",
				 size ? "; " : "", ways[i].words);
		doctor_close(doctor);
		text_free(other);
	}
	if (*works)
		doctor_say(doctor, LEVEL_NOTE, "ways", NULL,
			   "Ways that work with this modem: %s.", works);
}
