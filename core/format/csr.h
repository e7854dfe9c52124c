/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The attributes of a signing request. */
#ifndef FORMAT_CSR_H
#define FORMAT_CSR_H

#include "format/der.h"

/* Writes the set of attributes: one that asks for extensions, or none. The
 * lists are those of iotsafe_key_csr(). */
int csr_put_attributes(struct der *der, const char *names, const char *usages);

#endif
