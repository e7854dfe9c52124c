/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The virtual reader of a real pcscd: its card, and pcscd itself, which whoever
 * runs us ends and starts (IOTSAFE_PCSCD: two descriptors, to and from them).
 */
#ifndef MATRIX_READER_H
#define MATRIX_READER_H

#include <pthread.h>
#include <stdbool.h>
#include "simulator.h"

/* A reader takes its time to see a card, and does not tell us. */
void reader_wait(const char *address);

/* Takes the card out, though it may be at a command, and puts it back. */
void reader_insert_again(struct simulator *sim, const char *address);

struct reader_loss {
	pthread_t thread;
	struct simulator *sim;
	bool killed;
};

/* From here on pcscd is killed as soon as the fault strikes; nobody else may
 * talk to the simulator until reader_lost(). That starts it again. */
void reader_lose(struct reader_loss *loss, struct simulator *sim);
void reader_lost(struct reader_loss *loss);

#endif
