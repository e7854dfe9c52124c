/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_LOOP_H
#define SIM_LOOP_H

#include "control.h"
#include "modem.h"
#include "outbox.h"
#include "port.h"

#include <poll.h>

enum loop_end {
	LOOP_STOPPED, /* a signal, or the end of standard input */
	LOOP_DIED,    /* the fault "die" */
	LOOP_FAILED
};

/* From now on SIGTERM, SIGINT and SIGHUP end the loop, and only there. */
bool loop_signals(void);

/* The one wait: for descriptors, a time-out unless it is NULL, or the end. On a
 * signal nothing is ready. */
bool loop_poll(struct pollfd *fds, nfds_t count,
	       const struct timespec *timeout);
bool loop_stopped(void);
void loop_stop(void);

/* Serves the host until something ends it. The modem emits into `outbox`;
 * `control` NULL: nobody but the host has a say. */
enum loop_end loop_run(struct port *port, struct modem *modem,
		       struct outbox *outbox, struct control *control);

#endif
