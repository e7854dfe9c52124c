/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* iotsafe-sim as a child whose faults change while it runs. What cannot go
 * wrong in a test ends the program when it does. */
#ifndef MATRIX_SIMULATOR_H
#define MATRIX_SIMULATOR_H

#include <stdio.h>
#include <sys/types.h>

struct simulator {
	pid_t pid;
	FILE *to, *from;
	char folder[64];
	char link[80]; /* its pseudo-terminal, "" in a reader */
};

/* Prints what went wrong and ends the program. */
_Noreturn void give_up(const char *what);

/* On a pseudo-terminal; or, with the port of a virtual reader (vpcd), as the
 * card in it. */
void simulator_start(struct simulator *sim, const char *reader);
/* These faults, and no others, from now on; "" heals it. */
void simulator_faults(struct simulator *sim, const char *list);
/* The number it answers to "struck" or "channels". */
int simulator_count(struct simulator *sim, const char *what);
void simulator_stop(struct simulator *sim);

#endif
