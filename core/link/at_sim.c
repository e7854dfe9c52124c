/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the modem itself does with the SIM: tells its number (3GPP TS 27.007
 * section 8.18, or a command of the maker's), takes its PIN (section 8.3).
 */
#include <stdio.h>
#include <string.h>
#include "base/error.h"
#include "link/at_error.h"
#include "link/at_link.h"
#include "link/digits.h"

/* How long it may take, in milliseconds. */
#define SILENCE 3000

#define ICCID_DIGITS ((size_t)(2 * LINK_ICCID_SIZE))

/* `144,0,"98…"`: the status word in decimal, then what was read. */
static const char *crsm_data(const char *value)
{
	const char *data = strchr(value, ',');

	if (data)
		data = strchr(data + 1, ',');
	return data ? data + 1 + strspn(data + 1, " \"") : "";
}

static bool read_crsm(const struct at_answer *answer,
		      uint8_t iccid[LINK_ICCID_SIZE])
{
	const char *data = crsm_data(answer->value);

	return strlen(data) >= ICCID_DIGITS &&
	       hex_decode(data, ICCID_DIGITS, iccid);
}

/* Manuals of u-blox, SIMCom and Sierra; Quectel; Fibocom; Huawei; Telit. Some
 * leave out the name in front, or use another's. */
static bool read_maker(const struct at_answer *answer,
		       uint8_t iccid[LINK_ICCID_SIZE])
{
	return digits_to_iccid(answer->value, iccid) ||
	       digits_to_iccid(answer->bare, iccid);
}

static const struct {
	const char *line, *name, *wanted;
	bool (*read)(const struct at_answer *answer,
		     uint8_t iccid[LINK_ICCID_SIZE]);
} commands[] = {
	/* READ BINARY of file 2FE2, ten bytes. */
	{"AT+CRSM=176,12258,0,0,10\r", "AT+CRSM", "+CRSM", read_crsm},
	{"AT+CCID\r", "AT+CCID", "+CCID", read_maker},
	{"AT+QCCID\r", "AT+QCCID", "+QCCID", read_maker},
	{"AT+ICCID\r", "AT+ICCID", "+ICCID", read_maker},
	{"AT^ICCID?\r", "AT^ICCID?", "^ICCID", read_maker},
	{"AT#CCID\r", "AT#CCID", "#CCID", read_maker},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* _MODEM: refused, or the answer is no number. _FORMAT: OK and nothing else, as
 * of a modem that says so to everything. */
static int ask_number(struct at_modem *modem, unsigned command,
		      uint8_t iccid[LINK_ICCID_SIZE],
		      const struct deadline *deadline)
{
	const char *name = commands[command].name;
	struct at_answer answer;

	TRY(at_modem_command(modem, commands[command].line, name,
			     commands[command].wanted, &answer, deadline));
	if (answer.final == AT_ERROR)
		return at_error_record(answer.words, modem->stream.name, name);
	if (commands[command].read(&answer, iccid))
		return IOTSAFE_OK;
	return error_set(*answer.value || *answer.bare ? IOTSAFE_ERR_MODEM
						       : IOTSAFE_ERR_FORMAT,
			 "%s: %s: no ICCID in %.40s", modem->stream.name, name,
			 answer.value);
}

/* Whichever command has told it once is the one that tells it: a modem does
 * not lose one with the card. */
int at_link_iccid(struct link *link, uint8_t iccid[LINK_ICCID_SIZE],
		  const struct deadline *deadline)
{
	struct deadline end = deadline_within(deadline, SILENCE);
	struct at_modem *modem = link->self;
	unsigned command = link->has_iccid ? modem->iccid_command : 0;
	unsigned last = link->has_iccid ? command : COMMANDS - 1;
	int result = ask_number(modem, command, iccid, &end);

	while (result == IOTSAFE_ERR_MODEM && modem->up && command < last)
		result = ask_number(modem, ++command, iccid, &end);
	link->restarted |= !modem->up;
	/* A modem that does not know the command may say nothing at all. */
	if (result == IOTSAFE_ERR_TIMEOUT && !deadline_passed(deadline))
		return IOTSAFE_ERR_MODEM;
	if (result >= 0)
		modem->iccid_command = command;
	return result;
}

static bool is_state(const char *value, const char *state)
{
	value += strspn(value, " \"");
	return !strncmp(value, state, strlen(state)) &&
	       !value[strlen(state) + strspn(value + strlen(state), " \"")];
}

/* AT+CPIN= answers whatever the modem waits for: the SIM's PUK, or a code that
 * locks the modem itself, which has tries of its own. False, with the error
 * recorded, or IOTSAFE_OK where nothing is wanted any more. */
static bool wants_pin(struct at_modem *modem, int *result,
		      const struct deadline *deadline)
{
	static const char name[] = "AT+CPIN?";
	struct at_answer answer;

	*result = at_modem_command(modem, "AT+CPIN?\r", name, "+CPIN", &answer,
				   deadline);
	if (*result < 0)
		return false;
	if (answer.final == AT_ERROR) {
		*result =
			at_error_record(answer.words, modem->stream.name, name);
		return false;
	}
	if (is_state(answer.value, "SIM PIN"))
		return true;
	if (!is_state(answer.value, "READY"))
		*result = error_set(IOTSAFE_ERR_PIN,
				    "%s: the modem does not wait for the SIM's "
				    "PIN (%s: %.40s): none is sent",
				    modem->stream.name, name, answer.value);
	return false;
}

int at_link_unlock(struct link *link, const char *pin,
		   const struct deadline *deadline)
{
	static const char name[] = "AT+CPIN";
	struct at_modem *modem = link->self;
	struct at_answer answer;
	char line[32];
	int result;

	if (!wants_pin(modem, &result, deadline))
		return result;
	snprintf(line, sizeof(line), "AT+CPIN=\"%s\"\r", pin);
	result = at_modem_command(modem, line, name, NULL, &answer, deadline);
	if (result >= 0 && answer.final == AT_ERROR)
		result = error_set(IOTSAFE_ERR_PIN,
				   "%s: %s: the PIN was refused (modem "
				   "answered %.80s)",
				   modem->stream.name, name, answer.words);
	bytes_wipe(line, sizeof(line));
	bytes_wipe(&answer, sizeof(answer));
	at_modem_wipe(modem);
	return result;
}
