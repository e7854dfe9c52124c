/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What identity.c and certificate.c share; the rest of them is in card.h. */
#ifndef OBJECT_IDENTITY_H
#define OBJECT_IDENTITY_H

#include "object/card.h"

bool identity_can_sign(const struct entry *entry, int class);
bool identity_same_label(const struct record *a, const struct record *b);
/* The only key of its class that can sign, or NULL. */
struct entry *identity_only_one(iotsafe_card *card, int class);
/* The public key that belongs to the private one: proven by a signature, or
 * the likeliest by name. */
struct entry *identity_tied_by_name(iotsafe_card *card,
				    const struct record *key);

/* A certificate that signed no other one on the card may be a key's; one that
 * may not sign any is no CA's. */
bool certificate_is_end(const iotsafe_card *card, const struct entry *entry);
bool certificate_is_leaf(const iotsafe_card *card, const struct entry *entry);
/* Reads files until a certificate is there that may be a key's. */
int certificate_read_all(iotsafe_card *card, const struct deadline *deadline);

#endif
