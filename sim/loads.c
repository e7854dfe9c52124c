// SPDX-License-Identifier: LGPL-2.1-or-later
/* What a user loaded onto a card: lines "KIND ID LABEL DATA" of one file. */
#include "loads.h"

#include "problem.h"

#include <stdlib.h>
#include <string.h>

#define HEAD "iotsafe-sim personal 1"

static const char *const names[LOAD_KINDS] = {
	[LOAD_KEY] = "key",	  [LOAD_CERTIFICATE] = "certificate",
	[LOAD_FILE] = "file",	  [LOAD_SECRET] = "secret",
	[LOAD_CMAC] = "cmac-key", [LOAD_PUBLIC] = "public-key",
};

enum object_class load_class(enum load_kind kind)
{
	static const enum object_class classes[LOAD_KINDS] = {
		[LOAD_KEY] = CLASS_PRIVATE, [LOAD_CERTIFICATE] = CLASS_FILE,
		[LOAD_FILE] = CLASS_FILE,   [LOAD_SECRET] = CLASS_SECRET,
		[LOAD_CMAC] = CLASS_SECRET, [LOAD_PUBLIC] = CLASS_PUBLIC,
	};

	return classes[kind];
}

struct view load_id(const struct load *load)
{
	return view_of(load->id, load->id_size);
}

struct view load_label(const struct load *load)
{
	return view_of(load->label, load->label_size);
}

bool loads_add(struct loads *loads, const struct load *load)
{
	for (size_t i = 0; i < loads->count; i++) {
		struct load *old = &loads->items[i];

		if (load_class(old->kind) != load_class(load->kind) ||
		    !view_equal(load_id(old), load_id(load)))
			continue;
		OPENSSL_clear_free(old->data, old->size);
		*old = *load;
		return true;
	}
	if (loads->count == PROFILE_OBJECTS_MAX)
		return false;
	loads->items[loads->count++] = *load;
	return true;
}

void loads_clear(struct loads *loads)
{
	for (size_t i = 0; i < loads->count; i++)
		OPENSSL_clear_free(loads->items[i].data, loads->items[i].size);
	loads->count = 0;
}

/* The next word of a line: what is before a blank, or before its end. */
static bool next_word(struct view *line, struct view *word)
{
	const uint8_t *blank =
		line->size > 0 ? memchr(line->data, ' ', line->size) : NULL;
	size_t size = blank ? (size_t)(blank - line->data) : line->size;

	if (!view_take(line, size, word) || size == 0)
		return false;
	return blank == NULL || view_take(line, 1, &(struct view){0});
}

static bool word_is(struct view word, const char *name)
{
	return view_equal(word, view_of(name, strlen(name)));
}

static bool read_kind(struct view word, enum load_kind *kind)
{
	for (*kind = 0; *kind < LOAD_KINDS; (*kind)++)
		if (word_is(word, names[*kind]))
			return true;
	return false;
}

static bool read_hex(struct view word, uint8_t *out, size_t capacity,
		     size_t *size)
{
	int count =
		hex_decode((const char *)word.data, word.size, out, capacity);

	*size = count > 0 ? (size_t)count : 0;
	return count > 0;
}

static bool read_data(struct view word, struct load *load)
{
	if (word.size / 2 > LOAD_DATA_MAX)
		return false;
	load->data = OPENSSL_malloc(word.size / 2 + 1);
	return load->data != NULL &&
	       read_hex(word, load->data, word.size / 2, &load->size);
}

static bool read_line(struct view line, struct load *load)
{
	struct view kind, id, label, data;

	*load = (struct load){0};
	return next_word(&line, &kind) && next_word(&line, &id) &&
	       next_word(&line, &label) && next_word(&line, &data) &&
	       line.size == 0 && read_kind(kind, &load->kind) &&
	       read_hex(id, load->id, LOAD_ID_MAX, &load->id_size) &&
	       (word_is(label, "-") ||
		read_hex(label, load->label, LOAD_LABEL_MAX,
			 &load->label_size)) &&
	       read_data(data, load);
}

static bool next_line(struct view *text, struct view *line)
{
	const uint8_t *end =
		text->size > 0 ? memchr(text->data, '\n', text->size) : NULL;

	return end != NULL &&
	       view_take(text, (size_t)(end - text->data), line) &&
	       view_take(text, 1, &(struct view){0});
}

static bool add_line(struct loads *loads, struct view line)
{
	struct load load;

	if (read_line(line, &load) && loads_add(loads, &load))
		return true;
	OPENSSL_clear_free(load.data, load.size);
	return false;
}

static bool read_lines(struct loads *loads, struct view text)
{
	struct view line;

	if (!next_line(&text, &line) || !word_is(line, HEAD))
		return false;
	while (text.size > 0)
		if (!next_line(&text, &line) || !add_line(loads, line))
			return false;
	return true;
}

static void file_of(const char *profile, char name[64])
{
	snprintf(name, 64, "%s/personal", profile);
}

enum store_found loads_read(struct loads *loads, struct store *store,
			    const char *profile)
{
	enum store_found found;
	uint8_t *data;
	char name[64];
	size_t size;

	loads->count = 0;
	file_of(profile, name);
	found = store_read(store, name, &data, &size);
	if (found != STORE_FOUND)
		return found;
	if (!read_lines(loads, view_of(data, size))) {
		loads_clear(loads);
		problem("%s/%s: not what personalise writes", store->path,
			name);
		found = STORE_ERROR;
	}
	OPENSSL_cleanse(data, size);
	free(data);
	return found;
}

static void put_text(struct writer *out, const char *text)
{
	put_bytes(out, text, strlen(text));
}

static void put_hex(struct writer *out, const uint8_t *data, size_t size)
{
	char pair[3];

	put_byte(out, ' ');
	for (size_t i = 0; i < size; i++) {
		hex_encode(data + i, 1, pair);
		put_bytes(out, pair, 2);
	}
	if (size == 0)
		put_byte(out, '-');
}

static size_t text_size(const struct loads *loads)
{
	size_t size = sizeof(HEAD);

	for (size_t i = 0; i < loads->count; i++)
		size += 32 + 2 * (LOAD_ID_MAX + LOAD_LABEL_MAX +
				  loads->items[i].size);
	return size;
}

bool loads_write(const struct loads *loads, struct store *store,
		 const char *profile)
{
	size_t capacity = text_size(loads);
	struct writer out = writer_on(OPENSSL_malloc(capacity), capacity);
	char name[64];
	bool done;

	if (out.data == NULL)
		return problem("out of memory");
	put_text(&out, HEAD "\n");
	for (size_t i = 0; i < loads->count; i++) {
		const struct load *load = &loads->items[i];

		put_text(&out, names[load->kind]);
		put_hex(&out, load->id, load->id_size);
		put_hex(&out, load->label, load->label_size);
		put_hex(&out, load->data, load->size);
		put_byte(&out, '\n');
	}
	file_of(profile, name);
	done = !out.overflow &&
	       store_write(store, name, out.data, out.size, 0600);
	OPENSSL_clear_free(out.data, capacity);
	return done;
}
