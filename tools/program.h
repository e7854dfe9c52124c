/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What can be told of a program before it is run. */
#ifndef TOOLS_PROGRAM_H
#define TOOLS_PROGRAM_H

#include <limits.h>
#include <stdbool.h>

enum program_kind {
	/* A script, or something else that is no ELF file. */
	PROGRAM_OTHER,
	PROGRAM_DYNAMIC,
	/* Nothing can be preloaded into it. */
	PROGRAM_STATIC
};

/* Finds it as execvp(3) does; false, with errno, where that finds nothing that
 * may be run. */
bool program_find(const char *name, char path[PATH_MAX]);

/* The loader ignores preloaded libraries for those. */
bool program_is_privileged(const char *path);

enum program_kind program_kind(const char *path);

/* Whether the loader would load this library with the program. The program is
 * not run for it. */
bool program_loads(const char *path, const char *library);

#endif
