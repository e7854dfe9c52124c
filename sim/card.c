// SPDX-License-Identifier: LGPL-2.1-or-later
/* Turns command bytes into response bytes: finds the command and runs it. */
#include "card_parts.h"

#include "answer.h"
#include "uicc.h"

#include <stdio.h>
#include <string.h>

#define INS_MANAGE_CHANNEL 0x70
#define INS_SELECT	   0xA4
#define INS_GET_RESPONSE   0xC0
#define INS_GET_RANDOM	   0x84
#define INS_READ_FILE	   0xB0
#define INS_GET_DATA	   0xCB
#define INS_READ_KEY	   0xCD

void card_init(struct card *card, struct personal *personal,
	       const struct quirks *quirks, struct faults *faults)
{
	memset(card, 0, sizeof(*card));
	card->personal = personal;
	card->quirks = *quirks;
	card->faults = faults;
	card->pin_tries = (unsigned int)quirk_value(quirks, QUIRK_PIN_TRIES, 3);
	channel_open(&card->channels[0]);
}

bool card_add_aid(struct card *card, enum applet_kind kind, struct view aid)
{
	static const struct applet *const applets[] = {
		[APPLET_IOTSAFE] = &iotsafe_applet,
		[APPLET_MIAS] = &mias_applet,
		[APPLET_FILES] = &files_applet,
	};

	if (card->aid_count == CARD_AIDS_MAX || aid.size == 0 ||
	    aid.size > AID_MAX)
		return false;
	card->aids[card->aid_count].applet = applets[kind];
	memcpy(card->aids[card->aid_count].bytes, aid.data, aid.size);
	card->aids[card->aid_count++].size = aid.size;
	return true;
}

void card_close(struct card *card)
{
	for (size_t i = 0; i < CARD_CHANNELS; i++)
		channel_close(card, &card->channels[i]);
}

void card_reset(struct card *card)
{
	card->pin_verified = false;
	card_close(card);
	channel_open(&card->channels[0]);
}

static const struct command_row common_rows[] = {
	{INS_MANAGE_CHANNEL, "MANAGE CHANNEL", card_manage_channel, false},
	{INS_SELECT, "SELECT", card_select, false},
	{INS_GET_RESPONSE, "GET RESPONSE", answer_get_response, false},
};

static const struct command_row *find_in(const struct command_row *rows,
					 size_t count, unsigned int ins)
{
	for (size_t i = 0; i < count; i++)
		if (rows[i].ins == ins)
			return &rows[i];
	return NULL;
}

static const struct command_row *find_row(const struct channel *channel,
					  const struct command *command)
{
	const struct applet *applet =
		channel->applet ? channel->applet : &uicc_applet;
	const struct command_row *row =
		find_in(common_rows, sizeof(common_rows) / sizeof(*common_rows),
			command->ins);

	if (row == NULL && applet->row != NULL)
		return applet->row(channel, command);
	return row ? row
		   : find_in(applet->rows, applet->row_count, command->ins);
}

/* The channel a command is for, or NULL when it is not open. */
static struct channel *channel_for(struct card *card,
				   const struct command *command)
{
	struct channel *channel = &card->channels[command->channel];

	if (!channel->open && command->channel == 1 &&
	    quirk_on(&card->quirks, QUIRK_IMPLICIT_CHANNEL))
		channel_open(channel);
	return channel->open ? channel : NULL;
}

static bool class_suits(const struct card *card, const struct channel *channel,
			const struct command *command)
{
	if (channel->applet == NULL ||
	    find_in(common_rows, sizeof(common_rows) / sizeof(*common_rows),
		    command->ins) != NULL)
		return true;
	if (channel->applet->suits != NULL)
		return channel->applet->suits(command);
	return !quirk_on(&card->quirks, command->proprietary ? QUIRK_CLASS_0X
							     : QUIRK_CLASS_8X);
}

/* Data in several commands: to all others that class is unknown. */
static bool takes_chains(const struct card *card, const struct command *command)
{
	const struct applet *applet = card->channels[command->channel].applet;

	return applet != NULL && applet->takes_chains;
}

unsigned int card_fault_ins(const struct card *card, unsigned int channel,
			    unsigned int ins)
{
	const unsigned int none = 0x100;

	return ins == INS_READ_FILE && card->channels[channel].applet == NULL
		       ? none
		       : ins;
}

static unsigned int known_as(const struct card *card,
			     const struct command *command)
{
	return card_fault_ins(card, command->channel, command->ins);
}

bool card_is_locked(const struct card *card)
{
	return quirk_on(&card->quirks, QUIRK_PIN) && !card->pin_verified;
}

