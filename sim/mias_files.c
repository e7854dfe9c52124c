// SPDX-License-Identifier: LGPL-2.1-or-later
/* The files of mIAS: the containers, the directory, and what that names. */
#include "mias_parts.h"

#include "ef.h"

#include <stdio.h>
#include <string.h>

#define NAME_SIZE 8 /* of a file and of its folder in the directory */
#define KEY_BITS  2048

static unsigned int container_of(const struct card *card)
{
	return (unsigned int)quirk_value(&card->quirks, QUIRK_CONTAINER, 0);
}

static bool signs_only(const struct card *card)
{
	return quirk_on(&card->quirks, QUIRK_SIGN_ONLY);
}

uint8_t mias_key_number(const struct card *card)
{
	return (uint8_t)((signs_only(card) ? 0x40 : 0x30) |
			 (container_of(card) + 1));
}

/*
 * 11 bytes a container: is it there, and the bits of its key as one that signs
 * or as one that deciphers, too.
 */
static bool put_containers(struct card *card, struct writer *out)
{
	unsigned int count = container_of(card) + 1;
	unsigned int bits = KEY_BITS;

	fault_holds(card->faults, FAULT_KEY_BITS, &bits);
	for (unsigned int i = 0; i < count; i++) {
		bool is_there =
			i + 1 == count && !fault_on(card->faults, FAULT_NO_KEY);

		put_byte(out, is_there);
		put_bytes(out, "\0\0\0", 3);
		put_u16(out, is_there && signs_only(card) ? bits & 0xFFFF : 0);
		put_u16(out, is_there && !signs_only(card) ? bits & 0xFFFF : 0);
		put_bytes(out, "\0\0\0", 3);
	}
	return true;
}

static bool put_nothing(struct card *card, struct writer *out)
{
	(void)card;
	put_bytes(out, "\0\0\0\0", 4);
	return true;
}

static const struct file_row {
	unsigned int id;
	const char *name; /* two digits behind it where `numbered` */
	const char *folder;
	bool (*put)(struct card *card, struct writer *out);
	uint8_t rights; /* bytes of compact security attributes */
	bool extra;	/* with the quirk more-files */
	bool dead;	/* with the quirk dead-entry */
	bool is_key;	/* a private one */
	bool is_certificate;
	bool is_object; /* of PKCS#11 */
	bool numbered;	/* by the container */
} files[] = {
	{EF_CONTAINERS, "cmapfile", "mscp", put_containers, .rights = 3},
	{0x0003, "cardcf", "mscp", put_nothing, .rights = 3, .extra = true},
	{0x0202, "priprk", "mscp", put_nothing, .rights = 10, .extra = true,
	 .numbered = true},
	{0x0201, "kxc", "mscp", mias_put_certificate, .rights = 10,
	 .is_certificate = true, .numbered = true},
	{0x0300, "pubdat07", "p11", mias_put_other_object, .rights = 3,
	 .extra = true},
	{0x0305, "pubdat05", "p11", put_nothing, .rights = 3, .dead = true},
	{0x0301, "pubdat00", "p11", mias_put_available_certificate, .rights = 3,
	 .is_certificate = true, .is_object = true},
	{0x0302, "pridat00", "p11", mias_put_available_key, .rights = 3,
	 .is_key = true, .is_object = true},
};

#define FILE_COUNT (sizeof(files) / sizeof(*files))

static bool is_there(const struct card *card, const struct file_row *row)
{
	if (row->is_key && fault_on(card->faults, FAULT_NO_KEY))
		return false;
	if (row->is_certificate && fault_on(card->faults, FAULT_NO_CERTIFICATE))
		return false;
	if (row->dead && !quirk_on(&card->quirks, QUIRK_DEAD_ENTRY))
		return false;
	return !row->extra || quirk_on(&card->quirks, QUIRK_MORE_FILES);
}

/* The directory has it, and it is not there. */
static bool is_missing(const struct card *card, const struct file_row *row)
{
	return row->dead &&
	       quirk_value(&card->quirks, QUIRK_DEAD_ENTRY, 0) == 1;
}

static bool make_file(struct card *card, const struct file_row *row,
		      struct ef *ef)
{
	struct writer out;

	if (!ef_begin(ef, &out) || !row->put(card, &out) || !ef_end(ef, &out)) {
		ef_forget(ef);
		return false;
	}
	ef->rights = row->rights;
	ef->secret = row->is_key;
	ef->closed = row->dead;
	ef->locked = row->is_key ||
		     (row->is_object && quirk_on(&card->quirks, QUIRK_P11_PIN));
	return true;
}

static void put_padded(struct writer *out, const char *text)
{
	char padded[NAME_SIZE + 1] = {0};

	snprintf(padded, sizeof(padded), "%s", text);
	put_bytes(out, padded, NAME_SIZE);
}

static void put_name(struct card *card, const struct file_row *row,
		     struct writer *out)
{
	bool is_ksc = row->is_certificate && signs_only(card);
	char name[NAME_SIZE + 8];

	if (row->numbered)
		snprintf(name, sizeof(name), "%s%02u",
			 is_ksc ? "ksc" : row->name, container_of(card));
	else
		snprintf(name, sizeof(name), "%s", row->name);
	put_padded(out, name);
}

/* 21 bytes: file, size, name, folder, and one nobody looks at. */
static bool put_entry(struct card *card, const struct file_row *row,
		      struct writer *out)
{
	unsigned int id = row->id;
	unsigned int size;
	struct ef ef = {0};

	if (!make_file(card, row, &ef))
		return false;
	size = (unsigned int)ef.size;
	ef_forget(&ef);
	fault_holds(card->faults, FAULT_DIR_ID, &id);
	fault_holds(card->faults, FAULT_DIR_SIZE, &size);
	put_u16(out, id & 0xFFFF);
	put_u16(out, size & 0xFFFF);
	put_name(card, row, out);
	put_padded(out, row->folder);
	put_byte(out, 0x00);
	return true;
}

static bool put_directory(struct card *card, struct writer *out)
{
	unsigned int count = 0;

	put_byte(out, 0);
	for (size_t i = 0; i < FILE_COUNT; i++) {
		if (!is_there(card, &files[i]))
			continue;
		if (!put_entry(card, &files[i], out))
			return false;
		count++;
	}
	fault_holds(card->faults, FAULT_DIR_COUNT, &count);
	out->data[0] = (uint8_t)count;
	return true;
}

static const struct file_row directory = {EF_DIRECTORY, "", "", put_directory,
					  .rights = 3};

bool mias_open_file(struct card *card, unsigned int id, struct ef *ef)
{
	if (id == EF_DIRECTORY)
		return make_file(card, &directory, ef);
	for (size_t i = 0; i < FILE_COUNT; i++)
		if (files[i].id == id && is_there(card, &files[i]) &&
		    !is_missing(card, &files[i]))
			return make_file(card, &files[i], ef);
	return false;
}
