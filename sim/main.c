// SPDX-License-Identifier: LGPL-2.1-or-later
/* iotsafe-sim: options in, a software SIM behind a software modem out. */
#include "aids.h"
#include "help.h"
#include "loop.h"
#include "personalise.h"
#include "pki_command.h"
#include "problem.h"
#include "timing_option.h"
#include "vpcd.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

enum exit_code { EXIT_GOOD, EXIT_BROKEN, EXIT_USAGE, EXIT_DIED };

struct options {
	const char *pty;
	bool stdio;
	const char *atr;
	struct vpcd vpcd; /* where it is, or NULL */
	bool control;
	const struct profile *profile;
	const char *store;
	const char *replay;
	const char *log;
	struct quirks quirks;
	struct faults faults;
	struct timing timing;
	struct aids aids;
};

static bool read_profile(struct options *options, const char *name)
{
	options->profile = profile_find(name);
	return options->profile != NULL ||
	       problem("no profile \"%s\" (see: iotsafe-sim profiles)", name);
}

static bool read_quirks(struct quirks *quirks, const char *text)
{
	char why[128];

	return quirks_parse(quirks, text, why, sizeof(why)) ||
	       problem("%s (see: iotsafe-sim quirks)", why);
}

static bool read_faults(struct faults *faults, const char *text)
{
	char why[128];

	return faults_parse(faults, text, why, sizeof(why)) ||
	       problem("%s (see: iotsafe-sim faults)", why);
}

