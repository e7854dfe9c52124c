/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Card addresses and names of objects, text to values. Names follow RFC 7512
 * (PKCS#11 URIs) in manner: attributes, percent-encoding, a query behind `?`.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/address.h"
#include "base/bytes.h"
#include "base/error.h"

/* Decodes %XX in place. Gives the size, or -1 for a broken or, where text is
 * wanted, a NUL escape. */
static ptrdiff_t percent_decode(char *text, bool binary)
{
	const char *in = text;
	char *out = text;
	uint8_t byte;

	while (*in) {
		if (*in != '%') {
			*out++ = *in++;
			continue;
		}
		if (!in[1] || !in[2] || !hex_decode(in + 1, 2, &byte) ||
		    (!byte && !binary))
			return -1;
		*out++ = (char)byte;
		in += 3;
	}
	*out = '\0';
	return out - text;
}

/* Splits `text` at the first `separator`; gives what is behind it or NULL. */
static char *cut(char *text, char separator)
{
	char *at = strchr(text, separator);

	if (at)
		*at++ = '\0';
	return at;
}

static int add_attribute(struct address *address, char *text)
{
	struct address_attribute *attribute;
	char *value = cut(text, '=');

	if (address->attributes_count == ADDRESS_ATTRIBUTES_MAX)
		return error_set(IOTSAFE_ERR_ARG,
				 "address: more than %d attributes",
				 ADDRESS_ATTRIBUTES_MAX);
	if (!*text || (value && percent_decode(value, false) < 0))
		return error_set(IOTSAFE_ERR_ARG,
				 "address: attribute \"%s\" is not NAME=VALUE",
				 text);
	attribute = &address->attributes[address->attributes_count++];
	attribute->name = text;
	attribute->value = value ? value : "";
	return IOTSAFE_OK;
}

static int parse_attributes(struct address *address, char *query)
{
	while (query && *query) {
		char *next = cut(query, '&');

		TRY(add_attribute(address, query));
		query = next;
	}
	return IOTSAFE_OK;
}

static int parse_scheme(struct address *address, const char *text)
{
	size_t size = strcspn(text, ":?");

	if (text[size] != ':' || !size || size >= sizeof(address->scheme))
		return error_set(IOTSAFE_ERR_ARG,
				 "address \"%.80s\": does not begin with a way "
				 "such as \"at:\", \"sim:\" or \"exec:\"",
				 text);
	memcpy(address->scheme, text, size);
	address->scheme[size] = '\0';
	for (char *c = address->scheme; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return IOTSAFE_OK;
}

int address_parse(const char *string, struct address *address)
{
	char *path, *query;

	memset(address, 0, sizeof(*address));
	if (strlen(string) >= sizeof(address->text))
		return error_set(IOTSAFE_ERR_ARG,
				 "address: longer than %d characters",
				 ADDRESS_SIZE_MAX - 1);
	strcpy(address->text, string);
	TRY(parse_scheme(address, address->text));
	path = address->text + strlen(address->scheme) + 1;
	query = cut(path, '?');
	if (percent_decode(path, false) < 0)
		return error_set(IOTSAFE_ERR_ARG,
				 "address \"%.80s\": bad %%XX escape", string);
	address->path = path;
	return parse_attributes(address, query);
}

static char *write_escaped(char *out, const char *text)
{
	for (; *text; text++) {
		if (strchr("%?&", *text))
			out += sprintf(out, "%%%02X", (unsigned char)*text);
		else
			*out++ = *text;
	}
	*out = '\0';
	return out;
}

/* The attribute that follows `last` in the alphabet, NULL at the end. Of
 * several with one name the first counts, as for address_get(). */
static const struct address_attribute *next_attribute(
	const struct address *address, const char *last)
{
	const struct address_attribute *next = NULL;

	for (size_t i = 0; i < address->attributes_count; i++) {
		const struct address_attribute *one = &address->attributes[i];

		if ((!last || strcmp(one->name, last) > 0) &&
		    (!next || strcmp(one->name, next->name) < 0))
			next = one;
	}
	return next;
}

void address_format(const struct address *address, const char *without,
		    char out[ADDRESS_NAME_MAX])
{
	const struct address_attribute *attribute = NULL;
	char separator = '?';

	out += sprintf(out, "%s:", address->scheme);
	out = write_escaped(out, address->path);
	while ((attribute = next_attribute(address, attribute ? attribute->name
							      : NULL))) {
		if (!strncmp(attribute->name, without, strlen(without)))
			continue;
		out += sprintf(out, "%c%s=", separator, attribute->name);
		out = write_escaped(out, attribute->value);
		separator = '&';
	}
}

const char *address_get(const struct address *address, const char *name)
{
	for (size_t i = 0; i < address->attributes_count; i++)
		if (!strcmp(address->attributes[i].name, name))
			return address->attributes[i].value;
	return NULL;
}

int address_get_number(const struct address *address, const char *name,
		       long lowest, long highest, long otherwise, long *out)
{
	const char *value = address_get(address, name);
	char *end;

	*out = otherwise;
	if (!value)
		return IOTSAFE_OK;
	errno = 0;
	*out = strtol(value, &end, 10);
	if (errno || end == value || *end || *out < lowest || *out > highest)
		return error_set(IOTSAFE_ERR_ARG,
				 "address: %s=%.40s is not a number from %ld "
				 "to %ld",
				 name, value, lowest, highest);
	return IOTSAFE_OK;
}

int address_get_flag(const struct address *address, const char *name,
		     bool otherwise, bool *out)
{
	static const char *const words[] = {"no",    "yes",  "0",   "1",
					    "false", "true", "off", "on"};
	const char *value = address_get(address, name);

	*out = otherwise;
	if (!value)
		return IOTSAFE_OK;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcasecmp(value, words[i])) {
			*out = i % 2 == 1;
			return IOTSAFE_OK;
		}
	return error_set(IOTSAFE_ERR_ARG,
			 "address: %s=%.40s is neither yes nor no", name,
			 value);
}

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
		size = percent_decode(value, true);
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
	name->has_id = true;
	return IOTSAFE_OK;
bad:
	return error_set(IOTSAFE_ERR_ARG,
			 "name: id=%.60s is not 1 to %d bytes in hexadecimal",
			 value, NAME_ID_MAX);
}

static int set_label(struct name *name, char *value)
{
	ptrdiff_t size = percent_decode(value, true);

	if (size < 1 || size > NAME_LABEL_MAX)
		return error_set(IOTSAFE_ERR_ARG,
				 "name: label= is not 1 to %d bytes",
				 NAME_LABEL_MAX);
	memcpy(name->label, value, (size_t)size);
	name->label_size = (size_t)size;
	name->has_label = true;
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
	char *value = cut(text, '=');

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
		char *next = cut(query, '&');
		char *value = cut(query, '=');

		if (strcmp(query, "card") || !value)
			return error_set(IOTSAFE_ERR_ARG,
					 "name: unknown attribute \"%.60s\" "
					 "behind ? (known: card)",
					 query);
		/* The card's own attributes follow a `?` inside the value;
		 * its `&` are written %26. */
		if (percent_decode(value, false) < 0)
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
	TRY(set_query(name, cut(text, '?')));
	while (part && *part) {
		char *next = cut(part, ';');

		TRY(set_attribute(name, part));
		part = next;
	}
	return IOTSAFE_OK;
}

bool name_is_empty(const struct name *name)
{
	return !name->has_id && !name->has_label;
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
