/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files of the card, public keys by name, and the card's CA certificates.
 */
#include <stdlib.h>
#include "base/crypto.h"
#include "base/error.h"
#include "object/card.h"
#include "object/key.h"

struct iotsafe_file {
	iotsafe_card *card;
	struct record record;
	unsigned changes; /* of the card, when the record was read */
	/* What iotsafe_file_read_start() has read, for the next reading. */
	uint8_t *start;
	size_t start_size;
	bool whole; /* that is all of it */
};

struct finding {
	const struct name *name;
	int class;
	struct record record;
	unsigned changes;
};

static int find(iotsafe_card *card, void *self, const struct deadline *deadline)
{
	struct finding *finding = self;
	struct entry *entry;

	TRY(card_find(card, finding->name, finding->class, &entry, deadline));
	finding->record = entry->record;
	finding->changes = card->changes;
	return IOTSAFE_OK;
}

int iotsafe_file_open(iotsafe_card *card, const char *name, iotsafe_file **file)
{
	struct name parsed;
	struct finding finding = {.name = &parsed, .class = IOTSAFE_CLASS_FILE};

	if (file)
		*file = NULL;
	if (!card || !file)
		return error_null("file");
	TRY(name_parse(name, &parsed));
	TRY(card_run(card, NULL, find, &finding));
	*file = calloc(1, sizeof(**file));
	if (!*file)
		return error_no_memory("file");
	(*file)->card = card_use(card);
	(*file)->record = finding.record;
	(*file)->changes = finding.changes;
	return IOTSAFE_OK;
}

void iotsafe_file_free(iotsafe_file *file)
{
	if (!file)
		return;
	iotsafe_card_free(file->card);
	iotsafe_free(file->start);
	free(file);
}

int iotsafe_file_object(iotsafe_file *file, iotsafe_object **object)
{
	if (object)
		*object = NULL;
	if (!file || !object)
		return error_null("file");
	return object_new(file->card, &file->record, object);
}

struct reading {
	iotsafe_file *file;
	uint8_t *data;
	size_t size;
};

static void drop_start(iotsafe_file *file)
{
	iotsafe_free(file->start);
	file->start = NULL;
	file->start_size = 0;
}

/* Makes the record today's. What was read before the card has changed, or was
 * opened again, is history. */
static int refresh(iotsafe_card *card, iotsafe_file *file,
		   const struct deadline *deadline)
{
	if (file->changes != card->changes)
		drop_start(file);
	return card_refresh(card, &file->record, &file->changes, deadline);
}

static int read_rest(iotsafe_card *card, struct reading *reading,
		     const struct deadline *deadline)
{
	const iotsafe_file *file = reading->file;
	const struct record *record = &file->record;
	struct applet *applet = &card->at->applet;
	int result;

	applet->start = (struct bytes){file->start, file->start_size};
	result = applet->kind->read(applet, record, &reading->data,
				    &reading->size, deadline);
	applet->start = (struct bytes){NULL, 0};
	if (result >= 0)
		return result;
	/* Where it is done again, nothing is joined to what was before. */
	drop_start(reading->file);
	return record_explain(result, record, IOTSAFE_OBJECT_READABLE);
}

static int read_file(iotsafe_card *card, void *self,
		     const struct deadline *deadline)
{
	struct reading *reading = self;
	iotsafe_file *file = reading->file;

	TRY(refresh(card, file, deadline));
	if (!file->start || !file->whole)
		TRY(read_rest(card, reading, deadline));
	else
		TRY(bytes_give(file->start, file->start_size, &reading->data,
			       &reading->size));
	drop_start(file);
	return IOTSAFE_OK;
}

static bool not_yet(const void *self, struct bytes start)
{
	(void)self;
	(void)start;
	return false;
}

static int read_start(iotsafe_card *card, void *self,
		      const struct deadline *deadline)
{
	static const struct look look = {not_yet, NULL};
	struct reading *reading = self;
	iotsafe_file *file = reading->file;
	int result;

	TRY(refresh(card, file, deadline));
	drop_start(file);
	card->at->applet.look = &look;
	result = read_rest(card, reading, deadline);
	card->at->applet.look = NULL;
	TRY(result);
	file->whole = result == 0;
	return bytes_give(reading->data, reading->size, &file->start,
			  &file->start_size);
}

static int read_by(card_operation operation, iotsafe_file *file, uint8_t **out,
		   size_t *out_size)
{
	struct reading reading = {.file = file};
	int result;

	if (!bytes_ready(out, out_size) || !file)
		return error_null("file");
	result = card_run_on(file->card, &file->record, NULL, operation,
			     &reading);
	if (result < 0) {
		iotsafe_free(reading.data);
		return result;
	}
	*out = reading.data;
	*out_size = reading.size;
	return IOTSAFE_OK;
}

int iotsafe_file_read(iotsafe_file *file, uint8_t **out, size_t *out_size)
{
	return read_by(read_file, file, out, out_size);
}

int iotsafe_file_read_start(iotsafe_file *file, uint8_t **out, size_t *out_size)
{
	return read_by(read_start, file, out, out_size);
}

struct asking {
	const struct name *name;
	struct bytes certificate;
	unsigned index;
	uint8_t **out;
	size_t *out_size;
};

