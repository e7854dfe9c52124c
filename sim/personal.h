/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_PERSONAL_H
#define SIM_PERSONAL_H

#include "fault.h"
#include "loads.h"
#include "profile.h"
#include "quirk.h"
#include "store.h"
#include "tob.h"

#include <openssl/evp.h>

#define ICCID_SIZE	 10
#define PERSONAL_OWN_MAX (2 * PROFILE_OBJECTS_MAX)

struct object {
	const struct object_row *row;
	bool absent;	  /* taken away by a fault */
	bool given;	  /* by a user, so nothing is made for it */
	uint8_t *content; /* of a file, or a secret key */
	size_t content_size;
	uint8_t *renewed; /* what remote administration will put there */
	size_t renewed_size;
};

/* What makes this card this card: its number, keys and files. */
struct personal {
	const struct profile *profile;
	struct store *store;
	const struct quirks *quirks;
	uint8_t iccid[ICCID_SIZE]; /* as EF_ICCID has it, digits swapped */
	struct object objects[PROFILE_OBJECTS_MAX];
	size_t object_count;
	EVP_PKEY *pairs[PROFILE_PAIRS_MAX];
	/* what the user loaded, and the rows of that */
	struct loads loads;
	struct object_row own[PERSONAL_OWN_MAX];
	size_t own_count;
	struct tob *tob; /* Trust Onboard, or NULL */
};

/*
 * Takes from the store what is there, makes and keeps the rest. Faults change
 * the card in memory only, never the store.
 */
bool personal_open(struct personal *personal, const struct profile *profile,
		   struct store *store, const struct quirks *quirks,
		   const struct faults *faults);
/* Would a card take these? Says why not. */
bool personal_takes(const struct profile *profile, const struct loads *loads);
void personal_close(struct personal *personal);

/* By the TLV of its id (83..86) or label (73..76); NULL when there is none. */
struct object *personal_find(struct personal *personal, enum object_class class,
			     const struct tlv *name);

/* 73 to 76: the tag of a label; that of an id is 10 hex more. */
unsigned int label_tag(enum object_class class);

/* Is there something in it? */
bool object_active(const struct personal *personal,
		   const struct object *object);

enum key_kind object_kind(const struct object *object);

/* The key of a private or public object, made now if it is due; or NULL. */
EVP_PKEY *personal_key(struct personal *personal, const struct object *object);

/* The other half of a key pair, or NULL. */
struct object *personal_other_half(struct personal *personal,
				   const struct object *object);

/* Remote administration has been: what was prepared takes its place. */
void personal_renew(struct personal *personal);

/* Makes another card of it: another number, other keys and certificates. Never
 * reaches the store. */
void personal_swap(struct personal *personal);

/* Puts a new key into the pair; a persistent one is kept in the store. */
bool personal_generate(struct personal *personal, const struct object *object);

/* Takes `key` for a slot of a public key, and keeps it if that is persistent */
bool personal_put(struct personal *personal, const struct object *object,
		  EVP_PKEY *key);

#endif
