// SPDX-License-Identifier: LGPL-2.1-or-later
/* What modems do with commands before the card sees them, quirk by quirk. */
#include "manner.h"

#include <string.h>

#define INS_MANAGE_CHANNEL 0x70
#define INS_SELECT	   0xA4
#define INS_GET_RESPONSE   0xC0

#define MS 1000000ULL

static bool on(const struct modem *modem, enum quirk quirk)
{
	return quirk_on(&modem->quirks, quirk);
}

static uint64_t number_of(const struct modem *modem, enum quirk quirk)
{
	return (uint64_t)quirk_value(&modem->quirks, quirk, 0);
}

bool manner_deaf(const struct modem *modem, uint64_t now)
{
	uint64_t pause = number_of(modem, QUIRK_PAUSE) * MS;
	uint64_t boot = number_of(modem, QUIRK_BOOT) * MS;

	if (now < modem->started + boot)
		return true;
	if (on(modem, QUIRK_LOSE_FIRST) && modem->lines == 0)
		return true;
	return pause > 0 && modem->answered && now < modem->free_at + pause;
}

bool manner_knows(const struct modem *modem, const char *name)
{
	if (strcmp(name, "+CSIM") == 0)
		return !on(modem, QUIRK_NO_CSIM);
	if (strcmp(name, "+CCHC") == 0 && on(modem, QUIRK_NO_CCHC))
		return false;
	return !on(modem, QUIRK_NO_CGLA);
}

int manner_test_form(const struct modem *modem, const char *name)
{
	bool is_csim = strcmp(name, "+CSIM") == 0;

	if (on(modem, QUIRK_SILENT_TEST))
		return AT_SILENT;
	if (on(modem, is_csim ? QUIRK_NO_CSIM_TEST : QUIRK_NO_CGLA_TEST))
		return CME_UNKNOWN;
	return AT_OK;
}

int manner_of_sim(struct modem *modem)
{
	uint64_t busy = number_of(modem, QUIRK_SIM_SLOW) * MS;
	uint64_t wakes = number_of(modem, QUIRK_ASLEEP);

	if (on(modem, QUIRK_ASLEEP) && !modem->awake)
		return CME_NOT_ALLOWED;
	if (on(modem, QUIRK_LOCK) && !modem->locked)
		return CME_NOT_ALLOWED;
	if (modem->line_start < modem->started + busy)
		return CME_SIM_BUSY;
	modem->commands++;
	if (wakes > 0 && modem->commands % wakes == 0)
		modem->awake = false;
	if (on(modem, QUIRK_LOSE_SOME) &&
	    modem->commands % number_of(modem, QUIRK_LOSE_SOME) == 0)
		return CME_PHONE_FAILURE;
	return AT_OK;
}

static bool is(struct text text, const char *word)
{
	return text.size == strlen(word) &&
	       memcmp(text.at, word, text.size) == 0;
}

int manner_sleep(struct modem *modem, struct text arguments)
{
	if (!on(modem, QUIRK_ASLEEP))
		return CME_UNKNOWN;
	if (!is(arguments, "0") && !is(arguments, "1"))
		return CME_BAD_PARAMETERS;
	modem->awake = is(arguments, "0");
	return AT_OK;
}

bool manner_lock(struct modem *modem, struct text arguments)
{
	if (!on(modem, QUIRK_LOCK) ||
	    (!is(arguments, "0") && !is(arguments, "1")))
		return false;
	modem->locked = is(arguments, "1");
	return true;
}

static bool is_refused(const struct modem *modem, const uint8_t *command,
		       size_t size)
{
	bool on_channel = (command[0] & 0x43) != 0;
	bool channels = on_channel || command[1] == INS_MANAGE_CHANNEL;

	if ((on(modem, QUIRK_BASIC_ONLY) && on_channel) ||
	    (on(modem, QUIRK_NO_CHANNELS) && channels))
		return true;
	if (command[1] == INS_GET_RESPONSE &&
	    (on(modem, QUIRK_FETCHES) ||
	     (on(modem, QUIRK_C0_CLASS_0X) && (command[0] & 0x80) != 0)))
		return true;
	/* for a command that only asks, the fifth byte is its Le */
	return on(modem, QUIRK_STRICT_P3) &&
	       (size < 5 || (size > 5 && command[4] != size - 5));
}

int manner_filter(struct modem *modem, const uint8_t *command, size_t size)
{
	bool first = command[1] == INS_SELECT && !modem->select_lost;

	if (is_refused(modem, command, size))
		return CME_NOT_ALLOWED;
	if (on(modem, QUIRK_LOSE_SELECT) && first) {
		modem->select_lost = true;
		return CME_PHONE_FAILURE;
	}
	if (command[1] == INS_MANAGE_CHANNEL)
		modem->select_lost = false;
	return AT_OK;
}

void manner_fetch(struct modem *modem, struct at_exchange *exchange)
{
	uint8_t piece[CARD_RESPONSE_MAX];
	uint8_t *all = exchange->response;
	size_t size = exchange->entry.response.size - 2;

	while (on(modem, QUIRK_FETCHES) && all[size] == 0x61) {
		const uint8_t get[] = {exchange->command[0], INS_GET_RESPONSE,
				       0, 0, all[size + 1]};
		struct card_note note;
		size_t more = card_exchange(modem->card, get, sizeof(get),
					    piece, &note);

		if (size + more > CARD_RESPONSE_MAX)
			break;
		memcpy(all + size, piece, more);
		size += more - 2;
		exchange->entry.card_ns +=
			timing_card(&modem->timing, get, sizeof(get), more);
	}
	exchange->entry.response = view_of(all, size + 2);
}
