/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Command APDUs to answers, with keys of softpki. Its own reading and writing
 * of TLVs: a parser shared with the library would share its mistakes. */
#include <criterion/criterion.h>
#include <gnutls/crypto.h>
#include <poll.h>
#include <string.h>
#include "fakecard.h"
#include "script.h"

#define LIST_MAX 2048
#define LE_MAX	 255 /* of one answer */
#define PAGE_MAX 240 /* of a list */

static const uint8_t aid[] = {0xA0, 0x00, 0x00, 0x05, 0x59, 0x00, 0x10};

struct command {
	unsigned channel;
	uint8_t ins, p1, p2;
	const uint8_t *data;
	size_t size;
	size_t le; /* 0: none given */
};

struct answer {
	uint8_t data[LIST_MAX];
	size_t size;
};

static void put(struct answer *out, const uint8_t *data, size_t size)
{
	cr_assert(out->size + size <= sizeof(out->data));
	memcpy(out->data + out->size, data, size);
	out->size += size;
}

static void put_tlv(struct answer *out, uint8_t tag, const void *data,
		    size_t size)
{
	const uint8_t head[] = {tag, (uint8_t)size};

	cr_assert(size < 0x80);
	put(out, head, sizeof(head));
	put(out, data, size);
}

static void put_number(struct answer *out, uint8_t tag, unsigned number)
{
	uint8_t byte = (uint8_t)number;

	put_tlv(out, tag, &byte, 1);
}

/* ---- objects ---- */

static size_t id_of(const struct fake_object *object, uint8_t id[20])
{
	return object->id ? unhex(object->id, id, 20) : 0;
}

static unsigned tag_of_class(int class)
{
	switch (class) {
	case IOTSAFE_CLASS_PRIVATE_KEY:
		return 0x84;
	case IOTSAFE_CLASS_PUBLIC_KEY:
		return 0x85;
	case IOTSAFE_CLASS_FILE:
		return 0x83;
	default:
		return 0x86;
	}
}

static unsigned wrapper_of_class(int class)
{
	switch (class) {
	case IOTSAFE_CLASS_PRIVATE_KEY:
		return 0xC1;
	case IOTSAFE_CLASS_PUBLIC_KEY:
		return 0xC2;
	case IOTSAFE_CLASS_FILE:
		return 0xC3;
	default:
		return 0xC4;
	}
}

static const gnutls_datum_t *content_of(const struct fake_object *object)
{
	return object->pem ? &object->content->pem : &object->content->der;
}

static void put_fields(struct answer *out, const struct fake_object *object)
{
	static const uint8_t hashes[] = {0x00, 0x07};
	uint8_t size[2] = {0};

	put_number(out, 0x60, 0x01);
	put_number(out, 0x4A, !object->inactive);
	if (object->class != IOTSAFE_CLASS_FILE) {
		put_number(out, 0x4B, object->type ? object->type : 0x13);
		put_number(out, 0x4E, 0x01);
		put_number(out, 0x61, 0x01);
		put_number(out, 0x92, 0x04);
		put_tlv(out, 0x91, hashes, 2);
		return;
	}
	if (object->content) {
		size[0] = (uint8_t)(content_of(object)->size >> 8);
		size[1] = (uint8_t)content_of(object)->size;
	}
	put_number(out, 0x21, object->unmarked ? 0x01 : 0x02);
	put_tlv(out, 0x20, size, 2);
}

static void put_object(struct answer *out, const struct fake_object *object)
{
	uint8_t tag = (uint8_t)tag_of_class(object->class);
	struct answer inner = {.size = 0};
	uint8_t id[20];

	if (object->label)
		put_tlv(&inner, (uint8_t)(tag - 0x10), object->label,
			strlen(object->label));
	if (object->id)
		put_tlv(&inner, tag, id, id_of(object, id));
	put_fields(&inner, object);
	put_tlv(out, (uint8_t)wrapper_of_class(object->class), inner.data,
		inner.size);
}

/* The object that the reference at the front of the data names. */
static const struct fake_object *find(const struct fakecard *fake,
				      const struct command *command)
{
	uint8_t id[20];

	if (command->size < 3 || command->size < 2u + command->data[1])
		return NULL;
	for (size_t i = 0; i < FAKE_OBJECTS_MAX; i++) {
		const struct fake_object *object = &fake->objects[i];
		unsigned tag = tag_of_class(object->class);

		if (!object->class)
			continue;
		if (command->data[0] == tag &&
		    id_of(object, id) == command->data[1] &&
		    !memcmp(command->data + 2, id, command->data[1]))
			return object;
		if (command->data[0] == tag - 0x10 && object->label &&
		    strlen(object->label) == command->data[1] &&
		    !memcmp(command->data + 2, object->label, command->data[1]))
			return object;
	}
	return NULL;
}

