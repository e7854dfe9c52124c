/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Folders of our own, which nobody else can look into, and files in them. */
#ifndef BASE_FOLDER_H
#define BASE_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A descriptor, or -1 unless it is ours alone; made if there is none and
 * `make` says so. */
int folder_open(const char *path, bool make);

/* The whole of a file that is ours alone too; -1 where there is none, or one
 * that is not to be trusted: that one is gone then. */
ssize_t folder_read(int folder, const char *name, uint8_t *out, size_t room);

/* Takes an old file's place in one step, or does nothing. What a power cut
 * leaves of it is for the reader to find out. */
void folder_write(int folder, const char *name, const uint8_t *data,
		  size_t size);

#endif
