// SPDX-License-Identifier: LGPL-2.1-or-later
/* Turns characters from the host into lines, and answers into timed output. */
#include "modem.h"

#include "manner.h"
#include "strike.h"

#include <ctype.h>
#include <string.h>

#define SPLIT_GAP_NS 1000000ULL

void modem_init(struct modem *modem, struct card *card, struct log *log,
		modem_emit *emit, void *context)
{
	memset(modem, 0, sizeof(*modem));
	modem->card = card;
	modem->quirks = card->quirks;
	modem->faults = card->faults;
	modem->log = log;
	modem->emit = emit;
	modem->context = context;
	modem->echo = true;
}

static uint64_t line_time(const struct modem *modem, size_t characters)
{
	return timing_line(&modem->timing, characters);
}

/* Gives out `text` in one piece, or in small ones where the modem does so. */
static uint64_t emit_pieces(struct modem *modem, uint64_t due, const char *text,
			    size_t size)
{
	size_t most = (size_t)quirk_value(&modem->quirks, QUIRK_SPLIT, 0);

	while (most > 0 && size > most) {
		modem->emit(modem->context, due, text, most);
		text += most;
		size -= most;
		due += SPLIT_GAP_NS;
	}
	if (size > 0)
		modem->emit(modem->context, due, text, size);
	return due;
}

/* The last character leaves when the whole answer has been on the line. */
static void emit_reply(struct modem *modem, uint64_t ready,
		       const struct reply *reply)
{
	uint64_t due = ready + line_time(modem, reply->size);
	int late = quirk_value(&modem->quirks, QUIRK_LATE_OK, -1);
	size_t first = late >= 0 ? reply->final_at : reply->size;

	modem->answered = true;
	modem->free_at = emit_pieces(modem, due, reply->text, first);
	if (late < 0)
		return;
	due = modem->free_at + (uint64_t)late * 1000000;
	modem->free_at = emit_pieces(modem, due, reply->text + first,
				     reply->size - first);
}

/* What nobody asked for, as many modems say it while they look for a network.
 */
static void emit_storm(struct modem *modem, uint64_t due)
{
	char line[48];

	for (int i = 0; i < 100; i++) {
		int size = snprintf(line, sizeof(line),
				    "\r\n+CREG: 2,\"%04X\",\"0190%04X\"\r\n", i,
				    257 * i);

		modem->emit(modem->context, due, line, (size_t)size);
	}
}

static bool has_lower(const char *line)
{
	while (*line != '\0')
		if (islower((unsigned char)*line++))
			return true;
	return false;
}

static void write_log(struct modem *modem, struct at_exchange *exchange,
		      const struct reply *reply)
{
	struct log_entry *entry = &exchange->entry;

	entry->modem_ns = modem->timing.modem_ns;
	entry->line_in = modem->count_in;
	entry->line_out = modem->count_out + reply->size;
	modem->count_in = 0;
	modem->count_out = 0;
	entry->line_ns = line_time(modem, modem->line_received + reply->size);
	log_write(modem->log, entry);
}

static int run_line(struct modem *modem, struct reply *reply,
		    struct at_exchange *exchange)
{
	if (modem->line_too_long)
		return CME_BAD_PARAMETERS;
	if (quirk_on(&modem->quirks, QUIRK_UPPER_ONLY) &&
	    has_lower(modem->line))
		return CME_BAD_PARAMETERS;
	return at_run(modem, modem->line + 2, reply, exchange);
}

static bool is_command(const char *line)
{
	return toupper((unsigned char)line[0]) == 'A' &&
	       toupper((unsigned char)line[1]) == 'T';
}

/* When the line now has been heard: a slow host may take longer than it. */
static uint64_t line_end(const struct modem *modem, uint64_t now)
{
	uint64_t end =
		modem->line_start + line_time(modem, modem->line_received);

	return now > end ? now : end;
}

