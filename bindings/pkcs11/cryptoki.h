/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PKCS #11 as p11-kit's header spells it, and of version 3.0 the two functions
 * by which programs ask for interfaces: older headers lack them, and newer ones
 * must not disagree with ours. */
#ifndef PKCS11_CRYPTOKI_H
#define PKCS11_CRYPTOKI_H

#define CRYPTOKI_GNU
#define C_GetInterface	   p11_kit_C_GetInterface
#define C_GetInterfaceList p11_kit_C_GetInterfaceList
#include <p11-kit/pkcs11.h>
#undef C_GetInterface
#undef C_GetInterfaceList

#define EXPORT __attribute__((visibility("default")))

/* CK_INTERFACE, PKCS #11 3.0 section 3.3. */
struct interface {
	const char *name;
	const void *functions;
	ck_flags_t flags;
};

ck_rv_t C_GetInterface(const char *name, const struct ck_version *version,
		       const struct interface **interface, ck_flags_t flags);
ck_rv_t C_GetInterfaceList(struct interface *list, unsigned long *count);

/* Returns from a function with the result of one that failed. */
#define TRY(expression)                                                        \
	do {                                                                   \
		ck_rv_t result_ = (expression);                                \
		if (result_ != CKR_OK)                                         \
			return result_;                                        \
	} while (0)

#endif
