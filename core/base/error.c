/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A failure becomes a code for programs, a sentence for people and a status
 * word for bug reports, in a fixed place per thread.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/error.h"
#include "base/trace.h"

static _Thread_local struct error last;

/* What cards and modems say goes into sentences: it must not be able to
 * steer a terminal or forge a line of a log. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7F)
			*text = ' ';
}

static int record(int code, unsigned status, const char *format, va_list args)
	__attribute__((format(printf, 3, 0)));

static int record(int code, unsigned status, const char *format, va_list args)
{
	last.code = code;
	last.status = status;
	vsnprintf(last.text, sizeof(last.text), format, args);
	make_printable(last.text);
	trace_line(IOTSAFE_TRACE_APDU, "error %s: %s", iotsafe_error_name(code),
		   last.text);
	return code;
}

int error_set(int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	record(code, 0, format, args);
	va_end(args);
	return code;
}

int error_set_status(int code, unsigned status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	record(code, status, format, args);
	va_end(args);
	return code;
}

int error_set_errno(int code, int number, const char *format, ...)
{
	char words[ERROR_TEXT_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	return error_set(code, "%s: %s", words, strerror(number));
}

int error_no_memory(const char *what)
{
	return error_set(IOTSAFE_ERR_MEMORY, "%s: no memory", what);
}

int error_null(const char *what)
{
	return error_set(IOTSAFE_ERR_ARG, "%s: something is NULL", what);
}

void error_append(const char *format, ...)
{
	size_t used = strlen(last.text);
	va_list args;

	va_start(args, format);
	vsnprintf(last.text + used, sizeof(last.text) - used, format, args);
	va_end(args);
	make_printable(last.text + used);
}

void error_prepend(const char *format, ...)
{
	const struct error kept = last;
	va_list args;

	va_start(args, format);
	vsnprintf(last.text, sizeof(last.text), format, args);
	va_end(args);
	make_printable(last.text);
	error_append("%s", kept.text);
}

void error_save(struct error *error)
{
	*error = last;
}

void error_restore(const struct error *error)
{
	last = *error;
}

const char *iotsafe_last_error(void)
{
	return last.text;
}

int iotsafe_last_code(void)
{
	return last.code;
}

unsigned iotsafe_last_status(void)
{
	return last.status;
}

const char *iotsafe_version(void)
{
	return IOTSAFE_VERSION;
}

const char *iotsafe_error_name(int code)
{
	static const char *const names[] = {
		[-IOTSAFE_OK] = "OK",
		[-IOTSAFE_ERR_ARG] = "ERR_ARG",
		[-IOTSAFE_ERR_MEMORY] = "ERR_MEMORY",
		[-IOTSAFE_ERR_SUPPORT] = "ERR_SUPPORT",
		[-IOTSAFE_ERR_IO] = "ERR_IO",
		[-IOTSAFE_ERR_BUSY] = "ERR_BUSY",
		[-IOTSAFE_ERR_TIMEOUT] = "ERR_TIMEOUT",
		[-IOTSAFE_ERR_CANCELLED] = "ERR_CANCELLED",
		[-IOTSAFE_ERR_MODEM] = "ERR_MODEM",
		[-IOTSAFE_ERR_CARD] = "ERR_CARD",
		[-IOTSAFE_ERR_DENIED] = "ERR_DENIED",
		[-IOTSAFE_ERR_PIN] = "ERR_PIN",
		[-IOTSAFE_ERR_ABSENT] = "ERR_ABSENT",
		[-IOTSAFE_ERR_AMBIGUOUS] = "ERR_AMBIGUOUS",
		[-IOTSAFE_ERR_FORMAT] = "ERR_FORMAT",
		[-IOTSAFE_ERR_VERIFY] = "ERR_VERIFY",
		[-IOTSAFE_ERR_UNTRUSTED] = "ERR_UNTRUSTED",
		[-IOTSAFE_ERR_TLS] = "ERR_TLS",
		[-IOTSAFE_ERR_CLOSED] = "ERR_CLOSED",
		[-IOTSAFE_WANT_READ] = "WANT_READ",
		[-IOTSAFE_WANT_WRITE] = "WANT_WRITE",
		[-IOTSAFE_WANT_CARD] = "WANT_CARD",
	};
	const char *name = NULL;

	if (code <= 0 && code > -(int)(sizeof(names) / sizeof(names[0])))
		name = names[-code];
	return name ? name : "UNKNOWN";
}
