/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each process has its own opening of a key. The parent's are kept behind it:
 * another thread may still ask what such a key can do.
 */
#include <iotsafe/gnutls.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/error.h"
#include "base/trace.h"
#include "object/key.h"
#include "tls/origin.h"

struct opened {
	struct opened *before; /* the parent's */
	pid_t pid;
	iotsafe_key *key;
};

static struct opened *make_opened(iotsafe_key *key, struct opened *before)
{
	struct opened *made = malloc(sizeof(*made));

	if (!made) {
		error_no_memory("key");
		return NULL;
	}
	*made = (struct opened){before, getpid(), key};
	return made;
}

int origin_init(struct origin *origin, iotsafe_key *key, const char *name)
{
	struct opened *opened = make_opened(key, NULL);

	if (!opened)
		return IOTSAFE_ERR_MEMORY;
	key_use(key);
	atomic_init(&origin->opened, opened);
	origin->name = name ? strdup(name) : NULL;
	if (!name || origin->name)
		return IOTSAFE_OK;
	origin_end(origin);
	return error_no_memory("key");
}

iotsafe_key *origin_last(const struct origin *origin)
{
	return atomic_load(&origin->opened)->key;
}

/* It is the same card, but the pair may be another one by now. Of a key whose
 * public key nothing tells, nothing more can be known. */
static int check_same(const iotsafe_key *key, const iotsafe_key *before)
{
	if (!key_spki(before).size ||
	    bytes_equal(key_spki(key), key_spki(before)))
		return IOTSAFE_OK;
	return error_set(IOTSAFE_ERR_CLOSED,
			 "key %s is another one than before fork()",
			 key_title(key));
}

static int open_by_name(const struct origin *origin,
			const struct deadline *limit, iotsafe_key **key)
{
	iotsafe_card *card;
	int result;

	TRY(key_open_card(origin_last(origin), &card));
	result = key_open(card, origin->name, limit, key);
	iotsafe_card_free(card);
	TRY(result);
	result = key_learn(*key, limit);
	if (result >= 0)
		result = check_same(*key, origin_last(origin));
	if (result < 0)
		iotsafe_key_free(*key);
	return result;
}

static int open_again(struct origin *origin, struct opened *before,
		      const struct deadline *limit)
{
	struct opened *made;
	iotsafe_key *key;
	int result = open_by_name(origin, limit, &key);

	if (result == IOTSAFE_ERR_BUSY)
		error_append(" (a program and its children take turns by "
			     "share=yes in the address)");
	TRY(result);
	made = make_opened(key, before);
	if (!made) {
		iotsafe_key_free(key);
		return IOTSAFE_ERR_MEMORY;
	}
	/* Another thread may have been faster. */
	if (!atomic_compare_exchange_strong(&origin->opened, &before, made)) {
		iotsafe_key_free(key);
		free(made);
	}
	return IOTSAFE_OK;
}

int origin_find(struct origin *origin, const struct deadline *limit,
		iotsafe_key **key)
{
	struct opened *opened = atomic_load(&origin->opened);

	if (origin->name && opened->pid != getpid())
		TRY(open_again(origin, opened, limit));
	*key = origin_last(origin);
	return IOTSAFE_OK;
}

int origin_tell(int result)
{
	if (result >= 0)
		return 0;
	trace_line(IOTSAFE_TRACE_FAILURE, "failure %s", iotsafe_last_error());
	return IOTSAFE_GNUTLS_ERROR(result);
}

void origin_end(struct origin *origin)
{
	struct opened *opened = atomic_load(&origin->opened);

	while (opened) {
		struct opened *before = opened->before;

		iotsafe_key_free(opened->key);
		free(opened);
		opened = before;
	}
	free(origin->name);
}
