/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The environment and lines of a file become slots. A line is
 *
 *     [name=NAME] [trust=yes] [applets=all] ADDRESS
 *
 * with the address last, since it may have blanks. A wrong line is a slot too,
 * whose description says what is wrong: there is no other place to say it.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "config.h"

struct reader {
	struct config_slot *slots;
	int count;
	int line;
	bool no_memory;
};

void config_free(struct config_slot *slot)
{
	free(slot->address);
	free(slot->name);
	free(slot->problem);
	*slot = (struct config_slot){0};
}

/* An address that is there already, so that the line's options are its own. */
static struct config_slot *find_slot(struct reader *reader, const char *address)
{
	for (int i = 0; i < reader->count; i++)
		if (reader->slots[i].address &&
		    !strcmp(reader->slots[i].address, address))
			return &reader->slots[i];
	return NULL;
}

static struct config_slot *new_slot(struct reader *reader)
{
	if (reader->count == CONFIG_SLOTS_MAX)
		return NULL;
	return &reader->slots[reader->count++];
}

static void add_address(struct reader *reader, const char *address)
{
	struct config_slot *slot = new_slot(reader);

	if (!slot)
		return;
	slot->address = strdup(address);
	reader->no_memory |= !slot->address;
}

static void add_problem(struct reader *reader, const char *what)
{
	struct config_slot *slot = new_slot(reader);

	if (slot && asprintf(&slot->problem, "pkcs11.conf line %d: %s",
			     reader->line, what) < 0) {
		slot->problem = NULL;
		reader->no_memory = true;
	}
}

/* ---- lines ---- */

/* The option's value if the line begins with it, cut off with a NUL. */
static char *take_option(char **line, const char *name)
{
	size_t size = strlen(name);
	char *value = *line + size;

	if (strncmp(*line, name, size) != 0)
		return NULL;
	*line = value + strcspn(value, " \t");
	if (**line)
		*(*line)++ = '\0';
	*line += strspn(*line, " \t");
	return value;
}

static bool is_name(const char *name)
{
	size_t size = strlen(name);

	/* The room that CK_TOKEN_INFO has. */
	return size >= 1 && size <= 32 &&
	       size == strspn(name, "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._");
}

static bool is_address(const char *address)
{
	size_t size = strcspn(address, ":");

	return size && address[size] == ':' &&
	       size == strspn(address, "abcdefghij"
				       "klmnopqrst"
				       "uvwxyz");
}

/* What stands before an address; NULL: nothing. */
struct line_options {
	const char *name, *trust, *applets, *login;
};

static void keep(struct reader *reader, const struct line_options *options,
		 const char *address)
{
	struct config_slot *slot = find_slot(reader, address);

	if (!slot) {
		add_address(reader, address);
		slot = find_slot(reader, address);
	}
	if (!slot)
		return;
	slot->trusted = options->trust && !strcmp(options->trust, "yes");
	slot->all_applets =
		options->applets && !strcmp(options->applets, "all");
	slot->login = options->login && !strcmp(options->login, "yes");
	if (options->name && !slot->name) {
		slot->name = strdup(options->name);
		reader->no_memory |= !slot->name;
	}
}

static char *take_options(char *line, struct line_options *options)
{
	const char *value;

	for (;;) {
		if ((value = take_option(&line, "name=")))
			options->name = value;
		else if ((value = take_option(&line, "trust=")))
			options->trust = value;
		else if ((value = take_option(&line, "applets=")))
			options->applets = value;
		else if ((value = take_option(&line, "login=")))
			options->login = value;
		else
			return line;
	}
}

/* One of two words, or nothing. */
static bool is_either(const char *value, const char *one, const char *other)
{
	return !value || !strcmp(value, one) || !strcmp(value, other);
}

static void take_line(struct reader *reader, char *line)
{
	struct line_options options = {NULL, NULL, NULL, NULL};

	line = take_options(line, &options);
	if (options.name && !is_name(options.name))
		add_problem(reader, "a name has letters, digits, -._");
	else if (!is_either(options.trust, "yes", "no"))
		add_problem(reader, "trust= is yes or no");
	else if (!is_either(options.applets, "all", "first"))
		add_problem(reader, "applets= is all or first");
	else if (!is_either(options.login, "yes", "no"))
		add_problem(reader, "login= is yes or no");
	else if (!is_address(line))
		add_problem(reader, "no address of a card");
	else
		keep(reader, &options, line);
}

static void take_raw_line(struct reader *reader, char *line)
{
	size_t size;

	reader->line++;
	line += strspn(line, " \t");
	size = strlen(line);
	while (size && isspace((unsigned char)line[size - 1]))
		line[--size] = '\0';
	if (size && line[0] != '#')
		take_line(reader, line);
}

/* False: there is no such file. */
static bool read_file(struct reader *reader, const char *path)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;

	reader->line = 0;
	if (!file && errno == ENOENT)
		return false;
	if (!file)
		add_problem(reader, strerror(errno));
	while (file && getline(&line, &room, file) >= 0)
		take_raw_line(reader, line);
	free(line);
	if (file)
		fclose(file);
	return true;
}

/* ---- where ---- */

static bool read_in(struct reader *reader, const char *folder, const char *rest)
{
	char *path;
	bool there;

	if (!folder || folder[0] != '/')
		return false;
	if (asprintf(&path, "%s%s/iotsafe/pkcs11.conf", folder, rest) < 0) {
		reader->no_memory = true;
		return true;
	}
	there = read_file(reader, path);
	free(path);
	return there;
}

/* For a set-uid program neither the environment nor a user's file counts. */
static bool read_own(struct reader *reader)
{
	const char *folder = secure_getenv("XDG_CONFIG_HOME");

	if (folder && folder[0] == '/')
		return read_in(reader, folder, "");
	return read_in(reader, secure_getenv("HOME"), "/.config");
}

int config_read(struct config_slot slots[CONFIG_SLOTS_MAX])
{
	struct reader reader = {slots, 0, 0, false};
	const char *card = secure_getenv("IOTSAFE_CARD");

	memset(slots, 0, CONFIG_SLOTS_MAX * sizeof(*slots));
	if (card && *card)
		add_address(&reader, card);
	if (!read_own(&reader))
		read_in(&reader, IOTSAFE_SYSCONFDIR, "");
	if (!reader.no_memory)
		return reader.count;
	while (reader.count)
		config_free(&slots[--reader.count]);
	return -1;
}
