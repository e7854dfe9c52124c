/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The options become an open card, and names become keys: what every command
 * begins with.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli.h"
#include "text.h"
#include "watch.h"

/* Opening has its limit in the address, since there is no handle yet. A limit
 * written there by hand is not overruled. */
static char *with_timeout(const char *address, int timeout)
{
	const char *query = strchr(address, '?');
	char *out;

	if (!timeout || (query && strstr(query, "timeout=")))
		return text_copy(address);
	if (asprintf(&out, "%s%stimeout=%d", address, query ? "&" : "?",
		     timeout) < 0)
		return NULL;
	return out;
}

static int open_address(struct cli *cli, const char *address)
{
	char *whole = with_timeout(address, cli->options.timeout);
	int result;

	if (!whole)
		return fail(cli, "ERR_MEMORY", "no memory");
	result = iotsafe_card_open(whole, &cli->card);
	text_free(whole);
	return result < 0 ? fail_library(cli) : 0;
}

int card_open(struct cli *cli)
{
	const char *address = cli->options.card;

	if (!address)
		address = getenv("IOTSAFE_CARD");
	if (!address || !*address)
		return fail(cli, ERR_USAGE,
			    "no card is given: use --card ADDRESS or set "
			    "IOTSAFE_CARD, to at:/dev/ttyUSB2 for a modem or "
			    "to sim: to try without one");
	/* A session lives as long as it likes. */
	if (cli->options.timeout && !(cli->command->bit & (CONNECT | TUNNEL)))
		watch_limit(cli->options.timeout);
	watch_begin("waiting for the card");
	TRY(open_address(cli, address));
	watch_card(cli->card);
	if (watch_signal())
		return fail(cli, "ERR_CANCELLED", "ended by a signal");
	return 0;
}

void card_close(struct cli *cli)
{
	watch_card(NULL);
	iotsafe_card_free(cli->card);
	cli->card = NULL;
}

int card_key(struct cli *cli, const char *name, iotsafe_key **key)
{
	if (iotsafe_key_open(cli->card, name, key) < 0)
		return fail_library(cli);
	return 0;
}

int key_record(struct cli *cli, iotsafe_key *key, iotsafe_object **object)
{
	if (iotsafe_key_object(key, object) < 0)
		return fail_library(cli);
	return 0;
}

static bool says_private(const char *name)
{
	static const char private[] = "type=private";
	const char *at = strstr(name, private);

	return at && (at == name || strchr(";:", at[-1])) &&
	       (!at[strlen(private)] || strchr(";?", at[strlen(private)]));
}

/* Which classes the objects of this name are of, as bits 1 << class: a name
 * may mean a certificate or the key it belongs to. A card without a list tells
 * nothing, and a name that nobody has may still be asked for by its type. */
int card_matches(struct cli *cli, const char *name, unsigned *classes)
{
	iotsafe_list *list;
	iotsafe_object *object;
	int result = iotsafe_card_list(cli->card, name, &list);

	*classes = says_private(name) ? 1u << IOTSAFE_CLASS_PRIVATE_KEY : 0;
	if (result == IOTSAFE_ERR_SUPPORT && iotsafe_last_status())
		return 0;
	if (result < 0)
		return fail_library(cli);
	while (!(result = iotsafe_list_next(list, &object)) && object) {
		*classes |= 1u << iotsafe_object_class(object);
		iotsafe_object_free(object);
	}
	iotsafe_list_free(list);
	return result < 0 ? fail_library(cli) : 0;
}
