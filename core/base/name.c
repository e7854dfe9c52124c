/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names of objects, text to values and back. They follow RFC 7512 (PKCS#11
 * URIs) in manner: attributes, percent-encoding, a query behind `?`.
 */
#include <stdio.h>
#include <string.h>
#include "base/address.h"
#include "base/bytes.h"
#include "base/error.h"

static const struct {
	const char *word;
	int class;
	bool certificate;
} types[] = {
	{"private", IOTSAFE_CLASS_PRIVATE_KEY, false},
	{"public", IOTSAFE_CLASS_PUBLIC_KEY, false},
	{"secret-key", IOTSAFE_CLASS_SECRET_KEY, false},
	{"cert", IOTSAFE_CLASS_FILE, true},
	{"data", IOTSAFE_CLASS_FILE, false},
};

#define TYPES_COUNT (sizeof(types) / sizeof(types[0]))

static int set_type(struct name *name, const char *value)
{
	for (size_t i = 0; i < TYPES_COUNT; i++)
		if (!strcmp(types[i].word, value)) {
			name->class = types[i].class;
			name->certificate = types[i].certificate;
			return IOTSAFE_OK;
		}
	return error_set(IOTSAFE_ERR_ARG,
			 "name: type=%.40s is none of private, public, "
			 "secret-key, cert, data",
			 value);
}

/* RFC 7512 writes an id as percent-encoded bytes; people write plain
 * hexadecimal digits. Both are taken: `%` tells them apart. */
static int set_id(struct name *name, char *value)
{
	size_t digits = strlen(value);
	ptrdiff_t size;

	if (strchr(value, '%')) {
		size = address_decode(value, true);
		if (size < 1 || size > NAME_ID_MAX)
			goto bad;
		memcpy(name->id, value, (size_t)size);
		name->id_size = (size_t)size;
	} else {
		if (!digits || digits > 2 * NAME_ID_MAX ||
		    !hex_decode(value, digits, name->id))
			goto bad;
		name->id_size = digits / 2;
	}
	return IOTSAFE_OK;
bad:
	return error_set(IOTSAFE_ERR_ARG,
			 "name: id=%.60s is not 1 to %d bytes in hexadecimal",
			 value, NAME_ID_MAX);
}

static int set_label(struct name *name, char *value)
{
	ptrdiff_t size = address_decode(value, true);

	if (size < 0)
		return error_set(IOTSAFE_ERR_ARG,
				 "name: label= has a bad %%XX escape");
	if (!size || size > NAME_LABEL_MAX)
		return error_set(IOTSAFE_ERR_ARG,
				 "name: label= is not 1 to %d bytes",
				 NAME_LABEL_MAX);
	memcpy(name->label, value, (size_t)size);
	name->label_size = (size_t)size;
	return IOTSAFE_OK;
}

static int set_applet(struct name *name, const char *value)
{
	if (!*value || strlen(value) >= sizeof(name->applet))
		return error_set(IOTSAFE_ERR_ARG,
				 "name: applet=%.40s is no applet's name",
				 value);
	strcpy(name->applet, value);
	return IOTSAFE_OK;
}

static int set_attribute(struct name *name, char *text)
{
	char *value = address_cut(text, '=');

	/* A bare word is a label: `client` for `label=client`. */
	if (!value)
		return set_label(name, text);
	if (!strcmp(text, "type"))
		return set_type(name, value);
	if (!strcmp(text, "id"))
		return set_id(name, value);
	if (!strcmp(text, "label") || !strcmp(text, "object"))
		return set_label(name, value);
	if (!strcmp(text, "applet"))
		return set_applet(name, value);
	return error_set(IOTSAFE_ERR_ARG,
			 "name: unknown attribute \"%.60s\" (known: label, id, "
			 "type, applet)",
			 text);
}

static int set_query(struct name *name, char *query)
{
	while (query && *query) {
		char *next = address_cut(query, '&');
		char *value = address_cut(query, '=');

		if (strcmp(query, "card") || !value)
			return error_set(IOTSAFE_ERR_ARG,
					 "name: unknown attribute \"%.60s\" "
					 "behind ? (known: card)",
					 query);
		/* The card's own attributes follow a `?` inside the value;
		 * its `&` are written %26. */
		if (address_decode(value, false) < 0)
			return error_set(IOTSAFE_ERR_ARG,
					 "name: bad %%XX escape in card=");
		strcpy(name->card, value);
		query = next;
	}
	return IOTSAFE_OK;
}

int name_parse(const char *string, struct name *name)
{
	char text[ADDRESS_SIZE_MAX];
	char *part = text;

	memset(name, 0, sizeof(*name));
	if (!string)
		return IOTSAFE_OK;
	if (!strncmp(string, "iotsafe:", 8))
		string += 8;
	if (strlen(string) >= sizeof(text))
		return error_set(IOTSAFE_ERR_ARG,
				 "name: longer than %d characters",
				 ADDRESS_SIZE_MAX - 1);
	strcpy(text, string);
	TRY(set_query(name, address_cut(text, '?')));
	while (part && *part) {
		char *next = address_cut(part, ';');

		TRY(set_attribute(name, part));
		part = next;
	}
	return IOTSAFE_OK;
}

bool name_is_empty(const struct name *name)
{
	return !name->id_size && !name->label_size;
}

static const char *type_word(int class, bool certificate)
{
	for (size_t i = 0; i < TYPES_COUNT; i++)
		if (types[i].class == class &&
		    types[i].certificate == certificate)
			return types[i].word;
	return "data";
}

/* RFC 3986 "unreserved", whatever the locale. */
static bool is_unreserved(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (c && strchr("-._~", c));
}

static size_t format_label(const uint8_t *label, size_t label_size, char *out)
{
	char *at = out;

	for (size_t i = 0; i < label_size; i++) {
		if (is_unreserved(label[i]))
			*at++ = (char)label[i];
		else
			at += sprintf(at, "%%%02X", label[i]);
	}
	*at = '\0';
	return (size_t)(at - out);
}

void name_format(int class, bool certificate, const uint8_t *id, size_t id_size,
		 const uint8_t *label, size_t label_size, const char *applet,
		 char *out, size_t size)
{
	char value[3 * NAME_LABEL_MAX + 1];

	if (id_size)
		hex_encode(id, id_size, value);
	else
		format_label(label, label_size, value);
	snprintf(out, size, "iotsafe:%s=%s;type=%s%s%s",
		 id_size ? "id" : "label", value, type_word(class, certificate),
		 applet ? ";applet=" : "", applet ? applet : "");
}
