/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* QMUX frames in pieces: whatever the split, the same messages come out, and
 * nothing of them lies outside. */
#include <string.h>
#include "base/error.h"
#include "check.h"
#include "link/qmi_error.h"
#include "link/qmi_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_inside(struct bytes outer, struct bytes inner)
{
	CHECK(inner.data >= outer.data);
	CHECK(inner.data + inner.size <= outer.data + outer.size);
}

static void look_at(struct bytes frame)
{
	struct qmi_message message;
	struct bytes value;

	CHECK(frame.size <= QMI_FRAME_MAX);
	if (!qmi_parse(frame, &message))
		return;
	look_inside(frame, message.tlvs);
	for (unsigned type = 0; type < 256; type++)
		if (qmi_find(&message, (uint8_t)type, &value))
			look_inside(message.tlvs, value);
	if (qmi_response(&message, &value))
		look_inside(message.tlvs, value);
	if (qmi_content(&message, &value))
		look_inside(message.tlvs, value);
	CHECK(qmi_status(&message) <= 0xFFFF);
	if (qmi_result(&message) > 0)
		CHECK(qmi_error_record(qmi_result(&message), "modem", "request",
				       message.head.id & 1) < 0);
	qmi_is_whole(&message);
}

static size_t count(const uint8_t *data, size_t size, size_t piece)
{
	struct bytes in = {data, 0}, frame;
	size_t frames = 0;

	while (in.data + in.size < data + size) {
		size_t left = (size_t)(data + size - in.data) - in.size;

		in.size += piece < left ? piece : left;
		while (qmi_frame(&in, &frame)) {
			look_at(frame);
			frames++;
		}
	}
	return frames;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t whole = count(data, size, size ? size : 1);

	/* What comes in pieces may be seen to be no frame sooner or later, but
	 * it is the same. */
	CHECK(count(data, size, 1) == whole);
	CHECK(count(data, size, 7) == whole);
	return 0;
}
