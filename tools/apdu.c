/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `iotsafe apdu`: commands in hexadecimal, answers with the meaning of their
 * status words.
 */
#include <stdio.h>
#include <string.h>
#include "cli.h"
#include "json.h"
#include "text.h"
#include "watch.h"

/* ETSI TS 102 221 10.2.1: header, Lc, data and Le. */
#define COMMAND_MIN 4
#define COMMAND_MAX 261

struct meaning {
	unsigned status, mask;
	const char *words;
};

/* ISO 7816-4 5.6, ETSI TS 102 221 10.2.1 and IoT.05 clause 2.5.10; the first
 * that fits. */
static const struct meaning meanings[] = {
	{0x9000, 0xFFFF, "done"},
	{0x9100, 0xFF00, "done; a proactive command waits"},
	{0x6100, 0xFF00, "done; more data waits"},
	{0x6200, 0xFF00, "warning; nothing changed"},
	{0x6300, 0xFFFF, "more data follows"},
	{0x63CF, 0xFFFF, "done; a remote administration session has ended"},
	{0x6300, 0xFF00, "warning; something changed"},
	{0x6400, 0xFF00, "failed; nothing changed"},
	{0x6500, 0xFF00, "failed; something changed"},
	{0x6700, 0xFFFF, "wrong length"},
	{0x6881, 0xFFFF, "logical channel not supported"},
	{0x6882, 0xFFFF, "secure messaging not supported"},
	{0x6981, 0xFFFF, "not for this kind of file, or beyond its end"},
	{0x6982, 0xFFFF, "security status not satisfied"},
	{0x6983, 0xFFFF, "PIN blocked"},
	{0x6984, 0xFFFF, "data invalidated; remote administration runs"},
	{0x6985, 0xFFFF, "conditions not satisfied"},
	{0x6989, 0xFFFF, "undone by remote administration, or full"},
	{0x6A80, 0xFFFF, "wrong data"},
	{0x6A81, 0xFFFF, "function not supported"},
	{0x6A82, 0xFFFF, "not found"},
	{0x6A84, 0xFFFF, "no memory"},
	{0x6A86, 0xFFFF, "wrong P1 or P2"},
	{0x6A88, 0xFFFF, "referenced data not found"},
	{0x6B00, 0xFFFF, "wrong P1 or P2, or beyond the end"},
	{0x6C00, 0xFF00, "wrong Le"},
	{0x6D00, 0xFFFF, "unknown instruction"},
	{0x6D01, 0xFFFF, "the signature does not verify"},
	{0x6E00, 0xFFFF, "unknown class"},
	{0x6F00, 0xFF00, "failed"},
	{0x9300, 0xFFFF, "the SIM toolkit is busy"},
};

static const char *words_of(unsigned status)
{
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if ((status & meanings[i].mask) == meanings[i].status)
			return meanings[i].words;
	return "unknown status word";
}

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
	json_string(json, "text", words_of(status));
	json_end(json);
}

static void print_answer(const uint8_t *data, size_t size, unsigned status)
{
	watch_end();
	for (size_t i = 0; i < size; i++)
		printf("%02X", data[i]);
	printf("%s%04X  %s\n", size ? " " : "", status, words_of(status));
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
