/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A command line becomes an answer: lines are sent, the lines that come are
 * sorted, and an answer that comes too late is never taken for the next one.
 */
#include <stdio.h>
#include <string.h>
#include "base/error.h"
#include "base/trace.h"
#include "link/at_modem.h"

/* How much of a babbling modem is thrown away before a command: it goes on
 * babbling, and only the deadline ends that. */
#define THROW_MAX 65536

/* How long an answer may be behind the OK, in milliseconds, and then an OK of
 * its own. */
#define LATE_LIMIT   1000
#define OWN_OK_LIMIT 200

static void trace(const char *mark, const char *text)
{
	char masked[AT_LINE_MAX + 64];

	if (!trace_wants(IOTSAFE_TRACE_AT))
		return;
	at_mask(text, masked, sizeof(masked));
	masked[strcspn(masked, "\r")] = '\0';
	trace_line(IOTSAFE_TRACE_AT, "%s %s", mark, masked);
}

static bool next_line(struct at_modem *modem, struct at_line *line)
{
	if (!at_lines_next(&modem->lines, &modem->unread, line))
		return false;
	trace("at<", line->text);
	at_modem_sort(modem, line);
	if (modem->seek || *modem->note)
		at_share_look(modem, line);
	return true;
}

static void received(struct at_modem *modem, int size)
{
	modem->heard = true;
	modem->heard_at = deadline_now();
	modem->counters->bytes_received += (uint64_t)size;
	modem->unread = (struct bytes){modem->buffer, (size_t)size};
}

/* What was left over from before must not stand in front of the answer. */
static int throw_away(struct at_modem *modem)
{
	struct at_line line;
	int size = 0;

	for (int thrown = 0; thrown < THROW_MAX; thrown += size) {
		while (next_line(modem, &line))
			;
		size = stream_read_now(&modem->stream, modem->buffer,
				       sizeof(modem->buffer));
		if (size <= 0)
			return size;
		received(modem, size);
	}
	return IOTSAFE_OK;
}

int at_modem_send(struct at_modem *modem, const char *line,
		  const struct deadline *deadline)
{
	size_t size = strlen(line), done;
	int result;

	if (modem->pause)
		TRY(at_modem_listen(modem, modem->pause, deadline));
	TRY(throw_away(modem));
	trace("at>", line);
	modem->heard = false;
	modem->sent_at = deadline_now();
	result = stream_write(&modem->stream, (const uint8_t *)line, size,
			      &done, deadline);
	modem->counters->bytes_sent += done;
	if (done)
		modem->line_open = done < size;
	return result;
}

int at_modem_line(struct at_modem *modem, struct at_line *line,
		  const struct deadline *deadline)
{
	int size;

	while (!next_line(modem, line)) {
		/* A modem that babbles always has something to read. */
		if (deadline_passed(deadline))
			return IOTSAFE_ERR_TIMEOUT;
		size = stream_read(&modem->stream, modem->buffer,
				   sizeof(modem->buffer), deadline);
		if (size < 0)
			return size;
		received(modem, size);
	}
	return IOTSAFE_OK;
}

int at_modem_listen(struct at_modem *modem, int milliseconds,
		    const struct deadline *deadline)
{
	struct deadline end = deadline_within(deadline, milliseconds);
	struct at_line line;
	int result;

	do
		result = at_modem_line(modem, &line, &end);
	while (result >= 0 && !deadline_passed(&end));
	return result == IOTSAFE_ERR_TIMEOUT ? IOTSAFE_OK : result;
}

/* So many times what the longest answer took, and a silent modem will not
 * answer. */
#define PATIENCE 4

/* Says where more time would have brought the answer: it was on its way, and
 * came steadily; or others took not much less. What talks of something else is
 * no answer, and an echo alone no beginning of one. */
static void advise(const struct at_modem *modem)
{
	const int64_t now = deadline_now();
	const bool coming =
		modem->heard && modem->lines.size &&
		modem->lines.text[0] == '+' &&
		now - modem->heard_at < modem->heard_at - modem->sent_at;

	if (coming)
		error_append("; more of it was coming: this line wants a "
			     "larger timeout=");
	else if (now - modem->sent_at < PATIENCE * modem->longest)
		error_append("; others took up to %lld ms: a larger timeout= "
			     "may do",
			     (long long)modem->longest);
}

/* NULL for what is recorded already. */
static const char *what_happened(const struct at_modem *modem, int result)
{
	switch (result) {
	case IOTSAFE_ERR_CANCELLED:
		return "cancelled";
	case IOTSAFE_ERR_MODEM:
		return "the modem has restarted";
	case IOTSAFE_ERR_TIMEOUT:
		if (modem->line_open)
			return "the modem took no more bytes in time";
		return modem->heard ? "the modem's answer did not end in time"
				    : "the modem did not answer in time";
	default:
		return NULL;
	}
}

int at_modem_gave_up(const struct at_modem *modem, int result, const char *name)
{
	const char *words = what_happened(modem, result);

	if (!words)
		return result;
	error_set(result, "%s: %s: %s", modem->stream.name, name, words);
	if (result == IOTSAFE_ERR_TIMEOUT && !modem->line_open)
		advise(modem);
	return result;
}

