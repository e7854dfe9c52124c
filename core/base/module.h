/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the loadable links use of the library. Exported under the version
 * IOTSAFE_PRIVATE with a prefix of its own: nobody else's, and different from
 * one release to the next. */
#ifndef BASE_MODULE_H
#define BASE_MODULE_H

/* `protected`: calls inside the library stay direct. */
#define FOR_MODULES(name)                                                      \
	__asm__("_iotsafe_" #name) __attribute__((visibility("protected")))

#endif
