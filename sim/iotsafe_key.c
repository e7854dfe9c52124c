// SPDX-License-Identifier: LGPL-2.1-or-later
/* Key pairs made on the card, and random bytes. */
#include "iotsafe_parts.h"

#include "crypto.h"

bool iotsafe_put_public_key(struct writer *out, EVP_PKEY *pair)
{
	/* public key data, ECC key, point: IoT.05 2.5.7 */
	static const uint8_t head[] = {0x34, 0x45, 0x49, 0x43, 0x86, 0x41};
	uint8_t point[POINT_SIZE];

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
	if (!iotsafe_put_public_key(out, personal->pairs[private->row->pair]))
		return SW_FAILED;
	return SW_OK;
}

uint16_t iotsafe_get_random(struct card *card, struct channel *channel,
			    const struct command *command, struct writer *out)
{
	uint8_t bytes[256];

	(void)card;
	(void)channel;
	if ((command->p1 | command->p2) != 0)
		return SW_WRONG_P1P2;
	if (command->data.size != 0 || !command->has_le)
		return SW_WRONG_LENGTH;
	if (!crypto_random(bytes, command->le))
		return SW_FAILED;
	put_bytes(out, bytes, command->le);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return SW_OK;
}
