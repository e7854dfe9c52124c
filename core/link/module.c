/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The name of a kind of link becomes its table, out of a shared module that
 * lies beside the library.
 */
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>
#include "base/error.h"
#include "link/module.h"

const char *const link_modules[] = {"mbim", "pcsc", "qmi", NULL};

#ifdef WITHOUT_MODULES

int link_module_load(const char *scheme, const struct link_kind **kind)
{
	*kind = NULL;
	return error_set(IOTSAFE_ERR_SUPPORT,
			 "%s: is a loadable module, and this library was built "
			 "without any (-Ddefault_library=static)",
			 scheme);
}

#else

/* Installed in a directory of their own, built beside the library. */
static bool find_file(const char *scheme, char path[PATH_MAX])
{
	static const char *const directories[] = {"/iotsafe", ""};
	Dl_info here, program;
	const char *slash;

	if (!dladdr(link_modules, &here))
		return false;
	/* Linked into a program: its file is known by what it was called as,
	 * which who starts it may choose (and it may be set-uid). */
	if (dladdr((void *)getauxval(AT_PHDR), &program) &&
	    program.dli_fbase == here.dli_fbase)
		return false;
	slash = strrchr(here.dli_fname, '/');
	for (size_t i = 0; slash && i < 2; i++) {
		snprintf(path, PATH_MAX, "%.*s%s/link-%s.so",
			 (int)(slash - here.dli_fname), here.dli_fname,
			 directories[i], scheme);
		if (!access(path, F_OK))
			return true;
	}
	return false;
}

int link_module_load(const char *scheme, const struct link_kind **kind)
{
	const struct link_module *module;
	char path[PATH_MAX];
	void *handle;

	if (!find_file(scheme, path))
		return error_set(IOTSAFE_ERR_SUPPORT,
				 "%s: needs the module iotsafe/link-%s.so "
				 "beside libiotsafe.so, which is not installed "
				 "(it is built with -D%s=enabled)",
				 scheme, scheme, scheme);
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	module = handle ? dlsym(handle, "iotsafe_link_module") : NULL;
	if (!module)
		return error_set(IOTSAFE_ERR_SUPPORT,
				 "%s: its module cannot be loaded: %s", scheme,
				 dlerror());
	if (strcmp(module->version, IOTSAFE_VERSION) != 0)
		return error_set(IOTSAFE_ERR_SUPPORT,
				 "%s: %s belongs to libiotsafe %s, this is %s",
				 scheme, path, module->version,
				 IOTSAFE_VERSION);
	*kind = module->kind;
	return IOTSAFE_OK;
}

#endif
