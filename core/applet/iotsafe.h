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
#define SIGNATURE_CMAC	    0x08 /* a vendor's (Thales) */
#define HASH_SHA256	    0x0001

#define TAG_SIGNATURE 0x33

/* Room for one object reference TLV. */
#define REFERENCE_MAX (2 + APPLET_LABEL_MAX)

/* C1 to C4: round an object's data, and P1 of GET DATA for one. */
uint8_t gsma_wrapper(int class);

/* Adds the object's reference: its id, or its label where it has no id. */
void gsma_build_reference(struct builder *out, const struct record *record);

/* The same as a whole command's data, in `room`. */
struct bytes gsma_reference(const struct record *record,
			    uint8_t room[REFERENCE_MAX]);

/* channel_obtain() for a secret of a known size; wipes the response. */
int gsma_ask_secret(struct applet *applet, const struct apdu *apdu,
		    struct response *response, uint8_t *out, size_t size,
		    const struct deadline *deadline);

/* Modems with a small buffer cut long answers (Sequans): smaller pieces get
 * through. False when they cannot be smaller. */
bool gsma_take_smaller_pieces(struct manners *manners);
/* What is cut ends in bytes of its data, not in a status word that goes with
 * data. */
bool gsma_is_cut(const struct response *response);
int gsma_cut(const char *name, const struct response *response);

/* iotsafe_object.c */
int gsma_capabilities(struct applet *applet, struct capabilities *out,
		      const struct deadline *deadline);
int gsma_object(struct applet *applet, const struct record *wanted,
		struct record *out, const struct deadline *deadline);
int gsma_list(struct applet *applet, struct records *out,
	      const struct deadline *deadline);

/* iotsafe_record.c, and next to their commands: decoders of answers, pure. */
const char *gsma_key_type_name(uint8_t key_type);
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

/* iotsafe_file.c */
int gsma_read_file(struct applet *applet, const struct record *file,
		   uint8_t **out, size_t *out_size,
		   const struct deadline *deadline);

/* iotsafe_key.c */
int gsma_read_public_key(struct applet *applet, const struct record *key,
			 struct public_key *out,
			 const struct deadline *deadline);

/* Makes a pair in the key's slot: the records get the ids of the answer;
 * the public one is of no class where the card tells none. `has_key` false:
 * the public key is in an object that nothing names. */
int gsma_generate(struct applet *applet, const struct record *key,
		  struct record *private, struct record *public,
		  struct public_key *out, bool *has_key,
		  const struct deadline *deadline);
bool gsma_decode_pair(struct bytes answer, struct record *private,
		      struct record *public, struct public_key *out,
		      bool *has_key);
int gsma_put_public_key(struct applet *applet, const struct record *slot,
			const struct public_key *key,
			const struct deadline *deadline);
/* The x coordinate of the shared point: GSMA_SECRET_SIZE bytes. */
#define GSMA_SECRET_SIZE 32
int gsma_agree(struct applet *applet, const struct record *private,
	       const struct record *public, uint8_t *out,
	       const struct deadline *deadline);

/* iotsafe_derive.c */
/* `key` NULL: mode 0; `secret` empty: mode 1; both: mode 2. */
int gsma_prf(struct applet *applet, const struct record *key,
	     struct bytes secret, struct bytes label, struct bytes seed,
	     uint8_t *out, size_t size, const struct deadline *deadline);
int gsma_hkdf_extract(struct applet *applet, int algorithm, struct bytes secret,
		      struct bytes salt, uint8_t *out,
		      const struct deadline *deadline);

/* iotsafe_session.c */
enum gsma_use { GSMA_SIGN, GSMA_VERIFY, GSMA_PUT, GSMA_USES };

/* INIT with this body; whatever holds the session is ended first where the
 * card says so. 1: it was sent ahead, by the following. */
int gsma_session_open(struct applet *applet, enum gsma_use use,
		      const struct record *record, struct bytes body,
		      const struct deadline *deadline);
/* struct applet_kind */
int gsma_session_prepare(struct applet *applet, const struct record *record,
			 struct bytes body, const struct deadline *deadline);
void gsma_session_give_up(struct applet *applet,
			  const struct deadline *deadline);
/* `response` NULL: the command brings no data. */
int gsma_session_update(struct applet *applet, enum gsma_use use, bool last,
			struct bytes body, struct response *response,
			const struct deadline *deadline);
/* Behind the last UPDATE, or a failed one: closes where that is needed. */
void gsma_session_end(struct applet *applet, enum gsma_use use, int result,
		      const struct deadline *deadline);
/* "VERIFY SIGNATURE UPDATE" */
const char *gsma_update_name(enum gsma_use use);

/* iotsafe_message.c: what is signed, verified or put under a MAC. */
struct gsma_message {
	int mode;	   /* enum iotsafe_mode */
	int algorithm;	   /* one of enum iotsafe_algorithm */
	struct bytes data; /* the hash with IOTSAFE_MODE_HOST */
};

/* The data of INIT, in `room`. */
struct bytes gsma_init(const struct record *key,
		       const struct gsma_message *message,
		       uint8_t room[APPLET_INIT_MAX]);
/* All UPDATEs; the last one has the tail behind its data. */
int gsma_send_message(struct applet *applet, enum gsma_use use,
		      const struct gsma_message *message, struct bytes tail,
		      struct response *response,
		      const struct deadline *deadline);
/* True where the text goes in one command, with a length that not all cards
 * can read. */
bool gsma_is_long(const struct applet *applet,
		  const struct gsma_message *message, size_t tail);
/* True where the card made nothing of what it got. */
bool gsma_is_misread(int result);
/* Makes the refusal of an unknown mode IOTSAFE_ERR_SUPPORT. */
int gsma_without_mode(const struct gsma_message *message, int result);
int gsma_does_not_fit(const char *name);

/* iotsafe_sign.c */
int gsma_sign(struct applet *applet, const struct record *key, int algorithm,
	      struct bytes hash, struct signature *out,
	      const struct deadline *deadline);
int gsma_prepare(struct applet *applet, const struct record *key, int algorithm,
		 const struct deadline *deadline);
int gsma_sign_message(struct applet *applet, const struct record *key,
		      const struct gsma_message *message, struct signature *out,
		      const struct deadline *deadline);

/* iotsafe_verify.c: IOTSAFE_ERR_VERIFY is the card's "does not match". */
int gsma_verify(struct applet *applet, const struct record *key,
		const struct gsma_message *message, struct bytes signature,
		const struct deadline *deadline);

#endif
