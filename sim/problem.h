/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_PROBLEM_H
#define SIM_PROBLEM_H

#include <stdbool.h>

/* One line for people on standard error; returns false, to be returned. */
bool problem(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
