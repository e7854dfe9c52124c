// SPDX-License-Identifier: LGPL-2.1-or-later
/* Turns rules of faults into what goes wrong between the line and the card. */
#include "strike.h"

#include <ctype.h>
#include <string.h>

void strike_restart(struct modem *modem)
{
	card_reset(modem->card);
	modem->opened = 0;
	modem->echo = true;
	modem->cmee = 0;
	modem->awake = modem->locked = false;
	modem->restarted = true;
}

/* What happens to the card between two commands. */
static void strike_card(struct modem *modem, unsigned int ins,
			unsigned int channel)
{
	if (fault_strikes(modem->faults, FAULT_CARD_RESET, ins, NULL))
		card_reset(modem->card);
	if (fault_strikes(modem->faults, FAULT_CHANNEL_LOST, ins, NULL))
		card_lose_channel(modem->card, channel);
	if (fault_strikes_once(modem->faults, FAULT_SWAP, ins, NULL)) {
		personal_swap(modem->card->personal);
		card_reset(modem->card);
	}
	if (!fault_strikes(modem->faults, FAULT_PULL, ins, NULL))
		return;
	card_reset(modem->card);
	modem->pulled = true;
}

int strike_before(struct modem *modem, unsigned int ins, unsigned int channel)
{
	unsigned int value;

	strike_card(modem, ins, channel);
	if (modem->pulled)
		return CME_NO_SIM;
	if (fault_strikes(modem->faults, FAULT_DIE, ins, NULL)) {
		modem->dead = true;
		return AT_SILENT;
	}
	if (fault_strikes_once(modem->faults, FAULT_UNPLUG, ins, NULL)) {
		strike_restart(modem);
		modem->restarted = false;
		modem->unplugged = true;
		return AT_SILENT;
	}
	if (fault_strikes(modem->faults, FAULT_MODEM_RESET, ins, NULL)) {
		strike_restart(modem);
		return AT_SILENT;
	}
	if (fault_strikes(modem->faults, FAULT_SILENCE, ins, NULL))
		return AT_SILENT;
	if (fault_strikes(modem->faults, FAULT_CME, ins, &value))
		return (int)value;
	return AT_OK;
}

static bool due(struct modem *modem, enum fault fault)
{
	unsigned int after;

	return fault_strikes(modem->faults, fault, 0, &after) &&
	       modem->exchanges == after;
}

void strike_after(struct modem *modem)
{
	if (due(modem, FAULT_RESET))
		card_reset(modem->card);
	if (due(modem, FAULT_RESTART))
		strike_restart(modem);
}

/* The longest row of hex digits behind the name of the answer's line. */
static char *payload(struct reply *reply, size_t *size)
{
	char *at = memchr(reply->text, ':', reply->final_at);
	const char *end = reply->text + reply->final_at;
	char *longest = NULL;

	for (*size = 0; at != NULL && at < end; at++) {
		char *first = at;

		while (at < end && isxdigit((unsigned char)*at))
			at++;
		if ((size_t)(at - first) <= *size)
			continue;
		longest = first;
		*size = (size_t)(at - first);
	}
	return longest;
}

static char other_digit(char digit)
{
	if (isdigit((unsigned char)digit))
		return (char)(digit ^ 1);
	return toupper((unsigned char)digit) == 'F' ? 'E' : (char)(digit + 1);
}

static void strike_digits(struct modem *modem, unsigned int ins, char *digits,
			  size_t size)
{
	if (fault_strikes(modem->faults, FAULT_DIGIT, ins, NULL))
		digits[size / 2] = other_digit(digits[size / 2]);
	if (!fault_strikes(modem->faults, FAULT_GARBLE, ins, NULL))
		return;
	for (size_t i = size < 4 ? size - 1 : 3; i < size; i += 4)
		digits[i] = '#';
}

void strike_reply(struct modem *modem, unsigned int ins, struct reply *reply)
{
	size_t size;
	char *digits = payload(reply, &size);

	if (digits != NULL)
		strike_digits(modem, ins, digits, size);
	if (fault_strikes(modem->faults, FAULT_HALF, ins, NULL)) {
		reply->final_at /= 2;
		reply->size = reply->final_at;
	}
	if (fault_strikes(modem->faults, FAULT_STORM, ins, NULL))
		modem->storm = true;
}
