/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The PIN of the UICC (ETSI TS 102 221 9.5, 11.1.9): key reference 01, on the
 * basic channel, where it holds for the whole card. */
#ifndef UICC_PIN_H
#define UICC_PIN_H

#include "base/deadline.h"
#include "link/link.h"

#define PIN_MIN 4
#define PIN_MAX 8

/* How often it may still be wrong. */
int pin_tries(struct link *link, int *tries, const struct deadline *deadline);

/* Sends it, once: IOTSAFE_ERR_PIN where it was wrong. */
int pin_verify(struct link *link, const char *pin,
	       const struct deadline *deadline);

#endif
