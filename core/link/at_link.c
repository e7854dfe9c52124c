/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A command APDU becomes one AT+CSIM line, or one AT+CGLA line where the modem
 * opened the channel, and the modem's answer a response APDU (3GPP TS 27.007
 * sections 8.17 and 8.43 to 8.45). What modems say instead becomes an error.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "link/at_error.h"
#include "link/at_init.h"
#include "link/at_link.h"

/* Some modems wake up at the first line and lose it. */
#define PROBES 3

/* A modem that loses a command right behind its answer is left in peace for so
 * many milliseconds (20 in u-blox's AT manuals), then for more. How long the
 * command may go unanswered shows what it does. */
#define PAUSE_FIRST  25
#define PAUSE_MAX    100
#define ANSWER_LIMIT 1000

/* A busy SIM is asked again after so many milliseconds, doubled each time. */
#define BUSY_FIRST 100
#define BUSY_MAX   1000

/* How long the modem may take to tell why it said ERROR. */
#define REASON_LIMIT 1000

/* AT+CSIM=522,"…" and CR, or AT+CGLA with a handle. */
#define CSIM_LINE_MAX (2 * LINK_COMMAND_MAX + LINK_HANDLE_MAX + 32)

static int no_modem(const struct at_modem *modem, int result)
{
	if (result != IOTSAFE_ERR_TIMEOUT)
		return result;
	if (modem->counters->bytes_received)
		return error_set(result,
				 "%s: something is there, but it does not "
				 "answer AT commands",
				 modem->stream.name);
	error_set(result, "%s: nothing answers", modem->stream.name);
	if (modem->stream.kept_baud)
		error_append(" (the port stays at %ld baud)",
			     modem->stream.kept_baud);
	return result;
}

/* Words instead of numbers: V1 is V.250's own default, and what ModemManager
 * says to every modem. */
static int want_words(struct at_modem *modem, const struct at_answer *probed,
		      const struct deadline *deadline)
{
	struct at_answer answer;

	if (strcmp(probed->words, AT_NUMBER_OK) != 0)
		return IOTSAFE_OK;
	return at_modem_command(modem, "ATV1\r", "ATV1", NULL, &answer,
				deadline);
}

/* ATE0 also asks whether a modem is there. An ERROR is an answer, but may be
 * to the remains of a line that somebody else began: asked again. */
static int probe(struct at_modem *modem, int patience,
		 const struct deadline *deadline)
{
	int left = deadline_left(deadline);
	struct at_answer answer;
	int result;

	if (left >= 0 && left < patience)
		patience = left;
	for (int i = 0; i < PROBES; i++) {
		struct deadline end =
			deadline_within(deadline, patience / PROBES);

		/* There is nothing to be in step with yet. */
		modem->in_step = true;
		result = at_modem_command(modem, AT_PROBE, "ATE0", NULL,
					  &answer, &end);
		if (result >= 0 && answer.final == AT_OK)
			result = want_words(modem, &answer, &end);
		if (result >= 0 && answer.final == AT_OK) {
			/* The answers to the others may be on their way. */
			modem->in_step = i == 0;
			return IOTSAFE_OK;
		}
		if (result < 0 && result != IOTSAFE_ERR_TIMEOUT)
			return result;
	}
	modem->in_step = false;
	return result;
}

/* Numbers instead of ERROR. A modem without them serves as well. It comes right
 * behind an answer, and can be said again: a modem that loses it so would lose
 * others, too. */
static int want_numbers(struct at_modem *modem, const struct deadline *deadline)
{
	struct at_answer answer;
	int result;

	for (;;) {
		bool last = modem->pause >= PAUSE_MAX;
		struct deadline end;

		if (!modem->in_step)
			TRY(at_modem_synchronise(modem, deadline));
		end = deadline_within(deadline, last ? -1 : ANSWER_LIMIT);
		result = at_modem_command(modem, "AT+CMEE=1\r", "AT+CMEE=1",
					  NULL, &answer, &end);
		if (result != IOTSAFE_ERR_TIMEOUT || last ||
		    deadline_passed(deadline))
			return result;
		modem->pause = modem->pause ? 2 * modem->pause : PAUSE_FIRST;
	}
}

int at_link_start(struct at_modem *modem, int patience,
		  const struct deadline *deadline)
{
	int result = probe(modem, patience, deadline);

	if (result < 0)
		return no_modem(modem, result);
	TRY(want_numbers(modem, deadline));
	TRY(at_init_say(modem, deadline));
	modem->up = true;
	return IOTSAFE_OK;
}

