/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The PIN of an applet, where the address gives none: C_Login has it. */
#ifndef PKCS11_LOGIN_H
#define PKCS11_LOGIN_H

#include "slot.h"

/* An object of this applet is on the card. */
void login_note(struct slot *slot, const char *applet);
/* False where the address gives the PIN. */
bool login_may_be_wanted(const struct slot *slot);
/* Asks how many tries are left, if somebody may have to log in. */
void login_count(struct slot *slot);
/* Whether the token says that programs have to log in. */
bool login_is_told(const struct slot *slot);
/* Where its line says so, private keys are private objects: not there for who
 * has not. Programs that find a key without would never log in. */
bool login_hides(const struct slot *slot, ck_object_class_t class);
/* What the token says of it: CKF_LOGIN_REQUIRED and its like. */
ck_flags_t login_flags(const struct slot *slot);
/* Sends a PIN, once. */
ck_rv_t login_with(struct slot *slot, const unsigned char *pin,
		   unsigned long size);

#endif