/* ---- commands ---- */

static unsigned manage_channel(struct fakecard *fake,
			       const struct command *command,
			       struct answer *out)
{
	uint8_t number = 1;

	if (command->p1 == 0x80) {
		if (command->p2 >= FAKE_CHANNELS_MAX ||
		    !fake->open[command->p2])
			return 0x6881;
		fake->open[command->p2] = false;
		return 0x9000;
	}
	while (number < FAKE_CHANNELS_MAX && fake->open[number])
		number++;
	if (number == FAKE_CHANNELS_MAX)
		return 0x6A81;
	fake->open[number] = true;
	fake->selected[number] = false;
	put(out, &number, 1);
	return 0x9000;
}

static unsigned get_list(struct fakecard *fake, const struct command *command,
			 struct answer *out)
{
	size_t page = fake->list_page ? fake->list_page : PAGE_MAX;
	struct answer list = {.size = 0};
	size_t left;

	if (fake->no_list)
		return 0x6A86;
	for (size_t i = 0; i < FAKE_OBJECTS_MAX; i++)
		if (fake->objects[i].class)
			put_object(&list, &fake->objects[i]);
	if (!command->p2)
		fake->listed = 0;
	left = list.size - fake->listed;
	if (left > page) {
		put(out, list.data + fake->listed, page);
		fake->listed += page;
		return 0x6300;
	}
	put(out, list.data + fake->listed, left);
	return 0x9000;
}

static unsigned get_data(struct fakecard *fake, const struct command *command,
			 struct answer *out)
{
	const struct fake_object *object;

	if (command->p1 == 0x01)
		return get_list(fake, command, out);
	if (command->p1 < 0xC1 || command->p1 > 0xC4)
		return 0x6A86;
	object = find(fake, command);
	if (!object)
		return 0x6A82;
	put_object(out, object);
	return 0x9000;
}

/* What stands for an object's contents in a test of refusals. */
static unsigned refuse(const struct fake_object *object, struct answer *out)
{
	uint8_t noise[LE_MAX];

	if (object->refusal)
		return object->refusal;
	put(out, noise, unhex(object->noise, noise, sizeof(noise)));
	return 0x9000;
}

static void put_padded(struct answer *out, const gnutls_datum_t *number)
{
	static const uint8_t zeros[32];
	size_t skip = number->size > 32 ? number->size - 32 : 0;
	size_t size = number->size - skip;

	put(out, zeros, 32 - size);
	put(out, number->data + skip, size);
}

static unsigned read_public_key(struct fakecard *fake,
				const struct command *command,
				struct answer *out)
{
	static const uint8_t head[] = {0x34, 0x45, 0x49, 0x43,
				       0x86, 0x41, 0x04};
	const struct fake_object *object = find(fake, command);
	gnutls_ecc_curve_t curve;
	gnutls_datum_t x, y;

	if (!object)
		return 0x6A82;
	if (object->refusal || object->noise)
		return refuse(object, out);
	cr_assert(gnutls_x509_privkey_export_ecc_raw(object->key->key, &curve,
						     &x, &y, NULL) >= 0);
	put(out, head, sizeof(head));
	put_padded(out, &x);
	put_padded(out, &y);
	gnutls_free(x.data);
	gnutls_free(y.data);
	return 0x9000;
}

static unsigned read_file(struct fakecard *fake, const struct command *command,
			  struct answer *out)
{
	const struct fake_object *object = find(fake, command);
	size_t offset = (size_t)command->p1 << 8 | command->p2;
	size_t size = command->le ? command->le : LE_MAX;
	const gnutls_datum_t *content;

	if (!object)
		return 0x6A82;
	if (object->refusal || object->noise)
		return refuse(object, out);
	content = content_of(object);
	if (offset >= content->size)
		return 0x6A86;
	if (size > LE_MAX)
		size = LE_MAX;
	if (size > content->size - offset)
		size = content->size - offset;
	put(out, content->data + offset, size);
	return 0x9000;
}

