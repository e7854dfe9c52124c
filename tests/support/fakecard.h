/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A whole card in memory, as an application's link: an applet with objects,
 * keys that sign, and counts of what it was asked. For tests of what many
 * commands together do; scripts serve for single ones. */
#ifndef SUPPORT_FAKECARD_H
#define SUPPORT_FAKECARD_H

#include <iotsafe/iotsafe.h>
#include <stdatomic.h>
#include <stdbool.h>
#include "softpki.h"

#define FAKE_OBJECTS_MAX  16
#define FAKE_CHANNELS_MAX 4

/* Instructions, for counting. */
#define FAKE_MANAGE_CHANNEL 0x70
#define FAKE_SELECT	    0xA4
#define FAKE_INIT	    0x2A
#define FAKE_UPDATE	    0x2B
#define FAKE_READ_FILE	    0xB0
#define FAKE_GET_DATA	    0xCB
#define FAKE_PUBLIC_KEY	    0xCD
#define FAKE_RANDOM	    0x84
#define FAKE_AGREE	    0x46

struct fake_object {
	int class; /* enum iotsafe_class; 0: no object */
	const char *id;
	const char *label;		/* NULL: none */
	const struct identity *key;	/* of a key object */
	const struct identity *content; /* of a file: its certificate */
	bool inactive;
	bool unmarked;	   /* a file that does not say what it holds */
	bool pem;	   /* a file that holds it as text, not as DER */
	unsigned type;	   /* of a key; 0: P-256 */
	unsigned refusal;  /* a status word instead of what it holds */
	const char *noise; /* hexadecimal, instead of what it holds */
};

struct fakecard {
	struct fake_object objects[FAKE_OBJECTS_MAX];

	/* Manners. */
	bool one_session;    /* INIT of an open session is refused */
	bool wrong;	     /* flips a bit of every signature */
	bool no_list;	     /* GET DATA object list is not known */
	unsigned list_page;  /* bytes a page of the list, 0: 240 */
	const char *iccid;   /* hexadecimal of the file; NULL: of any card */
	bool no_iccid;	     /* nobody may read it */
	unsigned delay;	     /* milliseconds an exchange */
	unsigned reset_at;   /* the n-th exchange (from 1) finds a reset card */
	unsigned fail_at;    /* the n-th exchange fails */
	unsigned fail_count; /* and so many altogether; 0: one */
	int fail_code;	     /* with this code, or, */
	unsigned status;     /* if not 0, with this status word */

	struct fakecard *beside; /* another card, */

	/* What happened. */
	atomic_uint exchanges, overlaps, closed, signatures;
	atomic_uint met;	/* exchanges while the other one had one */
	atomic_uint asked[256]; /* by instruction */
	atomic_int busy;

	/* The card's state. */
	bool open[FAKE_CHANNELS_MAX], selected[FAKE_CHANNELS_MAX];
	const struct identity *signer; /* of the open session */
	bool brainpool;		       /* as its key's type says */
	size_t listed;
};

iotsafe_link fakecard_link(struct fakecard *fake);

/* Opens a card over it; the test fails if that fails. */
iotsafe_card *fakecard_open(struct fakecard *fake);

/* Channels that were opened and not closed. */
unsigned fakecard_channels(const struct fakecard *fake);

/* True if r‖s is the key's signature over the hash. */
bool fakecard_verify(const struct identity *key, const uint8_t *hash,
		     size_t hash_size, const uint8_t *rs, size_t rs_size);

#endif
