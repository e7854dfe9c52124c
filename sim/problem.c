// SPDX-License-Identifier: LGPL-2.1-or-later
/* Tells people what went wrong with the simulator itself. */
#include "problem.h"

#include <stdarg.h>
#include <stdio.h>

bool problem(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("iotsafe-sim: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	return false;
}
