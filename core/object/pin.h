/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where a PIN for one card comes from. */
#ifndef OBJECT_PIN_H
#define OBJECT_PIN_H

#include "object/card.h"
#include "uicc/pin.h"

/* Whose PIN: NULL is the SIM's, else an applet's name. */

/* False where nobody can have one. */
bool pin_has_source(const iotsafe_card *card, const char *applet);

/* The SIM's is four to eight digits, an applet's as many characters of ASCII.
 */
bool pin_is_possible(const char *text, size_t size, const char *applet);

/* pin_former.c: keeps that this one failed, as the error that is recorded says.
 */
void pin_keep_former(const char *iccid, const char *applet);
/* What came of one that failed in this process, as words behind the card's
 * number; NULL where none did. */
const char *pin_former(const char *iccid, const char *applet);

int pin_find(const iotsafe_card *card, const char *iccid, const char *applet,
	     int tries, char pin[PIN_MAX + 1]);

#endif