static const struct option long_options[] = {
	{"pty", required_argument, NULL, 'p'},
	{"stdio", no_argument, NULL, 's'},
	{"control", no_argument, NULL, 'C'},
	{"vpcd", optional_argument, NULL, 'v'},
	{"atr", required_argument, NULL, 'A'},
	{"profile", required_argument, NULL, 'P'},
	{"aid", required_argument, NULL, 'a'},
	{"store", required_argument, NULL, 'd'},
	{"replay", required_argument, NULL, 'r'},
	{"quirk", required_argument, NULL, 'q'},
	{"fault", required_argument, NULL, 'f'},
	{"link", required_argument, NULL, 'L'},
	{"baud", required_argument, NULL, 't'},
	{"modem-ms", required_argument, NULL, 't'},
	{"gap-ms", required_argument, NULL, 't'},
	{"char-us", required_argument, NULL, 't'},
	{"ta1", required_argument, NULL, 't'},
	{"clock-mhz", required_argument, NULL, 't'},
	{"card-ms", required_argument, NULL, 't'},
	{"log", required_argument, NULL, 'l'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

static bool read_option(struct options *options, int option, const char *name)
{
	switch (option) {
	case 'p':
		options->pty = optarg;
		return true;
	case 's':
		options->stdio = true;
		return true;
	case 'C':
		options->control = true;
		return true;
	case 'v':
		options->vpcd.where = optarg ? optarg : VPCD_WHERE;
		return true;
	case 'A':
		options->atr = optarg;
		return true;
	case 'P':
		return read_profile(options, optarg);
	case 'a':
		return aids_read(&options->aids, optarg);
	case 'd':
		options->store = optarg;
		return true;
	case 'r':
		options->replay = optarg;
		return true;
	case 'q':
		return true; /* after the profile's own, read_manners() */
	case 'f':
		return read_faults(&options->faults, optarg);
	case 'L':
		return true; /* before the terms of it, read_link() */
	case 't':
		return timing_option(&options->timing, name, optarg);
	case 'l':
		options->log = optarg;
		return true;
	default:
		return false; /* getopt has said what is wrong */
	}
}

/* The whole link first, then single terms over it. */
static bool read_link(struct options *options, int argc, char **argv)
{
	bool good = true;
	int option;

	opterr = 0;
	while (good &&
	       (option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		if (option == 'L')
			good = timing_option(&options->timing, "link", optarg);
	opterr = 1;
	optind = 0;
	return good;
}

/* The profile's quirks first, then those of the command line over them. */
static bool read_manners(struct options *options, int argc, char **argv)
{
	int option;

	quirks_clear(&options->quirks);
	if (options->vpcd.where != NULL && vpcd_is_block(&options->vpcd) &&
	    !read_quirks(&options->quirks, "direct"))
		return false;
	if (options->profile->quirks != NULL &&
	    !read_quirks(&options->quirks, options->profile->quirks))
		return false;
	optind = 0;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		if (option == 'q' && !read_quirks(&options->quirks, optarg))
			return false;
	return true;
}

static bool check_line(struct options *options)
{
	const char *where = options->vpcd.where;

	if ((options->pty != NULL) + options->stdio + (where != NULL) > 1)
		return problem("--pty, --stdio or --vpcd, not two of them");
	if (options->control && options->pty == NULL && where == NULL)
		return problem("--control needs --pty or --vpcd");
	if (where == NULL)
		return options->atr == NULL || problem("--atr needs --vpcd");
	return vpcd_init(&options->vpcd, where,
			 options->atr ? options->atr : "t0");
}

/* -1: go on; else the exit code. */
static int read_options(struct options *options, int argc, char **argv)
{
	int option, index;

	*options = (struct options){.profile = profile_find("gsma")};
	if (!read_link(options, argc, argv))
		return EXIT_USAGE;
	while ((option = getopt_long(argc, argv, "", long_options, &index)) !=
	       -1) {
		if (option == 'h')
			return fputs(sim_help, stdout) < 0 ? EXIT_BROKEN
							   : EXIT_GOOD;
		if (option == 'V')
			return puts("iotsafe-sim " SIM_VERSION) < 0
				       ? EXIT_BROKEN
				       : EXIT_GOOD;
		if (!read_option(options, option, long_options[index].name))
			return EXIT_USAGE;
	}
	if (optind < argc) {
		problem("\"%s\" is no command (see --help)", argv[optind]);
		return EXIT_USAGE;
	}
	if (!check_line(options) ||
	    !aids_check(&options->aids, options->profile))
		return EXIT_USAGE;
	return read_manners(options, argc, argv) ? -1 : EXIT_USAGE;
}

static void emit(void *context, uint64_t due, const char *text, size_t size)
{
	outbox_put(context, due, text, size);
}

static bool open_port(struct port *port, const struct options *options)
{
	if (options->pty == NULL) {
		port_stdio(port);
		return true;
	}
	if (!port_pty(port, options->pty))
		return false;
	printf("ready %s\n", options->pty);
	return fflush(stdout) == 0;
}

/* Behind a line, until something ends it. */
static enum loop_end serve_line(struct options *options, struct modem *modem,
				struct outbox *outbox, struct control *control)
{
	enum loop_end end;
	struct port port;

	if (!open_port(&port, options))
		return LOOP_FAILED;
	end = loop_run(&port, modem, outbox, control);
	port_close(&port);
	outbox_clear(outbox);
	return end;
}

static int serve(struct options *options, struct card *card, struct log *log)
{
	struct outbox outbox = {0};
	enum loop_end end;
	struct modem modem;
	struct control on_input = {.modem = &modem};
	struct control *control = options->control ? &on_input : NULL;

	modem_init(&modem, card, log, emit, &outbox);
	modem.timing = options->timing;
	if (!loop_signals())
		return EXIT_BROKEN;
	if (options->vpcd.where != NULL)
		end = vpcd_run(&options->vpcd, &modem, control);
	else
		end = serve_line(options, &modem, &outbox, control);
	if (end == LOOP_DIED)
		return EXIT_DIED;
	return end == LOOP_STOPPED ? EXIT_GOOD : EXIT_BROKEN;
}

static int serve_card(struct options *options, struct store *store,
		      struct log *log)
{
	struct personal personal;
	struct card card;
	int code;

	if (!personal_open(&personal, options->profile, store, &options->quirks,
			   &options->faults))
		return EXIT_BROKEN;
	card_init(&card, &personal, &options->quirks, &options->faults);
	aids_add(&options->aids, options->profile, &card);
	code = serve(options, &card, log);
	card_close(&card);
	personal_close(&personal);
	return code;
}

static int serve_replay(struct options *options, struct log *log)
{
	struct replay replay;
	struct card card;
	int code;

	if (!replay_open(&replay, options->replay))
		return EXIT_BROKEN;
	card_init(&card, NULL, &options->quirks, &options->faults);
	card.replay = &replay;
	code = serve(options, &card, log);
	card_close(&card);
	replay_close(&replay);
	return code;
}

static int simulate(int argc, char **argv)
{
	struct options options;
	struct store store;
	struct log log;
	int code = read_options(&options, argc, argv);

	if (code >= 0)
		return code;
	code = EXIT_BROKEN;
	if (!store_open(&store, options.store))
		return code;
	if (log_open(&log, options.log)) {
		code = options.replay ? serve_replay(&options, &log)
				      : serve_card(&options, &store, &log);
		log_close(&log);
	}
	store_close(&store);
	return code;
}

static int print(void (*table)(FILE *out))
{
	table(stdout);
	return fflush(stdout) == 0 ? EXIT_GOOD : EXIT_BROKEN;
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";

	if (strcmp(word, "pki") == 0)
		return pki_command(argc - 1, argv + 1);
	if (strcmp(word, "personalise") == 0)
		return personalise(argc - 1, argv + 1);
	if (strcmp(word, "profiles") == 0)
		return print(profiles_print);
	if (strcmp(word, "quirks") == 0)
		return print(quirks_print);
	if (strcmp(word, "faults") == 0)
		return print(faults_print);
	if (strcmp(word, "links") == 0)
		return print(links_print);
	return simulate(argc, argv);
}
