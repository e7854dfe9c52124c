/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `iotsafe info`: what the library knows of the card, and the identity it
 * found there.
 */
#include <stdio.h>
#include <string.h>
#include "certificate.h"
#include "cli.h"
#include "json.h"
#include "text.h"
#include "watch.h"

static int show_card(struct cli *cli, struct table *table)
{
	iotsafe_info *info;

	if (iotsafe_card_info(cli->card, &info) < 0)
		return fail_library(cli);
	if (cli->json)
		json_object(cli->json, "card");
	for (size_t i = 0; i < iotsafe_info_count(info); i++) {
		const char *name = iotsafe_info_name(info, i);
		const char *value = iotsafe_info_value(info, i);

		if (cli->json)
			json_string(cli->json, name, value);
		else
			table_pair(table, name, value);
	}
	if (cli->json)
		json_end(cli->json);
	iotsafe_info_free(info);
	return 0;
}

/* A card without an identity, with several, or with a certificate of another
 * key is still worth describing; one that fails is not. */
static bool is_describable(int code)
{
	return code == IOTSAFE_ERR_ABSENT || code == IOTSAFE_ERR_AMBIGUOUS ||
	       code == IOTSAFE_ERR_VERIFY;
}

/* A value, and the library's reason where there is none. */
static void show(struct cli *cli, struct table *table, const char *name,
		 const char *value)
{
	char row[64];

	if (cli->json) {
		json_string(cli->json, name, value);
		if (!value)
			json_string(cli->json, "reason", iotsafe_last_error());
		return;
	}
	snprintf(row, sizeof(row), "identity-%s", name);
	table_pair(table, strcmp(name, "identity") ? row : name,
		   value ? value : "none");
	if (!value)
		table_pair(table, "identity-reason", iotsafe_last_error());
}

static int show_subject(struct cli *cli, struct table *table, iotsafe_key *key)
{
	struct certificate certificate = {0};
	uint8_t *der;
	size_t size;
	int result = iotsafe_key_certificate(key, 0, &der, &size);

	if (result < 0 && !is_describable(result))
		return fail_library(cli);
	if (result >= 0) {
		certificate_read(&certificate, der, size);
		iotsafe_free(der);
	}
	show(cli, table, "subject", certificate.subject);
	certificate_free(&certificate);
	return 0;
}

static int show_key(struct cli *cli, struct table *table, iotsafe_key *key)
{
	iotsafe_object *object;
	int status;

	TRY(key_record(cli, key, &object));
	if (cli->json) {
		json_object(cli->json, "identity");
		json_string(cli->json, "name", iotsafe_object_name(object));
	} else {
		table_pair(table, "identity", iotsafe_object_name(object));
	}
	show(cli, table, "applet", iotsafe_object_applet(object));
	show(cli, table, "key", iotsafe_object_key_type(object));
	show(cli, table, "place",
	     iotsafe_object_flags(object) & IOTSAFE_OBJECT_SOFTWARE ? "software"
								    : "card");
	show(cli, table, "signatures",
	     iotsafe_key_verifies(key) ? "verified" : "unverified");
	status = show_subject(cli, table, key);
	if (cli->json)
		json_end(cli->json);
	iotsafe_object_free(object);
	return status;
}

static int show_identity(struct cli *cli, struct table *table)
{
	iotsafe_key *key;
	uint8_t *der;
	size_t size;
	int status, result = iotsafe_key_open(cli->card, NULL, &key);

	if (is_describable(result)) {
		show(cli, table, "identity", NULL);
		return 0;
	}
	if (result < 0)
		return fail_library(cli);
	/* What a cache had makes room for what the card has. */
	iotsafe_key_public_key(key, &der, &size);
	iotsafe_free(der);
	status = show_key(cli, table, key);
	iotsafe_key_free(key);
	return status;
}

int command_info(struct cli *cli)
{
	struct table table;
	int status;

	TRY(card_open(cli));
	table_init(&table, 2);
	status = show_card(cli, &table);
	if (!status)
		status = show_identity(cli, &table);
	watch_end();
	if (!cli->json)
		table_print(&table, "", false);
	table_free(&table);
	return status;
}
