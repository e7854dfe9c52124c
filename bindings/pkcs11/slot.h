/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A slot is a card's address; its card is opened when it is first looked at.
 * What stands behind the lock belongs to who has it. */
#ifndef PKCS11_SLOT_H
#define PKCS11_SLOT_H

#include <iotsafe/iotsafe.h>
#include <pthread.h>
#include <stdbool.h>
#include "config.h"
#include "cryptoki.h"

struct object;
struct session;

struct slot {
	ck_slot_id_t id;
	struct config_slot config;
	char label[33];
	pthread_mutex_t lock;

	iotsafe_card *card; /* NULL: not looked at yet */
	struct object *objects;
	bool listed;
	unsigned mechanisms; /* of all keys and slots for keys (mechanism.h) */
	bool decrypts;	     /* one of them */
	/* An applet that has a PIN of its own, which nobody gives: of a
	 * constant table; NULL where there is none. Its tries, -1: not known.
	 */
	const char *locked;
	int tries;
	bool identified; /* pair.c has asked for the identity */
	struct session *sessions;
	bool logged_in;
	/* The card has gone or is another one: all of it is forgotten as soon
	 * as the call is over. */
	bool gone;
	/* Port or modem went away: everything stays as it is until the card
	 * behind it is seen again, which may be another one. */
	bool away;
	unsigned long device_error; /* the status word of the last failure */
};

/* The table, made from the configuration. */
ck_rv_t slot_table_make(void);
void slot_table_free(void);
/* After fork: what the parent has is not the child's to free. */
void slot_table_abandon(void);

/* NULL: there is no such slot. */
struct slot *slot_find(ck_slot_id_t id);
/* Opens the card if it is not open, and again if it was away. */
ck_rv_t slot_need_card(struct slot *slot);
/* Notes what failed in this slot; gives what PKCS #11 calls it. */
ck_rv_t slot_failed(struct slot *slot, int code);
/* Closes the card and drops its objects; handles of these are stale then. */
void slot_forget(struct slot *slot);

#endif
