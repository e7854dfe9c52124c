/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table an applet fills. The object level knows applets by it alone. */
#ifndef APPLET_APPLET_H
#define APPLET_APPLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <iotsafe/iotsafe.h>
#include "base/bytes.h"
#include "base/deadline.h"
#include "uicc/channel.h"

#define APPLET_ID_MAX	     20
#define APPLET_LABEL_MAX     60
#define APPLET_OBJECTS_MAX   256
#define APPLET_FILE_MAX	     65535
#define APPLET_SIGNATURE_MAX 256

/* One object as the applet tells it. */
struct record {
	int class;	  /* enum iotsafe_class */
	unsigned flags;	  /* enum iotsafe_object_flag */
	int algorithms;	  /* enum iotsafe_algorithm */
	uint8_t key_type; /* as on the card, 0: none */
	uint16_t size;	  /* of a file */
	bool has_size;	  /* the card told it */
	/* And its state, its access conditions, and what the key may do. */
	bool has_state, has_access, has_functions;
	uint8_t id[APPLET_ID_MAX];
	uint8_t id_size;
	uint8_t label[APPLET_LABEL_MAX];
	uint8_t label_size;
};

/* Grows as records come; heap, released with free(). */
struct records {
	struct record *items;
	size_t count;
};

/* A public key: the uncompressed point 04 X Y, or, where there is a modulus,
 * an RSA key, numbers as on the card. */
struct public_key {
	uint8_t point[65];
	uint8_t modulus[257];
	size_t modulus_size;
	uint8_t exponent[4];
	size_t exponent_size;
};

struct signature {
	uint8_t data[APPLET_SIGNATURE_MAX];
	size_t size;
};

struct capabilities {
	bool known;
	unsigned version;
	unsigned files, private_keys, public_keys, secret_keys; /* limits */
	unsigned functions, hashes, signatures, agreements, derivations;
	unsigned sessions;
};

/* What is found out about an applet while talking to it. */
struct applet_manners {
	bool close_session; /* a session must be closed after its use */
	bool has_session;   /* `session` is the number of all sessions */
	uint8_t session;
	/* How the card gives signatures, and so is taken to want them: bytes
	 * of the length behind the tag (1 or 2; 3: BER's 81; 0: not known),
	 * and DER instead of r and s. */
	uint8_t signature_length;
	bool signature_der;
	bool verified_so;	  /* a signature was good in that form */
	bool has_list, bare_list; /* objects come wrapped, or bare */
	bool short_text;	  /* no length above 127 in a text */
	/* Said by the address: not to be changed. */
	bool forced_close, forced_session, forced_length, forced_no_list;
};

/* An applet on an open channel. */
struct applet {
	const struct applet_kind *kind;
	struct channel channel;
	struct applet_manners manners;
	unsigned left_open; /* sessions that our last use left so: bits */
	bool stuck;	    /* a session could not be had; a new channel may
			     * have one */
};

struct applet_kind {
	const char *name; /* "iotsafe" */
	const struct aid *aids;
	size_t aids_count;

	/* The application's own data; `known` false where it has none. */
	int (*capabilities)(struct applet *applet, struct capabilities *out,
			    const struct deadline *deadline);
	/* One object: `wanted` has class and id, or label. */
	int (*object)(struct applet *applet, const struct record *wanted,
		      struct record *out, const struct deadline *deadline);
	/* All objects. */
	int (*list)(struct applet *applet, struct records *out,
		    const struct deadline *deadline);
	/* A whole file; *out is released with iotsafe_free(). */
	int (*read)(struct applet *applet, const struct record *file,
		    uint8_t **out, size_t *out_size,
		    const struct deadline *deadline);
	int (*public_key)(struct applet *applet, const struct record *key,
			  struct public_key *out,
			  const struct deadline *deadline);
	/* Signs a hash with one algorithm. r‖s or a block comes out. */
	int (*sign)(struct applet *applet, const struct record *key,
		    int algorithm, struct bytes hash, struct signature *out,
		    const struct deadline *deadline);
	/* Exactly `size` bytes, in as many commands as that takes. */
	int (*random)(struct applet *applet, uint8_t *out, size_t size,
		      const struct deadline *deadline);
	/* A name for a key type, or NULL. */
	const char *(*key_type_name)(uint8_t key_type);
};

/* GSMA IoT SAFE (IoT.05). */
extern const struct applet_kind applet_iotsafe;

#endif
