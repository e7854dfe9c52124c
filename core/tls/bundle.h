/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is done with bundles of CA certificates outside sessions is a module,
 * tls-bundle.so: it is for setting up a device, not for its daily work. */
#ifndef TLS_BUNDLE_H
#define TLS_BUNDLE_H

#include <iotsafe/iotsafe.h>

/* What the module exports: the public functions. */
struct bundle_module {
	const char *version; /* of the library it was built with */
	int (*complete_chain)(iotsafe_key *key, const char *path);
	int (*certificate_verify)(const uint8_t *data, size_t data_size,
				  const char *path, int64_t at_time,
				  unsigned flags);
};
__attribute__((visibility(
	"default"))) extern const struct bundle_module iotsafe_bundle_module;

/* Where it is linked in. */
void bundle_enter(const struct bundle_module *module);

#endif
