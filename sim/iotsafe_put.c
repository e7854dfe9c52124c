// SPDX-License-Identifier: LGPL-2.1-or-later
/* PUT PUBLIC KEY: a point from the host into a slot of the card. */
#include "iotsafe_parts.h"

#include "crypto.h"
#include "iotsafe_session.h"

enum { TAG_PUBLIC = 0x34, TAG_ECC = 0x49, TAG_POINT = 0x86 };

static uint16_t begin(struct card *card, struct view data,
		      struct session *session)
{
	struct object *object = iotsafe_named(card, CLASS_PUBLIC, data);

	if (object == NULL)
		return SW_WRONG_DATA;
	if ((object->row->access & ACCESS_UPDATE) == 0)
		return SW_DENIED;
	/* half of a pair that is made on the card */
	if (personal_other_half(card->personal, object) != NULL)
		return SW_CONDITIONS;
	session->object = object;
	return SW_OK;
}

uint16_t iotsafe_put_init(struct card *card, struct channel *channel,
			  const struct command *command, struct writer *out)
{
	(void)out;
	return session_init(card, channel, command, SESSION_PUT, begin);
}

/*
 * More than one command: Thales' client repeats tag 34 in each; one 34 for all
 * and raw bytes after it is what the same client does with texts.
 */
static bool take(struct session *session, struct view data)
{
	struct gathered *key = &session->gathered;
	struct view head;

	if (key->owed > 0)
		return gather(key, data);
	if (!view_take(&data, 2, &head) || head.data[0] != TAG_PUBLIC)
		return false;
	if (head.data[1] == 0x81 && !view_take(&data, 1, &head))
		return false;
	key->owed = head.data[head.size - 1];
	return gather(key, data);
}

/* `49 43 86 41 04 X Y`, or `86 41 04 X Y` alone. */
static bool point_in(struct view data, struct view *point)
{
	struct tlv tlv;

	if (!tlv_take(&data, &tlv) || data.size != 0)
		return false;
	if (tlv.tag == TAG_ECC) {
		data = tlv.value;
		if (!tlv_take(&data, &tlv) || data.size != 0)
			return false;
	}
	*point = tlv.value;
	return tlv.tag == TAG_POINT;
}

static uint16_t put(struct card *card, const struct session *session)
{
	enum key_kind kind = object_kind(session->object);
	struct view data =
		view_of(session->gathered.bytes, session->gathered.size);
	struct view point;
	EVP_PKEY *key;

	if (session->gathered.owed != 0 || !point_in(data, &point))
		return SW_WRONG_DATA;
	key = crypto_public(kind, point);
	if (key == NULL)
		return SW_WRONG_DATA;
	if (session->spoiled) {
		EVP_PKEY_free(key);
		key = crypto_pair_new(kind);
	}
	if (key == NULL || !personal_put(card->personal, session->object, key))
		return SW_FAILED;
	return SW_OK;
}

uint16_t iotsafe_put_update(struct card *card, struct channel *channel,
			    const struct command *command, struct writer *out)
{
	struct session *session;
	uint16_t sw;

	(void)out;
	sw = session_update(card, channel, command, SESSION_PUT, &session);
	if (sw != SW_OK)
		return sw;
	if (!take(session, command->data)) {
		session->expecting = false;
		return SW_WRONG_DATA;
	}
	if (!session_last(command))
		return SW_OK;
	session->expecting = false;
	return put(card, session);
}
