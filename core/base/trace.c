/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lines about exchanges, to standard error or to a function of the
 * application. What is masked is decided where the line is made.
 */
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/trace.h"

/* Room for the longest APDU in hexadecimal and the words round it. */
#define LINE_SIZE 1400

static atomic_uint wanted;
static pthread_once_t environment = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static iotsafe_trace_func sink;
static void *sink_self;

static void read_environment(void)
{
	const char *what = secure_getenv("IOTSAFE_TRACE");

	if (!what)
		return;
	if (strstr(what, "apdu") || !strcmp(what, "1"))
		atomic_fetch_or(&wanted, IOTSAFE_TRACE_APDU);
	if (strstr(what, "at"))
		atomic_fetch_or(&wanted, IOTSAFE_TRACE_AT);
	if (strstr(what, "failure"))
		atomic_fetch_or(&wanted, IOTSAFE_TRACE_FAILURE);
	if (strstr(what, "all"))
		atomic_fetch_or(&wanted, IOTSAFE_TRACE_APDU | IOTSAFE_TRACE_AT);
}

bool trace_wants(unsigned what)
{
	pthread_once(&environment, read_environment);
	return (atomic_load_explicit(&wanted, memory_order_relaxed) & what) !=
	       0;
}

void trace_line(unsigned what, const char *format, ...)
{
	char line[LINE_SIZE];
	iotsafe_trace_func func;
	void *self;
	va_list args;

	if (!trace_wants(what))
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	pthread_mutex_lock(&lock);
	func = sink;
	self = sink_self;
	pthread_mutex_unlock(&lock);
	if (func)
		func(self, line);
	else
		fprintf(stderr, "iotsafe %s\n", line);
}

void iotsafe_trace_set(unsigned what, iotsafe_trace_func func, void *self)
{
	pthread_once(&environment, read_environment);
	pthread_mutex_lock(&lock);
	sink = func;
	sink_self = self;
	pthread_mutex_unlock(&lock);
	atomic_store(&wanted, what);
}

void trace_part(void)
{
	pthread_mutex_lock(&lock);
	if (sink)
		atomic_store(&wanted, 0);
	pthread_mutex_unlock(&lock);
}
