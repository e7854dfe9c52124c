/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Back in step after a time-out, a cancel or a garbled answer: the answer to
 * the old command may still come, and must not be taken for the next one's.
 *
 * A modem answers its commands one after the other (V.250 section 5.6), so we
 * ask something whose answer looks like no other, a marker: what comes before
 * that answer is old. AT+CMEE? is answered with a line "+CMEE: n" by every
 * modem that has error codes; no card's answer and no unsolicited line look so.
 *
 * - A modem that is still at work may lose what it is sent meanwhile: the
 *   marker is repeated, in growing intervals. Then it may be answered twice;
 *   but a marker's answer is known as such also when it comes late
 *   (at_modem_sort() makes plain text of it).
 * - A modem that does not know the marker answers ERROR, which may as well be
 *   the old command's. When no marker follows, the second one is asked.
 * - A modem that knows neither has been silent after an ERROR twice by then.
 *   Nothing better can be had, and it counts as in step.
 */
#include "base/error.h"
#include "link/at_modem.h"

/* When a marker is sent again, in milliseconds; doubled each time. */
#define REPEAT_FIRST 1000
#define REPEAT_MAX   60000

/* How long after an ERROR the marker's own answer may still be on its way. */
#define GRACE 500

static const struct at_marker {
	const char *line;
	const char *name;
} markers[] = {
	{"AT+CMEE?\r", "+CMEE"},
	{"AT+CSCS?\r", "+CSCS"},
};

#define MARKERS_COUNT (sizeof(markers) / sizeof(markers[0]))

void at_modem_sort(struct at_modem *modem, struct at_line *line)
{
	if (line->kind == AT_OK && modem->marked) {
		line->kind = AT_TEXT;
		modem->answered = modem->marked;
		modem->marked = NULL;
	}
	for (size_t i = 0; i < MARKERS_COUNT; i++)
		if (line->kind == AT_TEXT && at_value(line, markers[i].name))
			modem->marked = &markers[i];
}

/* Waits for the marker's line and its OK. 0 when they came, _TIMEOUT if not;
 * `refused` tells that an ERROR came instead. */
static int await(struct at_modem *modem, const struct at_marker *marker,
		 bool *refused, const struct deadline *deadline)
{
	struct deadline end = *deadline;
	struct at_line line;

	while (modem->answered != marker) {
		TRY(at_modem_line(modem, &line, &end));
		if (line.kind == AT_ERROR) {
			*refused = true;
			end = deadline_within(deadline, GRACE);
		}
	}
	return IOTSAFE_OK;
}

/* 0: in step. _TIMEOUT with `refused`: the modem does not know the marker. */
static int ask(struct at_modem *modem, const struct at_marker *marker,
	       bool *refused, const struct deadline *deadline)
{
	int repeat = REPEAT_FIRST;
	int result;

	do {
		struct deadline end = deadline_within(deadline, repeat);

		TRY(at_modem_send(modem, marker->line, deadline));
		modem->answered = NULL;
		result = await(modem, marker, refused, &end);
		if (repeat < REPEAT_MAX)
			repeat *= 2;
	} while (result == IOTSAFE_ERR_TIMEOUT && !*refused &&
		 !deadline_passed(deadline));
	return result;
}

int at_modem_synchronise(struct at_modem *modem,
			 const struct deadline *deadline)
{
	int result = IOTSAFE_OK;

	at_share_seek(modem);
	/* Ends a command line that was written in part. */
	if (modem->line_open)
		result = at_modem_send(modem, "\r", deadline);
	for (size_t i = 0; result >= 0 && i < MARKERS_COUNT; i++) {
		bool refused = false;

		result = ask(modem, &markers[i], &refused, deadline);
		if (result >= 0)
			break;
		if (result == IOTSAFE_ERR_TIMEOUT && refused &&
		    !deadline_passed(deadline))
			result = IOTSAFE_OK;
	}
	modem->seek = false;
	if (result < 0)
		return at_modem_gave_up(modem, result, "getting back in step");
	modem->in_step = true;
	return IOTSAFE_OK;
}
