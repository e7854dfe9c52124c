/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bytes become a secret in locked pages.
 */
#include <iotsafe/iotsafe.h>
#include <string.h>
#include <sys/mman.h>
#include "base/error.h"
#include "base/secret.h"

struct secret *secret_new(struct bytes from)
{
	const size_t room = sizeof(struct secret) + from.size;
	struct secret *secret = mmap(NULL, room, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (secret == MAP_FAILED) {
		error_no_memory("secret");
		return NULL;
	}
	/* Both are help, not needed: who has no right to lock may use it. */
	(void)mlock(secret, room);
	(void)madvise(secret, room, MADV_DONTDUMP);
	secret->uses = 1;
	secret->room = room;
	secret->size = from.size;
	memcpy(secret->data, from.data, from.size);
	return secret;
}

struct secret *secret_use(struct secret *secret)
{
	if (secret)
		secret->uses++;
	return secret;
}

void secret_free(struct secret *secret)
{
	size_t room;

	if (!secret || --secret->uses)
		return;
	room = secret->room;
	bytes_wipe(secret->data, secret->size);
	munmap(secret, room);
}
