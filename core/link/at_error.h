/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a modem's refusal means. Pure. */
#ifndef LINK_AT_ERROR_H
#define LINK_AT_ERROR_H

#include <stdbool.h>

/* The enum iotsafe_code for a line such as "+CME ERROR: 10", "+CME ERROR:
 * SIM busy" or "ERROR". */
int at_error_code(const char *line);

/* The same, recorded with words: `port` and `command` name the place. */
int at_error_record(const char *line, const char *port, const char *command);

/* True for "not found": of AT+CCHO that says that no such applet is there. */
bool at_error_is_not_found(const char *line);

#endif
