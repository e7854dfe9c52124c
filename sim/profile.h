/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIM_PROFILE_H
#define SIM_PROFILE_H

#include "bytes.h"
#include "crypto.h"

#include <stdio.h>

/* The number is the tag around the object in GET DATA. */
enum object_class {
	CLASS_PRIVATE = 0xC1,
	CLASS_PUBLIC = 0xC2,
	CLASS_FILE = 0xC3,
	CLASS_SECRET = 0xC4
};

/*
 * What personalisation puts into a file; a public key of CONTENT_INTERMEDIATE
 * or CONTENT_CA is that authority's.
 */
enum content {
	CONTENT_NONE,
	CONTENT_CLIENT,
	CONTENT_INTERMEDIATE,
	CONTENT_CA,
	CONTENT_BLOCK,	/* 64 bytes of no meaning */
	CONTENT_CONFIG, /* JSON: where a client should go */
	CONTENT_PADDED	/* the root certificate in a file that is longer */
};

/* Bits and values of IoT.05 as the object structures carry them. */
enum {
	ACCESS_READ = 0x01,
	ACCESS_UPDATE = 0x02,
	TYPE_RSA = 0x03,
	TYPE_P256_PERSISTENT = 0x13,
	TYPE_P256_VOLATILE = 0x14,
	TYPE_BRAINPOOL_PERSISTENT = 0x23,
	TYPE_BRAINPOOL_VOLATILE = 0x24,
	TYPE_HMAC = 0xA0,
	TYPE_CMAC = 0xB0, /* Thales' own */
	USAGE_GENERAL = 0x01,
	FUNCTION_SIGN = 0x01,
	FUNCTION_GENERATE = 0x02,
	FUNCTION_AGREE = 0x04,
	FUNCTION_DERIVE = 0x08,
	HASH_SHA256 = 0x0001,
	HASH_SHA384 = 0x0002,
	HASH_SHA512 = 0x0004,
	HASH_ALL = 0x0007,
	DERIVATION_PRF = 0x01,
	DERIVATION_HKDF = 0x02,
	FILE_GENERAL = 0x01,
	FILE_CERTIFICATE = 0x02
};

/* One object of a profile. Fields of zero are not on the card. */
struct object_row {
	enum object_class class;
	struct view id;
	struct view label;
	uint8_t access;
	uint8_t type;
	uint8_t usage;
	uint8_t functions;
	uint8_t signature;
	uint16_t hash;
	uint8_t agreement;
	uint8_t derivation;
	uint8_t file_usage;
	enum content content;
	uint8_t pair;  /* both halves of a key pair have the same number */
	bool empty;    /* no key in it until one is generated or put */
	bool inactive; /* of state 00: it is there and must not be used */
};

#define PROFILE_OBJECTS_MAX 32
#define PROFILE_PAIRS_MAX   16 /* numbers 1 to 15 */

/* What can be selected. */
enum applet_kind { APPLET_IOTSAFE, APPLET_MIAS, APPLET_FILES, APPLET_KINDS };

struct profile {
	const char *name;
	const char *sentence;
	struct view aid;    /* of IoT SAFE; of size 0 where that is not there */
	bool mias;	    /* Trust Onboard */
	bool files;	    /* and its file applet */
	const char *quirks; /* on from the start, or NULL */
	struct view application;
	const struct object_row *rows;
	size_t row_count;
};

/* The AID of an applet, of size 0 where the profile does not have it. */
struct view profile_aid(const struct profile *profile, enum applet_kind kind);

/* NULL when there is none of this name. */
const struct profile *profile_find(const char *name);
void profiles_print(FILE *out);

#endif