static int check_pin_state(const struct at_modem *modem, const char *state)
{
	const char *name = modem->stream.name;

	if (strstr(state, "NOT INSERTED") || strstr(state, "NOT READY"))
		return error_set(IOTSAFE_ERR_ABSENT,
				 "%s: no SIM in the modem (AT+CPIN?: %s)", name,
				 state);
	if (*state && !strstr(state, "READY"))
		return error_set(IOTSAFE_ERR_PIN,
				 "%s: the SIM is locked (AT+CPIN?: %s)", name,
				 state);
	return IOTSAFE_OK;
}

/* A bare ERROR tells nothing; the state of the SIM may. */
static int find_reason(struct at_modem *modem, const char *name,
		       const struct deadline *deadline)
{
	struct deadline end = deadline_within(deadline, REASON_LIMIT);
	struct at_answer answer;
	int code;

	if (at_modem_command(modem, "AT+CPIN?\r", "AT+CPIN?", "+CPIN", &answer,
			     &end) < 0)
		return IOTSAFE_OK;
	if (answer.final == AT_OK)
		return check_pin_state(modem, answer.value);
	code = at_error_code(answer.words);
	if (code == IOTSAFE_ERR_ABSENT || code == IOTSAFE_ERR_PIN)
		return at_error_record(answer.words, modem->stream.name,
				       "AT+CPIN?");
	/* Every modem knows this question; without a SIM it is refused. */
	return error_set(IOTSAFE_ERR_MODEM,
			 "%s: %s: modem answered ERROR, and to AT+CPIN? "
			 "too: is there a SIM in it?",
			 modem->stream.name, name);
}

static int refused(struct at_modem *modem, const char *name,
		   const struct at_answer *answer,
		   const struct deadline *deadline)
{
	if (!strcmp(answer->words, "ERROR"))
		TRY(find_reason(modem, name, deadline));
	return at_error_record(answer->words, modem->stream.name, name);
}

static bool is_busy(const struct at_answer *answer)
{
	return answer->final == AT_ERROR &&
	       at_error_code(answer->words) == IOTSAFE_ERR_BUSY;
}

/* The command, again and again while the SIM is busy: with "SIM busy" the
 * modem tells that the card has not seen it. One that refuses it may have
 * fallen asleep again, or restarted: what the address has for that is said once
 * more; then the command is, unless the card may have done it already. */
static int ask(struct at_modem *modem, bool once, const char *line,
	       const char *name, const char *wanted, struct at_answer *answer,
	       const struct deadline *deadline)
{
	bool said = !modem->init;
	int wait = BUSY_FIRST;
	int result;

	/* From here on an answer like that may be ours. */
	modem->seek = false;
	/* It has started anew: it echoes, and says ERROR without a number. */
	if (!modem->up)
		TRY(at_link_start(modem, deadline_left(deadline), deadline));
	for (;;) {
		TRY(at_modem_command(modem, line, name, wanted, answer,
				     deadline));
		if (answer->final == AT_ERROR && !is_busy(answer) && !said) {
			said = true;
			TRY(at_init_say(modem, deadline));
			if (!once)
				continue;
		}
		if (!is_busy(answer) || deadline_passed(deadline))
			return IOTSAFE_OK;
		result = at_modem_listen(modem, wait, deadline);
		if (result < 0)
			return at_modem_gave_up(modem, result, name);
		if (deadline_passed(deadline))
			return IOTSAFE_OK;
		wait = 2 * wait < BUSY_MAX ? 2 * wait : BUSY_MAX;
	}
}

static int judge(struct at_modem *modem, const char *name,
		 struct at_answer *answer, uint8_t *response,
		 size_t *response_size, const struct deadline *deadline)
{
	int result;

	if (answer->final == AT_ERROR)
		return refused(modem, name, answer, deadline);
	answer->csim.exact = modem->exact && !modem->miscounts;
	result = at_csim_response(&answer->csim, response, *response_size,
				  response_size);
	if (result >= 0 && answer->csim.declared == answer->csim.size)
		modem->exact = true;
	else if (result >= 0)
		modem->miscounts = true;
	if (result < 0) {
		/* Perhaps an OK that was left over: the true answer may still
		 * come. */
		modem->in_step = false;
		error_prepend("%s: ", modem->stream.name);
	}
	return result;
}

