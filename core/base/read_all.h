/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BASE_READ_ALL_H
#define BASE_READ_ALL_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

/* A small file to its end; -1 also where there is more than fits. Inline, for
 * the library and its modules. */
static inline ssize_t read_all(int fd, void *out, size_t room)
{
	size_t size = 0;
	ssize_t got;

	while (size < room) {
		got = read(fd, (uint8_t *)out + size, room - size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -1 : (ssize_t)size;
		size += (size_t)got;
	}
	return -1;
}

#endif
