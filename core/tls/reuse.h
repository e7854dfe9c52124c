/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sessions of a card that resume one another by themselves. */
#ifndef TLS_REUSE_H
#define TLS_REUSE_H

#include "tls/session.h"

/* Takes a session to offer, where one is kept and the caller gave none. */
int reuse_offer(struct iotsafe_tls *tls);
/* Keeps this session for the next, once there is something to resume it by. */
void reuse_keep(struct iotsafe_tls *tls);
/* The session broke: it is not resumed, nor are others with this server. */
void reuse_forget(struct iotsafe_tls *tls);

#endif
