/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The public functions for bundles of CA certificates go to their module.
 */
#include <stdatomic.h>
#include "base/error.h"
#include "base/module.h"
#include "tls/bundle.h"

#ifdef WITHOUT_MODULES
static _Atomic(const struct bundle_module *) loaded = &iotsafe_bundle_module;
#else
static _Atomic(const struct bundle_module *) loaded;
#endif

void bundle_enter(const struct bundle_module *module)
{
	loaded = module;
}

static int load(void)
{
	void *found;

	if (loaded)
		return IOTSAFE_OK;
	TRY(module_load("tls-bundle", "bundle", "iotsafe_bundle_module",
			&found));
	loaded = found;
	return IOTSAFE_OK;
}

int iotsafe_key_complete_chain(iotsafe_key *key, const char *path)
{
	TRY(load());
	return (*loaded).complete_chain(key, path);
}

int iotsafe_certificate_verify(const uint8_t *data, size_t data_size,
			       const char *path, int64_t at_time,
			       unsigned flags)
{
	TRY(load());
	return (*loaded).certificate_verify(data, data_size, path, at_time,
					    flags);
}