static unsigned sign_init(struct fakecard *fake, const struct command *command)
{
	const struct fake_object *object;

	if (command->p1 == 0x01) {
		fake->signer = NULL;
		return 0x9000;
	}
	object = find(fake, command);
	if (!object)
		return 0x6A82;
	if (object->refusal)
		return object->refusal;
	if (fake->signer && fake->one_session)
		return 0x6985;
	fake->signer = object->key;
	fake->brainpool = object->type == 0x23;
	return 0x9000;
}

static void sign(const struct identity *key, const gnutls_datum_t *hash,
		 struct answer *out)
{
	gnutls_datum_t der, r, s;
	gnutls_privkey_t private;

	cr_assert(gnutls_privkey_init(&private) >= 0);
	cr_assert(gnutls_privkey_import_x509(private, key->key, 0) >= 0);
	cr_assert(gnutls_privkey_sign_hash2(private, GNUTLS_SIGN_ECDSA_SHA256,
					    0, hash, &der) >= 0);
	cr_assert(gnutls_decode_rs_value(&der, &r, &s) >= 0);
	put_padded(out, &r);
	put_padded(out, &s);
	gnutls_free(r.data);
	gnutls_free(s.data);
	gnutls_free(der.data);
	gnutls_privkey_deinit(private);
}

static unsigned sign_update(struct fakecard *fake,
			    const struct command *command, struct answer *out)
{
	gnutls_datum_t hash;
	uint8_t body[64];

	if (!fake->signer)
		return 0x6985;
	if (command->size != 34 || command->data[0] != 0x9E)
		return 0x6A80;
	memcpy(body, command->data + 2, 32);
	hash = (gnutls_datum_t){body, 32};
	put(out, (const uint8_t[]){0x33, 0x00, 0x40}, 3);
	do {
		out->size = 3;
		sign(fake->signer, &hash, out);
		/* The order of brainpoolP256r1 begins with A9. */
	} while (fake->brainpool &&
		 (out->data[3] >= 0xA9 || out->data[35] >= 0xA9));
	if (fake->wrong)
		out->data[20] ^= 1;
	fake->signatures++;
	/* The session stays allocated on a card with a single one. */
	if (!fake->one_session)
		fake->signer = NULL;
	return 0x9000;
}

static unsigned get_random(const struct command *command, struct answer *out)
{
	for (size_t i = 0; i < command->le; i++)
		out->data[out->size++] = (uint8_t)i;
	return 0x9000;
}

/* A secret that begins with the id of the key that it was asked of. */
static unsigned agree(struct fakecard *fake, const struct command *command,
		      struct answer *out)
{
	const struct fake_object *object = find(fake, command);
	uint8_t secret[32] = {0};

	if (!object)
		return 0x6A82;
	id_of(object, secret);
	put(out, secret, sizeof(secret));
	return 0x9000;
}

static unsigned applet(struct fakecard *fake, const struct command *command,
		       struct answer *out)
{
	switch (command->ins) {
	case FAKE_GET_DATA:
		return get_data(fake, command, out);
	case FAKE_PUBLIC_KEY:
		return read_public_key(fake, command, out);
	case FAKE_READ_FILE:
		return read_file(fake, command, out);
	case FAKE_INIT:
		return sign_init(fake, command);
	case FAKE_UPDATE:
		return sign_update(fake, command, out);
	case FAKE_RANDOM:
		return get_random(command, out);
	case FAKE_AGREE:
		return agree(fake, command, out);
	default:
		return 0x6D00;
	}
}

static const char any_number[] = "98991032547698103214";

/* Its number is found by the short name alone. */
static unsigned master_file(const struct fakecard *fake,
			    const struct command *command, struct answer *out)
{
	uint8_t iccid[10];

	if (command->ins != FAKE_READ_FILE)
		return 0x6D00;
	if (command->p1 != 0x82)
		return 0x6986;
	if (fake->no_iccid)
		return 0x6982;
	put(out, iccid,
	    unhex(fake->iccid ? fake->iccid : any_number, iccid,
		  sizeof(iccid)));
	return 0x9000;
}

static unsigned serve(struct fakecard *fake, const struct command *command,
		      struct answer *out)
{
	if (command->ins == FAKE_MANAGE_CHANNEL)
		return manage_channel(fake, command, out);
	if (!fake->open[command->channel])
		return 0x6881;
	if (command->ins == FAKE_SELECT) {
		if (command->size != sizeof(aid) ||
		    memcmp(command->data, aid, sizeof(aid)))
			return 0x6A82;
		fake->selected[command->channel] = true;
		return 0x9000;
	}
	if (!fake->selected[command->channel])
		return master_file(fake, command, out);
	return applet(fake, command, out);
}

