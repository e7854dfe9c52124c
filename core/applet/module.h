/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trust Onboard's applets as a module, applet-mias.so: few cards have them, and
 * it is loaded only for those. */
#ifndef APPLET_MODULE_H
#define APPLET_MODULE_H

#include "applet/applet.h"

/* What the module exports. */
struct applet_module {
	const char *version; /* of the library it was built with */
	const struct applet_kind *kinds[APPLETS];
};
extern const struct applet_module iotsafe_applet_module;

#endif
