/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Card addresses, text to values.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/address.h"
#include "base/bytes.h"
#include "base/error.h"

ptrdiff_t address_decode(char *text, bool binary)
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

char *address_cut(char *text, char separator)
{
	char *at = strchr(text, separator);

	if (at)
		*at++ = '\0';
	return at;
}

static int add_attribute(struct address *address, char *text)
{
	struct address_attribute *attribute;
	char *value = address_cut(text, '=');

	if (address->attributes_count == ADDRESS_ATTRIBUTES_MAX)
		return error_set(IOTSAFE_ERR_ARG,
				 "address: more than %d attributes",
				 ADDRESS_ATTRIBUTES_MAX);
	if (!*text || (value && address_decode(value, false) < 0))
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
		char *next = address_cut(query, '&');

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
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
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
	query = address_cut(path, '?');
	if (address_decode(path, false) < 0)
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

bool address_is_in(const char *name, const char *const *names)
{
	for (; names && *names; names++)
		if (!strcmp(name, *names))
			return true;
	return false;
}

const char *address_unknown(const struct address *address,
			    const char *const *known, const char *const *others)
{
	for (size_t i = 0; i < address->attributes_count; i++) {
		const char *name = address->attributes[i].name;

		if (!address_is_in(name, known) && !address_is_in(name, others))
			return name;
	}
	return NULL;
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
