/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `iotsafe with`: this process becomes another program that knows the names
 * `iotsafe:`. Its statuses are those of env(1), for scripts that know that.
 */
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli.h"
#include "program.h"

#define STATUS_FAILED	  125
#define STATUS_NOT_RUN	  126
#define STATUS_NOT_THERE  127
#define PRELOADED_LIBRARY "libiotsafe-preload.so"

/* Beside the library's modules, wherever that lies. */
static bool find_library(char path[PATH_MAX])
{
	static const char *const folders[] = {"/iotsafe", ""};
	char real[PATH_MAX], *slash;
	Dl_info library;

	if (!dladdr(dlsym(RTLD_DEFAULT, "iotsafe_version"), &library) ||
	    !realpath(library.dli_fname, real))
		return false;
	slash = strrchr(real, '/');
	for (size_t i = 0; slash && i < 2; i++) {
		snprintf(path, PATH_MAX, "%.*s%s/" PRELOADED_LIBRARY,
			 (int)(slash - real), real, folders[i]);
		if (!access(path, R_OK))
			return true;
	}
	return false;
}

/* In front of what LD_PRELOAD has already. */
static int preload(struct cli *cli)
{
	const char *before = getenv("LD_PRELOAD");
	char path[PATH_MAX], *value;
	int result;

	if (!find_library(path)) {
		fail(cli, "ERR_SUPPORT",
		     "with: iotsafe/" PRELOADED_LIBRARY " is not there beside "
		     "libiotsafe.so");
		return STATUS_FAILED;
	}
	/* The loader splits at both, and knows no quotes. */
	if (strpbrk(path, " :")) {
		fail(cli, "ERR_SUPPORT",
		     "with: %s cannot be preloaded: a blank or colon is in its "
		     "name",
		     path);
		return STATUS_FAILED;
	}
	if (asprintf(&value, "%s%s%s", path, before && *before ? ":" : "",
		     before ? before : "") < 0)
		return STATUS_FAILED;
	result = setenv("LD_PRELOAD", value, 1);
	free(value);
	return result ? STATUS_FAILED : 0;
}

/* curl loads GnuTLS too, for what libcurl knows besides HTTPS: Debian's
 * libcurl.so is OpenSSL's, and libcurl-gnutls.so is another name. */
static bool uses_openssl(const char *path)
{
	return program_loads(path, "libssl.so") &&
	       (program_loads(path, "libcurl.so") ||
		!program_loads(path, "libgnutls.so"));
}

/* Said where it is easily told; what a script starts is not known here. */
static int check_program(struct cli *cli, const char *name, const char *path)
{
	enum program_kind kind = program_kind(path);

	if (program_is_privileged(path)) {
		fail(cli, ERR_USAGE,
		     "with: %s runs with another user's rights (set-uid), and "
		     "nothing is preloaded into such a program",
		     name);
		return STATUS_NOT_RUN;
	}
	if (kind == PROGRAM_STATIC) {
		fail(cli, ERR_USAGE,
		     "with: %s is linked statically, and nothing can be "
		     "preloaded into such a program",
		     name);
		return STATUS_NOT_RUN;
	}
	if (kind == PROGRAM_DYNAMIC && uses_openssl(path))
		fprintf(stderr,
			"iotsafe: %s uses OpenSSL, which does not know names "
			"like iotsafe: (but see iotsafe-pkcs11.so)\n",
			name);
	return 0;
}

static int set_environment(struct cli *cli)
{
	const struct options *options = &cli->options;

	if (options->json || options->timeout)
		return fail(cli, ERR_USAGE, "with takes no --%s",
			    options->json ? "json" : "timeout");
	if ((options->card && setenv("IOTSAFE_CARD", options->card, 1)) ||
	    (options->trace && setenv("IOTSAFE_TRACE", options->trace, 1)))
		return fail(cli, "ERR_MEMORY", "no memory");
	return preload(cli);
}

int command_with(struct cli *cli)
{
	char **words = cli->options.arguments;
	char path[PATH_MAX];
	int error;

	if (!program_find(words[0], path)) {
		error = errno;
		fail(cli, ERR_FILE, "with: %s: %s", words[0], strerror(error));
		return error == ENOENT ? STATUS_NOT_THERE : STATUS_NOT_RUN;
	}
	TRY(check_program(cli, words[0], path));
	TRY(set_environment(cli));
	signal(SIGPIPE, cli->sigpipe);
	execvp(words[0], words);
	error = errno;
	fail(cli, ERR_FILE, "with: %s: %s", words[0], strerror(error));
	return error == ENOENT ? STATUS_NOT_THERE : STATUS_NOT_RUN;
}
