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
#define APPLET_SIGNATURE_MAX 512
#define APPLET_INIT_MAX	     80

/* What an RSA key that is IOTSAFE_OBJECT_SOFTWARE signs. */
#define APPLET_RSA_HERE                                                        \
	(IOTSAFE_RSA_PKCS1_SHA1 | IOTSAFE_RSA_PKCS1_SHA224 |                   \
	 IOTSAFE_RSA_PKCS1_SHA256 | IOTSAFE_RSA_PKCS1_SHA384 |                 \
	 IOTSAFE_RSA_PKCS1_SHA512 | IOTSAFE_RSA_PSS_SHA256 |                   \
	 IOTSAFE_RSA_PSS_SHA384 | IOTSAFE_RSA_PSS_SHA512)

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
	/* What it is, and its label, are in the object itself, which may want a
	 * PIN: until it was asked for (object), what its file is called. */
	bool unnamed;
	uint8_t applet; /* enum applet_number; not the applet's to set */
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
	bool signature_pieces; /* found out behind a modem that cuts answers */
	/* Said by the address: not to be changed. */
	bool forced_close, forced_session, forced_length, forced_no_list;
};

/* INIT was sent for a signature, and UPDATE was not: that holds as long as
 * nothing else is said to the card. */
struct prepared {
	uint8_t init[APPLET_INIT_MAX]; /* its data: key and algorithm */
	size_t size;		       /* 0: nothing is prepared */
	uint8_t session;
	uint64_t exchanges; /* of the link by then */
};

/* Asked when the first piece of a file is there: whether all of it is wanted.
 */
struct look {
	bool (*wants)(const void *self, struct bytes start);
	const void *self;
};

/* An applet on an open channel. */
struct applet {
	const struct applet_kind *kind;
	struct channel channel;
	struct applet_manners manners;
	unsigned left_open; /* sessions that our last use left so: bits */
	bool stuck;	    /* a session could not be had; a new channel may
			     * have one */
	/* Algorithms that the card refused, though its list has them. */
	int refused;
	struct prepared prepared;
	/* What was prepared was given up, with its session open: one that is in
	 * the way says nothing of how the card ends a signature. */
	bool given_up;
	int usual; /* the algorithm of the last signature over a hash, or 0 */
	const struct look *look; /* of read() under way, mostly NULL */
	/* The beginning of its file, which was read before; mostly empty. */
	struct bytes start;
};

struct applet_kind {
	const char *name; /* "iotsafe" */
	/* A certificate and a private key of one label belong together. */
	bool labels_tie;
	/* No private key is used without the applet's PIN. */
	bool keys_want_pin;
	/* The command that a signature comes from. */
	const char *signing_command;

	/* Whether what was selected is this applet, where its AID alone does
	 * not tell; IOTSAFE_ERR_ABSENT: it is not. NULL: it does. */
	int (*probe)(struct applet *applet, const struct deadline *deadline);
	/* The application's own data; `known` false where it has none. */
	int (*capabilities)(struct applet *applet, struct capabilities *out,
			    const struct deadline *deadline);
	/* One object: `wanted` has class and id, or label. */
	int (*object)(struct applet *applet, const struct record *wanted,
		      struct record *out, const struct deadline *deadline);
	/* All objects. */
	int (*list)(struct applet *applet, struct records *out,
		    const struct deadline *deadline);
	/* A whole file; *out is released with iotsafe_free(). 1: its beginning
	 * alone, since no more was wanted. */
	int (*read)(struct applet *applet, const struct record *file,
		    uint8_t **out, size_t *out_size,
		    const struct deadline *deadline);
	int (*public_key)(struct applet *applet, const struct record *key,
			  struct public_key *out,
			  const struct deadline *deadline);
	/* Signs a hash with one algorithm. r‖s or a block comes out.
	 * IOTSAFE_ERR_SUPPORT: the card does not know it after all. */
	int (*sign)(struct applet *applet, const struct record *key,
		    int algorithm, struct bytes hash, struct signature *out,
		    const struct deadline *deadline);
	/* Exactly `size` bytes, in as many commands as that takes. */
	int (*random)(struct applet *applet, uint8_t *out, size_t size,
		      const struct deadline *deadline);
	/* A name for a key type, or NULL. */
	const char *(*key_type_name)(uint8_t key_type);

	/* What only some applets have: NULL for the others. */

	/* RSA with PKCS#1 v1.5 padding; `out` has APPLET_SIGNATURE_MAX bytes.
	 */
	int (*decrypt)(struct applet *applet, const struct record *key,
		       struct bytes in, uint8_t *out, size_t *out_size,
		       const struct deadline *deadline);
	/* The bytes of a key that is IOTSAFE_OBJECT_SOFTWARE, with whatever is
	 * behind them; *out is released with iotsafe_free(), which wipes it.
	 */
	int (*read_key)(struct applet *applet, const struct record *key,
			uint8_t **out, size_t *out_size,
			const struct deadline *deadline);
	/* The applet's own PIN. Each is one command, never said twice. */
	int (*pin_tries)(struct applet *applet, int *tries,
			 const struct deadline *deadline);
	int (*pin_verify)(struct applet *applet, const char *pin,
			  const struct deadline *deadline);
	int (*pin_change)(struct applet *applet, const char *old_pin,
			  const char *new_pin, const struct deadline *deadline);
	/* Begins a signature over a hash that is not known yet: 1, or 0 where
	 * another one has been begun. sign() goes on with it if it fits. */
	int (*prepare)(struct applet *applet, const struct record *key,
		       int algorithm, const struct deadline *deadline);
	/* Ends what was prepared and not used; never fails. */
	void (*give_up)(struct applet *applet, const struct deadline *deadline);
};

/* Applets, in the order in which a card is asked for them. */
enum applet_number { APPLET_IOTSAFE, APPLET_MIAS, APPLET_MF, APPLETS };

/* By what a card knows an applet, and a name. */
struct applet_row {
	const char *name;
	const struct aid *aids;
	size_t aids_count;
};
extern const struct applet_row applet_rows[APPLETS];

/* What the applet does. Those of Trust Onboard are a module, which is loaded
 * here: IOTSAFE_ERR_SUPPORT where it is not installed. */
int applet_load(enum applet_number number, const struct applet_kind **kind);

/* The applet of this name, or of this AID (an unknown AID is IoT SAFE's);
 * APPLETS for a name that is none's. */
enum applet_number applet_by_name(const char *name);
enum applet_number applet_by_aid(const struct aid *aid);

/* GSMA IoT SAFE (IoT.05). */
extern const struct applet_kind applet_iotsafe;

/* Trust Onboard: where they are linked in, as in a static library, they enter
 * themselves in the place of their module. */
extern const struct applet_kind applet_mias, applet_mf;
void applet_enter(enum applet_number number, const struct applet_kind *kind);

#endif
