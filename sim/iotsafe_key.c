// SPDX-License-Identifier: LGPL-2.1-or-later
/* Key pairs made on the card, public keys read, and random bytes. */
#include "iotsafe_parts.h"

/* Public key data and what is in it: IoT.05 2.5.7 for elliptic curves. For RSA
 * no trace shows anything; this is the same with the tags of ISO 7816-8. */
static bool put_rsa(struct writer *out, EVP_PKEY *pair)
{
	uint8_t bytes[RSA_PUBLIC_MAX];
	struct writer key = writer_on(bytes, sizeof(bytes));

	if (!crypto_rsa_public(pair, &key) || key.overflow)
		return false;
	put_byte(out, 0x34);
	put_length(out, key.size + 4);
	put_byte(out, 0x49);
	put_length(out, key.size);
	put_bytes(out, bytes, key.size);
	return true;
}

bool iotsafe_put_public_key(struct writer *out, EVP_PKEY *pair)
{
	static const uint8_t head[] = {0x34, 0x45, 0x49, 0x43, 0x86, 0x41};
	uint8_t point[POINT_SIZE];

	if (pair != NULL && crypto_kind(pair) == KEY_RSA)
		return put_rsa(out, pair);
	if (pair == NULL || !crypto_point(pair, point))
		return false;
	put_bytes(out, head, sizeof(head));
	put_bytes(out, point, sizeof(point));
	return true;
}

struct object *iotsafe_named(struct card *card, enum object_class class,
			     struct view data)
{
	struct tlv name;

	if (!tlv_take(&data, &name) || data.size != 0)
		return NULL;
	return personal_find(card->personal, class, &name);
}

struct object *iotsafe_chosen(struct card *card, enum object_class class,
			      const struct field *label, const struct field *id)
{
	const struct field *field = label->there ? label : id;
	struct tlv name = {.tag = field->tag, .value = field->value};

	if (label->there == id->there)
		return NULL;
	return personal_find(card->personal, class, &name);
}

uint16_t iotsafe_generate_key_pair(struct card *card, struct channel *channel,
				   const struct command *command,
				   struct writer *out)
{
	struct personal *personal = card->personal;
	const struct object *private, *public;

	(void)channel;
	if ((command->p1 | command->p2) != 0)
		return SW_WRONG_P1P2;
	if (command->data.size == 0)
		return SW_WRONG_LENGTH;
	private = iotsafe_named(card, CLASS_PRIVATE, command->data);
	if (private == NULL)
		return SW_WRONG_DATA;
	if ((private->row->access & ACCESS_UPDATE) == 0)
		return SW_DENIED;
	public = personal_other_half(personal, private);
	if (public == NULL)
		return SW_CONDITIONS;
	if (!personal_generate(personal, private))
		return SW_FAILED;
	put_tlv(out, 0x84, private->row->id);
	put_tlv(out, 0x85, public->row->id);
	if (!iotsafe_put_public_key(out, personal_key(personal, private)))
		return SW_FAILED;
	return SW_OK;
}

uint16_t iotsafe_read_public_key(struct card *card, struct channel *channel,
				 const struct command *command,
				 struct writer *out)
{
	size_t bare =
		(size_t)quirk_value(&card->quirks, QUIRK_BARE_PUBLIC_KEY, 0);
	uint8_t point[POINT_SIZE];
	struct object *object;
	EVP_PKEY *pair;

	(void)channel;
	if ((command->p1 | command->p2) != 0)
		return SW_WRONG_P1P2;
	if (command->data.size == 0)
		return SW_WRONG_LENGTH;
	object = iotsafe_named(card, CLASS_PUBLIC, command->data);
	if (object == NULL)
		return SW_WRONG_DATA;
	pair = personal_key(card->personal, object);
	if (pair == NULL || !object_active(card->personal, object))
		return SW_CONDITIONS;
	if (bare == 0 || object_kind(object) == KEY_RSA)
		return iotsafe_put_public_key(out, pair) ? SW_OK : SW_FAILED;
	if (!crypto_point(pair, point))
		return SW_FAILED;
	put_bytes(out, point + POINT_SIZE - bare, bare);
	return SW_OK;
}

uint16_t iotsafe_get_random(struct card *card, struct channel *channel,
			    const struct command *command, struct writer *out)
{
	/* a random number shows it is wrong by its length alone */
	size_t size = card->corrupt ? command->le / 2 : command->le;
	uint8_t bytes[256];

	(void)channel;
	if ((command->p1 | command->p2) != 0)
		return SW_WRONG_P1P2;
	if (command->data.size != 0 || !command->has_le)
		return SW_WRONG_LENGTH;
	if (!crypto_random(bytes, size))
		return SW_FAILED;
	put_bytes(out, bytes, size);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return SW_OK;
}
