/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The name of a loadable part becomes what it exports, out of a shared module
 * that lies beside the library.
 */
#include <dlfcn.h>
#include <iotsafe/iotsafe.h>
#include <iotsafe/version.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include "base/error.h"
#include "base/module.h"

#ifdef WITHOUT_MODULES

int module_load(const char *name, const char *option, const char *symbol,
		void **out)
{
	(void)name;
	(void)symbol;
	*out = NULL;
	return error_set(IOTSAFE_ERR_SUPPORT,
			 "%s: is a loadable module, and this library was built "
			 "without any (-Ddefault_library=static)",
			 option);
}

#else

/* Installed in a directory of their own, built beside the library. */
static bool find_file(const char *name, char path[PATH_MAX])
{
	static const char *const directories[] = {"/iotsafe", ""};
	Dl_info here, program;
	struct stat status;
	const char *slash;

	if (!dladdr(directories, &here))
		return false;
	/* Linked into a program: its file is known by what it was called as,
	 * which who starts it may choose (and it may be set-uid). */
	if (dladdr((void *)getauxval(AT_PHDR), &program) &&
	    program.dli_fbase == here.dli_fbase)
		return false;
	slash = strrchr(here.dli_fname, '/');
	for (size_t i = 0; slash && i < 2; i++) {
		snprintf(path, PATH_MAX, "%.*s%s/%s.so",
			 (int)(slash - here.dli_fname), here.dli_fname,
			 directories[i], name);
		if (!stat(path, &status))
			return true;
	}
	return false;
}

int module_load(const char *name, const char *option, const char *symbol,
		void **out)
{
	const char *version;
	char path[PATH_MAX];
	void *handle;

	*out = NULL;
	if (!find_file(name, path))
		return error_set(IOTSAFE_ERR_SUPPORT,
				 "%s: needs the module iotsafe/%s.so beside "
				 "libiotsafe.so, which is not installed (it is "
				 "built with -D%s=enabled)",
				 option, name, option);
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	*out = handle ? dlsym(handle, symbol) : NULL;
	if (!*out)
		return error_set(IOTSAFE_ERR_SUPPORT,
				 "%s: its module cannot be loaded: %s", option,
				 dlerror());
	version = *(const char *const *)*out;
	if (!strcmp(version, IOTSAFE_VERSION))
		return IOTSAFE_OK;
	*out = NULL;
	return error_set(IOTSAFE_ERR_SUPPORT,
			 "%s: %s belongs to libiotsafe %s, this is %s", option,
			 path, version, IOTSAFE_VERSION);
}

#endif
