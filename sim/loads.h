/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_LOADS_H
#define SIM_LOADS_H

#include "profile.h"
#include "store.h"

#define LOAD_ID_MAX    20
#define LOAD_LABEL_MAX 60
#define LOAD_DATA_MAX  0xFFFF

/* What a user may put on a card of his own; loads.c has their names. */
enum load_kind {
	LOAD_KEY,	  /* a key pair, as DER */
	LOAD_CERTIFICATE, /* a file, DER */
	LOAD_FILE,	  /* a file of anything */
	LOAD_SECRET,	  /* a key for PRF and HKDF */
	LOAD_CMAC,	  /* a key for AES-128-CMAC */
	LOAD_PUBLIC,	  /* a public key, as DER */
	LOAD_KINDS
};

struct load {
	enum load_kind kind;
	uint8_t id[LOAD_ID_MAX];
	size_t id_size;
	uint8_t label[LOAD_LABEL_MAX];
	size_t label_size;
	uint8_t *data;
	size_t size;
};

struct loads {
	struct load items[PROFILE_OBJECTS_MAX];
	size_t count;
};

enum object_class load_class(enum load_kind kind);
struct view load_id(const struct load *load);
struct view load_label(const struct load *load);

/* Puts `load` in place of one of the same id, or behind the others; its data
 * then belongs to `loads`. False when there is no room. */
bool loads_add(struct loads *loads, const struct load *load);

/* One file of the store has them all, so they change together or not at all. */
enum store_found loads_read(struct loads *loads, struct store *store,
			    const char *profile);
bool loads_write(const struct loads *loads, struct store *store,
		 const char *profile);
void loads_clear(struct loads *loads);

#endif
