/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The process's cards by canonical address: opening one twice gives the same
 * card, so that a certificate's URL and a key's URL open the port once. */
#ifndef OBJECT_REGISTRY_H
#define OBJECT_REGISTRY_H

#include <iotsafe/iotsafe.h>

/* Finds the card and counts one more user of it, or enters `fresh` under its
 * name with one user. The result is not `fresh` if it was found. A card on its
 * way out is waited for: its port would still be busy. */
iotsafe_card *registry_enter(iotsafe_card *fresh);

/* Counts one user less; true if it was the last. Then the card is closed, and
 * registry_remove() ends it. */
bool registry_leave(iotsafe_card *card);

/* Takes the card out, if it is in. */
void registry_remove(iotsafe_card *card);

#endif
