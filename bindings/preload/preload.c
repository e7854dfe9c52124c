/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Preloaded into a program on GnuTLS, teaches it names like `iotsafe:` for keys
 * and certificates, and words for what can go wrong with them. See `iotsafe
 * with`.
 */
#include <dlfcn.h>
#include <gnutls/gnutls.h>
#include <iotsafe/gnutls.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What standard error was. */
static struct stat error_output;

/* A program in the background may have something else by that number. */
static bool is_error_output(void)
{
	struct stat now;

	return error_output.st_ino && fstat(STDERR_FILENO, &now) == 0 &&
	       now.st_dev == error_output.st_dev &&
	       now.st_ino == error_output.st_ino;
}

/* Many programs know no other words than "cannot read the key". */
static void say(void *self, const char *line)
{
	(void)self;
	line += strcspn(line, " ");
	if (is_error_output())
		dprintf(STDERR_FILENO, "iotsafe:%s\n", line);
}

/* GnuTLS has no words for our numbers: "(unknown error code)". */
__attribute__((visibility("default"))) const char *gnutls_strerror(int error)
{
	static const char *(*others)(int error);
	int code = IOTSAFE_GNUTLS_CODE(error);

	if (code && code == iotsafe_last_code())
		return iotsafe_last_error();
	if (!others)
		others = (const char *(*)(int))dlsym(RTLD_NEXT,
						     "gnutls_strerror");
	return others ? others(error) : "";
}

/* GnuTLS's own constructor has run: the library that this one needs needs it.
 */
__attribute__((constructor)) static void register_names(void)
{
	if (fstat(STDERR_FILENO, &error_output) < 0)
		error_output.st_ino = 0;
	if (!getenv("IOTSAFE_TRACE"))
		iotsafe_trace_set(IOTSAFE_TRACE_FAILURE, say, NULL);
	iotsafe_gnutls_register();
}
