/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lock file that serial programs have looked for since UUCP (Filesystem
 * Hierarchy Standard, /var/lock): LCK..ttyUSB2, with a process's number. */
#ifndef LINK_UUCP_H
#define LINK_UUCP_H

#include <sys/types.h>

#define UUCP_PATH_MAX 96

/*
 * Makes the file for a port by its real path. 0 if it is made, or cannot be:
 * `out` is "" then. Else the number of the living process that has it; -1
 * where one is just about to take it.
 */
pid_t uucp_lock(const char *port, char out[UUCP_PATH_MAX]);

/* Removes it if it is still ours. */
void uucp_unlock(char path[UUCP_PATH_MAX]);

#endif
