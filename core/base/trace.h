/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One line an exchange, to standard error or to the application. */
#ifndef BASE_TRACE_H
#define BASE_TRACE_H

#include <stdbool.h>
#include <iotsafe/iotsafe.h>
#include "base/module.h"

/* True where such lines are wanted; costs one load. */
bool trace_wants(unsigned what);

/* Writes one line, if wanted. */
void trace_line(unsigned what, const char *format, ...) FOR_MODULES(trace_line)
	__attribute__((format(printf, 2, 3)));

/* No more lines for a function of the application: the process ends, and what
 * it needs may be gone. */
void trace_part(void);

#endif
