// SPDX-License-Identifier: LGPL-2.1-or-later
/* Turns a trace of the library (IOTSAFE_TRACE=apdu) into a card. */
#include "replay.h"

#include "card.h"
#include "problem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_SIZE 4096
#define STEPS_MAX     100000
#define SHOWN_MAX     24 /* bytes of a command in a problem */

enum { INS_CHANNEL = 0x70, INS_SELECTION = 0xA4, INS_BINARY = 0xB0 };

struct replay_step {
	unsigned int line;
	size_t command_size;
	size_t answer_size;
	unsigned int hidden; /* bytes of a secret answer, not recorded */
	bool masked;	     /* of the command only the header is recorded */
	uint8_t command[CARD_COMMAND_MAX];
	uint8_t answer[CARD_RESPONSE_MAX];
};

static bool read_answer(const char *text, struct replay_step *step)
{
	char word[2 * CARD_RESPONSE_MAX + 1];
	int size;

	step->masked = sscanf(text, "%u bytes, %4[0-9A-Fa-f] (", &step->hidden,
			      word) == 2;
	if (!step->masked)
		step->hidden = 0;
	if (!step->masked && sscanf(text, "%516[0-9A-Fa-f] (", word) != 1)
		return false;
	size = hex_decode(word, strlen(word), step->answer,
			  sizeof(step->answer));
	step->answer_size = size < 2 ? 0 : (size_t)size;
	return size >= 2;
}

/* "NAME: COMMAND -> ANSWER (TIME ms)" */
static bool read_step(const char *text, struct replay_step *step)
{
	const char *command = strstr(text, ": ");
	const char *arrow = command ? strstr(command, " -> ") : NULL;
	int size;

	if (arrow == NULL)
		return false;
	command += 2;
	size = hex_decode(command, (size_t)(arrow - command), step->command,
			  sizeof(step->command));
	step->command_size = size < 4 ? 0 : (size_t)size;
	return size >= 4 && read_answer(arrow + 4, step);
}

/* What an exchange's line says, or NULL: a trace has other lines too, and a
 * journal puts words in front of each. */
static const char *exchange_in(const char *line)
{
	const char *own = strstr(line, "iotsafe apdu ");

	if (own != NULL)
		return own + strlen("iotsafe apdu ");
	return strncmp(line, "apdu ", 5) == 0 ? line + 5 : NULL;
}

static struct replay_step *add_step(struct replay *replay)
{
	size_t count = replay->count;
	struct replay_step *steps = replay->steps;

	/* room doubles at each power of two */
	if ((count & (count - 1)) == 0)
		steps = reallocarray(steps, count ? 2 * count : 1,
				     sizeof(*steps));
	if (steps == NULL || count == STEPS_MAX)
		return NULL;
	replay->steps = steps;
	replay->count++;
	steps[count] = (struct replay_step){0};
	return &steps[count];
}

static bool read_line(struct replay *replay, const char *path, const char *line,
		      unsigned int number)
{
	const char *text = exchange_in(line);
	struct replay_step *step;

	if (text == NULL)
		return true;
	step = add_step(replay);
	if (step == NULL)
		return problem("%s: line %u: no room for more", path, number);
	step->line = number;
	if (!read_step(text, step))
		return problem("%s: line %u is no exchange", path, number);
	replay->has_channels |= step->command[1] == INS_CHANNEL;
	return true;
}

static bool read_lines(struct replay *replay, const char *path, FILE *file)
{
	char line[LINE_MAX_SIZE];
	unsigned int number = 0;

	while (fgets(line, sizeof(line), file) != NULL) {
		if (strchr(line, '\n') == NULL && !feof(file))
			return problem("%s: line %u is too long", path,
				       number + 1);
		if (!read_line(replay, path, line, ++number))
			return false;
	}
	if (ferror(file))
		return problem("%s: %s", path, strerror(errno));
	return replay->count > 0 ||
	       problem("%s has no exchange: record with IOTSAFE_TRACE=apdu",
		       path);
}

bool replay_open(struct replay *replay, const char *path)
{
	FILE *file = fopen(path, "re");
	bool good;

	*replay = (struct replay){0};
	if (file == NULL)
		return problem("%s: %s", path, strerror(errno));
	good = read_lines(replay, path, file);
	fclose(file);
	if (!good)
		replay_close(replay);
	return good;
}

void replay_close(struct replay *replay)
{
	free(replay->steps);
	*replay = (struct replay){0};
}

/* ETSI TS 102 221 10.1.1: the class without the channel. */
static unsigned int class_of(unsigned int cla)
{
	return cla & 0x40 ? cla & 0xB0U : cla & 0xFCU;
}

static bool fits(const struct replay_step *step, struct view command)
{
	size_t size = step->masked ? 4 : command.size;

	return command.size >= size && step->command_size == size &&
	       class_of(step->command[0]) == class_of(command.data[0]) &&
	       memcmp(step->command + 1, command.data + 1, size - 1) == 0;
}

static size_t word(uint8_t *response, unsigned int sw)
{
	response[0] = (uint8_t)(sw >> 8);
	response[1] = (uint8_t)sw;
	return 2;
}

/* ETSI TS 102 221 11.1.3: READ BINARY of a file by its short number. */
static bool is_binary(struct view command)
{
	return command.size == 5 && command.data[1] == INS_BINARY &&
	       (command.data[2] & 0x80) != 0;
}

/* What the recorded modem did without a word to the trace: it opened the
 * channel, and read the number of the card by AT+CRSM. */
static size_t do_unrecorded(struct view command, uint8_t *response)
{
	if (is_binary(command))
		return word(response, SW_NOT_FOUND);
	if (command.data[1] == INS_SELECTION || command.data[2] == 0x80)
		return word(response, SW_OK);
	response[0] = 1;
	return 1 + word(response + 1, SW_OK);
}

static size_t shown(size_t size)
{
	return size < SHOWN_MAX ? size : SHOWN_MAX;
}

static size_t refuse(struct replay *replay, struct view command,
		     const struct replay_step *step, uint8_t *response,
		     struct card_note *note)
{
	char due[2 * SHOWN_MAX + 1], came[2 * SHOWN_MAX + 1];

	hex_encode(step->command, shown(step->command_size), due);
	hex_encode(command.data, shown(command.size), came);
	snprintf(replay->problem, sizeof(replay->problem),
		 step->masked && fits(step, command)
			 ? "line %u of the record masks the answer to %s"
			 : "line %u of the record is %s, not %s",
		 step->line, due, came);
	problem("replay: %s", replay->problem);
	note->problem = replay->problem;
	return word(response, SW_FAILED);
}

size_t replay_exchange(struct replay *replay, struct view command,
		       uint8_t *response, struct card_note *note)
{
	const struct replay_step *step = &replay->steps[replay->at];
	uint8_t ins = command.size > 1 ? command.data[1] : 0;

	note->name = "replay";
	if (!replay->has_channels && command.size >= 4 &&
	    (ins == INS_CHANNEL || ins == INS_SELECTION || is_binary(command)))
		return do_unrecorded(command, response);
	if (!fits(step, command) || step->hidden > 0)
		return refuse(replay, command, step, response, note);
	note->secret = step->masked;
	/* behind the last one the record begins again */
	replay->at = (replay->at + 1) % replay->count;
	memcpy(response, step->answer, step->answer_size);
	return step->answer_size;
}
