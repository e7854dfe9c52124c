// SPDX-License-Identifier: LGPL-2.1-or-later
/* Key agreement and derivation: two names or a secret in, a secret out. */
#include "iotsafe_parts.h"

#include "crypto.h"
#include "derive.h"
#include "iotsafe_session.h"

#include <string.h>

#define PREMASTER_MAX 600

enum { PRF_SECRET, PRF_PSK, PRF_PSK_AND_SECRET };
enum { KEY_LABEL, KEY_ID, SECRET, EXCHANGED, SEED, SIZE, PRF_FIELDS };

static bool may(const struct card *card, const struct object *object,
		unsigned int function)
{
	return (object->row->functions & function) != 0 &&
	       object_active(card->personal, object);
}

uint16_t iotsafe_compute_dh(struct card *card, struct channel *channel,
			    const struct command *command, struct writer *out)
{
	struct field fields[] = {
		{.tag = 0x74}, {.tag = 0x84}, {.tag = 0x75}, {.tag = 0x85}};
	struct object *own, *peer;
	uint8_t shared[SHARED_SIZE];

	(void)channel;
	if ((command->p1 | command->p2) != 0)
		return SW_WRONG_P1P2;
	if (command->data.size == 0)
		return SW_WRONG_LENGTH;
	if (!fields_take(command->data, fields, 4))
		return SW_WRONG_DATA;
	own = iotsafe_chosen(card, CLASS_PRIVATE, &fields[0], &fields[1]);
	peer = iotsafe_chosen(card, CLASS_PUBLIC, &fields[2], &fields[3]);
	if (own == NULL || peer == NULL)
		return SW_WRONG_DATA;
	if (!may(card, own, FUNCTION_AGREE) || !may(card, peer, FUNCTION_AGREE))
		return SW_CONDITIONS;
	if (object_kind(own) != object_kind(peer))
		return SW_WRONG_DATA;
	if (!derive_agree(personal_key(card->personal, own),
			  personal_key(card->personal, peer), shared))
		return SW_FAILED;
	put_bytes(out, shared, sizeof(shared));
	OPENSSL_cleanse(shared, sizeof(shared));
	return SW_OK;
}

/* A secret key that may be derived from in this way, by label or id. */
static uint16_t secret_key(struct card *card, const struct field *label,
			   const struct field *id, unsigned int derivation,
			   struct view *key)
{
	const struct object *object =
		iotsafe_chosen(card, CLASS_SECRET, label, id);

	if (object == NULL)
		return SW_WRONG_DATA;
	if (!may(card, object, FUNCTION_DERIVE) ||
	    (object->row->derivation & derivation) == 0)
		return SW_CONDITIONS;
	*key = view_of(object->content, object->content_size);
	return SW_OK;
}

static void put_counted(struct writer *out, struct view part, bool counted)
{
	if (counted)
		put_u16(out, (unsigned int)part.size);
	put_bytes(out, part.data, part.size);
}

/*
 * RFC 4279 section 2 for the key alone (as many zeros as it is long before it),
 * RFC 5489 section 2 for ECDHE_PSK (what was exchanged before it). No client
 * and no trace shows what real cards join, so a quirk leaves the counts out.
 */
static void premaster(const struct card *card, struct view exchanged, bool psk,
		      struct view key, struct writer *out)
{
	static const uint8_t zeros[0x100];
	bool counted = !quirk_on(&card->quirks, QUIRK_PRF_BARE);

	if (!psk)
		put_counted(out, exchanged, counted);
	else if (counted)
		put_counted(out, view_of(zeros, key.size), true);
	put_counted(out, key, counted);
}

/* The secret of each mode; the fields it does not know must be absent. */
static uint16_t prf_secret(struct card *card, unsigned int mode,
			   const struct field *fields, struct writer *out)
{
	bool named = fields[KEY_LABEL].there || fields[KEY_ID].there;
	struct view key = {0};
	uint16_t sw = SW_OK;

	if (fields[SECRET].there != (mode == PRF_SECRET) ||
	    fields[EXCHANGED].there != (mode == PRF_PSK_AND_SECRET))
		return SW_WRONG_DATA;
	if (mode == PRF_SECRET) {
		/* Z's host names a key beside the secret, and its card goes
		 * by the secret as far as anybody knows */
		if (named && quirk_on(&card->quirks, QUIRK_PRF_NO_KEY))
			return SW_WRONG_DATA;
		put_bytes(out, fields[SECRET].value.data,
			  fields[SECRET].value.size);
		return out->size > 0 ? SW_OK : SW_WRONG_DATA;
	}
	sw = secret_key(card, &fields[KEY_LABEL], &fields[KEY_ID],
			DERIVATION_PRF, &key);
	if (sw == SW_OK)
		premaster(card, fields[EXCHANGED].value, mode == PRF_PSK, key,
			  out);
	return sw;
}

