/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The public functions of sealed messages go to their module.
 */
#include <stdatomic.h>
#include "base/bytes.h"
#include "base/error.h"
#include "base/module.h"
#include "format/seal_module.h"

#ifdef WITHOUT_MODULES
static _Atomic(const struct seal_module *) loaded = &iotsafe_seal_module;
#else
static _Atomic(const struct seal_module *) loaded;
#endif

void seal_enter(const struct seal_module *module)
{
	loaded = module;
}

static int load(void)
{
	void *found;

	if (loaded)
		return IOTSAFE_OK;
	TRY(module_load("format-seal", "seal", "iotsafe_seal_module", &found));
	loaded = found;
	return IOTSAFE_OK;
}

int iotsafe_seal_new(const uint8_t *secret, size_t secret_size,
		     const uint8_t *data, size_t data_size, const char *state,
		     unsigned options, iotsafe_seal **seal)
{
	if (seal)
		*seal = NULL;
	TRY(load());
	return (*loaded).make(secret, secret_size, data, data_size, state,
			      options, seal);
}

void iotsafe_seal_free(iotsafe_seal *seal)
{
	/* Who has none may have no module either. */
	if (seal)
		(*loaded).release(seal);
}

int iotsafe_seal_encrypt(iotsafe_seal *seal, const uint8_t *data,
			 size_t data_size, const uint8_t *extra,
			 size_t extra_size, uint8_t **out, size_t *out_size)
{
	if (!bytes_ready(out, out_size) || !seal)
		return error_null("seal");
	return (*loaded).encrypt(seal, data, data_size, extra, extra_size, out,
				 out_size);
}

int iotsafe_seal_decrypt(iotsafe_seal *seal, const uint8_t *data,
			 size_t data_size, const uint8_t *extra,
			 size_t extra_size, uint8_t **out, size_t *out_size)
{
	if (!bytes_ready(out, out_size) || !seal)
		return error_null("seal");
	return (*loaded).decrypt(seal, data, data_size, extra, extra_size, out,
				 out_size);
}