static int give_public_key(iotsafe_card *card, void *self,
			   const struct deadline *deadline)
{
	struct asking *asking = self;
	char title[RECORD_TITLE_MAX];
	struct entry *entry;

	TRY(card_find(card, asking->name, IOTSAFE_CLASS_PUBLIC_KEY, &entry,
		      deadline));
	/* Who asks for this one is told why it is not to be had. */
	if (!entry->spki)
		entry->read = false;
	TRY(card_need_entry(card, entry, deadline));
	if (entry->spki)
		return bytes_give(entry->spki, entry->spki_size, asking->out,
				  asking->out_size);
	record_title(&entry->record, title, sizeof(title));
	if (iotsafe_last_code() == IOTSAFE_ERR_FORMAT) {
		error_append(" (public key %s)", title);
		return IOTSAFE_ERR_FORMAT;
	}
	return error_set(IOTSAFE_ERR_ABSENT,
			 "public key %s: the card does not give it out", title);
}

static int public_key_of_identity(iotsafe_card *card, uint8_t **out,
				  size_t *out_size)
{
	iotsafe_key *key;
	int result;

	TRY(iotsafe_key_open(card, NULL, &key));
	result = iotsafe_key_public_key(key, out, out_size);
	iotsafe_key_free(key);
	return result;
}

int card_public_key_spki(iotsafe_card *card, const char *name, uint8_t **out,
			 size_t *out_size, const struct deadline *limit)
{
	struct name parsed;
	struct asking asking = {
		.name = &parsed, .out = out, .out_size = out_size};

	TRY(name_parse(name, &parsed));
	return card_run(card, limit, give_public_key, &asking);
}

int iotsafe_card_public_key(iotsafe_card *card, const char *name, uint8_t **out,
			    size_t *out_size)
{
	struct name parsed;

	if (!bytes_ready(out, out_size) || !card)
		return error_null("public key");
	TRY(name_parse(name, &parsed));
	if (name_is_empty(&parsed))
		return public_key_of_identity(card, out, out_size);
	return card_public_key_spki(card, name, out, out_size, NULL);
}

/* ---- CA certificates on the card ---- */

static int give_content(const struct entry *entry, const struct asking *asking)
{
	return bytes_give(entry->content, entry->content_size, asking->out,
			  asking->out_size);
}

static int give_named_ca(iotsafe_card *card, const struct asking *asking,
			 const struct deadline *deadline)
{
	char title[RECORD_TITLE_MAX];
	struct entry *entry;

	if (asking->index)
		return error_set(IOTSAFE_ERR_ABSENT,
				 "no further CA certificate of this name");
	TRY(card_find(card, asking->name, IOTSAFE_CLASS_FILE, &entry,
		      deadline));
	TRY(card_need_entry(card, entry, deadline));
	if (entry->content)
		return give_content(entry, asking);
	record_title(&entry->record, title, sizeof(title));
	return error_set(IOTSAFE_ERR_FORMAT, "file %s is no certificate",
			 title);
}

static int give_any_ca(iotsafe_card *card, const struct asking *asking,
		       const struct deadline *deadline)
{
	unsigned index = asking->index;

	TRY(card_need_list(card, deadline));
	for (size_t i = 0; i < card->at->entries_count; i++) {
		struct entry *entry = &card->at->entries[i];

		if (entry->record.class != IOTSAFE_CLASS_FILE ||
		    !(entry->record.flags & IOTSAFE_OBJECT_ACTIVE))
			continue;
		TRY(card_need_entry(card, entry, deadline));
		if (!entry->content ||
		    !crypto_certificate_is_root(entry_content(entry)))
			continue;
		if (!index--)
			return give_content(entry, asking);
	}
	return error_set(IOTSAFE_ERR_ABSENT, "the card has no%s CA certificate",
			 asking->index ? " further" : "");
}

static int give_ca(iotsafe_card *card, void *self,
		   const struct deadline *deadline)
{
	const struct asking *asking = self;

	TRY(card_go_to_named(card, asking->name, deadline));
	if (name_is_empty(asking->name))
		return give_any_ca(card, asking, deadline);
	return give_named_ca(card, asking, deadline);
}

int card_ca(iotsafe_card *card, const char *name, unsigned index,
	    const struct deadline *limit, uint8_t **out, size_t *out_size)
{
	struct name parsed;
	struct asking asking = {.name = &parsed,
				.index = index,
				.out = out,
				.out_size = out_size};

	*out = NULL;
	*out_size = 0;
	TRY(name_parse(name, &parsed));
	return card_run(card, limit, give_ca, &asking);
}

static int find_issuer(iotsafe_card *card, void *self,
		       const struct deadline *deadline)
{
	const struct asking *asking = self;
	struct bytes issuer = {NULL, 0};

	TRY(card_need_list(card, deadline));
	for (unsigned i = 0; i < APPLETS && !issuer.size; i++) {
		if (!card->holdings[i].listed)
			continue;
		TRY(card_go_to(card, i, deadline));
		TRY(identity_issuer(card, asking->certificate, &issuer,
				    deadline));
	}
	if (!issuer.size || crypto_certificate_is_root(issuer))
		return IOTSAFE_OK;
	iotsafe_free(*asking->out);
	return bytes_give(issuer.data, issuer.size, asking->out,
			  asking->out_size);
}

int card_issuer(iotsafe_card *card, struct bytes certificate, uint8_t **out,
		size_t *out_size)
{
	struct asking asking = {
		.certificate = certificate, .out = out, .out_size = out_size};

	*out = NULL;
	*out_size = 0;
	return card_run_believing(card, NULL, NULL, find_issuer, &asking);
}
