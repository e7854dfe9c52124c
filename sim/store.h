/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_STORE_H
#define SIM_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A directory that survives restarts. Each thing is one file, and each file is
 * old or new, never half. A store without a directory keeps nothing: reads
 * find nothing, writes succeed.
 */
struct store {
	char *path;
	int fd;	     /* the directory, or -1 */
	int lock_fd; /* held between store_lock and store_unlock */
	bool is_cut; /* a fault: the power goes after `left` bytes more */
	size_t left;
};

enum store_found { STORE_ERROR = -1, STORE_ABSENT, STORE_FOUND };

/* `path` NULL: keep nothing. Makes the directory (0700) when it is absent. */
bool store_open(struct store *store, const char *path);
/* Ends the program with code 3 when `bytes` have been written from here on. */
void store_cut(struct store *store, size_t bytes);
void store_close(struct store *store);

/* Keeps other processes out while several files are made to fit together. */
bool store_lock(struct store *store);
void store_unlock(struct store *store);

/* `name` may have one folder in front. The caller frees `*data`. */
enum store_found store_read(struct store *store, const char *name,
			    uint8_t **data, size_t *size);
bool store_write(struct store *store, const char *name, const void *data,
		 size_t size, unsigned int mode);

#endif
