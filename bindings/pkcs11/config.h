/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which cards there are: IOTSAFE_CARD and a file of one line a slot. */
#ifndef PKCS11_CONFIG_H
#define PKCS11_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#define CONFIG_SLOTS_MAX 16

/* One slot. Strings are the reader's. */
struct config_slot {
	char *address; /* NULL: the line is wrong */
	char *name;    /* NULL: none was given */
	char *problem; /* what is wrong with the line */
	bool trusted;
	bool all_applets; /* also those behind IoT SAFE's */
	bool login;	  /* programs have to log in: said unseen */
};

/* How many were read into the table; -1: no memory. */
int config_read(struct config_slot slots[CONFIG_SLOTS_MAX]);
void config_free(struct config_slot *slot);

#endif
