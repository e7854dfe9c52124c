/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The two things that systemd says by the environment, without its library
 * (sd_notify(3), sd_listen_fds(3)). */
#ifndef TOOLS_NOTIFY_H
#define TOOLS_NOTIFY_H

/* "READY=1", for example; nothing where nobody listens. */
void notify(const char *state);

/* How many sockets were handed over to us, from descriptor 3 on. */
#define HANDED_FIRST 3
int notify_handed(void);

#endif
