/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Begin and end of every call: the module must be initialised, in this
 * process, and stay so until the call is over. */
#ifndef PKCS11_MODULE_H
#define PKCS11_MODULE_H

#include "cryptoki.h"
#include "error.h"

ck_rv_t module_enter(void);
/* Gives the result on. */
ck_rv_t module_leave(ck_rv_t result);

#endif
