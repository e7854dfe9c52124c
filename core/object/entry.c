/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an object of the card holds, read once: a file becomes a certificate
 * and its public key, a public-key object becomes a SubjectPublicKeyInfo.
 */
#include <string.h>
#include "base/crypto.h"
#include "base/error.h"
#include "object/card.h"

/* A status word by which the card refuses this one object. Without one it was
 * the link that failed; with 6881 or 6E00 it is the channel that is gone, and
 * with 6984 or 6989 the object is being changed, for the recovery above. */
bool entry_is_refused(int result)
{
	unsigned status = iotsafe_last_status();

	if (!status || status == 0x6881 || status == 0x6E00 ||
	    status == 0x6984 || status == 0x6989)
		return false;
	return result == IOTSAFE_ERR_CARD || result == IOTSAFE_ERR_DENIED ||
	       result == IOTSAFE_ERR_ABSENT || result == IOTSAFE_ERR_PIN;
}

void entry_release(struct entry *entry)
{
	iotsafe_free(entry->spki);
	iotsafe_free(entry->content);
	iotsafe_free(entry->more);
	iotsafe_free(entry->start);
	secret_free(entry->software);
}

/* What stands behind a certificate is its chain, or is meant to be. */
static int keep_more(struct entry *entry, struct bytes certificate)
{
	const size_t size = entry->more_size + certificate.size;
	uint8_t *more = bytes_room(size);

	if (!more)
		return IOTSAFE_ERR_MEMORY;
	if (entry->more)
		memcpy(more, entry->more, entry->more_size);
	memcpy(more + entry->more_size, certificate.data, certificate.size);
	iotsafe_free(entry->more);
	entry->more = more;
	entry->more_size = size;
	return IOTSAFE_OK;
}

static int keep_certificate(void *self, struct bytes certificate)
{
	struct entry *entry = self;
	int result;

	if (entry->content)
		return keep_more(entry, certificate);
	TRY(bytes_give(certificate.data, certificate.size, &entry->content,
		       &entry->content_size));
	result = crypto_spki_of_certificate(certificate, &entry->spki,
					    &entry->spki_size);
	return result == IOTSAFE_ERR_MEMORY ? result : IOTSAFE_OK;
}

static bool is_pem(struct bytes data)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----";

	return memmem(data.data, data.size, begin, sizeof(begin) - 1);
}

/* A certificate's DER that says it is longer than what there is of it. */
static bool is_cut(struct bytes data)
{
	return data.size > 4 && data.data[0] == 0x30 && data.data[1] == 0x82 &&
	       data.data[4] == 0x30 &&
	       4u + ((size_t)data.data[2] << 8 | data.data[3]) > data.size;
}

static int read_certificate(iotsafe_card *card, struct entry *entry,
			    const struct deadline *deadline)
{
	const struct entry fresh = {.record = entry->record,
				    .proven = entry->proven,
				    .made = entry->made};
	struct bytes file, first;
	uint8_t *data;
	size_t size;
	int result;

	/* What a first reading has left. */
	entry_release(entry);
	*entry = fresh;
	result = card->at->applet.kind->read(&card->at->applet, &entry->record,
					     &data, &size, deadline);
	TRY(result);
	if (result > 0) {
		entry->start = data;
		entry->start_size = size;
		return IOTSAFE_OK;
	}
	file = first = (struct bytes){data, size};
	/* Other files are no error, so nothing is said about them. */
	if (crypto_certificate_trim(&first) || is_pem(file))
		result =
			crypto_certificates_read(file, keep_certificate, entry);
	else if (is_cut(file))
		result = error_set(IOTSAFE_ERR_FORMAT,
				   "READ FILE: the certificate is cut after "
				   "%zu bytes",
				   size);
	iotsafe_free(data);
	return result;
}

