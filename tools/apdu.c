/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `iotsafe apdu`: commands in hexadecimal, answers with the meaning of their
 * status words.
 */
#include <stdio.h>
#include <string.h>
#include "cli.h"
#include "json.h"
#include "status.h"
#include "text.h"
#include "watch.h"

/* ETSI TS 102 221 10.2.1: header, Lc, data and Le. */
#define COMMAND_MIN 4
#define COMMAND_MAX 261

static int take_command(struct cli *cli, const char *text, uint8_t *command,
			size_t *size)
{
	/* A space or a colon before each byte is the most there can be. */
	if (strlen(text) > 3 * COMMAND_MAX)
		return fail(cli, ERR_USAGE, "a command has at most %d bytes",
			    COMMAND_MAX);
	if (!text_unhex(text, command, size))
		return fail(cli, ERR_USAGE,
			    "\"%s\" is not made of hexadecimal bytes", text);
	if (*size < COMMAND_MIN || *size > COMMAND_MAX)
		return fail(cli, ERR_USAGE,
			    "\"%s\" has %zu bytes, a command has %d to %d",
			    text, *size, COMMAND_MIN, COMMAND_MAX);
	return 0;
}

static void put_answer(struct json *json, const uint8_t *command,
		       size_t command_size, const uint8_t *data, size_t size,
		       unsigned status)
{
	char digits[8];

	json_object(json, NULL);
	json_hex(json, "command", command, command_size);
	json_hex(json, "data", data, size);
	snprintf(digits, sizeof(digits), "%04X", status);
	json_string(json, "status", digits);
	json_string(json, "text", status_words(status));
	json_end(json);
}

static void print_answer(const uint8_t *data, size_t size, unsigned status)
{
	watch_end();
	for (size_t i = 0; i < size; i++)
		printf("%02X", data[i]);
	printf("%s%04X  %s\n", size ? " " : "", status, status_words(status));
	fflush(stdout);
}

static int show(struct cli *cli, const uint8_t *command, size_t command_size,
		const uint8_t *answer, size_t size)
{
	unsigned status;

	if (size < 2)
		return fail(cli, "ERR_FORMAT", "answer without a status word");
	size -= 2;
	status = (unsigned)(answer[size] << 8 | answer[size + 1]);
	if (cli->json)
		put_answer(cli->json, command, command_size, answer, size,
			   status);
	else
		print_answer(answer, size, status);
	return 0;
}

static int transact(struct cli *cli, const char *text)
{
	uint8_t command[2 * COMMAND_MAX], *answer;
	size_t command_size, size;
	int status;

	TRY(take_command(cli, text, command, &command_size));
	/* The command line is checked before a card is opened. */
	if (!cli->card)
		return 0;
	watch_begin("waiting for the card");
	if (iotsafe_card_transact(cli->card, command, command_size, &answer,
				  &size) < 0)
		return fail_library(cli);
	status = show(cli, command, command_size, answer, size);
	iotsafe_free(answer);
	return status;
}

static int transact_all(struct cli *cli)
{
	for (int i = 0; i < cli->options.count; i++)
		TRY(transact(cli, cli->options.arguments[i]));
	return 0;
}

int command_apdu(struct cli *cli)
{
	TRY(transact_all(cli));
	TRY(card_open(cli));
	if (cli->json)
		json_array(cli->json, "answers");
	TRY(transact_all(cli));
	if (cli->json)
		json_end(cli->json);
	return 0;
}
