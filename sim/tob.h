/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_TOB_H
#define SIM_TOB_H

#include "bytes.h"
#include "fault.h"
#include "quirk.h"
#include "store.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

/* The identities of Trust Onboard. */
enum tob_identity { TOB_AVAILABLE, TOB_SIGNING, TOB_IDENTITIES };

#define TOB_CHAIN_MAX 4
#define TOB_PIN_MIN   4
#define TOB_PIN_MAX   8
#define TOB_TRIES     3

struct tob_pin {
	const char *name; /* of its file in the store */
	uint8_t digits[TOB_PIN_MAX];
	size_t size;
	unsigned int tries; /* that are left */
};

/* What makes this card's Trust Onboard this card's. */
struct tob {
	struct store *store;
	char folder[24]; /* of the store */
	EVP_PKEY *keys[TOB_IDENTITIES];
	/* The certificate, its issuer, and so on to the root. */
	X509 *chains[TOB_IDENTITIES][TOB_CHAIN_MAX];
	struct tob_pin pin;  /* of mIAS */
	struct tob_pin chv1; /* of the file applet */
};

/* Which of the two sets of fixed keys; a SIM that is swapped has the other. */
enum tob_set { TOB_FIRST, TOB_SECOND };

/*
 * Takes numbers, PINs and keys from the store, makes and keeps what is missing;
 * NULL on failure. Without keys in the store it has those of the set.
 */
struct tob *tob_open(struct store *store, const char *folder, enum tob_set set,
		     const struct quirks *quirks, const struct faults *faults);
void tob_close(struct tob *tob);

bool tob_put_pem(struct writer *out, X509 *cert);

/* tob_pin.c: status words. A digit that is wrong costs a try. */
uint16_t tob_pin_verify(struct tob *tob, struct tob_pin *pin,
			struct view digits);
uint16_t tob_pin_change(struct tob *tob, struct tob_pin *pin, struct view old,
			struct view digits);
/* 63Cx, or 6983. */
uint16_t tob_pin_tries(const struct tob_pin *pin);
bool tob_pin_open(struct tob *tob, struct tob_pin *pin, const char *name,
		  const char *digits);

/* tob_keys.c: test keys that are in every copy of this program. */
enum tob_key {
	KEY_ROOT,
	KEY_POLICY,
	KEY_AVAILABLE_ISSUER,
	KEY_SIGNING_ISSUER,
	KEY_AVAILABLE,
	KEY_SIGNING,
	KEY_OTHER_AVAILABLE,
	KEY_OTHER_SIGNING,
	TOB_KEYS
};
EVP_PKEY *tob_key(enum tob_key key);

/* tob_pki.c */
#define TOB_SID_SIZE 34 /* WC and 32 digits */
/* The chain of a certificate for this key; the caller frees each. */
bool tob_issue(enum tob_identity identity, bool is_first_generation,
	       const char sid[TOB_SID_SIZE + 1], EVP_PKEY *key,
	       X509 *chain[TOB_CHAIN_MAX]);

#endif
