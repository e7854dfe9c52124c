/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Session data by what it is good for. A ticket of TLS 1.3 is for one use (RFC
 * 8446 C.4), and a session that does not resume is not to be tried again: what
 * is taken is gone, and each session puts back what it got.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <iotsafe/iotsafe.h>
#include "tls/kept.h"

struct place {
	uint8_t key[KEPT_KEY_SIZE];
	uint8_t *data; /* NULL: free */
	size_t size;
	int64_t end;
	uint64_t order; /* grows with each one that is put */
};

struct kept {
	pthread_mutex_t lock;
	uint64_t puts;
	struct place places[KEPT_MAX];
};

struct kept *kept_new(void)
{
	struct kept *kept = calloc(1, sizeof(*kept));

	if (kept)
		pthread_mutex_init(&kept->lock, NULL);
	return kept;
}

static void clear(struct place *place)
{
	iotsafe_free(place->data);
	bytes_wipe(place, sizeof(*place));
}

void kept_free(struct kept *kept)
{
	if (!kept)
		return;
	for (size_t i = 0; i < KEPT_MAX; i++)
		clear(&kept->places[i]);
	pthread_mutex_destroy(&kept->lock);
	free(kept);
}

static bool is_of(const struct place *place, const uint8_t key[KEPT_KEY_SIZE])
{
	return place->data && !memcmp(place->key, key, KEPT_KEY_SIZE);
}

/* What is too old, or from a time to come, goes. */
static void clear_old(struct kept *kept, int64_t now)
{
	for (size_t i = 0; i < KEPT_MAX; i++) {
		struct place *place = &kept->places[i];

		if (place->data &&
		    (place->end <= now || place->end - now > KEPT_SECONDS))
			clear(place);
	}
}

/* `older` than the one found before, or newer. */
static struct place *better(struct place *found, struct place *next, bool older)
{
	if (!found)
		return next;
	return (next->order < found->order) == older ? next : found;
}

/* Of one key, or with NULL of all. */
static struct place *find(struct kept *kept, const uint8_t *key, bool oldest)
{
	struct place *found = NULL;

	for (size_t i = 0; i < KEPT_MAX; i++)
		if (key ? is_of(&kept->places[i], key)
			: kept->places[i].data != NULL)
			found = better(found, &kept->places[i], oldest);
	return found;
}

static struct place *make_room(struct kept *kept, const uint8_t *key)
{
	struct place *empty = NULL, *oldest;
	size_t same = 0;

	for (size_t i = 0; i < KEPT_MAX; i++) {
		if (!kept->places[i].data)
			empty = &kept->places[i];
		same += is_of(&kept->places[i], key);
	}
	if (empty && same < KEPT_OF_ONE_MAX)
		return empty;
	oldest = find(kept, same < KEPT_OF_ONE_MAX ? NULL : key, true);
	clear(oldest);
	return oldest;
}

void kept_put(struct kept *kept, const uint8_t key[KEPT_KEY_SIZE],
	      struct bytes data, int64_t now)
{
	struct place fresh = {.end = now + KEPT_SECONDS};

	if (!data.size || data.size > KEPT_SIZE_MAX ||
	    bytes_give(data.data, data.size, &fresh.data, &fresh.size) < 0)
		return;
	memcpy(fresh.key, key, KEPT_KEY_SIZE);
	pthread_mutex_lock(&kept->lock);
	clear_old(kept, now);
	fresh.order = ++kept->puts;
	*make_room(kept, key) = fresh;
	pthread_mutex_unlock(&kept->lock);
}

bool kept_take(struct kept *kept, const uint8_t key[KEPT_KEY_SIZE], int64_t now,
	       uint8_t **data, size_t *size)
{
	struct place *place;

	pthread_mutex_lock(&kept->lock);
	clear_old(kept, now);
	place = find(kept, key, false);
	if (place) {
		*data = place->data;
		*size = place->size;
		place->data = NULL;
		clear(place);
	}
	pthread_mutex_unlock(&kept->lock);
	return place != NULL;
}

void kept_forget(struct kept *kept, const uint8_t key[KEPT_KEY_SIZE])
{
	pthread_mutex_lock(&kept->lock);
	for (size_t i = 0; i < KEPT_MAX; i++)
		if (is_of(&kept->places[i], key))
			clear(&kept->places[i]);
	pthread_mutex_unlock(&kept->lock);
}
