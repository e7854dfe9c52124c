/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sealed messages are a module, format-seal.so, loaded when the first secret is
 * given: few devices seal messages, and a tenth of the format level is for
 * it. */
#ifndef FORMAT_SEAL_MODULE_H
#define FORMAT_SEAL_MODULE_H

#include <iotsafe/iotsafe.h>

/* What the module exports: the public functions. */
struct seal_module {
	const char *version; /* of the library it was built with */
	int (*make)(const uint8_t *secret, size_t secret_size,
		    const uint8_t *data, size_t data_size, const char *state,
		    unsigned options, iotsafe_seal **seal);
	void (*release)(iotsafe_seal *seal);
	int (*encrypt)(iotsafe_seal *seal, const uint8_t *data,
		       size_t data_size, const uint8_t *extra,
		       size_t extra_size, uint8_t **out, size_t *out_size);
	int (*decrypt)(iotsafe_seal *seal, const uint8_t *data,
		       size_t data_size, const uint8_t *extra,
		       size_t extra_size, uint8_t **out, size_t *out_size);
};
__attribute__((visibility(
	"default"))) extern const struct seal_module iotsafe_seal_module;

/* Where it is linked in. */
void seal_enter(const struct seal_module *module);

#endif
