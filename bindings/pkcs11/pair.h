/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What belongs together: a private key, its public key and its certificate get
 * the private key's id, whatever their own ids on the card are. */
#ifndef PKCS11_PAIR_H
#define PKCS11_PAIR_H

#include "object.h"

/* Finds the private key of a certificate or public key, into object->pair. */
ck_rv_t pair_need(struct slot *slot, struct object *object);
/* Adds the certificate, or the public keys, that the card holds otherwise than
 * as objects of their own. */
ck_rv_t pair_complete(struct slot *slot, ck_object_class_t class);
/* CKA_ID, which costs what pair_need() costs. */
ck_rv_t pair_id(struct slot *slot, struct object *object,
		const struct blob **id);

#endif