static void keep(char *out, const char *text)
{
	snprintf(out, AT_WORDS_MAX, "%s", text);
}

/* An answer with +CSIM or +CGLA to another command is an old one, perhaps to a
 * program that had the port before us. */
static bool is_old(const struct at_answer *answer, const char *line)
{
	const char *command = answer->csim.cgla ? "AT+CGLA=" : "AT+CSIM=";

	return answer->csim.state != AT_CSIM_NONE &&
	       strncmp(line, command, strlen(command)) != 0;
}

/* What was asked for has not come. */
static bool is_empty(const struct at_answer *answer, const char *wanted)
{
	return wanted && !*answer->value && !*answer->bare &&
	       answer->csim.state == AT_CSIM_NONE && !answer->csim.lost;
}

static void take_line(struct at_answer *answer, const struct at_line *line,
		      const char *wanted)
{
	const char *value = wanted ? at_value(line, wanted) : NULL;

	at_csim_take(&answer->csim, line);
	if (value)
		keep(answer->value, value);
	else if (wanted && at_is_bare(line))
		keep(answer->bare, line->text);
}

static void start_answer(struct at_answer *answer, const char *line)
{
	bytes_wipe(answer, sizeof(*answer));
	answer->csim.cgla = !strncmp(line, "AT+CGLA=", 8);
}

/* An OK without the answer: the OK was left over from before, and its own is
 * behind the answer; or the modem says OK first. */
static int take_late(struct at_modem *modem, const char *wanted,
		     struct at_answer *answer, const struct deadline *deadline)
{
	struct deadline end = deadline_within(deadline, LATE_LIMIT);
	struct at_line line;
	int result;

	for (;;) {
		result = at_modem_line(modem, &line, &end);
		if (result == IOTSAFE_ERR_TIMEOUT) {
			modem->ok_first = !is_empty(answer, wanted);
			return IOTSAFE_OK;
		}
		if (result < 0)
			return result;
		if (line.kind == AT_OK || line.kind == AT_ERROR)
			break;
		take_line(answer, &line, wanted);
		if (is_empty(answer, wanted))
			continue;
		if (modem->ok_first)
			return IOTSAFE_OK;
		end = deadline_within(deadline, OWN_OK_LIMIT);
	}
	answer->final = line.kind;
	keep(answer->words, line.text);
	return IOTSAFE_OK;
}

/* What modems say when they have started, Quectel's and SIMCom's, Cinterion's,
 * Sequans's: a command that waits will not be answered. */
static bool is_start(const struct at_line *line)
{
	static const char *const words[] = {"RDY", "^SYSSTART", "+SYSSTART"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (line->kind == AT_TEXT && !strcmp(line->text, words[i]))
			return true;
	return false;
}

/* The answer to a probe of a modem that was told, by whoever had it before, to
 * give numbers instead of words (V.250 section 6.2.6, V0): 0 is OK, 4 ERROR. To
 * other commands a number alone may be an answer. */
static void take_number(struct at_line *line, const char *sent)
{
	if (line->kind != AT_TEXT || strcmp(sent, AT_PROBE) != 0)
		return;
	if (!strcmp(line->text, AT_NUMBER_OK))
		line->kind = AT_OK;
	else if (!strcmp(line->text, AT_NUMBER_ERROR))
		line->kind = AT_ERROR;
}

/* Takes lines up to the final result code of the command `sent` last. */
static int take_answer(struct at_modem *modem, const char *sent,
		       const char *wanted, struct at_answer *answer,
		       const struct deadline *deadline)
{
	struct at_line line;

	for (;;) {
		TRY(at_modem_line(modem, &line, deadline));
		take_number(&line, sent);
		if (line.kind == AT_OK && is_old(answer, sent)) {
			start_answer(answer, sent);
			continue;
		}
		if (line.kind == AT_OK || line.kind == AT_ERROR)
			break;
		if (modem->up && is_start(&line)) {
			modem->up = false;
			return IOTSAFE_ERR_MODEM;
		}
		take_line(answer, &line, wanted);
	}
	answer->final = line.kind;
	keep(answer->words, line.text);
	if (line.kind == AT_OK && is_empty(answer, wanted))
		return take_late(modem, wanted, answer, deadline);
	return IOTSAFE_OK;
}

int at_modem_command(struct at_modem *modem, const char *line, const char *name,
		     const char *wanted, struct at_answer *answer,
		     const struct deadline *deadline)
{
	int result;

	start_answer(answer, line);
	if (!modem->in_step)
		TRY(at_modem_synchronise(modem, deadline));
	modem->in_step = false;
	result = at_modem_send(modem, line, deadline);
	if (result >= 0)
		result = take_answer(modem, line, wanted, answer, deadline);
	if (result < 0)
		return at_modem_gave_up(modem, result, name);
	modem->in_step = true;
	if (deadline_now() - modem->sent_at > modem->longest)
		modem->longest = deadline_now() - modem->sent_at;
	return IOTSAFE_OK;
}

void at_modem_wipe(struct at_modem *modem)
{
	if (modem->unread.data)
		bytes_wipe(modem->buffer,
			   (size_t)(modem->unread.data - modem->buffer));
}
