/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Objects of a token as PKCS #11 has them: private keys, public keys and
 * certificates of the card, and secrets that a session derived. What costs
 * exchanges is read when it is asked for, once. */
#ifndef PKCS11_OBJECT_H
#define PKCS11_OBJECT_H

#include <iotsafe/iotsafe.h>
#include <stdbool.h>
#include "blob.h"
#include "cryptoki.h"
#include "slot.h"

enum object_reading {
	OBJECT_UNREAD = 0,
	/* Of a certificate the names and some of its key. */
	OBJECT_BEGUN,
	OBJECT_READ,
	/* The card does not give it, or it is not what its list says. */
	OBJECT_NOTHING
};

struct object {
	struct object *next;
	ck_object_handle_t handle;
	ck_object_class_t class;
	ck_session_handle_t session; /* that it goes with; 0: none */

	/* From the card's list. */
	char *name; /* that finds it; NULL: it is no object of the card */
	struct blob id, label;
	int flags, algorithms;
	ck_key_type_t key_type;
	size_t modulus_size; /* of RSA */
	bool brainpool;

	/* Read. */
	enum object_reading reading;
	struct blob value; /* a certificate (DER), or a secret */
	struct blob spki;  /* a public key (DER) */
	struct blob subject, issuer, serial;
	iotsafe_file *file;	/* of a certificate that was begun */
	struct blob spki_front; /* and the first bytes of its key */
	bool is_ca;
	bool local; /* made on the card, before our eyes */
	iotsafe_key *key;

	/* The private key whose public half this is, or certifies. */
	struct object *pair;
	bool paired; /* that has been looked for */
};

/* Lists the card's objects, once. */
ck_rv_t object_need_all(struct slot *slot);
/* NULL: there is none of this handle. */
struct object *object_find(struct slot *slot, ck_object_handle_t handle);
/* The private key of this handle, for who may use it. */
ck_rv_t object_private(struct slot *slot, ck_object_handle_t handle,
		       struct object **key);
/* A new one in the slot, for the caller to fill; NULL: no memory. */
struct object *object_add(struct slot *slot, ck_object_class_t class);
void object_drop(struct slot *slot, struct object *object);
void object_drop_of_session(struct slot *slot, ck_session_handle_t session);
void object_drop_all(struct slot *slot);

/* Reads as much of a certificate as tells whose it is: OBJECT_BEGUN, or more.
 * The same as object_read() with others. */
ck_rv_t object_begin(struct slot *slot, struct object *object);
/* Reads the certificate or public key. CKR_OK also where there is nothing. */
ck_rv_t object_read(struct slot *slot, struct object *object);
/* Forgets what was read. */
void object_unread(struct object *object);
/* The private key's handle in the library. */
ck_rv_t object_open_key(struct slot *slot, struct object *object);
/* Takes a certificate; OBJECT_NOTHING where it is none. */
ck_rv_t object_take_certificate(struct object *object, const uint8_t *data,
				size_t size);

/* The card made a new pair in the slot of `name`: what was there has gone. */
ck_rv_t object_renew(struct slot *slot, const char *name);

#endif
