/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_PORT_H
#define SIM_PORT_H

#include <stdbool.h>

/* Where the host talks to the modem. */
struct port {
	int in;
	int out;
	int slave;     /* kept open so that a host may come and go; or -1 */
	int watch;     /* readable when a host has closed the terminal; or -1 */
	int out_flags; /* of standard output, to be put back; or -1 */
	const char *link;
	char pts[64];
};

void port_stdio(struct port *port);
/* A pseudo-terminal in raw mode, and `link` pointing to it. */
bool port_pty(struct port *port, const char *link);
/*
 * After `watch` became readable. A host that was killed may leave the terminal
 * locked (TIOCEXCL), which on a serial port ends with its last close; here the
 * terminal stays open, so the lock is taken off.
 */
void port_host_left(struct port *port);
/* Takes the terminal away, and comes back a little later as another one behind
 * the same link. */
bool port_renew(struct port *port);
/* Takes the link away if it is still ours. */
void port_close(struct port *port);

#endif
