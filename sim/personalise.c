// SPDX-License-Identifier: LGPL-2.1-or-later
/* iotsafe-sim personalise: files of a user into objects of a card's store. */
#include "personalise.h"

#include "personal.h"
#include "personalise_source.h"
#include "problem.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

enum exit_code { EXIT_GOOD, EXIT_BROKEN, EXIT_USAGE };

static const char help[] =
	"usage: iotsafe-sim personalise --store DIR [--profile NAME] OBJECT...\n"
	"\n"
	"Loads keys, certificates, files and secrets onto a card of DIR, all or none\n"
	"of them. An object takes the place of the card's own of that id, or is added.\n"
	"The profile \"blank\" has no objects of its own.\n"
	"\n"
	"OBJECT is one of these, then --id, then --label where one is wanted:\n"
	"  --key FILE         private key, PEM: P-256, brainpoolP256r1 or RSA-2048;\n"
	"                     gives the public key too\n"
	"  --certificate FILE certificate, PEM or DER\n"
	"  --file FILE        anything, up to 65535 bytes\n"
	"  --secret HEX       secret key for PRF and HKDF, 1 to 128 bytes\n"
	"  --secret-file FILE the same, the bytes of FILE\n"
	"  --cmac-key HEX     secret key for AES-128-CMAC, 16 bytes\n"
	"  --cmac-key-file FILE\n"
	"  --ca FILE          public key to verify with, of a certificate (PEM or\n"
	"                     DER) or of a public key (PEM)\n"
	"  --id HEX           1 to 20 bytes\n"
	"  --label TEXT       1 to 60 bytes; without it the card's own label stays\n"
	"\n"
	"What is loaded stands in DIR/NAME/personal; without that file the card is as\n"
	"the profile has it.\n"
	"\n"
	"exit code: 0 loaded, 1 something failed and nothing is changed, 2 wrong usage\n";

struct job {
	const char *directory;
	const struct profile *profile;
	struct loads loads; /* in the order of the command line */
	size_t cut;	    /* of a test */
	bool is_cut;
};

/* getopt's numbers: those of `sources` first. */
enum {
	OPTION_STORE = SOURCE_COUNT,
	OPTION_PROFILE,
	OPTION_ID,
	OPTION_LABEL,
	OPTION_CUT,
	OPTION_HELP,
	OPTION_COUNT
};

static struct load *last(struct job *job)
{
	return job->loads.count ? &job->loads.items[job->loads.count - 1]
				: NULL;
}

static int add_source(struct job *job, size_t index, const char *text)
{
	struct load *before = last(job), *load;

	if (before != NULL && before->id_size == 0) {
		problem("--id is missing before --%s", sources[index].option);
		return EXIT_USAGE;
	}
	if (job->loads.count == PROFILE_OBJECTS_MAX) {
		problem("more than %d objects", PROFILE_OBJECTS_MAX);
		return EXIT_USAGE;
	}
	load = &job->loads.items[job->loads.count++];
	return source_read(&sources[index], text, load) ? EXIT_GOOD
							: EXIT_BROKEN;
}

static int set_id(struct job *job, const char *text)
{
	struct load *load = last(job);
	int size;

	if (load == NULL || load->id_size != 0) {
		problem("--id stands once behind each object");
		return EXIT_USAGE;
	}
	size = hex_decode(text, strlen(text), load->id, sizeof(load->id));
	load->id_size = size > 0 ? (size_t)size : 0;
	if (size > 0)
		return EXIT_GOOD;
	problem("--id: \"%s\" is not 1 to %d bytes of hex", text, LOAD_ID_MAX);
	return EXIT_USAGE;
}

static int set_label(struct job *job, const char *text)
{
	struct load *load = last(job);
	size_t size = strlen(text);

	if (load == NULL || load->label_size != 0) {
		problem("--label stands once behind each object");
		return EXIT_USAGE;
	}
	if (size == 0 || size > sizeof(load->label)) {
		problem("--label: \"%s\" is not 1 to %d bytes", text,
			LOAD_LABEL_MAX);
		return EXIT_USAGE;
	}
	memcpy(load->label, text, size);
	load->label_size = size;
	return EXIT_GOOD;
}

static int set_profile(struct job *job, const char *name)
{
	job->profile = profile_find(name);
	if (job->profile != NULL)
		return EXIT_GOOD;
	problem("no profile \"%s\" (see: iotsafe-sim profiles)", name);
	return EXIT_USAGE;
}

