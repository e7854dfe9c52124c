// SPDX-License-Identifier: LGPL-2.1-or-later
/* COMPUTE SIGNATURE and VERIFY SIGNATURE: a message and tag 33. */
#include "iotsafe_parts.h"

#include "crypto.h"
#include "iotsafe_session.h"

#include <string.h>

enum { TAG_SIGNATURE = 0x33 };

/* Key, mode, hash and algorithm, each once, in any order. */
static uint16_t parameters(struct card *card, struct view data,
			   enum object_class class, struct session *session)
{
	unsigned int label = label_tag(class);
	struct field fields[] = {{.tag = (uint8_t)label},
				 {.tag = (uint8_t)(label + 0x10)},
				 {.tag = 0xA1},
				 {.tag = 0x91},
				 {.tag = 0x92},
				 {.tag = 0x76},
				 {.tag = 0x86}};
	bool may_mac = class == CLASS_PRIVATE;
	bool macs;

	if (!fields_take(data, fields, may_mac ? 7 : 5) ||
	    !field_number(&fields[2], 1, &session->mode) ||
	    !field_number(&fields[4], 1, &session->algorithm))
		return SW_WRONG_DATA;
	macs = session->algorithm == SIGNATURE_CMAC && may_mac;
	if (!macs && !field_number(&fields[3], 2, &session->hash))
		return SW_WRONG_DATA;
	session->object =
		macs ? iotsafe_chosen(card, CLASS_SECRET, &fields[5],
				      &fields[6])
		     : iotsafe_chosen(card, class, &fields[0], &fields[1]);
	if (session->object == NULL || session->mode < MODE_TEXT ||
	    session->mode > MODE_DIGEST || (macs && session->mode != MODE_TEXT))
		return SW_WRONG_DATA;
	return macs || message_hash(session) != NULL ? SW_OK : SW_WRONG_DATA;
}

/* May this key do this? */
static uint16_t permission(const struct card *card,
			   const struct session *session)
{
	const struct object_row *row = session->object->row;

	if ((row->functions & FUNCTION_SIGN) == 0 ||
	    !object_active(card->personal, session->object))
		return SW_CONDITIONS;
	if ((row->signature & session->algorithm) == 0 ||
	    (row->hash & session->hash) != session->hash)
		return SW_WRONG_DATA;
	/* a key for CertificateVerify alone gets its digest from the host */
	if (row->usage != USAGE_GENERAL && session->mode != MODE_DIGEST &&
	    session->cmac == NULL &&
	    quirk_on(&card->quirks, QUIRK_STRICT_USAGE))
		return SW_CONDITIONS;
	return SW_OK;
}

static uint16_t begin(struct card *card, struct view data,
		      enum object_class class, struct session *session)
{
	uint16_t sw = parameters(card, data, class, session);

	if (sw == SW_OK)
		sw = permission(card, session);
	if (sw != SW_OK)
		return sw;
	return message_begin(session) ? SW_OK : SW_FAILED;
}

static uint16_t begin_sign(struct card *card, struct view data,
			   struct session *session)
{
	return begin(card, data, CLASS_PRIVATE, session);
}

static uint16_t begin_verify(struct card *card, struct view data,
			     struct session *session)
{
	return begin(card, data, CLASS_PUBLIC, session);
}

uint16_t iotsafe_sign_init(struct card *card, struct channel *channel,
			   const struct command *command, struct writer *out)
{
	(void)out;
	return session_init(card, channel, command, SESSION_SIGN, begin_sign);
}

uint16_t iotsafe_verify_init(struct card *card, struct channel *channel,
			     const struct command *command, struct writer *out)
{
	(void)out;
	return session_init(card, channel, command, SESSION_VERIFY,
			    begin_verify);
}

/* The forms of the length behind tag 33 that cards and hosts use. */
enum form { ONE_BYTE, TWO_BYTES, BER, FORM_COUNT };

static enum form usual_form(const struct card *card)
{
	if (quirk_on(&card->quirks, QUIRK_SIG_BER81))
		return BER;
	return quirk_on(&card->quirks, QUIRK_SIG8) ? ONE_BYTE : TWO_BYTES;
}

