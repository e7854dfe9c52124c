/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_IOTSAFE_PARTS_H
#define SIM_IOTSAFE_PARTS_H

#include "card.h"

/* The commands of the applet, by the file that has them. */

/* iotsafe_data.c */
command_run iotsafe_get_data;

/* iotsafe_file.c */
command_run iotsafe_read_file;

/* iotsafe_key.c */
command_run iotsafe_generate_key_pair;
command_run iotsafe_get_random;
command_run iotsafe_read_public_key;

/* iotsafe_put.c */
command_run iotsafe_put_init;
command_run iotsafe_put_update;

/* iotsafe_sign.c */
command_run iotsafe_sign_init;
command_run iotsafe_sign_update;
command_run iotsafe_verify_init;
command_run iotsafe_verify_update;

/* iotsafe_derive.c */
command_run iotsafe_compute_dh;
command_run iotsafe_compute_prf;
command_run iotsafe_compute_hkdf;

/* `34 45 49 43 86 41 04 X Y`, or `34 L 49 L 81 n 82 e`; false without a key. */
bool iotsafe_put_public_key(struct writer *out, EVP_PKEY *pair);

/* The only TLV in `data` names an object of this class; NULL if not. */
struct object *iotsafe_named(struct card *card, enum object_class class,
			     struct view data);

/* The one of two fields, label and id, that is there names an object. */
struct object *iotsafe_chosen(struct card *card, enum object_class class,
			      const struct field *label,
			      const struct field *id);

#endif