/* The fault "power-cut" of the simulator, for its tests. */
static int set_fault(struct job *job, const char *text)
{
	struct faults faults = {0};
	unsigned int bytes;
	char why[128];

	if (!faults_parse(&faults, text, why, sizeof(why)) ||
	    faults.count != 1 ||
	    !fault_value(&faults, FAULT_POWER_CUT, &bytes)) {
		problem("--fault: only power-cut=N");
		return EXIT_USAGE;
	}
	job->is_cut = true;
	job->cut = bytes;
	return EXIT_GOOD;
}

static int set_option(struct job *job, int option)
{
	switch (option) {
	case OPTION_STORE:
		job->directory = optarg;
		return EXIT_GOOD;
	case OPTION_PROFILE:
		return set_profile(job, optarg);
	case OPTION_ID:
		return set_id(job, optarg);
	case OPTION_LABEL:
		return set_label(job, optarg);
	case OPTION_CUT:
		return set_fault(job, optarg);
	default:
		if (option < 0 || (size_t)option >= SOURCE_COUNT)
			return EXIT_USAGE; /* getopt has said what is wrong */
		return add_source(job, (size_t)option, optarg);
	}
}

static int check(struct job *job)
{
	const struct load *load = last(job);

	if (job->directory == NULL || load == NULL) {
		problem("--store and an object are needed (see: iotsafe-sim "
			"personalise --help)");
		return EXIT_USAGE;
	}
	if (job->profile->aid.size == 0) {
		problem("a card of profile %s has no IoT SAFE applet, whose "
			"objects these are; its keys are DIR/%s/available.pem "
			"and signing.pem",
			job->profile->name, job->profile->name);
		return EXIT_USAGE;
	}
	if (load->id_size == 0) {
		problem("--id is missing behind the last object");
		return EXIT_USAGE;
	}
	return EXIT_GOOD;
}

static void describe_options(struct option options[OPTION_COUNT + 1])
{
	static const char *const names[] = {"store", "profile", "id",
					    "label", "fault",	"help"};

	memset(options, 0, (OPTION_COUNT + 1) * sizeof(*options));
	for (int i = 0; i < OPTION_COUNT; i++) {
		size_t index = (size_t)i;

		options[i].name = index < SOURCE_COUNT
					  ? sources[index].option
					  : names[index - SOURCE_COUNT];
		options[i].has_arg =
			i == OPTION_HELP ? no_argument : required_argument;
		options[i].val = i;
	}
}

/* -1: go on; else the exit code. */
static int read_options(struct job *job, int argc, char **argv)
{
	struct option options[OPTION_COUNT + 1];
	int option;
	int code;

	describe_options(options);
	optind = 0;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == OPTION_HELP)
			return fputs(help, stdout) < 0 ? EXIT_BROKEN
						       : EXIT_GOOD;
		code = set_option(job, option);
		if (code != EXIT_GOOD)
			return code;
	}
	if (optind < argc) {
		problem("\"%s\" is no option (see: iotsafe-sim personalise "
			"--help)",
			argv[optind]);
		return EXIT_USAGE;
	}
	code = check(job);
	return code == EXIT_GOOD ? -1 : code;
}

/* The new ones over those that are there. */
static bool merge(struct loads *all, struct job *job)
{
	for (size_t i = 0; i < job->loads.count; i++) {
		if (!loads_add(all, &job->loads.items[i]))
			return problem("more than %d objects",
				       PROFILE_OBJECTS_MAX);
		job->loads.items[i].data = NULL;
	}
	return true;
}

static bool load_locked(struct job *job, struct store *store)
{
	struct loads all = {0};
	bool done;

	done = loads_read(&all, store, job->profile->name) != STORE_ERROR &&
	       merge(&all, job) && personal_takes(job->profile, &all) &&
	       loads_write(&all, store, job->profile->name);
	loads_clear(&all);
	return done;
}

static int load(struct job *job)
{
	struct store store;
	bool done;

	if (!store_open(&store, job->directory))
		return EXIT_BROKEN;
	if (job->is_cut)
		store_cut(&store, job->cut);
	done = store_lock(&store) && load_locked(job, &store);
	store_close(&store);
	return done ? EXIT_GOOD : EXIT_BROKEN;
}

int personalise(int argc, char **argv)
{
	struct job job = {.profile = profile_find("gsma")};
	int code = read_options(&job, argc, argv);

	if (code < 0)
		code = load(&job);
	loads_clear(&job.loads);
	return code;
}