int at_link_exchange(struct link *link, const char *handle,
		     const uint8_t *command, size_t command_size,
		     uint8_t *response, size_t *response_size,
		     const struct deadline *deadline)
{
	const char *name = handle ? "AT+CGLA" : "AT+CSIM";
	const char *wanted = name + 2;
	struct at_modem *modem = link->self;
	char hex[2 * LINK_COMMAND_MAX + 1];
	struct at_answer answer;
	char line[CSIM_LINE_MAX];
	int result;

	hex_encode(command, command_size, hex);
	snprintf(line, sizeof(line), "%s=%s%s%zu,\"%s\"\r", name,
		 handle ? handle : "", handle ? "," : "", 2 * command_size,
		 hex);
	result = ask(modem, link->once, line, name, wanted, &answer, deadline);
	if (result >= 0)
		result = judge(modem, name, &answer, response, response_size,
			       deadline);
	link->restarted |= !modem->up;
	/* A PIN may be in the one, a decrypted secret in the other. */
	bytes_wipe(hex, sizeof(hex));
	bytes_wipe(line, sizeof(line));
	bytes_wipe(&answer, sizeof(answer));
	at_modem_wipe(modem);
	return result;
}

/* The handle is the modem's own text, to be sent back as it is: a number, or
 * sixteen hexadecimal digits on Sierra modems. Fibocom modems leave out the
 * name in front. */
static int take_handle(const struct at_modem *modem,
		       const struct at_answer *answer,
		       char handle[LINK_HANDLE_MAX])
{
	const char *text = *answer->value ? answer->value : answer->bare;
	size_t size = 0;

	while (text[size] > ' ' && text[size] < 0x7F &&
	       !strchr(",;", text[size]))
		size++;
	if (!size || size >= LINK_HANDLE_MAX)
		return error_set(IOTSAFE_ERR_MODEM,
				 "%s: AT+CCHO: modem answered OK without a "
				 "channel",
				 modem->stream.name);
	snprintf(handle, LINK_HANDLE_MAX, "%.*s", (int)size, text);
	return IOTSAFE_OK;
}

int at_link_channel_open(struct link *link, const uint8_t *aid, size_t aid_size,
			 char handle[LINK_HANDLE_MAX],
			 const struct deadline *deadline)
{
	struct at_modem *modem = link->self;
	struct at_answer answer;
	char hex[2 * AID_MAX + 1];
	char line[sizeof(hex) + 16];
	int result;

	hex_encode(aid, aid_size, hex);
	snprintf(line, sizeof(line), "AT+CCHO=\"%s\"\r", hex);
	result = ask(modem, false, line, "AT+CCHO", "+CCHO", &answer, deadline);
	link->restarted |= !modem->up;
	TRY(result);
	if (answer.final == AT_ERROR && at_error_is_not_found(answer.words))
		return error_set(IOTSAFE_ERR_ABSENT,
				 "%s: this SIM has no IoT SAFE applet "
				 "(AT+CCHO: modem answered %s)",
				 modem->stream.name, answer.words);
	if (answer.final == AT_ERROR)
		return refused(modem, "AT+CCHO", &answer, deadline);
	return take_handle(modem, &answer, handle);
}

/* Sierra's EM9191 is said not to have AT+CCHC: there the card is asked, on the
 * channel, to close it (ISO/IEC 7816-4 7.1.2: P2 00 is the command's own). */
static int close_channel(struct link *link, const char *handle,
			 const struct deadline *deadline)
{
	static const uint8_t close[] = {0x00, 0x70, 0x80, 0x00, 0x00};
	uint8_t response[LINK_RESPONSE_MAX];
	size_t size = sizeof(response);
	struct at_answer answer;
	char line[LINK_HANDLE_MAX + 16];

	snprintf(line, sizeof(line), "AT+CCHC=%s\r", handle);
	TRY(at_modem_command(link->self, line, "AT+CCHC", NULL, &answer,
			     deadline));
	if (answer.final == AT_OK || at_error_is_not_found(answer.words))
		return IOTSAFE_OK;
	return at_link_exchange(link, handle, close, sizeof(close), response,
				&size, deadline);
}

/* A modem that drops a command now and then must not cost a channel: all is
 * asked again, once. */
int at_link_channel_close(struct link *link, const char *handle,
			  const struct deadline *deadline)
{
	int result = close_channel(link, handle, deadline);

	if (result == IOTSAFE_ERR_MODEM && !link->restarted)
		result = close_channel(link, handle, deadline);
	return result;
}

void at_link_close(struct link *link)
{
	struct at_modem *modem = link->self;

	at_init_end(modem);
	stream_close(&modem->stream);
	link->self = NULL;
	bytes_wipe(modem, sizeof(*modem));
	free(modem);
}

void at_link_abandon(struct link *link)
{
	struct at_modem *modem = link->self;

	stream_abandon(&modem->stream);
}