int card_spki(const iotsafe_card *card, const struct record *record,
	      const struct public_key *key, uint8_t **out, size_t *out_size)
{
	const struct bytes point = {key->point, sizeof(key->point)};
	const struct bytes modulus = {key->modulus, key->modulus_size};
	const struct bytes exponent = {key->exponent, key->exponent_size};
	int result;

	if (modulus.size)
		return crypto_spki_from_rsa(modulus, exponent, out, out_size);
	result = crypto_spki_from_point(point, record_is_brainpool(record), out,
					out_size);
	/* A type nobody has told us (Thales's 43) may be of the other curve. */
	if (result == IOTSAFE_ERR_FORMAT && record->key_type &&
	    !card->at->applet.kind->key_type_name(record->key_type))
		result = crypto_spki_from_point(point, true, out, out_size);
	return result;
}

int card_need_software(iotsafe_card *card, struct entry *entry,
		       const struct deadline *deadline)
{
	const struct applet_kind *kind = card->at->applet.kind;
	uint8_t *data;
	size_t size;
	int result;

	if (entry->software)
		return IOTSAFE_OK;
	TRY(card_unlock_first(card, deadline));
	TRY(kind->read_key(&card->at->applet, &entry->record, &data, &size,
			   deadline));
	result = crypto_private_read((struct bytes){data, size},
				     &entry->software);
	iotsafe_free(data);
	return result;
}

static int read_public_key(iotsafe_card *card, struct entry *entry,
			   const struct deadline *deadline)
{
	struct public_key key;

	TRY(card->at->applet.kind->public_key(&card->at->applet, &entry->record,
					      &key, deadline));
	return card_spki(card, &entry->record, &key, &entry->spki,
			 &entry->spki_size);
}

static int read_entry(iotsafe_card *card, struct entry *entry,
		      const struct deadline *deadline)
{
	if (entry->record.class == IOTSAFE_CLASS_FILE)
		return read_certificate(card, entry, deadline);
	return read_public_key(card, entry, deadline);
}

/* 64xx, 65xx and 6Fxx: the card is in trouble, which may be over. What begins
 * with neither 6 nor 9 is no status word at all (ISO 7816-3, 10.3.3). And what
 * makes no sense may have been garbled on its way. */
bool entry_may_be_good(int result)
{
	unsigned sw1 = iotsafe_last_status() >> 8;

	if (result == IOTSAFE_ERR_FORMAT)
		return true;
	return result == IOTSAFE_ERR_CARD &&
	       (sw1 == 0x64 || sw1 == 0x65 || sw1 == 0x6F ||
		(sw1 >> 4 != 0x6 && sw1 >> 4 != 0x9));
}

int card_need_entry(iotsafe_card *card, struct entry *entry,
		    const struct deadline *deadline)
{
	int result;

	if (entry->read)
		return IOTSAFE_OK;
	result = read_entry(card, entry, deadline);
	/* If it makes no sense again, that is the object's own; so is a trouble
	 * that stays. */
	if (entry_may_be_good(result))
		result = read_entry(card, entry, deadline);
	/* Behind the applet's PIN, which somebody may have. */
	if (record_is_locked(result) && card->at->applet.kind->pin_verify)
		return result;
	if (result < 0 && result != IOTSAFE_ERR_FORMAT &&
	    !entry_is_refused(result))
		return result;
	entry->read = !entry->start;
	entry->refused = result < 0;
	return IOTSAFE_OK;
}

static bool may_issue(const void *self, struct bytes start)
{
	return crypto_certificate_may_issue(start, *(const struct bytes *)self);
}

int card_look_for_issuer(iotsafe_card *card, struct entry *entry,
			 struct bytes certificate,
			 const struct deadline *deadline)
{
	const struct look look = {may_issue, &certificate};
	const struct bytes start = {entry->start, entry->start_size};
	int result;

	if (entry->read || (start.size && !may_issue(&certificate, start)))
		return IOTSAFE_OK;
	/* What stands behind the first certificate counts in other files. */
	if (entry->record.flags & IOTSAFE_OBJECT_CERTIFICATE)
		card->at->applet.look = &look;
	result = card_need_entry(card, entry, deadline);
	card->at->applet.look = NULL;
	return result;
}
