/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The lines that an address brings for its modem (init=, exit=) become
 * commands: what wakes a sleeping SIM interface, or locks it and gives it back.
 * A semicolon before AT begins another line; other semicolons are the
 * modem's own (V.250 section 5.2.1).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/error.h"
#include "link/at_init.h"

#define LINE_MAX_SIZE 200

/* A modem that is left must not hold up who leaves. */
#define EXIT_LIMIT 1000

static size_t line_size(const char *text)
{
	size_t size = 0;

	while (text[size] && strncasecmp(text + size, ";AT", 3) != 0)
		size++;
	return size;
}

static bool is_line(const char *text, size_t size)
{
	if (size >= LINE_MAX_SIZE || strncasecmp(text, "AT", 2) != 0)
		return false;
	for (size_t i = 0; i < size; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	return true;
}

static int copy(const struct address *address, const char *name, char **out)
{
	const char *text = address_get(address, name);

	if (!text)
		return IOTSAFE_OK;
	for (const char *at = text; at; at = strchr(at, ';')) {
		at += *at == ';';
		if (!is_line(at, line_size(at)))
			return error_set(IOTSAFE_ERR_ARG,
					 "address: %s=%.60s is no AT command",
					 name, at);
		at += line_size(at);
	}
	*out = strdup(text);
	return *out ? IOTSAFE_OK : error_no_memory(name);
}

int at_init_read(struct at_modem *modem, const struct address *address)
{
	TRY(copy(address, "init", &modem->init));
	return copy(address, "exit", &modem->exit);
}

/* The line may be the one with the PIN. */
static int refused(const struct at_modem *modem, const struct at_answer *answer,
		   char *line)
{
	char masked[LINE_MAX_SIZE + 64];

	line[strcspn(line, "\r")] = '\0';
	at_mask(line, masked, sizeof(masked));
	return error_set(IOTSAFE_ERR_MODEM, "%s: modem answered %s to %s",
			 modem->stream.name, answer->words, masked);
}

static int say(struct at_modem *modem, const char *text,
	       const struct deadline *deadline)
{
	char line[LINE_MAX_SIZE + 1];
	struct at_answer answer;
	size_t size;

	for (; *text; text += size + (text[size] == ';')) {
		size = line_size(text);
		snprintf(line, sizeof(line), "%.*s\r", (int)size, text);
		TRY(at_modem_command(modem, line, "init", NULL, &answer,
				     deadline));
		if (answer.final == AT_ERROR)
			return refused(modem, &answer, line);
	}
	return IOTSAFE_OK;
}

int at_init_say(struct at_modem *modem, const struct deadline *deadline)
{
	return modem->init ? say(modem, modem->init, deadline) : IOTSAFE_OK;
}

void at_init_leave(struct at_modem *modem)
{
	struct deadline deadline = deadline_in(EXIT_LIMIT, -1);
	struct error kept;

	error_save(&kept);
	/* Otherwise nobody may be there any more. */
	if (modem->exit && modem->in_step && modem->stream.kind)
		say(modem, modem->exit, &deadline);
	error_restore(&kept);
}

void at_init_end(struct at_modem *modem)
{
	at_init_leave(modem);
	free(modem->init);
	free(modem->exit);
}
