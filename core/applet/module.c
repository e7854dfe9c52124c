/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Trust Onboard's applets on their way into the table of applets: exported by
 * their module, or entered where they are linked in.
 */
#include <iotsafe/version.h>
#include "applet/module.h"

#ifdef MODULES_LINKED_IN

__attribute__((constructor)) static void enter(void)
{
	applet_enter(APPLET_MIAS, &applet_mias);
	applet_enter(APPLET_MF, &applet_mf);
}

#else

__attribute__((visibility("default")))
const struct applet_module iotsafe_applet_module = {
	IOTSAFE_VERSION,
	{[APPLET_MIAS] = &applet_mias, [APPLET_MF] = &applet_mf},
};

#endif
