/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_IOTSAFE_H
#define SIM_IOTSAFE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/evp.h>

#define IOTSAFE_SESSIONS 6 /* numbers 00 to 05 */

/* One COMPUTE SIGNATURE session. */
struct signing {
	bool open;	/* from INIT until it is closed */
	bool expecting; /* data is due: INIT came, the last UPDATE not yet */
	unsigned int mode;
	unsigned int hash;
	const struct object *key;
	EVP_MD_CTX *text; /* mode 1 */
	size_t text_size;
	size_t text_owed; /* announced by a 9B, to come in the next UPDATEs */
};

/* What one selection of the applet holds. */
struct iotsafe_state {
	struct signing signing[IOTSAFE_SESSIONS];
	size_t list_from; /* where the next page of the object list begins */
};

extern const struct applet iotsafe_applet;

#endif
