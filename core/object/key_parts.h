/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The inside of a key's handle, for the files of this level that work on it.
 * All functions are for use within a turn. */
#ifndef OBJECT_KEY_PARTS_H
#define OBJECT_KEY_PARTS_H

#include <stdatomic.h>
#include "object/card.h"

/* What the handle has, or had: a public key, a certificate, names. */
struct held {
	struct held *next;
	size_t size;
	_Alignas(struct record) uint8_t data[];
};

/* What the card's list says of a key, and what it is called. */
struct described {
	struct record record;
	char title[RECORD_TITLE_MAX];
};

struct iotsafe_key {
	atomic_uint uses;
	iotsafe_card *card;
	bool identity;	  /* opened without a name */
	unsigned changes; /* of the card, when it was opened */

	/* Set within turns of the card, and kept. */
	bool spki_learned, chain_learned;
	/* Algorithms that the card refused after all. Read without a turn. */
	atomic_int refused;
	/* Of a key that signs here: read once, used without a turn. */
	_Atomic(struct secret *) software;
	/* It was found by what is from disk, or its public key or chain are
	 * from there: they may be history. */
	atomic_bool cached;
	/* The chain that it had may be in a handshake, and was from there. */
	bool outdated;
	bool confirmed;	  /* a signature verified with `spki` */
	bool certified;	  /* nothing but a certificate told `spki` */
	bool chain_given; /* by the user, not by the card */
	/* The algorithms of such a public key, 0 if it cannot be used here:
	 * reading it costs more than all else about a signature. */
	atomic_int able;
	const struct held *former; /* the misleading one, or the cache's */
	unsigned chain_count;
	struct held *chain[CHAIN_MAX];
	/* Looked at without a turn as well, perhaps while another thread finds
	 * others: what was here stays until the handle goes. */
	_Atomic(const struct held *) described, spki;
	/* The title of a certificate that is of no key on the card. */
	_Atomic(const struct held *) stray;
	/* And of one that could not be read. */
	_Atomic(const struct held *) unread;
	struct held *all;
};

static inline struct bytes borrow(const struct held *held)
{
	return held ? (struct bytes){held->data, held->size}
		    : (struct bytes){NULL, 0};
}

static inline const struct described *key_described(const iotsafe_key *key)
{
	const struct held *held = key->described;

	return (const void *)held->data;
}

static inline const struct record *key_record(const iotsafe_key *key)
{
	return &key_described(key)->record;
}

int key_make(iotsafe_card *card, const struct record *record, unsigned changes,
	     iotsafe_key **key);

/* The entry that has the public key of a private one, a key's or a
 * certificate's; NULL where nothing tells. */
int key_find_public(iotsafe_card *card, const struct record *record,
		    struct entry **out, const struct deadline *deadline);
/* Finds the public key, from its object or else its certificate. */
int key_learn_spki(iotsafe_card *card, iotsafe_key *key,
		   const struct deadline *deadline);

/* The same with its certificates, where the card has them. */
int key_learn_chain(iotsafe_card *card, iotsafe_key *key,
		    const struct deadline *deadline);

/* key_cached.c: whether a key that was found can do with what is from disk:
 * a signature must show that it is wrong. */
bool key_is_sure(iotsafe_card *card, const struct record *record,
		 const struct deadline *deadline);
/* Ahead of all else that is done with a key: one that is from disk is found
 * anew on the card where the operation does not believe that, and forgets what
 * it had learned. */
int key_settle(iotsafe_card *card, iotsafe_key *key,
	       const struct deadline *deadline);

/* A copy in place of what was there. What the handle had already is the same
 * again, so that finding it anew takes no more memory. */
int key_hold(iotsafe_key *key, _Atomic(const struct held *) *place,
	     struct bytes bytes);
/* For the last user. */
void key_release(iotsafe_key *key);

/* Takes a copy, and looks up what can be done with it. */
int key_own_spki(iotsafe_key *key, struct bytes spki);
/* The public key that names made likely turns out to be another one. */
int key_replace_spki(iotsafe_key *key, const struct entry *public);
void key_drop_chain(iotsafe_key *key);
int key_add_to_chain(iotsafe_key *key, struct bytes certificate);
/* The leaf, then issuer after issuer; a self-signed root stays out. */
int key_build_chain(iotsafe_card *card, iotsafe_key *key, struct entry *entry,
		    const struct deadline *deadline);

/* software.c: the private key's bytes, read once: for use within a turn. */
int key_need_software(iotsafe_card *card, iotsafe_key *key,
		      const struct deadline *deadline);

/* Another record of the card's is the key's. */
int key_take_record(iotsafe_key *key, const struct record *record);

/* Records that the card does not have it any more. */
int key_gone(const iotsafe_key *key);

/* An error where the pair was made anew since the handle was opened, or is no
 * longer there. */
int key_check(iotsafe_card *card, const iotsafe_key *key);

#endif
