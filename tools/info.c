/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * `iotsafe info`: what the library knows of the card, and the identity it
 * found there.
 */
#include <stdio.h>
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

/* A card without an identity, or with several, is still worth describing;
 * one that fails is not. */
static bool is_no_identity(int code)
{
	return code == IOTSAFE_ERR_ABSENT || code == IOTSAFE_ERR_AMBIGUOUS;
}

static void show_none(struct cli *cli, struct table *table)
{
	const char *words = iotsafe_last_error();

	if (!cli->json) {
		table_pair(table, "identity", "none");
		table_pair(table, "reason", words);
		return;
	}
	json_string(cli->json, "identity", NULL);
	json_string(cli->json, "reason", words);
}

static void show_subject(struct cli *cli, struct table *table, iotsafe_key *key)
{
	struct certificate certificate;
	uint8_t *der;
	size_t size;

	if (iotsafe_key_certificate(key, 0, &der, &size) < 0)
		return;
	if (certificate_read(&certificate, der, size)) {
		if (cli->json)
			json_string(cli->json, "subject", certificate.subject);
		else
			table_pair(table, "subject", certificate.subject);
		certificate_free(&certificate);
	}
	iotsafe_free(der);
}

static int show_key(struct cli *cli, struct table *table, iotsafe_key *key)
{
	iotsafe_object *object;
	const char *verified =
		iotsafe_key_verifies(key) ? "verified" : "unverified";

	TRY(key_record(cli, key, &object));
	if (cli->json) {
		json_object(cli->json, "identity");
		json_string(cli->json, "name", iotsafe_object_name(object));
		json_string(cli->json, "key", iotsafe_object_key_type(object));
		json_string(cli->json, "signatures", verified);
	} else {
		table_pair(table, "identity", iotsafe_object_name(object));
		table_pair(table, "key", iotsafe_object_key_type(object));
		table_pair(table, "signatures", verified);
	}
	show_subject(cli, table, key);
	if (cli->json)
		json_end(cli->json);
	iotsafe_object_free(object);
	return 0;
}

static int show_identity(struct cli *cli, struct table *table)
{
	iotsafe_key *key;
	int status, result = iotsafe_key_open(cli->card, NULL, &key);

	if (is_no_identity(result)) {
		show_none(cli, table);
		return 0;
	}
	if (result < 0)
		return fail_library(cli);
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
