/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answers split into data and status word; commands keep inside their room
 * and say their own length. */
#include <string.h>
#include "check.h"
#include "uicc/apdu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FIELDS 7 /* bytes of the input before the command's data */

static void answer(const uint8_t *data, size_t size)
{
	struct bytes rest;
	unsigned status;

	if (!apdu_split((struct bytes){data, size}, &rest, &status)) {
		CHECK(size < 2);
		return;
	}
	CHECK(rest.size == size - 2);
	CHECK(status <= 0xFFFF);
	CHECK(apdu_status_words(status));
	CHECK(status == 0x9000 || apdu_status_code(status) <= 0);
}

static void command(const uint8_t *data, size_t size)
{
	uint8_t out[APDU_COMMAND_MAX];
	struct apdu apdu = {.name = "fuzz"};
	size_t encoded;

	if (size < FIELDS)
		return;
	apdu.ins = data[0];
	apdu.p1 = data[1];
	apdu.p2 = data[2];
	apdu.expect = (enum apdu_expect)(data[3] % 3);
	apdu.le = data[4] + 1u;
	apdu.data = (struct bytes){data + FIELDS, size - FIELDS};
	encoded = apdu_encode(&apdu, apdu_class(data[5], data[6] % 20),
			      data[4] & 1, out);
	if (size - FIELDS > APDU_DATA_MAX) {
		CHECK(!encoded);
		return;
	}
	CHECK(encoded >= 5 && encoded <= APDU_COMMAND_MAX);
	CHECK(out[1] == apdu.ins && out[2] == apdu.p1 && out[3] == apdu.p2);
	if (!apdu.data.size)
		return;
	CHECK(out[4] == apdu.data.size);
	CHECK(!memcmp(out + 5, apdu.data.data, apdu.data.size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	answer(data, size);
	command(data, size);
	return 0;
}
