// SPDX-License-Identifier: LGPL-2.1-or-later
/* iotsafe-sim pki: names in, a certificate and a key for a test server out. */
#include "pki_command.h"

#include "pki.h"
#include "problem.h"

#include <getopt.h>

enum exit_code { EXIT_GOOD, EXIT_BROKEN, EXIT_USAGE };

#define NAMES_MAX 32

static int make_server(const char *directory, const char *const *names,
		       size_t count)
{
	static const char *const usual[] = {"localhost", "127.0.0.1", "::1"};
	struct store store;
	bool done;

	if (!store_open(&store, directory))
		return EXIT_BROKEN;
	done = count > 0 ? pki_make_server(&store, names, count)
			 : pki_make_server(&store, usual, 3);
	store_close(&store);
	return done ? EXIT_GOOD : EXIT_BROKEN;
}

int pki_command(int argc, char **argv)
{
	static const struct option options[] = {
		{"store", required_argument, NULL, 'd'},
		{"name", required_argument, NULL, 'n'},
		{NULL, 0, NULL, 0},
	};
	const char *names[NAMES_MAX];
	const char *directory = NULL;
	size_t count = 0;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'd')
			directory = optarg;
		else if (option == 'n' && count < NAMES_MAX)
			names[count++] = optarg;
		else
			return EXIT_USAGE;
	}
	if (directory == NULL || optind < argc) {
		problem("usage: iotsafe-sim pki --store DIR [--name NAME]...");
		return EXIT_USAGE;
	}
	return make_server(directory, names, count);
}
