/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Loadable parts of the library, and what they use of it. Exported under the
 * version IOTSAFE_PRIVATE with a prefix of its own: nobody else's, and
 * different from one release to the next. */
#ifndef BASE_MODULE_H
#define BASE_MODULE_H

/* `protected`: calls inside the library stay direct. */
#define FOR_MODULES(name)                                                      \
	__asm__("_iotsafe_" #name) __attribute__((visibility("protected")))

/* Loads "link-pcsc" from beside the library, for good, and finds what it
 * exports: a structure that begins with the release it belongs to, which must
 * be this one. IOTSAFE_ERR_SUPPORT with the option of the build that makes it
 * where it is not installed. */
int module_load(const char *name, const char *option, const char *symbol,
		void **out);

#endif
