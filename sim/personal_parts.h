/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_PERSONAL_PARTS_H
#define SIM_PERSONAL_PARTS_H

#include "personal.h"
#include "pki.h"

/* How a card is opened, by the file that has the part. */

#define STORE_NAME_MAX 80

/* "gsma/key-01.pem": the profile, the kind and the id in hex. */
void personal_name(const struct personal *personal, const char *kind,
		   struct view id, const char *suffix,
		   char name[STORE_NAME_MAX]);

/* Gives `object` a copy of these bytes. */
bool object_fill(struct object *object, const void *data, size_t size);

/* From the store; STORE_ABSENT leaves the object as it is. */
enum store_found object_read(struct personal *personal, const char *name,
			     struct object *object);

/* personal_keys.c */
bool personal_open_keys(struct personal *personal, struct pki *pki);
/* The pair whose certificate is on the card: the first made with it. */
EVP_PKEY *personal_identity(struct personal *personal);

/* personal_loads.c: the loads stay where they are, rows point into them. */
bool personal_apply(struct personal *personal, const struct loads *loads);

/* personal_files.c */
bool personal_open_files(struct personal *personal, struct pki *pki);
bool personal_spoil(struct personal *personal, struct pki *pki,
		    const struct faults *faults);

#endif
