/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A card's number and applet become a file in the user's cache folder: read,
 * written, removed. Nothing here is an error; without it there is no cache.
 */
#include <iotsafe/version.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/crypto.h"
#include "base/error.h"
#include "base/folder.h"
#include "object/cache.h"

#define NAME_ROOM 80
#define PATH_ROOM 512

/* ---- where it is ---- */

static bool default_path(char out[PATH_ROOM], bool make)
{
	const char *base = secure_getenv("XDG_CACHE_HOME");
	const char *home = secure_getenv("HOME");
	const char *under = "";

	/* By way of sudo, root has other people's home. */
	if ((!base || *base != '/') && geteuid() == 0) {
		base = "/var/cache";
	} else if (!base || *base != '/') {
		base = home;
		under = "/.cache";
	}
	if (!base || *base != '/' ||
	    snprintf(out, PATH_ROOM, "%s%s", base, under) >= PATH_ROOM)
		return false;
	if (make && *under)
		mkdir(out, 0700);
	return snprintf(out, PATH_ROOM, "%s%s/libiotsafe", base, under) <
	       PATH_ROOM;
}

static int open_folder(const struct cache_place *place, bool make)
{
	char path[PATH_ROOM];

	if (place->folder)
		return folder_open(place->folder, make);
	return default_path(path, make) ? folder_open(path, make) : -1;
}

static void name_file(const struct cache_place *place, char out[NAME_ROOM])
{
	char digits[2 * AID_MAX + 1];

	hex_encode(place->aid->data, place->aid->size, digits);
	snprintf(out, NAME_ROOM, "%s-%s", place->iccid, digits);
}

/* ---- what it holds ---- */

/* A certificate that is over may have a successor on the card by now. With a
 * clock that is wrong this costs what a cache saves, and no more. */
static bool is_over(const struct holding *holding)
{
	for (size_t i = 0; i < holding->entries_count; i++) {
		const struct entry *entry = &holding->entries[i];

		if (entry->content &&
		    crypto_certificate_is_over(entry_content(entry)))
			return true;
	}
	return false;
}

static bool read_file(const struct cache_place *place, int folder,
		      uint8_t *room, struct holding *holding)
{
	char name[NAME_ROOM];
	ssize_t size;

	name_file(place, name);
	size = folder_read(folder, name, room, CACHE_SIZE_MAX + 1);
	if (size < 0)
		return false;
	if (!cache_parse(place->iccid, place->aid,
			 (struct bytes){room, (size_t)size}, holding)) {
		unlinkat(folder, name, 0);
		return false;
	}
	if (!is_over(holding))
		return true;
	card_forget_applet(holding);
	return false;
}

static bool load(const struct cache_place *place, struct holding *holding)
{
	int folder = open_folder(place, false);
	uint8_t *room = folder < 0 ? NULL : malloc(CACHE_SIZE_MAX + 1);
	struct error kept;
	bool found = false;

	error_save(&kept);
	if (room)
		found = read_file(place, folder, room, holding);
	free(room);
	if (folder >= 0)
		close(folder);
	error_restore(&kept);
	return found;
}

/* Flash memory is not written to for what it has. */
static void write_file(int folder, const char *name, struct bytes file,
		       uint8_t *room)
{
	ssize_t size = folder_read(folder, name, room, CACHE_SIZE_MAX + 1);

	if (size < 0 || !bytes_equal(file, (struct bytes){room, (size_t)size}))
		folder_write(folder, name, file.data, file.size);
}

static void keep(const struct cache_place *place, const struct holding *holding)
{
	uint8_t *room = malloc(2 * CACHE_SIZE_MAX + 1);
	int folder = room ? open_folder(place, true) : -1;
	char name[NAME_ROOM];
	size_t size = 0;

	name_file(place, name);
	if (folder >= 0 && !is_over(holding))
		size = cache_format(place->iccid, place->aid, holding, room);
	if (size)
		write_file(folder, name, (struct bytes){room, size},
			   room + CACHE_SIZE_MAX);
	else if (folder >= 0)
		unlinkat(folder, name, 0);
	if (folder >= 0)
		close(folder);
	free(room);
}

static void drop(const struct cache_place *place)
{
	int folder = open_folder(place, false);
	char name[NAME_ROOM];

	if (folder < 0)
		return;
	name_file(place, name);
	unlinkat(folder, name, 0);
	close(folder);
}

const struct cache_module iotsafe_cache_module = {
	.version = IOTSAFE_VERSION,
	.load = load,
	.keep = keep,
	.drop = drop,
};

#ifdef MODULES_LINKED_IN
__attribute__((constructor)) static void enter(void)
{
	cache_enter(&iotsafe_cache_module);
}
#endif
