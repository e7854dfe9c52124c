/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of Trust Onboard's mIAS applet share: containers of keys, a
 * directory of files, and objects of PKCS #11 in some of them. */
#ifndef APPLET_MIAS_H
#define APPLET_MIAS_H

#include "applet/applet.h"

/* What a key is, in record.key_type. */
#define MIAS_RSA      1 /* of a data object: size not known */
#define MIAS_RSA_1024 2
#define MIAS_RSA_2048 3
/* And how a file is to be read. */
#define MIAS_PLAIN	 0
#define MIAS_CERTIFICATE 4 /* perhaps compressed */
#define MIAS_OBJECT	 5 /* the value of a data object */

/* ---- decoders, pure: mias_decode.c ---- */

#define MIAS_CONTAINER_SIZE 11
#define MIAS_CONTAINERS_MAX 15 /* a key reference counts them in four bits */

struct mias_container {
	bool used;
	bool exchange; /* signs and decrypts; else it signs alone */
	unsigned bits;
	uint8_t key; /* its reference */
};

/* False past the end. */
bool mias_decode_container(struct bytes map, size_t index,
			   struct mias_container *out);

#define MIAS_NAME_MAX 8

struct mias_file {
	uint8_t id[2];
	unsigned size;
	char name[MIAS_NAME_MAX + 1];
	char directory[MIAS_NAME_MAX + 1];
};

/* How many entries the directory has, as far as its bytes hold them; false
 * where they hold none of those that it says. */
bool mias_decode_count(struct bytes directory, size_t *count);
/* `index` below that. False: the place is empty. */
bool mias_decode_file(struct bytes directory, size_t index,
		      struct mias_file *out);

struct mias_object {
	struct bytes label; /* without the blanks behind it */
	size_t value_at, value_size;
};

/* A data object: header, label, application, id, value. The bytes may end
 * anywhere in the value. */
bool mias_decode_object(struct bytes in, struct mias_object *out);

/* The number in "kxc00" or "ksc00", -1 for another name. */
int mias_container_of(const struct mias_file *file);

/* ---- mias_inflate.c ---- */

/* A certificate as the file has it, in the minidriver's compressed form or as
 * it is; takes `in` and gives what is in it. */
int mias_inflate(uint8_t **in, size_t *size);

/* ---- mias_list.c ---- */

extern const struct ef_manner mias_manner;

int mias_list(struct applet *applet, struct records *out,
	      const struct deadline *deadline);
int mias_object(struct applet *applet, const struct record *wanted,
		struct record *out, const struct deadline *deadline);

/* ---- mias_key.c ---- */

int mias_sign(struct applet *applet, const struct record *key, int algorithm,
	      struct bytes hash, struct signature *out,
	      const struct deadline *deadline);
int mias_decrypt(struct applet *applet, const struct record *key,
		 struct bytes in, uint8_t *out, size_t *out_size,
		 const struct deadline *deadline);

#endif
