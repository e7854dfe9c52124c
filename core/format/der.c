/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Values become DER (X.690), the last one first.
 */
#include <string.h>
#include "format/der.h"

void der_begin(struct der *der)
{
	der->at = sizeof(der->data);
	der->failed = false;
}

void der_put(struct der *der, const void *data, size_t size)
{
	if (size > der->at) {
		der->failed = true;
		return;
	}
	der->at -= size;
	memcpy(der->data + der->at, data, size);
}

void der_wrap(struct der *der, uint8_t tag, size_t end)
{
	size_t size = end - der->at;
	uint8_t head[] = {tag, 0x82, (uint8_t)(size >> 8), (uint8_t)size};

	if (size > 0xFF) {
		der_put(der, head, 4);
		return;
	}
	der_put(der, head + 3, 1);
	if (size > 0x7F)
		der_put(der, (const uint8_t[]){0x81}, 1);
	der_put(der, head, 1);
}

struct bytes der_bytes(const struct der *der)
{
	return (struct bytes){der->data + der->at, sizeof(der->data) - der->at};
}
