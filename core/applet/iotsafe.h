/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the GSMA IoT SAFE applet share (names begin with gsma_, so
 * that none looks like the public API): instructions and tags of
 * IoT.05 V1.0, as public implementations and real cards show them. */
#ifndef APPLET_IOTSAFE_H
#define APPLET_IOTSAFE_H

#include "applet/applet.h"

#define CLA_IOTSAFE 0x80

/* References to objects: exactly one of the two. */
#define TAG_FILE_LABEL	  0x73
#define TAG_PRIVATE_LABEL 0x74
#define TAG_PUBLIC_LABEL  0x75
#define TAG_SECRET_LABEL  0x76
#define TAG_FILE_ID	  0x83
#define TAG_PRIVATE_ID	  0x84
#define TAG_PUBLIC_ID	  0x85
#define TAG_SECRET_ID	  0x86

/* Values shared by object records and signature commands. */
#define TAG_HASHES	    0x91
#define TAG_SIGNATURES	    0x92
#define SIGNATURE_RSA_PKCS1 0x01
#define SIGNATURE_RSA_PSS   0x02
#define SIGNATURE_ECDSA	    0x04
#define HASH_SHA256	    0x0001
#define HASH_SHA384	    0x0002
#define HASH_SHA512	    0x0004

/* Room for one object reference TLV. */
#define REFERENCE_MAX (2 + APPLET_LABEL_MAX)

/* Adds the object's reference: its id, or its label where it has no id. */
void gsma_build_reference(struct builder *out, const struct record *record);

/* channel_command() for a command that must bring data and may be repeated:
 * where a 9000 comes alone, Le is sent along once. */
int gsma_ask(struct applet *applet, const struct apdu *apdu,
	     struct response *response, const struct deadline *deadline);

/* Modems with a small buffer cut long answers (Sequans): smaller pieces get
 * through. False when they cannot be smaller. */
bool gsma_take_smaller_pieces(struct manners *manners);
/* What is cut ends in bytes of its data, not in a status word that goes with
 * data. */
bool gsma_is_cut(const struct response *response);
int gsma_cut(const struct apdu *apdu, const struct response *response);

/* iotsafe_object.c */
int gsma_capabilities(struct applet *applet, struct capabilities *out,
		      const struct deadline *deadline);
int gsma_object(struct applet *applet, const struct record *wanted,
		struct record *out, const struct deadline *deadline);
int gsma_list(struct applet *applet, struct records *out,
	      const struct deadline *deadline);
const char *gsma_key_type_name(uint8_t key_type);

/* Decoders of answers: pure. */
bool gsma_decode_capabilities(struct bytes answer, struct capabilities *out);
/* Calls `each` with every object in the answer to GET DATA, wrapped or bare;
 * ends with its first negative result, or IOTSAFE_ERR_FORMAT (no error
 * recorded) where the bytes are no object. */
int gsma_decode_objects(struct bytes answer,
			int (*each)(void *self, const struct record *record),
			void *self);
bool gsma_decode_public_key(struct bytes answer, struct public_key *out);
/* Tag 33 with every coding of its length; ECDSA as r‖s or DER. */
bool gsma_decode_signature(struct bytes answer, int algorithm,
			   struct signature *out);

/* iotsafe_sign.c */
int gsma_sign(struct applet *applet, const struct record *key, int algorithm,
	      struct bytes hash, struct signature *out,
	      const struct deadline *deadline);

#endif
