/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_MIAS_PARTS_H
#define SIM_MIAS_PARTS_H

#include "card.h"

/* The mIAS applet, by the file that has the part. */

#define HASH_OF(algorithm)    ((algorithm)&0xF0U)
#define PADDING_OF(algorithm) ((algorithm)&0x0FU)

enum { PADDING_PKCS1 = 0x02, CIPHER_PKCS1 = 0x1A };

/* mias_files.c */
enum { EF_CONTAINERS = 0x0002, EF_DIRECTORY = 0x0101 };
/* Makes the file of this number; false where there is none. */
bool mias_open_file(struct card *card, unsigned int id, struct ef *ef);
/* The number by which MSE SET knows the card's key. */
uint8_t mias_key_number(const struct card *card);

/* mias_object.c: contents of files */
bool mias_put_certificate(struct card *card, struct writer *out);
bool mias_put_available_certificate(struct card *card, struct writer *out);
bool mias_put_available_key(struct card *card, struct writer *out);
bool mias_put_other_object(struct card *card, struct writer *out);
/* PEM, leaf first, and DER with zeros behind; also of the file applet. */
bool tob_put_chain(struct card *card, struct writer *out);
bool tob_put_key(struct card *card, struct writer *out);
bool tob_put_der(X509 *cert, struct writer *out);

/* mias_environment.c */
command_run mias_set_environment;

/* mias_hash.c */
command_run mias_hash_block;
command_run mias_hash_end;
const EVP_MD *mias_md(unsigned int algorithm);

/* mias_crypto.c */
command_run mias_compute_signature;
command_run mias_decipher;

#endif
