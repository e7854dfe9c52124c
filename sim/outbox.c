// SPDX-License-Identifier: LGPL-2.1-or-later
/* Holds back the modem's characters until the link model lets them go. */
#include "outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct piece {
	struct piece *next;
	uint64_t due;
	size_t size;
	size_t sent;
	char text[];
};

void outbox_put(struct outbox *outbox, uint64_t due, const char *text,
		size_t size)
{
	struct piece *piece = malloc(sizeof(*piece) + size);

	if (piece == NULL)
		return;
	*piece = (struct piece){.due = due, .size = size};
	memcpy(piece->text, text, size);
	if (outbox->last != NULL)
		outbox->last->next = piece;
	else
		outbox->first = piece;
	outbox->last = piece;
	outbox->size += size;
}

bool outbox_empty(const struct outbox *outbox)
{
	return outbox->first == NULL;
}

uint64_t outbox_due(const struct outbox *outbox)
{
	return outbox->first->due;
}

static void drop_first(struct outbox *outbox)
{
	struct piece *piece = outbox->first;

	outbox->size -= piece->size;
	outbox->first = piece->next;
	if (outbox->first == NULL)
		outbox->last = NULL;
	free(piece);
}

bool outbox_write(struct outbox *outbox, int fd, uint64_t now)
{
	while (outbox->first != NULL && outbox->first->due <= now) {
		struct piece *piece = outbox->first;
		ssize_t n = write(fd, piece->text + piece->sent,
				  piece->size - piece->sent);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		piece->sent += (size_t)n;
		if (piece->sent < piece->size)
			return true;
		drop_first(outbox);
	}
	return true;
}

void outbox_clear(struct outbox *outbox)
{
	while (outbox->first != NULL)
		drop_first(outbox);
}
