/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Kinds of links that need another library, or that few devices have, are
 * modules, link-NAME.so, loaded when an address of that kind is first used. */
#ifndef LINK_MODULE_H
#define LINK_MODULE_H

#include <iotsafe/version.h>
#include "link/link.h"

/* What a module exports. */
struct link_module {
	const char *version; /* of the library it was built with */
	const struct link_kind *kind;
};
extern const struct link_module iotsafe_link_module;

#define LINK_MODULE(of_kind)                                                   \
	__attribute__((visibility("default")))                                 \
	const struct link_module iotsafe_link_module = {IOTSAFE_VERSION,       \
							&(of_kind)}

/* The schemes that are modules, here or elsewhere; ends with NULL. */
extern const char *const link_modules[];

/* Loads the module of one of them, for good. */
int link_module_load(const char *scheme, const struct link_kind **kind);

#endif
