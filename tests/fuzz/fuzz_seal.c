/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sealed messages: what is understood has one encoding, this one. */
#include <string.h>
#include "check.h"
#include "format/cose.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct bytes in = {data, size};
	uint8_t room[COSE_HEAD_MAX];
	struct builder head = {room, 0, sizeof(room), false};
	struct cose message;

	if (!cose_read(in, &message))
		return 0;
	CHECK(message.kid.size >= 1 && message.kid.size <= COSE_KID_MAX);
	CHECK(message.text.size >= 16 && message.text.size <= COSE_TEXT_MAX);
	cose_build(&head, message.kid, message.counter, message.text.size);
	CHECK(!head.failed);
	CHECK(head.size + message.text.size == size);
	CHECK(!memcmp(head.data, data, head.size));
	CHECK(message.text.data == data + head.size);
	return 0;
}
