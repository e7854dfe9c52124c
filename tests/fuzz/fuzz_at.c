/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The AT line parser, fed in pieces. The first byte says how the rest is
 * split; whatever the split, the result must be the same. */
#include <stdlib.h>
#include <string.h>
#include "base/error.h"
#include "link/at.h"
#include "link/at_error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
	size_t lines;
	int result;
	size_t size;
	uint8_t response[258];
};

static void look_at(const struct at_line *line)
{
	char masked[200];

	if (line->size > AT_LINE_MAX || line->text[line->size] != '\0')
		abort();
	at_mask(line->text, masked, sizeof(masked));
	at_value(line, "+CPIN");
	if (line->kind == AT_ERROR && at_error_code(line->text) >= 0)
		abort();
}

static void run(const uint8_t *data, size_t size, size_t piece,
		struct outcome *outcome)
{
	struct at_lines lines = {0};
	struct at_csim csim = {0};
	struct at_line line;

	memset(outcome, 0, sizeof(*outcome));
	while (size) {
		struct bytes in = {data, piece < size ? piece : size};

		data += in.size;
		size -= in.size;
		while (at_lines_next(&lines, &in, &line)) {
			look_at(&line);
			at_csim_take(&csim, &line);
			outcome->lines++;
		}
		if (in.size)
			abort();
	}
	outcome->result =
		at_csim_response(&csim, outcome->response,
				 sizeof(outcome->response), &outcome->size);
	if (outcome->result == IOTSAFE_OK &&
	    (outcome->size < 2 || outcome->size > sizeof(outcome->response)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct outcome whole, split;

	if (!size)
		return 0;
	run(data + 1, size - 1, size, &whole);
	run(data + 1, size - 1, (size_t)data[0] + 1, &split);
	if (memcmp(&whole, &split, sizeof(whole)))
		abort();
	return 0;
}
