/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A key of the card behind a gnutls_privkey_t. */
#ifndef TLS_PRIVKEY_H
#define TLS_PRIVKEY_H

#include <gnutls/abstract.h>
#include <iotsafe/iotsafe.h>
#include "base/deadline.h"

struct job;

/* What a session of our own wants of the signatures made for it. It must
 * outlive the private key. */
struct signing {
	struct deadline limit; /* beside the card's own time-out */
	unsigned count;	       /* signatures made */
	struct job *ahead;     /* what begins one before it is asked for */
};

/* The card's algorithm for one of GnuTLS's, 0 if no card has it. */
int privkey_algorithm(gnutls_sign_algorithm_t sign);

/* `key` has been learnt (key_learn()); the private key takes one more use of
 * it. `signing` NULL: the card's own time-out alone counts. */
int privkey_import(iotsafe_key *key, struct signing *signing,
		   gnutls_privkey_t privkey);

/* The same for a key that came by a name. In a child made by fork() it is
 * opened again, by that name on its card: programs load their files first and
 * go into the background then. */
int privkey_import_named(iotsafe_key *key, const char *name,
			 gnutls_privkey_t privkey);

#endif
