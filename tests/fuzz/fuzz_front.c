/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The first bytes of a certificate, as the PKCS #11 module reads them. What is
 * found lies in the input, in its order; and less input finds the same, or
 * nothing. */
#include "check.h"
#include "front.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t end_of(const struct blob *blob, const uint8_t *data)
{
	return (size_t)(blob->data - data) + blob->size;
}

static void check_order(const struct front *front, const uint8_t *data,
			size_t size)
{
	CHECK(front->serial.data >= data + 4);
	CHECK(end_of(&front->serial, data) <
	      (size_t)(front->issuer.data - data));
	CHECK(end_of(&front->issuer, data) <
	      (size_t)(front->subject.data - data));
	CHECK(end_of(&front->subject, data) ==
	      (size_t)(front->spki.data - data));
	CHECK(end_of(&front->spki, data) == size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct front whole, part;

	if (!front_parse(data, size, &whole))
		return 0;
	check_order(&whole, data, size);
	for (size_t left = 0; left < size && left < 1024; left++) {
		if (!front_parse(data, left, &part))
			continue;
		CHECK(part.subject.data == whole.subject.data);
		CHECK(part.subject.size == whole.subject.size);
		CHECK(part.spki.size == whole.spki.size - (size - left));
	}
	return 0;
}
