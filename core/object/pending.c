/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Functions of the header that are still to come; each one says so. */
#include <iotsafe/iotsafe.h>
#include "base/bytes.h"
#include "base/error.h"

#define PENDING(name)                                                          \
	return error_set(IOTSAFE_ERR_SUPPORT, name ": not in this build yet")

int iotsafe_tls_set_ca_key(iotsafe_tls *tls, const char *name)
{
	(void)tls;
	(void)name;
	PENDING("iotsafe_tls_set_ca_key");
}
