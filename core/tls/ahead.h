/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The signature of a handshake, begun while the server is waited for. */
#ifndef TLS_AHEAD_H
#define TLS_AHEAD_H

#include "tls/session.h"

/* Begins it in a thread, before the first message; nothing is begun where the
 * handshake may do without. */
void ahead_start(struct iotsafe_tls *tls);

/* Waits until it has begun: for who is about to sign. Fails where that was
 * cancelled meanwhile. */
int ahead_settle(struct job *ahead, const struct deadline *limit);

/* The handshake is over: gives back what is not in use any more. */
void ahead_release(struct job *ahead);
/* The session is: cancels it, if need be. */
void ahead_end(struct iotsafe_tls *tls);

#endif
