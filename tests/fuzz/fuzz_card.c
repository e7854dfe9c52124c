/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A whole card under a hostile link: the input is cut into answers, each two
 * bytes for its length and then its bytes, and every operation is tried. What
 * comes out must be within its bounds, and nothing may leak. */
#include <string.h>
#include <iotsafe/iotsafe.h>
#include "check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct script {
	const uint8_t *data;
	size_t size;
};

static int answer(void *self, const uint8_t *command, size_t command_size,
		  uint8_t *response, size_t *response_size, int64_t deadline)
{
	struct script *script = self;
	size_t size;

	(void)deadline;
	CHECK(command && command_size >= 4 && command_size <= 261);
	CHECK(*response_size >= 258);
	if (script->size < 2)
		return IOTSAFE_ERR_CLOSED;
	size = (size_t)(script->data[0] << 8 | script->data[1]);
	if (size > 0xFF00) {
		/* The link fails, for a change. */
		script->data += 2;
		script->size -= 2;
		return -(int)(size & 0x1F);
	}
	size %= 259;
	if (size > script->size - 2)
		size = script->size - 2;
	memcpy(response, script->data + 2, size);
	script->data += 2 + size;
	script->size -= 2 + size;
	*response_size = size;
	return IOTSAFE_OK;
}

static void list(iotsafe_card *card)
{
	iotsafe_list *objects;
	iotsafe_object *object;

	if (iotsafe_card_list(card, NULL, &objects) < 0)
		return;
	while (iotsafe_list_next(objects, &object) == 0 && object) {
		CHECK(strlen(iotsafe_object_name(object)) < 512);
		iotsafe_object_free(object);
	}
	iotsafe_list_free(objects);
}

static void sign(iotsafe_card *card)
{
	static const uint8_t hash[32];
	iotsafe_key *key;
	uint8_t *out;
	size_t size;

	if (iotsafe_key_open(card, NULL, &key) < 0)
		return;
	if (iotsafe_key_certificate(key, 0, &out, &size) == 0)
		iotsafe_free(out);
	if (iotsafe_key_sign(key, IOTSAFE_SHA256, hash, 32, &out, &size) == 0) {
		CHECK(size == 64 || size >= 128);
		iotsafe_free(out);
	} else {
		CHECK(!out && !size && *iotsafe_last_error());
	}
	iotsafe_key_free(key);
}

static void read_all(iotsafe_card *card)
{
	iotsafe_file *file;
	iotsafe_info *info;
	uint8_t *out;
	size_t size;

	if (iotsafe_file_open(card, "type=data", &file) == 0) {
		if (iotsafe_file_read(file, &out, &size) == 0) {
			CHECK(size <= 65535);
			iotsafe_free(out);
		}
		iotsafe_file_free(file);
	}
	if (iotsafe_card_random(card, 300, &out, &size) == 0) {
		CHECK(size == 300);
		iotsafe_free(out);
	}
	if (iotsafe_card_info(card, &info) == 0)
		iotsafe_info_free(info);
}

static void ask_raw(iotsafe_card *card)
{
	static const uint8_t command[] = {0x80, 0xCB, 0x00, 0x00, 0x00};
	uint8_t *out;
	size_t size;

	if (iotsafe_card_public_key(card, NULL, &out, &size) == 0) {
		CHECK(size > 65);
		iotsafe_free(out);
	}
	if (iotsafe_card_transact(card, command, sizeof(command), &out,
				  &size) == 0) {
		CHECK(size >= 2);
		iotsafe_free(out);
	}
}

/* A result that is bytes, or an error and none. */
static void expect(int result, uint8_t *out, size_t size, size_t wanted)
{
	CHECK(result >= 0 ? size == wanted : !out && !size);
	CHECK(result >= 0 || *iotsafe_last_error());
	iotsafe_free(out);
}

static void make_pair(iotsafe_card *card)
{
	uint8_t *out = NULL, *spki = NULL;
	size_t size = 0, spki_size;
	iotsafe_key *key;
	int result;

	if (iotsafe_key_generate(card, NULL, &key) < 0)
		return;
	CHECK(iotsafe_key_public_key(key, &spki, &spki_size) == 0);
	CHECK(spki_size == 91 || spki_size == 92);
	result = iotsafe_key_agree(key, NULL, spki, spki_size, &out, &size);
	expect(result, out, size, 32);
	iotsafe_free(spki);
	iotsafe_key_free(key);
}

static void verify(iotsafe_card *card)
{
	static const uint8_t text[300], rs[64] = {1, [63] = 1};

	for (int mode = 1; mode <= 3; mode++)
		iotsafe_card_verify_data(card, "", IOTSAFE_SHA256, mode, text,
					 sizeof(text), rs, sizeof(rs));
}

static void derive(iotsafe_card *card)
{
	static const uint8_t secret[16];
	uint8_t *out;
	size_t size;
	int result;

	result = iotsafe_card_prf(card, NULL, secret, 16, "l", NULL, 0, 48,
				  &out, &size);
	expect(result, out, size, 48);
	result = iotsafe_card_psk(card, NULL, "i", NULL, 0, &out, &size);
	expect(result, out, size, 32);
	result = iotsafe_card_hkdf_extract(card, IOTSAFE_SHA384, secret, 16,
					   NULL, 0, &out, &size);
	expect(result, out, size, 48);
	result = iotsafe_card_mac(card, NULL, secret, 16, &out, &size);
	expect(result, out, size, 16);
}

static void operate(iotsafe_card *card)
{
	list(card);
	sign(card);
	read_all(card);
	ask_raw(card);
	make_pair(card);
	verify(card);
	derive(card);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script script = {data, size};
	const iotsafe_link link = {
		.size = sizeof(link),
		.self = &script,
		.exchange = answer,
	};
	iotsafe_card *card;

	if (iotsafe_card_open_link(&link, NULL, &card) < 0) {
		CHECK(!card && *iotsafe_last_error());
		return 0;
	}
	operate(card);
	iotsafe_card_free(card);
	return 0;
}
