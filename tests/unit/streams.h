/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Streams as the tests of them read and write. */
#ifndef STREAMS_H
#define STREAMS_H

#include <string.h>
#include "link/stream.h"

static inline int write_text(struct stream *stream, const char *text,
			     int timeout)
{
	struct deadline deadline = deadline_in(timeout, -1);
	size_t done;

	return stream_write(stream, (const uint8_t *)text, strlen(text), &done,
			    &deadline);
}

/* Reads to the end of the stream or of the time; gives the last code. */
static inline int read_all(struct stream *stream, char *text, size_t room,
			   int timeout)
{
	struct deadline deadline = deadline_in(timeout, -1);
	size_t size = 0;
	int result;

	do {
		result = stream_read(stream, (uint8_t *)text + size,
				     room - 1 - size, &deadline);
		if (result > 0)
			size += (size_t)result;
	} while (result > 0 && size < room - 1);
	text[size] = '\0';
	return result;
}

#endif
