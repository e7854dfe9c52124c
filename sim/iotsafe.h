/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_IOTSAFE_H
#define SIM_IOTSAFE_H

#include "bytes.h"

#include <openssl/evp.h>

#define IOTSAFE_SESSIONS 6 /* numbers 00 to 05 */
#define GATHERED_MAX	 320

/* The commands that come in two parts; each has its own sessions. */
enum session_kind { SESSION_SIGN, SESSION_VERIFY, SESSION_PUT, SESSION_KINDS };

/* Something that comes in one command or in several. */
struct gathered {
	uint8_t bytes[GATHERED_MAX];
	size_t size;
	size_t owed; /* announced, to come in the next commands */
};

struct session {
	bool open;	/* from INIT until it is closed */
	bool expecting; /* data is due: INIT came, the last UPDATE not yet */
	bool spoiled;	/* a fault: its result will be wrong */
	unsigned int mode;
	unsigned int hash;
	unsigned int algorithm;
	struct object *object; /* the key */
	/* the message: being hashed, or hashed already */
	EVP_MD_CTX *text;  /* mode 1 */
	EVP_MAC_CTX *cmac; /* mode 1 with a secret key */
	size_t text_size;
	size_t text_owed; /* announced by a 9B, to come in the next UPDATEs */
	uint8_t digest[EVP_MAX_MD_SIZE];
	size_t digest_size;
	/* the signature to verify, or the public key to put */
	struct gathered gathered;
};

/* What one selection of the applet holds. */
struct iotsafe_state {
	struct session sessions[SESSION_KINDS][IOTSAFE_SESSIONS];
	size_t list_from; /* where the next page of the object list begins */
};

extern const struct applet iotsafe_applet;

#endif
