/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* BER-TLV and hexadecimal: values lie inside the input, every step moves on,
 * and what is decoded encodes to the same. */
#include <ctype.h>
#include <string.h>
#include "base/bytes.h"
#include "check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct bytes value, const uint8_t *data, size_t size)
{
	CHECK(value.size <= size);
	CHECK(!value.size ||
	      (value.data >= data && value.data + value.size <= data + size));
}

static void walk(const uint8_t *data, size_t size)
{
	struct bytes in = {data, size};
	struct tlv tlv;
	size_t before = in.size;

	while (tlv_next(&in, &tlv)) {
		check_inside(tlv.value, data, size);
		CHECK(in.size < before);
		before = in.size;
	}
	CHECK(in.size == before);
}

static void find(const uint8_t *data, size_t size)
{
	struct bytes value;

	if (size > 1 &&
	    tlv_find((struct bytes){data + 1, size - 1}, data[0], &value))
		check_inside(value, data, size);
}

static void hex(const uint8_t *data, size_t size)
{
	uint8_t *raw = malloc(size / 2 + 1);
	char *text = malloc(size + 1);

	CHECK(raw && text);
	if (hex_decode((const char *)data, size, raw)) {
		CHECK(size % 2 == 0);
		hex_encode(raw, size / 2, text);
		for (size_t i = 0; i < size; i++)
			CHECK(text[i] == toupper(data[i]));
	}
	free(raw);
	free(text);
}

/* What is built is read back. */
static void build(const uint8_t *data, size_t size)
{
	uint8_t room[300];
	struct builder out = {room, 0, sizeof(room), false};
	struct bytes in;
	struct tlv tlv;

	if (!size)
		return;
	build_tlv(&out, 0x42, data, size);
	CHECK(out.size <= sizeof(room));
	if (out.failed)
		return;
	in = (struct bytes){room, out.size};
	CHECK(tlv_next(&in, &tlv) && !in.size);
	CHECK(tlv.tag == 0x42 && tlv.value.size == size);
	CHECK(!memcmp(tlv.value.data, data, size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	walk(data, size);
	find(data, size);
	hex(data, size);
	build(data, size);
	return 0;
}