/* Tag 33 in the form this card gives it; RSA's does not fit one byte. */
static void put_signature(struct card *card, struct view value,
			  struct writer *out)
{
	enum form form = usual_form(card);

	put_byte(out, TAG_SIGNATURE);
	if (form == TWO_BYTES)
		put_byte(out, (unsigned int)(value.size >> 8));
	if (form == BER && value.size < 0x100)
		put_byte(out, 0x81);
	if (form != TWO_BYTES && value.size > 0xFF)
		put_length(out, value.size);
	else
		put_byte(out, value.size & 0xFF);
	put_bytes(out, value.data, value.size);
	card->signed_now = true;
}

/* Only Thales' applet has this, and its length is one byte. */
static uint16_t give_mac(struct card *card, const struct session *session,
			 struct writer *out)
{
	put_tlv(out, TAG_SIGNATURE,
		view_of(session->digest, session->digest_size));
	card->signed_now = true;
	return SW_OK;
}

static uint16_t give_ecdsa(struct card *card, uint8_t *der, size_t size,
			   struct writer *out)
{
	uint8_t raw[SIGNATURE_RAW_SIZE];

	if (!crypto_signature_raw(der, size, raw))
		return SW_FAILED;
	if (fault_strikes(card->faults, FAULT_FLIP_SIGNATURE, 0, NULL)) {
		raw[sizeof(raw) - 1] ^= 1;
		der[size - 1] ^= 1;
	}
	if (quirk_on(&card->quirks, QUIRK_SIG_DER))
		put_signature(card, view_of(der, size), out);
	else
		put_signature(card, view_of(raw, sizeof(raw)), out);
	return SW_OK;
}

static struct scheme scheme_of(const struct session *session)
{
	return (struct scheme){session->algorithm, message_hash(session)};
}

static uint16_t give_signature(struct card *card, const struct session *session,
			       struct writer *out)
{
	EVP_PKEY *key = personal_key(card->personal, session->object);
	struct scheme scheme = scheme_of(session);
	uint8_t signature[SIGNATURE_MAX];
	size_t size;

	if (key == NULL)
		return SW_CONDITIONS;
	size = crypto_sign(key, &scheme,
			   view_of(session->digest, session->digest_size),
			   signature);
	if (size == 0)
		return SW_FAILED;
	if (scheme.algorithm == SIGNATURE_ECDSA)
		return give_ecdsa(card, signature, size, out);
	if (fault_strikes(card->faults, FAULT_FLIP_SIGNATURE, 0, NULL))
		signature[size - 1] ^= 1;
	put_signature(card, view_of(signature, size), out);
	return SW_OK;
}

static bool no_tail(const struct session *session, struct view rest)
{
	(void)session;
	return rest.size == 0;
}

uint16_t iotsafe_sign_update(struct card *card, struct channel *channel,
			     const struct command *command, struct writer *out)
{
	struct view data = command->data;
	bool last = session_last(command);
	struct session *session;
	uint16_t sw;

	sw = session_update(card, channel, command, SESSION_SIGN, &session);
	if (sw != SW_OK)
		return sw;
	if ((session->mode != MODE_TEXT && !last) ||
	    !object_active(card->personal, session->object) ||
	    !message_take(card, session, &data, no_tail))
		return SW_CONDITIONS;
	session->expecting = !last && data.size == 0;
	if (data.size != 0)
		return SW_CONDITIONS;
	if (!last)
		return SW_OK;
	if (!message_end(session))
		return SW_CONDITIONS;
	return session->cmac ? give_mac(card, session, out)
			     : give_signature(card, session, out);
}

/* The length of tag 33 read in one form; what it announces may be longer. */
static bool length_as(enum form form, struct view *data, size_t *length)
{
	static const uint8_t sizes[FORM_COUNT] = {1, 2, 0};
	struct view head;
	size_t size = sizes[form];

	if (form == BER) {
		if (!view_take(data, 1, &head) ||
		    (head.data[0] != 0x81 && head.data[0] != 0x82))
			return false;
		size = head.data[0] & 0x0FU;
	}
	if (!view_take(data, size, &head))
		return false;
	*length = head.data[0];
	if (size == 2)
		*length = *length << 8 | head.data[1];
	return true;
}

