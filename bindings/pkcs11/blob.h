/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes that belong to whoever has them; wiped when they go. */
#ifndef PKCS11_BLOB_H
#define PKCS11_BLOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct blob {
	uint8_t *data;
	size_t size;
};

/* A copy; false: no memory. Never NULL where it is true. */
bool blob_copy(struct blob *blob, const void *data, size_t size);
/* The same of what the library gave, which is released. */
bool blob_take(struct blob *blob, uint8_t *data, size_t size);
bool blob_equal(const struct blob *a, const struct blob *b);
void blob_free(struct blob *blob);

#endif
