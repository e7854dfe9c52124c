/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is known of a card, as names and values for people and bug reports:
 * new facts need no new function.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/error.h"
#include "object/card.h"

#define FACTS_MAX  32
#define VALUE_SIZE 160

struct iotsafe_info {
	size_t count;
	struct {
		const char *name;
		char value[VALUE_SIZE];
	} facts[FACTS_MAX];
};

static void add(iotsafe_info *info, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void add(iotsafe_info *info, const char *name, const char *format, ...)
{
	va_list args;

	if (info->count == FACTS_MAX)
		return;
	info->facts[info->count].name = name;
	va_start(args, format);
	vsnprintf(info->facts[info->count].value, VALUE_SIZE, format, args);
	va_end(args);
	info->count++;
}

/* Names of the bits that are set, joined by blanks. */
static void add_bits(iotsafe_info *info, const char *name, unsigned bits,
		     const char *const *words)
{
	char text[VALUE_SIZE] = "";
	size_t used = 0;

	for (unsigned i = 0; words[i] && used < sizeof(text); i++)
		if (bits & 1u << i)
			used += (size_t)snprintf(text + used,
						 sizeof(text) - used, "%s%s",
						 used ? " " : "", words[i]);
	add(info, name, "%s", text);
}

static void add_capabilities(iotsafe_info *info,
			     const struct capabilities *known)
{
	static const char *const functions[] = {"signature", "key-generation",
						"key-agreement",
						"key-derivation", NULL};
	static const char *const hashes[] = {"sha256", "sha384", "sha512",
					     NULL};
	static const char *const signatures[] = {"rsa-pkcs1", "rsa-pss",
						 "ecdsa", "cmac", NULL};
	static const char *const agreements[] = {"ecka", NULL};
	static const char *const derivations[] = {"prf-sha256", "hkdf", NULL};

	add(info, "applet-version", "%02X", known->version);
	add(info, "max-files", "%u", known->files);
	add(info, "max-private-keys", "%u", known->private_keys);
	add(info, "max-public-keys", "%u", known->public_keys);
	add(info, "max-secret-keys", "%u", known->secret_keys);
	add(info, "max-sessions", "%u", known->sessions);
	add_bits(info, "functions", known->functions, functions);
	add_bits(info, "hashes", known->hashes, hashes);
	add_bits(info, "signatures", known->signatures, signatures);
	add_bits(info, "key-agreements", known->agreements, agreements);
	add_bits(info, "key-derivations", known->derivations, derivations);
}

static const char *list_words(const iotsafe_card *card)
{
	const struct applet_manners *manners = &card->at->applet.manners;

	if (card->at->no_list)
		return card->at->no_list == CARD_LIST_UNREADABLE ? "unreadable"
								 : "refused";
	if (!manners->has_list)
		return "not read yet";
	return manners->bare_list ? "bare" : "wrapped";
}

/* What was found out so far, or said by the address. */
static void add_manners(iotsafe_info *info, const iotsafe_card *card)
{
	static const char *const lengths[] = {"not known yet", "1", "2", "BER"};
	const struct manners *manners = &card->at->applet.channel.manners;
	const struct applet_manners *applet = &card->at->applet.manners;

	add(info, "class", "%s", manners->class_0x ? "0X" : "8X");
	add(info, "le-behind-data", "%s", manners->with_le ? "yes" : "no");
	add(info, "largest-answer", "%u", manners->piece);
	/* The rest is IoT SAFE's. */
	if (!card->at->applet.kind->capabilities)
		return;
	if (applet->has_session)
		add(info, "session-numbers", "%u", applet->session);
	else
		add(info, "session-numbers", "1 2 3");
	add(info, "session-close", "%s",
	    applet->close_session ? "needed" : "not needed");
	add(info, "signature-length", "%s", lengths[applet->signature_length]);
	add(info, "signature-form", "%s", applet->signature_der ? "DER" : "rs");
	add(info, "object-list", "%s", list_words(card));
}

static void add_link(iotsafe_info *info, iotsafe_card *card)
{
	const struct link_kind *kind = card->link.kind;

	add(info, "address", "%s", card->name);
	if (card->has_iccid)
		add(info, "iccid", "%s", card->iccid);
	add(info, "link", "%s", kind->scheme);
	if (kind->ways)
		add(info, "interface", "%s", kind->ways[card->link.way]);
}

/* Those that were found so far beside the first. */
static void add_others(iotsafe_info *info, const iotsafe_card *card)
{
	for (unsigned i = 0; i < APPLETS; i++)
		if (&card->holdings[i] != card->at &&
		    !card->holdings[i].absent && card->holdings[i].applet.kind)
			add(info, "other-applet", "%s", applet_rows[i].name);
}

static int collect(iotsafe_card *card, void *self,
		   const struct deadline *deadline)
{
	const struct channel *channel = &card->at->applet.channel;
	char aid[2 * AID_MAX + 1];
	iotsafe_info *info = self;
	const struct applet_kind *kind = card->at->applet.kind;
	struct capabilities known;

	known.known = false;
	if (kind->capabilities)
		TRY(kind->capabilities(&card->at->applet, &known, deadline));
	info->count = 0;
	add_link(info, card);
	hex_encode(channel->aid.data, channel->aid.size, aid);
	add(info, "applet", "%s", kind->name);
	add_others(info, card);
	add(info, "aid", "%s", aid);
	if (channel->handle[0])
		add(info, "channel", "%s", channel->handle);
	else
		add(info, "channel", "%d", channel->number);
	if (known.known)
		add_capabilities(info, &known);
	add_manners(info, card);
	return IOTSAFE_OK;
}

int iotsafe_card_info(iotsafe_card *card, iotsafe_info **info)
{
	int result;

	if (info)
		*info = NULL;
	if (!card || !info)
		return error_null("info");
	*info = calloc(1, sizeof(**info));
	if (!*info)
		return error_no_memory("info");
	result = card_run(card, NULL, collect, *info);
	if (result < 0) {
		free(*info);
		*info = NULL;
	}
	return result;
}

size_t iotsafe_info_count(const iotsafe_info *info)
{
	return info ? info->count : 0;
}

const char *iotsafe_info_name(const iotsafe_info *info, size_t index)
{
	return info && index < info->count ? info->facts[index].name : NULL;
}

const char *iotsafe_info_value(const iotsafe_info *info, size_t index)
{
	return info && index < info->count ? info->facts[index].value : NULL;
}

void iotsafe_info_free(iotsafe_info *info)
{
	free(info);
}
