/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Cold starts with a card and a cache folder of the test's own. */
#ifndef CACHED_H
#define CACHED_H

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "fakecard.h"
#include "object/cache.h"
#include "object/key.h"
#include "script.h"

static struct identity root, issuer, a, b;
static char folder[64], attribute[80];
/* What a start costs without a cache. */
static unsigned cold;

#define KEY(class_, id_, key_)                                                 \
	{                                                                      \
		.class = class_, .id = id_, .label = "client", .key = &key_    \
	}
#define CERTIFICATE(id_, identity_)                                            \
	{                                                                      \
		.class = IOTSAFE_CLASS_FILE, .id = id_, .content = &identity_  \
	}
#define CARD_OF(identity_)                                                     \
	{                                                                      \
		.objects = {                                                   \
			KEY(IOTSAFE_CLASS_PRIVATE_KEY, "01", identity_),       \
			KEY(IOTSAFE_CLASS_PUBLIC_KEY, "01", identity_),        \
			CERTIFICATE("02", identity_),                          \
			CERTIFICATE("03", issuer),                             \
			CERTIFICATE("04", root),                               \
		},                                                             \
	}

/* The names of the files, "" where there is none. */
static inline unsigned files(char first[400], bool with_removal)
{
	DIR *stream = opendir(folder);
	struct dirent *entry;
	unsigned count = 0;

	first[0] = '\0';
	while (stream && (entry = readdir(stream))) {
		if (entry->d_name[0] == '.')
			continue;
		count++;
		snprintf(first, 400, "%s/%s", folder, entry->d_name);
		if (with_removal)
			unlink(first);
	}
	if (stream)
		closedir(stream);
	return count;
}

static inline iotsafe_card *open_with(struct fakecard *fake,
				      const char *attributes)
{
	iotsafe_link link = fakecard_link(fake);
	iotsafe_card *card;

	expect_good(iotsafe_card_open_link(&link, attributes, &card));
	return card;
}

static inline int sign(iotsafe_key *key, const struct identity *signer)
{
	static const uint8_t hash[32] = {1, 2, 3};
	uint8_t *out;
	size_t size;
	int result =
		iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size);

	if (result >= 0)
		cr_assert(fakecard_verify(signer, hash, 32, out, size));
	iotsafe_free(out);
	return result;
}

static inline void expect_chain(iotsafe_key *key, const struct identity *signer)
{
	cr_assert(bytes_equal(
		key_chain(key, 0),
		(struct bytes){signer->der.data, signer->der.size}));
	cr_assert(
		bytes_equal(key_chain(key, 1),
			    (struct bytes){issuer.der.data, issuer.der.size}));
	cr_assert(!key_chain(key, 2).size);
}

/* What a cold start does; gives how many exchanges it took. */
static inline unsigned start(struct fakecard *fake, const char *attributes,
			     const struct identity *signer)
{
	iotsafe_card *card = open_with(fake, attributes);
	unsigned exchanges;
	iotsafe_key *key;

	expect_good(iotsafe_key_open(card, NULL, &key));
	expect_good(key_learn(key, NULL));
	expect_chain(key, signer);
	expect_good(sign(key, signer));
	exchanges = (unsigned)iotsafe_card_counter(card, IOTSAFE_EXCHANGES);
	iotsafe_key_free(key);
	iotsafe_card_free(card);
	return exchanges;
}

/* MANAGE CHANNEL, ICCID, SELECT; INIT, UPDATE. */
#define WARM 5

static inline void expect_start(unsigned exchanges)
{
	struct fakecard fake = CARD_OF(a);
	unsigned took = start(&fake, attribute, &a);

	cr_assert(took == exchanges, "%u exchanges instead of %u", took,
		  exchanges);
}

static inline void set_up(void)
{
	struct fakecard fake = CARD_OF(a);

	root = identity_make(
		(struct identity_wish){.name = "root", .ca = true});
	issuer = identity_make((struct identity_wish){
		.name = "issuer", .issuer = &root, .ca = true});
	a = identity_make(
		(struct identity_wish){.name = "a", .issuer = &issuer});
	b = identity_make(
		(struct identity_wish){.name = "b", .issuer = &issuer});
	snprintf(folder, sizeof(folder), "/tmp/cache-XXXXXX");
	cr_assert(mkdtemp(folder) != NULL);
	snprintf(attribute, sizeof(attribute), "cache=%s", folder);
	cold = start(&fake, NULL, &a);
	cr_assert(cold > WARM + 4);
}

static inline void tear_down(void)
{
	char name[400];

	files(name, true);
	rmdir(folder);
	identity_free(&root);
	identity_free(&issuer);
	identity_free(&a);
	identity_free(&b);
}

#endif
