/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of sessions share: certificates, the card, and the manner of
 * asking. */
#ifndef SUPPORT_TLSFIXTURE_H
#define SUPPORT_TLSFIXTURE_H

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include "softcard.h"
#include "tlspeer.h"

extern struct identity ca, other_ca, server, client, intermediate;
extern struct iotsafe_card card; /* client and intermediate, P-256 */

void fixture_set_up(void);
void fixture_tear_down(void);

/* Nothing of the card is still in use. (What fails in a tear-down does not
 * count: each test says this itself, most by the function below.) */
void expect_nothing_in_use(void);
/* Frees the session, waits for the peer, and that. */
void end_session(iotsafe_tls *tls, struct peer *peer);

enum protocol { TLS13 = 0, TLS12, DTLS12 };
extern const char *const versions[];

/* A server for this protocol that wants a certificate of the CA. */
struct peer_wish wish_for(enum protocol protocol);

/* A session that trusts the CA and expects "server.example". */
iotsafe_tls *new_session(enum protocol protocol, struct iotsafe_card *with);
/* The same, with the handshake done. */
iotsafe_tls *open_session(enum protocol protocol, struct peer *peer);

/* Milliseconds that a loaded machine keeps to; valgrind is given more. */
bool is_slow(void);
int patience(int milliseconds);

void expect_error(int got, int code, const char *words);
void expect_good(int got);
void expect_echo(iotsafe_tls *tls, const char *text);

/* Waits as iotsafe_tls_poll() says; no longer than `longest` milliseconds
 * unless that is -1. */
int wait_as_told(iotsafe_tls *tls, int longest);

/* As an event loop does it; no call may take longer than `longest`. */
int shake_hands_without_waiting(iotsafe_tls *tls, int fd, int longest,
				int *wanted_card);

#endif
