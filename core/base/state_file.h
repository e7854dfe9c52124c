/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where run-time state lies, and what it is compared with: the machine, the
 * port's node, processes. For state.c. */
#ifndef BASE_STATE_FILE_H
#define BASE_STATE_FILE_H

#include "base/state.h"

/* Sets boot, node and since. False where the port or the system is not to be
 * asked. */
bool state_here(const char *port, struct state *here);

/* When a process started, in the kernel's ticks; 0 if that is not told. */
uint64_t state_process_started(pid_t pid);

/* -1 where there is no such file, or none that is to be trusted. */
ssize_t state_file_read(const char *port, char *out, size_t room);

/* Takes the old one's place in one step, or does nothing. Gives a descriptor of
 * it, for writing at its end, or -1. */
int state_file_write(const char *port, const char *text, size_t size);

#endif
