// SPDX-License-Identifier: LGPL-2.1-or-later
/* Turns options into terms of the link model, and names into whole links. */
#include "timing_option.h"

#include "bytes.h"
#include "problem.h"

#include <stdlib.h>
#include <string.h>

/* ---- links with a name ---- */

/* Cards that need 60 and 200 ms for a signature, of INIT and UPDATE. Estimates:
 * nobody has published a measurement. */
#define CARD_60                                                                \
	"card-ms=5 card-ms=channel:5 card-ms=select:10 card-ms=list:8 "        \
	"card-ms=read:8 card-ms=public-key:10 card-ms=init:5 card-ms=sign:55 " \
	"card-ms=fetch:0 card-ms=random:10 card-ms=keygen:150 "                \
	"card-ms=agree:60 card-ms=verify:65 card-ms=prf:30 card-ms=hkdf:30"
#define CARD_200                                                               \
	"card-ms=15 card-ms=channel:15 card-ms=select:30 card-ms=list:20 "     \
	"card-ms=read:20 card-ms=public-key:30 card-ms=init:20 "               \
	"card-ms=sign:180 card-ms=fetch:0 card-ms=random:30 "                  \
	"card-ms=keygen:600 card-ms=agree:220 card-ms=verify:240 "             \
	"card-ms=prf:90 card-ms=hkdf:90"

static const struct {
	const char *name;
	const char *terms;   /* options of ours */
	const char *network; /* for benchmarks/relay: not this program's */
} links[] = {
	{"usb", "baud=0 modem-ms=4 gap-ms=0 ta1=96 clock-mhz=4 " CARD_60,
	 "delay-ms=25 loss=0"},
	{"hat", "baud=115200 modem-ms=15 gap-ms=0 ta1=96 clock-mhz=4 " CARD_60,
	 "delay-ms=25 loss=0"},
	{"slow",
	 "baud=9600 modem-ms=15 gap-ms=15 ta1=11 clock-mhz=3.5712 " CARD_200,
	 "delay-ms=25 loss=0"},
	{"nbiot",
	 "baud=115200 modem-ms=15 gap-ms=0 ta1=96 clock-mhz=4 " CARD_60,
	 "delay-ms=500 loss=2"},
};
#define LINKS (sizeof(links) / sizeof(links[0]))

static bool set_link(struct timing *timing, const char *terms)
{
	char text[512], *rest = text, *word;
	bool good = true;

	snprintf(text, sizeof(text), "%s", terms);
	while (good && (word = strsep(&rest, " ")) != NULL) {
		char *value = strchr(word, '=');

		*value++ = '\0';
		good = timing_option(timing, word, value);
	}
	return good;
}

static bool read_link(struct timing *timing, const char *name)
{
	for (size_t i = 0; i < LINKS; i++)
		if (strcmp(links[i].name, name) == 0)
			return set_link(timing, links[i].terms);
	return problem("no link \"%s\" (see: iotsafe-sim links)", name);
}

/* ---- one term ---- */

static const struct {
	const char *name;
	uint8_t ins;
} commands[] = {
	{"init", 0x2A},	   {"sign", 0x2B},	 {"verify", 0x2D},
	{"agree", 0x46},   {"prf", 0x48},	 {"hkdf", 0x4A},
	{"channel", 0x70}, {"random", 0x84},	 {"select", 0xA4},
	{"read", 0xB0},	   {"keygen", 0xB9},	 {"fetch", 0xC0},
	{"list", 0xCB},	   {"public-key", 0xCD},
};

static bool read_number(const char *text, double most, double *number)
{
	char *end;

	*number = strtod(text, &end);
	return end != text && *end == '\0' && *number >= 0 && *number <= most;
}

static bool read_time(const char *option, const char *text, double unit_ns,
		      uint64_t *ns)
{
	double number;

	if (!read_number(text, 3600000, &number))
		return problem("--%s: \"%s\" is not a time", option, text);
	*ns = (uint64_t)(number * unit_ns + 0.5);
	return true;
}

static bool read_command(const char *text, size_t size, uint8_t *ins)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strlen(commands[i].name) == size &&
		    memcmp(commands[i].name, text, size) == 0) {
			*ins = commands[i].ins;
			return true;
		}
	return hex_decode(text, size, ins, 1) == 1;
}

/* N for every command, or INS:N or NAME:N for one. */
static bool read_card_time(struct timing *timing, const char *text)
{
	const char *colon = strchr(text, ':');
	uint8_t ins;

	if (colon == NULL)
		return read_time("card-ms", text, 1e6, &timing->card_ns);
	if (!read_command(text, (size_t)(colon - text), &ins))
		return problem("--card-ms: \"%s\" is not INS:N or NAME:N",
			       text);
	timing->ins[ins].set = true;
	return read_time("card-ms", colon + 1, 1e6, &timing->ins[ins].ns);
}

static bool read_baud(struct timing *timing, const char *text)
{
	double number;

	if (!read_number(text, 100e6, &number) || (number > 0 && number < 50))
		return problem("--baud: \"%s\" is not a speed", text);
	timing->baud = (unsigned int)number;
	return true;
}

static bool read_modem_time(struct timing *timing, const char *text)
{
	return read_time("modem-ms", text, 1e6, &timing->modem_ns);
}

static bool read_gap(struct timing *timing, const char *text)
{
	return read_time("gap-ms", text, 1e6, &timing->gap_ns);
}

static bool read_character(struct timing *timing, const char *text)
{
	timing->ta1 = 0;
	return read_time("char-us", text, 1e3, &timing->char_ns);
}

static void work_out(struct timing *timing)
{
	if (timing->ta1 != 0)
		timing->char_ns = timing_of_ta1(
			timing->ta1, timing->clock_mhz > 0 ? timing->clock_mhz
							   : TIMING_CLOCK_MHZ);
}

static bool read_ta1(struct timing *timing, const char *text)
{
	uint8_t ta1;

	if (hex_decode(text, strlen(text), &ta1, 1) != 1 ||
	    timing_of_ta1(ta1, 1) == 0)
		return problem("--ta1: \"%s\" is not a TA1 of ISO 7816-3",
			       text);
	timing->ta1 = ta1;
	work_out(timing);
	return true;
}

static bool read_clock(struct timing *timing, const char *text)
{
	double number;

	if (!read_number(text, 100, &number) || number < 0.1)
		return problem("--clock-mhz: \"%s\" is not a card's clock",
			       text);
	timing->clock_mhz = number;
	work_out(timing);
	return true;
}

static const struct {
	const char *name;
	bool (*read)(struct timing *timing, const char *text);
} options[] = {
	{"link", read_link},	       {"baud", read_baud},
	{"modem-ms", read_modem_time}, {"gap-ms", read_gap},
	{"char-us", read_character},   {"ta1", read_ta1},
	{"clock-mhz", read_clock},     {"card-ms", read_card_time},
};

bool timing_option(struct timing *timing, const char *name, const char *value)
{
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (strcmp(options[i].name, name) == 0)
			return options[i].read(timing, value);
	return problem("--%s is no term of the link", name);
}

/* Behind the bar what is not an option of ours, or follows from them. */
void links_print(FILE *out)
{
	for (size_t i = 0; i < LINKS; i++) {
		struct timing timing = {0};

		set_link(&timing, links[i].terms);
		fprintf(out, "%s %s | char-us=%g %s\n", links[i].name,
			links[i].terms, (double)timing.char_ns / 1000,
			links[i].network);
	}
}
