/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_TOB_STATE_H
#define SIM_TOB_STATE_H

#include "bytes.h"
#include "crypto.h"

/* A transparent file, made when it is selected. */
struct ef {
	uint8_t *data; /* NULL: none is selected */
	size_t size;
	size_t rights; /* bytes of compact security attributes */
	bool locked;   /* read with the PIN only */
	bool closed;   /* read by nobody */
	bool secret;   /* not to be logged */
};

/* What one selection of an applet of Trust Onboard holds. */
struct tob_state {
	bool verified; /* the PIN, on this channel */
	struct ef ef;
	/* the security environment: algorithms, and the keys by number */
	uint8_t hash;
	uint8_t sign;
	uint8_t sign_key;
	uint8_t cipher;
	uint8_t cipher_key;
	/* the hash being made, and the digest to sign */
	EVP_MD_CTX *text;
	bool text_over; /* a short block has been */
	uint8_t digest[DIGEST_MAX];
	size_t digest_size;
	/* the cryptogram, in links of a chain */
	uint8_t chain[SIGNATURE_MAX];
	size_t chain_size;
	unsigned int chain_turn; /* of the last link */
};

struct card;
struct channel;

/* Forgets a selection: what was read, hashed, deciphered. */
void tob_leave(struct card *card, struct channel *channel);

extern const struct applet mias_applet;
extern const struct applet files_applet;

#endif
