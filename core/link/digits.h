/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The number of a SIM as modems write it. Pure. */
#ifndef LINK_DIGITS_H
#define LINK_DIGITS_H

#include <stdbool.h>
#include "base/module.h"
#include "link/link.h"

/* EF_ICCID of its 18 to 20 digits, in quotation marks or not, filled up with F
 * or not. False for text that is no such number. */
bool digits_to_iccid(const char *text, uint8_t iccid[LINK_ICCID_SIZE])
	FOR_MODULES(digits_to_iccid);

#endif
