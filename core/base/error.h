/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The last error of a thread: recorded where a failure is first known, and
 * only there. Callers above pass the code on. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <iotsafe/iotsafe.h>
#include "base/module.h"

#define ERROR_TEXT_SIZE 512

struct error {
	int code;
	unsigned status;
	char text[ERROR_TEXT_SIZE];
};

/* Records code and sentence; gives the code back, so that reporting and
 * returning are one statement. Control characters become spaces. */
int error_set(int code, const char *format, ...) FOR_MODULES(error_set)
	__attribute__((format(printf, 2, 3)));

/* The same with a status word of the card. */
int error_set_status(int code, unsigned status, const char *format, ...)
	FOR_MODULES(error_set_status) __attribute__((format(printf, 3, 4)));

/* The same for a failed system call: adds strerror(number). */
int error_set_errno(int code, int number, const char *format, ...)
	FOR_MODULES(error_set_errno) __attribute__((format(printf, 3, 4)));

/* Records, and gives, IOTSAFE_ERR_MEMORY for what there is no memory for. */
int error_no_memory(const char *what);

/* Records, and gives, IOTSAFE_ERR_ARG for a call that left out what it must
 * have. */
int error_null(const char *what);

/* Adds to the sentence: the one place above that knows the object. */
void error_append(const char *format, ...) FOR_MODULES(error_append)
	__attribute__((format(printf, 1, 2)));

/* Puts words in front of the sentence: the operation under way. */
void error_prepend(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

/* Carries an error over clean-up, or to another thread. */
void error_save(struct error *error) FOR_MODULES(error_save);
void error_restore(const struct error *error) FOR_MODULES(error_restore);

/* Returns from the calling function with any negative result. */
#define TRY(expression)                                                        \
	do {                                                                   \
		int try_result_ = (expression);                                \
		if (try_result_ < 0)                                           \
			return try_result_;                                    \
	} while (0)

#endif
