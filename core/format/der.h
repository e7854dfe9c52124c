/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* DER written from its end, so that lengths are known when their turn comes. */
#ifndef FORMAT_DER_H
#define FORMAT_DER_H

#include "base/bytes.h"

#define DER_MAX 8192

/* What does not fit only sets `failed`. */
struct der {
	size_t at; /* where what was written begins */
	bool failed;
	uint8_t data[DER_MAX];
};

void der_begin(struct der *der);

/* Writes bytes in front of what was written. */
void der_put(struct der *der, const void *data, size_t size);

/* Tag and length in front of what was written since `at` was `end`. */
void der_wrap(struct der *der, uint8_t tag, size_t end);

struct bytes der_bytes(const struct der *der);

#endif
