/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_IOTSAFE_PARTS_H
#define SIM_IOTSAFE_PARTS_H

#include "card.h"

/* The commands of the applet, by the file that has them. */

/* iotsafe_data.c */
command_run iotsafe_get_data;
command_run iotsafe_read_file;
command_run iotsafe_read_public_key;

/* iotsafe_key.c */
command_run iotsafe_generate_key_pair;
command_run iotsafe_get_random;

/* iotsafe_sign.c */
command_run iotsafe_sign_init;
command_run iotsafe_sign_update;
void iotsafe_sign_leave(struct iotsafe_state *state);

/* `34 45 49 43 86 41 04 X Y`; false when there is no key. */
bool iotsafe_put_public_key(struct writer *out, EVP_PKEY *pair);

/* The only TLV in `data` names an object of this class; NULL if not. */
struct object *iotsafe_named(struct card *card, enum object_class class,
			     struct view data);

#endif
