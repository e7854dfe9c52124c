/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Relative paths in an address become whole ones. Ports are opened again, PINs
 * wanted and children made when a daemon has long gone to another folder.
 */
#include <string.h>
#include <unistd.h>
#include "base/error.h"
#include "object/card.h"

/* Schemes whose own path is one of the file system, and attributes. */
static bool has_path(const char *name)
{
	static const char names[][9] = {"at",	    "unix",  "qmi", "mbim",
					"pin-file", "store", "log", "replay"};
	size_t i = 0;

	while (i < sizeof(names) / sizeof(names[0]) && strcmp(name, names[i]))
		i++;
	return i < sizeof(names) / sizeof(names[0]);
}

/* In the room that begins at *room. "@" stands before names of sockets that
 * are no files. */
static int make_whole(const char **path, char **room, const char *end)
{
	const size_t size = strlen(*path) + 1;
	char *out = *room;

	if (!**path || strchr("/@", **path))
		return IOTSAFE_OK;
	if ((size_t)(end - out) <= size + 1 ||
	    !getcwd(out, (size_t)(end - out) - size - 1))
		return error_set(IOTSAFE_ERR_ARG,
				 "address: the folder of %.80s has no path, or "
				 "too long a one",
				 *path);
	out += strlen(out);
	out -= out[-1] == '/';
	*out++ = '/';
	memcpy(out, *path, size);
	*path = *room;
	*room = out + size;
	return IOTSAFE_OK;
}

int card_whole_paths(iotsafe_card *card)
{
	struct address *address = &card->address;
	char *room = card->paths, *end = room + sizeof(card->paths);

	if (has_path(address->scheme))
		TRY(make_whole(&address->path, &room, end));
	for (size_t i = 0; i < address->attributes_count; i++)
		if (has_path(address->attributes[i].name))
			TRY(make_whole(&address->attributes[i].value, &room,
				       end));
	return IOTSAFE_OK;
}