/*
 * What follows tag 33. A signature of RSA does not fit one command, so as much
 * as is announced may come in the next ones.
 */
static bool signature_head(const struct session *session, struct view *data,
			   size_t *length, enum form *form)
{
	for (*form = ONE_BYTE; *form < FORM_COUNT; (*form)++) {
		struct view value = *data;

		if (!length_as(*form, &value, length))
			continue;
		if (*length == value.size ||
		    (*length > value.size && *length == SIGNATURE_MAX &&
		     session->algorithm != SIGNATURE_ECDSA)) {
			*data = value;
			return true;
		}
	}
	return false;
}

static bool signature_tail(const struct session *session, struct view rest)
{
	struct view tag;
	size_t length;
	enum form form;

	return rest.size == 0 ||
	       (view_take(&rest, 1, &tag) && tag.data[0] == TAG_SIGNATURE &&
		signature_head(session, &rest, &length, &form));
}

static uint16_t take_signature(const struct card *card, struct session *session,
			       struct view data)
{
	struct gathered *signature = &session->gathered;
	struct view tag;
	size_t length;
	enum form form;

	if (signature->owed > 0)
		return gather(signature, data) ? SW_OK : SW_CONDITIONS;
	if (signature->size > 0 || !view_take(&data, 1, &tag) ||
	    tag.data[0] != TAG_SIGNATURE ||
	    !signature_head(session, &data, &length, &form))
		return SW_CONDITIONS;
	if (quirk_on(&card->quirks, QUIRK_STRICT_33) &&
	    form != usual_form(card) && length < 0x100)
		return SW_WRONG_DATA;
	signature->owed = length;
	return gather(signature, data) ? SW_OK : SW_CONDITIONS;
}

static uint16_t verify_ecdsa(const struct card *card,
			     const struct session *session, EVP_PKEY *key)
{
	struct view value =
		view_of(session->gathered.bytes, session->gathered.size);
	struct view digest = view_of(session->digest, session->digest_size);
	struct scheme scheme = scheme_of(session);
	uint8_t der[SIGNATURE_DER_MAX];

	if (!quirk_on(&card->quirks, QUIRK_SIG_DER)) {
		if (value.size != SIGNATURE_RAW_SIZE)
			return SW_CONDITIONS;
		value = view_of(der, crypto_signature_der(value.data, der));
	}
	return crypto_verify(key, &scheme, digest, value) ? SW_OK : SW_MISMATCH;
}

static uint16_t verify(const struct card *card, struct session *session)
{
	EVP_PKEY *key = personal_key(card->personal, session->object);
	struct scheme scheme = scheme_of(session);

	if (key == NULL || session->gathered.size == 0 ||
	    session->gathered.owed != 0 || !message_end(session))
		return SW_CONDITIONS;
	if (session->algorithm == SIGNATURE_ECDSA)
		return verify_ecdsa(card, session, key);
	if (session->gathered.size != SIGNATURE_MAX)
		return SW_CONDITIONS;
	return crypto_verify(key, &scheme,
			     view_of(session->digest, session->digest_size),
			     view_of(session->gathered.bytes, SIGNATURE_MAX))
		       ? SW_OK
		       : SW_MISMATCH;
}

/* The message, the signature, or both. */
static uint16_t take_both(const struct card *card, struct session *session,
			  struct view data)
{
	bool is_signature =
		session->text_owed == 0 &&
		(session->gathered.owed > 0 || data.data[0] == TAG_SIGNATURE);

	if (!is_signature &&
	    (session->gathered.size > 0 ||
	     !message_take(card, session, &data, signature_tail)))
		return SW_CONDITIONS;
	return data.size > 0 ? take_signature(card, session, data) : SW_OK;
}

uint16_t iotsafe_verify_update(struct card *card, struct channel *channel,
			       const struct command *command,
			       struct writer *out)
{
	struct session *session;
	uint16_t sw;

	(void)out;
	sw = session_update(card, channel, command, SESSION_VERIFY, &session);
	if (sw != SW_OK)
		return sw;
	sw = take_both(card, session, command->data);
	session->expecting = sw == SW_OK && !session_last(command);
	if (sw != SW_OK || session->expecting)
		return sw;
	return verify(card, session);
}