/* What does not begin with AT is no command: V.250 5.2.1 has it ignored. */
static void end_line(struct modem *modem, uint64_t now)
{
	struct reply reply = reply_new(&modem->quirks);
	struct at_exchange exchange = {0};
	bool restarted, storm;
	uint64_t ready;
	int result;

	modem->line[modem->line_size] = '\0';
	if (!is_command(modem->line))
		return;
	result = run_line(modem, &reply, &exchange);
	if (result == AT_OK)
		reply_ok(&reply);
	else if (result >= 0)
		reply_error(&reply, (unsigned int)result, modem->cmee);
	if (exchange.done && result == AT_OK &&
	    quirk_on(&modem->quirks, QUIRK_OK_FIRST))
		reply_turn(&reply);
	if (result != AT_SILENT && quirk_on(&modem->quirks, QUIRK_URC_AFTER))
		reply_line(&reply, "+QIND: PB DONE");
	if (exchange.done)
		strike_reply(modem, exchange.ins, &reply);
	restarted = modem->restarted;
	storm = modem->storm;
	modem->restarted = modem->storm = false;
	if (restarted)
		reply_line(&reply, "RDY");
	if (exchange.done)
		write_log(modem, &exchange, &reply);
	else
		modem->count_out += reply.size;
	OPENSSL_cleanse(modem->line, sizeof(modem->line));
	OPENSSL_cleanse(exchange.command, sizeof(exchange.command));
	OPENSSL_cleanse(exchange.response, sizeof(exchange.response));
	if (result == AT_SILENT && !restarted)
		return;
	ready = line_end(modem, now) + modem->timing.modem_ns +
		exchange.entry.card_ns;
	if (storm)
		emit_storm(modem, ready);
	emit_reply(modem, ready, &reply);
	if (storm)
		emit_storm(modem, modem->free_at);
}

/* No sooner than the gap behind what was said last. */
static uint64_t line_begin(const struct modem *modem, uint64_t now)
{
	uint64_t from = modem->free_at;

	if (from > 0)
		from += modem->timing.gap_ns;
	return now > from ? now : from;
}

static void next_line(struct modem *modem)
{
	modem->line_size = 0;
	modem->line_received = 0;
	modem->line_too_long = false;
}

static void take(struct modem *modem, uint64_t now, char c)
{
	bool printable = c >= ' ' && c <= '~';

	modem->count_in++;
	if (modem->line_received++ == 0)
		modem->line_start = line_begin(modem, now);
	if (c == '\r' || c == '\n') {
		if (!modem->deaf)
			end_line(modem, now);
		modem->lines++;
		next_line(modem);
	} else if (!printable || (c == ' ' && modem->line_size == 0)) {
		return;
	} else if (modem->line_size < sizeof(modem->line) - 1) {
		modem->line[modem->line_size++] = c;
	} else {
		modem->line_too_long = true;
	}
}

static bool echoes(const struct modem *modem)
{
	return modem->echo || quirk_on(&modem->quirks, QUIRK_ECHO);
}

/* The length of what belongs to one line: up to its end, the end included. */
static size_t line_part(const char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] == '\r' || bytes[i] == '\n')
			return i + 1;
	return size;
}

static void echo(struct modem *modem, uint64_t now, const char *bytes,
		 size_t size)
{
	uint64_t start = modem->line_received ? modem->line_start
					      : line_begin(modem, now);

	if (!echoes(modem) || modem->deaf)
		return;
	modem->count_out += size;
	modem->emit(modem->context,
		    start + line_time(modem, modem->line_received + size),
		    bytes, size);
}

static void start(struct modem *modem, uint64_t now)
{
	static const char ready[] = "\r\nRDY\r\n";
	int boot = quirk_value(&modem->quirks, QUIRK_BOOT, 0);

	modem->heard = true;
	modem->started = now;
	if (boot > 0)
		modem->emit(modem->context, now + (uint64_t)boot * 1000000,
			    ready, sizeof(ready) - 1);
}

void modem_feed(struct modem *modem, uint64_t now, const char *bytes,
		size_t size)
{
	if (fault_on(modem->faults, FAULT_DEAF))
		return;
	if (!modem->heard)
		start(modem, now);
	while (size > 0 && !modem->dead) {
		size_t part = line_part(bytes, size);

		if (modem->line_received == 0)
			modem->deaf = manner_deaf(modem, now);
		echo(modem, now, bytes, part);
		for (size_t i = 0; i < part; i++)
			take(modem, now, bytes[i]);
		bytes += part;
		size -= part;
	}
}
