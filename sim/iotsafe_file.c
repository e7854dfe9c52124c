// SPDX-License-Identifier: LGPL-2.1-or-later
/* READ FILE: a piece of a file, by the manners of the card. */
#include "iotsafe_parts.h"

#include <string.h>

#include <openssl/x509.h>

static void put_zeros(struct writer *out, size_t upto)
{
	while (out->size < upto)
		put_byte(out, 0);
}

/*
 * Which byte of a file a fault makes wrong: of a certificate one in the middle
 * of its public key, which has another key for it; of anything else the first.
 */
static size_t weak_spot(const struct object *file)
{
	const uint8_t *der = file->content;
	X509 *cert = d2i_X509(NULL, &der, (long)file->content_size);
	const ASN1_BIT_STRING *key =
		cert ? X509_get0_pubkey_bitstr(cert) : NULL;
	size_t spot = 0;

	for (size_t at = 0; key != NULL && key->length > 0 &&
			    at + (size_t)key->length <= file->content_size;
	     at++)
		if (memcmp(file->content + at, key->data,
			   (size_t)key->length) == 0)
			spot = at + (size_t)key->length / 2;
	X509_free(cert);
	return spot;
}

/* One bit of the file is wrong: the lowest in a key, the highest in a text. */
static void spoil(const struct object *file, size_t offset, struct writer *out)
{
	size_t spot = weak_spot(file);

	if (spot >= offset && spot - offset < out->size)
		out->data[spot - offset] ^= spot == 0 ? 0x80 : 0x01;
}

uint16_t iotsafe_read_file(struct card *card, struct channel *channel,
			   const struct command *command, struct writer *out)
{
	size_t offset = (size_t)command->p1 << 8 | command->p2;
	size_t most = (size_t)quirk_value(&card->quirks, QUIRK_SHORT_READ, 255);
	bool pads = quirk_on(&card->quirks, QUIRK_ZERO_PAD);
	struct object *file;
	size_t total, left, size;

	(void)channel;
	if (command->data.size == 0)
		return SW_WRONG_LENGTH;
	file = iotsafe_named(card, CLASS_FILE, command->data);
	if (file == NULL)
		return SW_NOT_FOUND;
	if ((file->row->access & ACCESS_READ) == 0 ||
	    !object_active(card->personal, file))
		return SW_CONDITIONS;
	total = file->content_size;
	if (fault_strikes(card->faults, FAULT_SHRINK, 0, NULL))
		total /= 2;
	left = offset < total ? total - offset : 0;
	if (left == 0 && !pads)
		return SW_WRONG_P1P2;
	most = command->le < most ? command->le : most;
	size = left < most ? left : most;
	if (size > 0)
		put_bytes(out, file->content + offset, size);
	if (pads)
		put_zeros(out, most);
	if (card->corrupt)
		spoil(file, offset, out);
	return SW_OK;
}