static uint16_t prf(struct card *card, unsigned int mode,
		    const struct field *fields, struct writer *out)
{
	uint8_t bytes[PREMASTER_MAX], derived[0xFF];
	struct writer secret = writer_on(bytes, sizeof(bytes));
	unsigned int size;
	uint16_t sw;

	if (!field_number(&fields[SIZE], 1, &size) || size == 0 ||
	    fields[SEED].value.size == 0)
		return SW_WRONG_DATA;
	sw = prf_secret(card, mode, fields, &secret);
	if (sw == SW_OK &&
	    (secret.overflow || !derive_prf(view_of(bytes, secret.size),
					    fields[SEED].value, derived, size)))
		sw = SW_FAILED;
	if (sw == SW_OK)
		put_bytes(out, derived, size);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	OPENSSL_cleanse(derived, sizeof(derived));
	return sw;
}

uint16_t iotsafe_compute_prf(struct card *card, struct channel *channel,
			     const struct command *command, struct writer *out)
{
	struct field fields[PRF_FIELDS] = {
		[KEY_LABEL] = {.tag = 0x76}, [KEY_ID] = {.tag = 0x86},
		[SECRET] = {.tag = 0xD1},    [EXCHANGED] = {.tag = 0xD4},
		[SEED] = {.tag = 0xD2},	     [SIZE] = {.tag = 0xD3}};

	(void)channel;
	if (command->p1 > PRF_PSK_AND_SECRET || command->p2 != 0)
		return SW_WRONG_P1P2;
	if (command->data.size == 0)
		return SW_WRONG_LENGTH;
	if (!fields_take(command->data, fields, PRF_FIELDS))
		return SW_WRONG_DATA;
	return prf(card, command->p1, fields, out);
}

static const EVP_MD *hash_named(const struct field *field)
{
	struct session session = {0};

	if (!field_number(field, 2, &session.hash))
		return NULL;
	return message_hash(&session);
}

static uint16_t extract(struct card *card, const struct field *fields,
			struct writer *out)
{
	const EVP_MD *hash = hash_named(&fields[4]);
	bool named = fields[0].there || fields[1].there;
	struct view ikm = fields[2].value;
	uint8_t key[EVP_MAX_MD_SIZE];
	uint16_t sw;
	size_t size;

	/* the applet behind wolfSSL takes neither of them empty */
	if (hash == NULL || fields[3].value.size == 0 ||
	    named == fields[2].there ||
	    (named && quirk_on(&card->quirks, QUIRK_HKDF_NO_KEY)))
		return SW_WRONG_DATA;
	if (named) {
		sw = secret_key(card, &fields[0], &fields[1], DERIVATION_HKDF,
				&ikm);
		if (sw != SW_OK)
			return sw;
	}
	if (ikm.size == 0)
		return SW_WRONG_DATA;
	size = derive_extract(hash, fields[3].value, ikm, key);
	put_bytes(out, key, size);
	OPENSSL_cleanse(key, sizeof(key));
	return size > 0 ? SW_OK : SW_FAILED;
}

/* Extract alone: nobody shows how Expand is written. */
uint16_t iotsafe_compute_hkdf(struct card *card, struct channel *channel,
			      const struct command *command, struct writer *out)
{
	struct field fields[] = {{.tag = 0x76},
				 {.tag = 0x86},
				 {.tag = 0xD1},
				 {.tag = 0xD5},
				 {.tag = 0x91}};

	(void)channel;
	if ((command->p1 | command->p2) != 0)
		return SW_WRONG_P1P2;
	if (command->data.size == 0)
		return SW_WRONG_LENGTH;
	if (!fields_take(command->data, fields, 5))
		return SW_WRONG_DATA;
	return extract(card, fields, out);
}
