/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The two strings of the library: card addresses ("at:/dev/ttyUSB2?baud=9600")
 * and names of objects ("iotsafe:id=01;type=private?card=at:/dev/ttyUSB2").
 * Pure: text in, values out. */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/module.h"

#define ADDRESS_ATTRIBUTES_MAX 24
#define ADDRESS_SIZE_MAX       1024

struct address_attribute {
	const char *name;
	const char *value; /* percent-decoded; "" if none was given */
};

/* A parsed card address; all strings point into `text`. */
struct address {
	char scheme[16];  /* "at" */
	const char *path; /* "/dev/ttyUSB2", percent-decoded */
	struct address_attribute attributes[ADDRESS_ATTRIBUTES_MAX];
	size_t attributes_count;
	char text[ADDRESS_SIZE_MAX];
};

/* Returns IOTSAFE_OK or IOTSAFE_ERR_ARG with the place in the text. */
int address_parse(const char *string, struct address *address);

/* Writes the address so that the same way to the same card is the same text:
 * attributes in the order of the alphabet, those that begin with `without` left
 * out. */
#define ADDRESS_NAME_MAX (3 * ADDRESS_SIZE_MAX)
void address_format(const struct address *address, const char *without,
		    char out[ADDRESS_NAME_MAX]);

/* True for one of these names; the list ends with NULL, or is none. */
bool address_is_in(const char *name, const char *const *names);

/* The first attribute that neither list has, or NULL. */
const char *address_unknown(const struct address *address,
			    const char *const *known,
			    const char *const *others);

/* The value of an attribute, or NULL. */
const char *address_get(const struct address *address, const char *name)
	FOR_MODULES(address_get);

/* A number in [lowest, highest], or `otherwise` where the attribute is
 * missing; IOTSAFE_ERR_ARG if it is there and not such a number. */
int address_get_number(const struct address *address, const char *name,
		       long lowest, long highest, long otherwise, long *out)
	FOR_MODULES(address_get_number);

/* yes/no/1/0/true/false in the same manner. */
int address_get_flag(const struct address *address, const char *name,
		     bool otherwise, bool *out) FOR_MODULES(address_get_flag);

/* Decodes %XX in place. Gives the size, or -1 for a broken or, where text is
 * wanted, a NUL escape. */
ptrdiff_t address_decode(char *text, bool binary);

/* Splits `text` at the first `separator`; gives what is behind it or NULL. */
char *address_cut(char *text, char separator);

/* ---- names, name.c ---- */

#define NAME_ID_MAX	20
#define NAME_LABEL_MAX	60
#define NAME_APPLET_MAX 16

/* A parsed name of an object. */
struct name {
	int class;	  /* enum iotsafe_class, 0: any */
	bool certificate; /* type=cert */
	uint8_t id[NAME_ID_MAX];
	size_t id_size; /* 0 if none, as below */
	uint8_t label[NAME_LABEL_MAX];
	size_t label_size;
	char applet[NAME_APPLET_MAX]; /* "" if none */
	char card[ADDRESS_SIZE_MAX];  /* "" if none */
};

/* `string` with or without "iotsafe:"; NULL and "" give an empty name. */
int name_parse(const char *string, struct name *name);

/* True where nothing was named: the identity. A type or an applet alone names
 * nothing. */
bool name_is_empty(const struct name *name);

/* "iotsafe:id=01;type=private", and ";applet=mias" unless that is NULL; `size`
 * of at least 256 always suffices. */
void name_format(int class, bool certificate, const uint8_t *id, size_t id_size,
		 const uint8_t *label, size_t label_size, const char *applet,
		 char *out, size_t size);

#endif
