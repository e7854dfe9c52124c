/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a failure of the library is called in PKCS #11. */
#ifndef PKCS11_ERROR_H
#define PKCS11_ERROR_H

#include "cryptoki.h"

/* The last failure of this thread, while a card that was found is used. */
ck_rv_t error_of(int code);
/* The same while it is looked for. */
ck_rv_t error_of_opening(int code);

#endif
