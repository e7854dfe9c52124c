/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The file of run-time state: text of any kind becomes channels within their
 * bounds, or nothing; what is understood is written as it was. */
#include <string.h>
#include "base/state.h"
#include "check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), again[STATE_SIZE_MAX];
	struct state state;

	CHECK(text);
	if (size)
		memcpy(text, data, size);
	if (!state_parse(text, size, &state)) {
		CHECK(!state.channels_count && !state.boot[0]);
		free(text);
		return 0;
	}
	CHECK(state.channels_count <= STATE_CHANNELS_MAX);
	for (size_t i = 0; i < state.channels_count; i++) {
		CHECK(state.channels[i].pid >= 0);
		CHECK(state.channels[i].number <= 19);
		CHECK(strlen(state.channels[i].handle) < STATE_HANDLE_MAX);
	}
	CHECK(state_format(&state, again) == size);
	CHECK(!memcmp(text, again, size));
	free(text);
	return 0;
}
