/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `iotsafe list`: the records of the objects on the card become a table or a
 * JSON array.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"
#include "json.h"
#include "text.h"
#include "watch.h"

struct word {
	int bit;
	const char *word;
};

static const struct word access_words[] = {
	{IOTSAFE_OBJECT_READABLE, "read"},
	{IOTSAFE_OBJECT_UPDATABLE, "update"},
};

static const struct word usage_words[] = {
	{IOTSAFE_OBJECT_SIGN, "sign"},
	{IOTSAFE_OBJECT_GENERATE, "generate"},
	{IOTSAFE_OBJECT_AGREE, "agree"},
	{IOTSAFE_OBJECT_DERIVE, "derive"},
	{IOTSAFE_OBJECT_DECRYPT, "decrypt"},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *type_of(const iotsafe_object *object)
{
	switch (iotsafe_object_class(object)) {
	case IOTSAFE_CLASS_PRIVATE_KEY:
		return "private";
	case IOTSAFE_CLASS_PUBLIC_KEY:
		return "public";
	case IOTSAFE_CLASS_SECRET_KEY:
		return "secret-key";
	}
	return iotsafe_object_flags(object) & IOTSAFE_OBJECT_CERTIFICATE
		       ? "cert"
		       : "data";
}

static void add_word(char *words, size_t room, const char *word)
{
	size_t size = strlen(words);

	snprintf(words + size, room - size, "%s%s", size ? "," : "", word);
}

static char *join(const struct word *words, size_t count, int bits)
{
	char joined[96] = "";

	for (size_t i = 0; i < count; i++)
		if (bits & words[i].bit)
			add_word(joined, sizeof(joined), words[i].word);
	return text_copy(*joined ? joined : "-");
}

static char *state_of(const iotsafe_object *object)
{
	int flags = iotsafe_object_flags(object);
	char joined[32] = "";

	add_word(joined, sizeof(joined),
		 flags & IOTSAFE_OBJECT_ACTIVE ? "active" : "inactive");
	if (flags & IOTSAFE_OBJECT_VOLATILE)
		add_word(joined, sizeof(joined), "volatile");
	if (flags & IOTSAFE_OBJECT_SOFTWARE)
		add_word(joined, sizeof(joined), "software");
	return text_copy(joined);
}

/* "ecdsa-sha384" behind "ecdsa-sha256" becomes "/384". */
static void add_algorithm(char *words, size_t room, const char *name,
			  const char *before)
{
	const char *hash = strstr(name, "sha");
	size_t size = strlen(words);

	if (!hash || !before || strncmp(name, before, (size_t)(hash - name)))
		add_word(words, room, name);
	else
		snprintf(words + size, room - size, "/%s",
			 strcmp(hash, "sha1") ? hash + 3 : hash);
}

/* What a key is good for: "sign" gives way to how it signs. */
static char *usage_of(const iotsafe_object *object)
{
	int algorithms = iotsafe_object_algorithms(object);
	int flags = iotsafe_object_flags(object);
	const char *name, *before = NULL;
	char joined[192] = "";

	for (int bit = 1; bit && bit <= algorithms; bit <<= 1) {
		name = algorithms & bit ? iotsafe_algorithm_name(bit) : NULL;
		if (!name)
			continue;
		add_algorithm(joined, sizeof(joined), name, before);
		before = name;
	}
	for (size_t i = 0; i < COUNT(usage_words); i++)
		if (flags & usage_words[i].bit &&
		    (usage_words[i].bit != IOTSAFE_OBJECT_SIGN || !*joined))
			add_word(joined, sizeof(joined), usage_words[i].word);
	return text_copy(*joined ? joined : "-");
}

/* The kind of key, or the size of a file. */
static char *kind_of(const iotsafe_object *object)
{
	char size[32];

	if (iotsafe_object_class(object) != IOTSAFE_CLASS_FILE) {
		const char *type = iotsafe_object_key_type(object);

		return *type ? text_escape(type) : text_copy("-");
	}
	snprintf(size, sizeof(size), "%zu bytes", iotsafe_object_size(object));
	return text_copy(size);
}

static void add_heading(struct table *table)
{
	static const char *const headings[] = {
		"APPLET", "TYPE",   "ID",  "LABEL", "KIND",
		"STATE",  "ACCESS", "USE", "NAME",
	};

	table_init(table, COUNT(headings));
	for (size_t i = 0; i < COUNT(headings); i++)
		table_add(table, text_copy(headings[i]));
}

static void add_row(struct table *table, const iotsafe_object *object,
		    const uint8_t *id, size_t id_size, const uint8_t *label,
		    size_t label_size)
{
	int flags = iotsafe_object_flags(object);

	table_add(table, text_copy(iotsafe_object_applet(object)));
	table_add(table, text_copy(type_of(object)));
	table_add(table, id_size ? text_hex(id, id_size) : text_copy("-"));
	table_add(table, text_show(label, label_size));
	table_add(table, kind_of(object));
	table_add(table, state_of(object));
	table_add(table, join(access_words, COUNT(access_words), flags));
	table_add(table, usage_of(object));
	table_add(table, text_escape(iotsafe_object_name(object)));
}

static void put_algorithms(struct json *json, int algorithms)
{
	json_array(json, "algorithms");
	for (int bit = 1; bit && bit <= algorithms; bit <<= 1)
		if (algorithms & bit && iotsafe_algorithm_name(bit))
			json_string(json, NULL, iotsafe_algorithm_name(bit));
	json_end(json);
}

static void put_words(struct json *json, const char *name,
		      const struct word *words, size_t count, int bits)
{
	json_array(json, name);
	for (size_t i = 0; i < count; i++)
		if (bits & words[i].bit)
			json_string(json, NULL, words[i].word);
	json_end(json);
}

static void put_object(struct json *json, const iotsafe_object *object,
		       const uint8_t *id, size_t id_size, const uint8_t *label,
		       size_t label_size)
{
	int flags = iotsafe_object_flags(object);

	json_object(json, NULL);
	json_string(json, "name", iotsafe_object_name(object));
	json_string(json, "applet", iotsafe_object_applet(object));
	json_string(json, "type", type_of(object));
	json_hex(json, "id", id, id_size);
	json_text(json, "label", label, label_size);
	json_hex(json, "label_hex", label, label_size);
	json_string(json, "key", iotsafe_object_key_type(object));
	json_number(json, "size", iotsafe_object_size(object));
	json_flag(json, "active", flags & IOTSAFE_OBJECT_ACTIVE);
	json_flag(json, "volatile", flags & IOTSAFE_OBJECT_VOLATILE);
	json_flag(json, "software", flags & IOTSAFE_OBJECT_SOFTWARE);
	put_words(json, "access", access_words, COUNT(access_words), flags);
	put_words(json, "usage", usage_words, COUNT(usage_words), flags);
	put_algorithms(json, iotsafe_object_algorithms(object));
	json_end(json);
}

static int show(struct cli *cli, struct table *table,
		const iotsafe_object *object)
{
	uint8_t *id = NULL, *label = NULL;
	size_t id_size, label_size;
	int status = 0;

	if (iotsafe_object_id(object, &id, &id_size) < 0 ||
	    iotsafe_object_label(object, &label, &label_size) < 0)
		status = fail_library(cli);
	else if (cli->json)
		put_object(cli->json, object, id, id_size, label, label_size);
	else
		add_row(table, object, id, id_size, label, label_size);
	iotsafe_free(id);
	iotsafe_free(label);
	return status;
}

static int show_all(struct cli *cli, struct table *table, iotsafe_list *list)
{
	iotsafe_object *object;
	int status = 0;

	while (!status) {
		if (iotsafe_list_next(list, &object) < 0)
			return fail_library(cli);
		if (!object)
			break;
		status = show(cli, table, object);
		iotsafe_object_free(object);
	}
	return status;
}

int command_list(struct cli *cli)
{
	iotsafe_list *list;
	struct table table;
	int status;

	TRY(card_open(cli));
	if (iotsafe_card_list(cli->card, cli->options.arguments[0], &list) < 0)
		return fail_library(cli);
	add_heading(&table);
	if (cli->json)
		json_array(cli->json, "objects");
	status = show_all(cli, &table, list);
	if (cli->json)
		json_end(cli->json);
	watch_end();
	if (!cli->json && !status)
		table_print(&table, "", false);
	table_free(&table);
	iotsafe_list_free(list);
	return status;
}