uint16_t card_try_pin(struct card *card, struct view pin)
{
	char digits[12];

	snprintf(digits, sizeof(digits), "%d",
		 quirk_value(&card->quirks, QUIRK_PIN, 0));
	if (card->pin_tries == 0)
		return SW_BLOCKED;
	card->pin_verified = pin.size == strlen(digits) &&
			     memcmp(pin.data, digits, pin.size) == 0;
	card->pin_tries = card->pin_verified ? 3 : card->pin_tries - 1;
	return card->pin_verified ? SW_OK
				  : (uint16_t)(SW_TRIES | card->pin_tries);
}

/* What needs no key. */
static bool is_open_to_all(unsigned int ins)
{
	return ins == INS_GET_DATA || ins == INS_READ_FILE ||
	       ins == INS_GET_RANDOM || ins == INS_READ_KEY ||
	       find_in(common_rows, sizeof(common_rows) / sizeof(*common_rows),
		       ins) != NULL;
}

static uint16_t run(struct card *card, struct channel *channel,
		    const struct command_row *row,
		    const struct command *command, struct writer *answer)
{
	uint16_t sw;

	card->corrupt = fault_strikes(card->faults, FAULT_CORRUPT,
				      known_as(card, command), NULL);
	sw = row->run(card, channel, command, answer);
	if (row->ins == INS_GET_RESPONSE)
		return sw;
	sw = card_spoil(card, command, answer, sw);
	if (!answer_carries_data(sw))
		answer->size = 0;
	return answer_deliver(card, channel, command, answer, sw);
}

static uint16_t run_bytes(struct card *card, struct channel *channel,
			  const struct command_row *row,
			  const struct command *command, struct view bytes,
			  struct writer *answer)
{
	uint16_t sw;

	if (answer_is_again(channel, bytes))
		return answer_again(card, channel, command, answer);
	channel->turn++;
	if (command->ins != INS_GET_RESPONSE) {
		answer_forget(channel);
		channel->waiting_secret = row->secret;
	}
	sw = run(card, channel, row, command, answer);
	if ((sw & 0xFF00) == SW_WRONG_LE && channel->waiting_size > 0 &&
	    command->ins != INS_GET_RESPONSE)
		answer_expect_again(channel, bytes);
	return sw;
}

static uint16_t transact(struct card *card, struct view bytes,
			 struct writer *answer, struct card_note *note)
{
	const struct command_row *row;
	struct channel *channel;
	struct command command;
	unsigned int forced;
	uint16_t sw;

	sw = command_read(&command, bytes.data, bytes.size);
	note->channel = command.channel;
	note->secret = uicc_is_secret(command.ins);
	if (sw != SW_OK)
		return sw;
	if (command.chained && !takes_chains(card, &command))
		return SW_WRONG_CLASS;
	channel = channel_for(card, &command);
	note->secret &= channel == NULL || channel->applet == NULL;
	if (channel != NULL && command.ins == INS_GET_RESPONSE)
		note->secret = channel->waiting_secret;
	row = find_row(channel ? channel : &card->channels[0], &command);
	if (row != NULL) {
		note->name = row->name;
		note->secret |= row->secret;
	}
	if (fault_strikes(card->faults, FAULT_SW, known_as(card, &command),
			  &forced))
		return (uint16_t)forced;
	if (fault_strikes_once(card->faults, FAULT_ONCE,
			       known_as(card, &command), &forced))
		return (uint16_t)forced;
	if (channel == NULL)
		return SW_NO_CHANNEL;
	if (!class_suits(card, channel, &command))
		return SW_WRONG_CLASS;
	if (row == NULL) {
		answer_forget(channel);
		return SW_UNKNOWN_INS;
	}
	if (channel->applet == &iotsafe_applet && card_is_locked(card) &&
	    !is_open_to_all(command.ins))
		return SW_DENIED;
	return run_bytes(card, channel, row, &command, bytes, answer);
}

size_t card_exchange(struct card *card, const uint8_t *command, size_t size,
		     uint8_t response[CARD_RESPONSE_MAX],
		     struct card_note *note)
{
	uint8_t bytes[CARD_ANSWER_MAX];
	struct writer answer = writer_on(bytes, sizeof(bytes));
	struct card_note unused;
	uint16_t sw = SW_WRONG_LENGTH;

	note = note ? note : &unused;
	*note = (struct card_note){.name = "unknown"};
	card->signed_now = false;
	if (card->replay != NULL)
		return replay_exchange(card->replay, view_of(command, size),
				       response, note);
	if (size <= CARD_COMMAND_MAX)
		sw = transact(card, view_of(command, size), &answer, note);
	note->signature = card->signed_now;
	memcpy(response, bytes, answer.size);
	OPENSSL_cleanse(bytes, answer.size);
	response[answer.size] = (uint8_t)(sw >> 8);
	response[answer.size + 1] = (uint8_t)sw;
	return answer.size + 2;
}
