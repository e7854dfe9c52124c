/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The name of a kind of link becomes its table, out of its module.
 */
#include <stdio.h>
#include "base/error.h"
#include "link/module.h"

const char *const link_modules[] = {"mbim", "pcsc", "qmi", NULL};

int link_module_load(const char *scheme, const struct link_kind **kind)
{
	const struct link_module *module;
	char name[32];
	void *found;

	*kind = NULL;
	snprintf(name, sizeof(name), "link-%s", scheme);
	TRY(module_load(name, scheme, "iotsafe_link_module", &found));
	module = found;
	*kind = module->kind;
	return IOTSAFE_OK;
}
