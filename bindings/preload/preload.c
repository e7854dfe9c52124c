/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Preloaded into a program on GnuTLS, teaches it names like `iotsafe:` for keys
 * and certificates. See `iotsafe with`.
 */
#include <iotsafe/gnutls.h>

/* GnuTLS's own constructor has run: the library that this one needs needs it.
 */
__attribute__((constructor)) static void register_names(void)
{
	iotsafe_gnutls_register();
}
