/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A modem on a pseudo-terminal with a card in memory behind it: for tests of
 * what needs an address. */
#ifndef SUPPORT_FAKEMODEM_H
#define SUPPORT_FAKEMODEM_H

#include <pthread.h>
#include "fakecard.h"

struct fakemodem {
	char address[64]; /* "at:/dev/pts/N" */
	struct fakecard *card;
	int master;
	int slave;   /* kept open, so that nothing hangs up */
	int stop[2]; /* a pipe; closing its end stops the thread */
	pthread_t thread;
	atomic_uint lines;
	/* Called with each line before it is answered; or NULL. */
	void (*heard)(struct fakemodem *modem, const char *line);
};

void fakemodem_start(struct fakemodem *modem, struct fakecard *card);
void fakemodem_stop(struct fakemodem *modem);

#endif
