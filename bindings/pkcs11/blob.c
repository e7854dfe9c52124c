/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bytes of the library, of GnuTLS and of callers become ones of our own.
 */
#include <iotsafe/iotsafe.h>
#include <stdlib.h>
#include <string.h>
#include "blob.h"

bool blob_copy(struct blob *blob, const void *data, size_t size)
{
	*blob = (struct blob){malloc(size + 1), size};
	if (!blob->data) {
		blob->size = 0;
		return false;
	}
	if (size)
		memcpy(blob->data, data, size);
	return true;
}

bool blob_take(struct blob *blob, uint8_t *data, size_t size)
{
	bool copied = blob_copy(blob, data, size);

	iotsafe_free(data);
	return copied;
}

bool blob_equal(const struct blob *a, const struct blob *b)
{
	return a->data && b->data && a->size == b->size &&
	       !memcmp(a->data, b->data, a->size);
}

void blob_free(struct blob *blob)
{
	if (blob->data)
		explicit_bzero(blob->data, blob->size);
	free(blob->data);
	*blob = (struct blob){NULL, 0};
}