/* ---- the link ---- */

static struct command parse(const uint8_t *data, size_t size)
{
	struct command command = {
		.channel = data[0] & 3,
		.ins = data[1],
		.p1 = data[2],
		.p2 = data[3],
	};

	if (size == 5)
		command.le = data[4] ? data[4] : 256;
	if (size <= 5)
		return command;
	command.size = data[4];
	command.data = data + 5;
	cr_assert(size == 5 + command.size || size == 6 + command.size);
	if (size == 6 + command.size)
		command.le = data[size - 1] ? data[size - 1] : 256;
	return command;
}

static void reset(struct fakecard *fake)
{
	memset(fake->open, 0, sizeof(fake->open));
	fake->signer = NULL;
}

static bool fails(const struct fakecard *fake, unsigned exchange)
{
	unsigned count = fake->fail_count ? fake->fail_count : 1;

	return fake->fail_at && exchange >= fake->fail_at &&
	       exchange < fake->fail_at + count;
}

static unsigned serve_or_not(struct fakecard *fake,
			     const struct command *command, unsigned exchange,
			     struct answer *out)
{
	if (exchange == fake->reset_at)
		reset(fake);
	if (fails(fake, exchange))
		return fake->status;
	return serve(fake, command, out);
}

static int exchange(void *self, const uint8_t *data, size_t size,
		    uint8_t *response, size_t *response_size, int64_t deadline)
{
	struct fakecard *fake = self;
	struct command command = parse(data, size);
	struct answer answer = {.size = 0};
	unsigned status, number = ++fake->exchanges;
	uint8_t trailer[2];

	(void)deadline;
	fake->overlaps += fake->busy++ > 0;
	fake->met += fake->beside && fake->beside->busy;
	if (command.ins != FAKE_READ_FILE || fake->selected[command.channel])
		fake->asked[command.ins]++;
	if (fake->delay)
		poll(NULL, 0, (int)fake->delay);
	status = serve_or_not(fake, &command, number, &answer);
	trailer[0] = (uint8_t)(status >> 8);
	trailer[1] = (uint8_t)status;
	put(&answer, trailer, 2);
	cr_assert(answer.size <= *response_size);
	memcpy(response, answer.data, answer.size);
	*response_size = answer.size;
	fake->busy--;
	return fails(fake, number) && !fake->status ? fake->fail_code : 0;
}

static void closed(void *self)
{
	struct fakecard *fake = self;

	fake->closed++;
}

iotsafe_link fakecard_link(struct fakecard *fake)
{
	return (iotsafe_link){
		.size = sizeof(iotsafe_link),
		.self = fake,
		.exchange = exchange,
		.close = closed,
	};
}

iotsafe_card *fakecard_open(struct fakecard *fake)
{
	iotsafe_link link = fakecard_link(fake);
	iotsafe_card *card;

	expect_good(iotsafe_card_open_link(&link, NULL, &card));
	return card;
}

unsigned fakecard_channels(const struct fakecard *fake)
{
	unsigned count = 0;

	for (size_t i = 0; i < FAKE_CHANNELS_MAX; i++)
		count += fake->open[i];
	return count;
}

bool fakecard_verify(const struct identity *key, const uint8_t *hash,
		     size_t hash_size, const uint8_t *rs, size_t rs_size)
{
	uint8_t body[64], values[64];
	gnutls_datum_t hash_datum = {body, (unsigned)hash_size};
	gnutls_datum_t r = {values, 32}, s = {values + 32, 32}, der;
	gnutls_privkey_t private;
	gnutls_pubkey_t public;
	int result;

	if (rs_size != 64 || hash_size > sizeof(body))
		return false;
	memcpy(values, rs, 64);
	memcpy(body, hash, hash_size);
	cr_assert(gnutls_encode_rs_value(&der, &r, &s) >= 0);
	cr_assert(gnutls_privkey_init(&private) >= 0);
	cr_assert(gnutls_privkey_import_x509(private, key->key, 0) >= 0);
	cr_assert(gnutls_pubkey_init(&public) >= 0);
	cr_assert(gnutls_pubkey_import_privkey(public, private, 0, 0) >= 0);
	result = gnutls_pubkey_verify_hash2(public, GNUTLS_SIGN_ECDSA_SHA256, 0,
					    &hash_datum, &der);
	gnutls_pubkey_deinit(public);
	gnutls_privkey_deinit(private);
	gnutls_free(der.data);
	return result >= 0;
}
